"""Converts the checked values of `neighbours:`, and checks which keys go together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import parse_duration
from av1rules.policy.neighbours.spec import (
    DEFAULT_TIMEOUT_S,
    USUAL_EVENTS,
    AnnouncedEvent,
    MappedPath,
    Neighbour,
    NeighbourKind,
    Secret,
)

_SERVER = frozenset({"url", "token", "paths"})
_ARR = _SERVER | {"rename"}

_TAKES: dict[NeighbourKind, frozenset[str]] = {
    NeighbourKind.JELLYFIN: _SERVER,
    NeighbourKind.EMBY: _SERVER,
    NeighbourKind.PLEX: _SERVER,
    NeighbourKind.SONARR: _ARR,
    NeighbourKind.RADARR: _ARR,
    NeighbourKind.WEBHOOK: frozenset({"url", "secret", "paths"}),
    NeighbourKind.PROGRAM: frozenset({"command", "paths"}),
    NeighbourKind.APPRISE: frozenset({"url"}),
    NeighbourKind.HEALTHCHECKS: frozenset({"url"}),
    NeighbourKind.PROMETHEUS: frozenset({"file"}),
}
"""The keys that a kind takes, beside `type`, `on` and `timeout`, which all do."""

_NEEDS: dict[NeighbourKind, tuple[str, ...]] = {
    **dict.fromkeys(NeighbourKind, ("url", "token")),
    NeighbourKind.WEBHOOK: ("url",),
    NeighbourKind.PROGRAM: ("command",),
    NeighbourKind.APPRISE: ("url",),
    NeighbourKind.HEALTHCHECKS: ("url",),
    NeighbourKind.PROMETHEUS: ("file",),
}


class NeighbourProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem at a key of a neighbour, which `is_missing` or is there."""

    name: str
    key: str
    message: str
    hint: str | None = None
    is_missing: bool = False


def decode_neighbours(
    values: Mapping[str, Any], *, folder: Callable[[str], Path]
) -> tuple[Neighbour, ...]:
    """The neighbours in the order of the file; `folder` makes a path of the file absolute. One
    without a type, which the schema refused, is left out."""
    return tuple(
        _decoded(name, one, folder)
        for name, one in values.items()
        if isinstance(one, dict) and "type" in one
    )


def _decoded(name: str, values: Mapping[str, Any], folder: Callable[[str], Path]) -> Neighbour:
    kind = NeighbourKind(values["type"])
    events = [AnnouncedEvent(word) for word in values.get("on", ()) if word is not None]
    paths = values.get("paths", {})
    file = values.get("file")
    timeout = values.get("timeout")
    return Neighbour(
        name=printable(name),
        kind=kind,
        url=_secret_or_text(values.get("url"), folder),
        token=_secret(values.get("token"), folder),
        secret=_secret(values.get("secret"), folder),
        command=tuple(str(word) for word in values.get("command", ()) if word is not None),
        file=None if file is None else folder(file),
        paths=tuple(MappedPath(ours=ours, theirs=theirs) for ours, theirs in paths.items()),
        events=frozenset(events or USUAL_EVENTS[kind]),
        may_rename=values.get("rename", False),
        timeout_s=DEFAULT_TIMEOUT_S if timeout is None else parse_duration(str(timeout)),
    )


def _secret_or_text(value: Any, folder: Callable[[str], Path]) -> str | Secret | None:
    return value if isinstance(value, str) else _secret(value, folder)


def _secret(value: Any, folder: Callable[[str], Path]) -> Secret | None:
    if not isinstance(value, dict):
        return None
    file = value.get("file")
    return Secret(env=value.get("env"), file=None if file is None else folder(file))


def neighbour_problems(values: Mapping[str, Any]) -> Iterator[NeighbourProblem]:
    """Keys that a neighbour of its kind lacks or has no use for, which the schema accepts."""
    for name, one in values.items():
        if not isinstance(one, dict) or "type" not in one:
            continue
        kind = NeighbourKind(one["type"])
        for key in _NEEDS[kind]:
            if key not in one:
                message = f"{kind.value} needs the key {key}"
                yield NeighbourProblem(name=name, key=key, message=message, is_missing=True)
        for key in one.keys() - _TAKES[kind] - {"type", "on", "timeout"}:
            taken = ", ".join(sorted(_TAKES[kind] | {"on", "timeout"}))
            yield NeighbourProblem(
                name=name,
                key=key,
                message=f"{kind.value} has no use for {key}",
                hint=f"it takes {taken}",
            )
        if kind is NeighbourKind.APPRISE and isinstance(one.get("url"), str):
            yield NeighbourProblem(
                name=name,
                key="url",
                message="the addresses of apprise are secrets",
                hint="write {env: NAME} or {file: PATH}",
            )
        for ours, theirs in one.get("paths", {}).items():
            if not ours.startswith("/") or not theirs:
                yield NeighbourProblem(
                    name=name,
                    key="paths",
                    message=f"expected absolute paths, found {printable(f'{ours}: {theirs}')}",
                    hint="ours first: {/media/movies: /data/movies}",
                )

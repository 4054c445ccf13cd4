"""Neighbours as rules name them, for fakes."""

from __future__ import annotations

from pathlib import Path

from av1rules.policy.neighbours.spec import (
    FILE_EVENTS,
    USUAL_EVENTS,
    AnnouncedEvent,
    MappedPath,
    Neighbour,
    NeighbourKind,
    Secret,
)
from tests.fakes.neighbours import KEY, FakeServer

ENVIRON = {"NEIGHBOUR_KEY": KEY}
PATHS = (MappedPath(ours="/media", theirs="/data"),)


def neighbour_of(
    server: FakeServer,
    kind: NeighbourKind,
    *,
    name: str = "",
    events: tuple[AnnouncedEvent, ...] | None = None,
    may_rename: bool = False,
    timeout_s: float = 20.0,
    command: tuple[str, ...] = (),
    file: Path | None = None,
) -> Neighbour:
    has_token = kind.is_media_server or kind.is_arr
    return Neighbour(
        name=name or kind.value,
        kind=kind,
        url=server.url,
        token=Secret(env="NEIGHBOUR_KEY") if has_token else None,
        secret=Secret(env="NEIGHBOUR_KEY") if kind is NeighbourKind.WEBHOOK else None,
        paths=PATHS if has_token else (),
        events=frozenset(USUAL_EVENTS.get(kind, FILE_EVENTS) if events is None else events),
        may_rename=may_rename,
        timeout_s=timeout_s,
        command=command,
        file=file,
    )

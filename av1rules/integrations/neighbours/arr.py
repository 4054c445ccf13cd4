"""Sonarr and Radarr are told to rescan a series or film, and to rename its files if they may."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from av1rules.integrations.client import NeighbourClient, as_text
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind


class ArrWords(msgspec.Struct, frozen=True, kw_only=True):
    """How the two differ: what they call the things that have files."""

    things: str
    id_key: str
    rescan: str
    file_key: str


_SONARR = ArrWords(
    things="/api/v3/series", id_key="seriesId", rescan="RescanSeries", file_key="episodeFileId"
)
_RADARR = ArrWords(
    things="/api/v3/movie", id_key="movieId", rescan="RescanMovie", file_key="movieFileId"
)


def words_of(neighbour: Neighbour) -> ArrWords:
    return _SONARR if neighbour.kind is NeighbourKind.SONARR else _RADARR


def found_things(
    neighbour: Neighbour, entries: Sequence[OutboxEntry], things: Sequence[Any]
) -> tuple[dict[int, set[str]], tuple[str, ...]]:
    """The numbers of the series or films that changed, each with its changed paths; and the paths
    that are of none of them. All as the neighbour sees them. Pure."""
    folders = [(str(one["path"]).rstrip("/\\"), int(one["id"])) for one in things if "path" in one]
    found: dict[int, set[str]] = {}
    unknown: list[str] = []
    for path in dict.fromkeys(_paths(entries)):
        theirs = as_text(neighbour.their_path(path))
        of = [
            (len(top), number)
            for top, number in folders
            if top and theirs.startswith((f"{top}/", f"{top}\\"))
        ]
        if of:
            found.setdefault(max(of)[1], set()).add(theirs)
        else:
            unknown.append(theirs)
    return found, tuple(unknown)


def _paths(entries: Sequence[OutboxEntry]) -> Iterator[str]:
    for entry in entries:
        yield from (path for path in (entry.old_path, entry.new_path) if path is not None)


def tell_arr(
    client: NeighbourClient,
    entries: Sequence[OutboxEntry],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """One rescan a series or film, however many of its files changed. Raises NeighbourError.
    Returns which paths are not of its library: other roots have other neighbours."""
    words = words_of(client.neighbour)
    things = client.call("GET", words.things)
    found, unknown = found_things(client.neighbour, entries, things)
    for number, paths in found.items():
        body = {"name": words.rescan, words.id_key: number}
        command = client.call("POST", "/api/v3/command", body=body)
        if client.neighbour.may_rename and _is_done(client, command, sleep):
            _rename(client, words, number, paths)
    return f"not of its library: {unknown[0]}" if unknown else None


def _is_done(client: NeighbourClient, command: Any, sleep: Callable[[float], None]) -> bool:
    """Whether a command ended well within the time that an answer may take: a rename before the
    rescan would be of the files of before."""
    until = time.monotonic() + client.neighbour.timeout_s
    while time.monotonic() < until:
        state = client.call("GET", f"/api/v3/command/{int(command['id'])}").get("status")
        if state not in ("queued", "started"):
            return bool(state == "completed")
        sleep(0.5)
    return False


def _rename(client: NeighbourClient, words: ArrWords, number: int, paths: set[str]) -> None:
    """Only the files that we changed."""
    wanted = client.call("GET", "/api/v3/rename", query={words.id_key: str(number)})
    ends = tuple(paths)
    files = [
        int(one[words.file_key])
        for one in wanted
        if one.get("existingPath") and any(end.endswith(one["existingPath"]) for end in ends)
    ]
    if files:
        body = {"name": "RenameFiles", words.id_key: number, "files": files}
        client.call("POST", "/api/v3/command", body=body)

"""Plex is told which folders to look at, and which films to analyse anew."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.integrations.client import NeighbourClient, as_text
from av1rules.ledger.outbox.table import OutboxEntry

PAGE = 500
MOST_PAGES = 200
"""Items of a library that are looked through for a film that has the name it had: 100,000."""

_TYPES = {"movie": "1", "show": "4"}
"""What has files in a section of each kind: films, and episodes."""


class PlexSection(msgspec.Struct, frozen=True):
    """A library of Plex: number, kind and folders, as the server sees them."""

    key: str
    kind: str
    folders: tuple[str, ...]

    def holds(self, path: str) -> bool:
        return any(path == top or path.startswith(f"{top.rstrip('/')}/") for top in self.folders)


def read_sections(client: NeighbourClient) -> tuple[PlexSection, ...]:
    """Raises NeighbourError."""
    container = client.call("GET", "/library/sections")["MediaContainer"]
    return tuple(
        PlexSection(
            str(one["key"]),
            str(one.get("type", "")),
            tuple(str(at["path"]) for at in one.get("Location", ())),
        )
        for one in container.get("Directory", ())
    )


def folders_of(client: NeighbourClient, entries: Sequence[OutboxEntry]) -> tuple[str, ...]:
    """The folders that changed, as the server sees them. Pure."""
    paths = (path for one in entries for path in (one.old_path, one.new_path) if path is not None)
    folders = (client.neighbour.their_path(os.path.dirname(path)) for path in paths)
    return tuple(dict.fromkeys(map(as_text, folders)))


def tell_plex(client: NeighbourClient, entries: Sequence[OutboxEntry]) -> str | None:
    """Raises NeighbourError. Returns what it could not be told, for good."""
    sections = read_sections(client)
    unknown = []
    for folder in folders_of(client, entries):
        holding = [one for one in sections if one.holds(folder)]
        if not holding:
            unknown.append(folder)
        for one in holding:
            client.call("GET", f"/library/sections/{one.key}/refresh", query={"path": folder})
    same = (one.new_path for one in entries if one.new_path and one.new_path == one.old_path)
    _analyse(client, sections, {as_text(client.neighbour.their_path(path)) for path in same})
    return f"no library of it has {unknown[0]}" if unknown else None


def _analyse(client: NeighbourClient, sections: Sequence[PlexSection], paths: set[str]) -> None:
    """A scan takes a file with the same name and time for the same: its codec is read anew only
    when Plex is asked to."""
    for one in sections:
        wanted = {path for path in paths if one.holds(path)}
        if wanted and one.kind in _TYPES:
            for number, files in _items(client, one):
                if found := wanted & files:
                    client.call("PUT", f"/library/metadata/{number}/analyze")
                    wanted -= found
                if not wanted:
                    break


def _items(client: NeighbourClient, section: PlexSection) -> Iterator[tuple[str, set[str]]]:
    """Number and files of each item, a page at a time."""
    for page in range(MOST_PAGES):
        query = {
            "type": _TYPES[section.kind],
            "X-Plex-Container-Start": str(page * PAGE),
            "X-Plex-Container-Size": str(PAGE),
        }
        answer = client.call("GET", f"/library/sections/{section.key}/all", query=query)
        items = answer["MediaContainer"].get("Metadata", ())
        for item in items:
            parts = (part for media in item.get("Media", ()) for part in media.get("Part", ()))
            if str(item["ratingKey"]).isdecimal():
                yield str(item["ratingKey"]), {str(part.get("file")) for part in parts}
        if len(items) < PAGE:
            return

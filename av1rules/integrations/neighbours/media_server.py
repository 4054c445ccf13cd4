"""Jellyfin and Emby are told which files came, changed and went: one call for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av1rules.integrations.client import NeighbourClient, as_text
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind


def updates_of(neighbour: Neighbour, entries: Sequence[OutboxEntry]) -> list[dict[str, str]]:
    """The updates as the server takes them, with its own paths. A file with another name is one
    that went and one that came. Of several updates of a path the last counts. Pure."""
    found: dict[str, str] = {}
    for entry in entries:
        for path, kind in _changes(entry):
            found.pop(path, None)
            found[path] = kind
    return [
        {"Path": as_text(neighbour.their_path(path)), "UpdateType": kind}
        for path, kind in found.items()
    ]


def _changes(entry: OutboxEntry) -> Iterator[tuple[str, str]]:
    if entry.old_path == entry.new_path:
        if entry.new_path is not None:
            yield entry.new_path, "Modified"
        return
    if entry.old_path is not None:
        yield entry.old_path, "Deleted"
    if entry.new_path is not None:
        yield entry.new_path, "Created"


def tell_media_server(client: NeighbourClient, entries: Sequence[OutboxEntry]) -> str | None:
    """Raises NeighbourError."""
    updates = updates_of(client.neighbour, entries)
    if updates:
        client.call("POST", api_path(client, "/Library/Media/Updated"), body={"Updates": updates})
    return None


def api_path(client: NeighbourClient, path: str) -> str:
    """Emby answers below /emby, wherever its address ends."""
    is_emby = client.neighbour.kind is NeighbourKind.EMBY and not client.url.endswith("/emby")
    return f"/emby{path}" if is_emby else path

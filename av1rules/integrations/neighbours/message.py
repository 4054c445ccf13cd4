"""What people and programs are told: as JSON, as variables, as a line of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.integrations.client import as_text
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import AnnouncedEvent, Neighbour

FORMAT = 1


def document(neighbour: Neighbour, entry: OutboxEntry) -> dict[str, object]:
    """The event as webhooks and programs get it, with the paths of the neighbour."""

    def path(ours: str | None) -> str | None:
        return None if ours is None else as_text(neighbour.their_path(ours))

    return {
        "format": FORMAT,
        "id": entry.key,
        "event": entry.event.value,
        "at": entry.at,
        "film": None if entry.film is None else as_text(entry.film),
        "old_path": path(entry.old_path),
        "new_path": path(entry.new_path),
        "source_bytes": entry.source_bytes,
        "target_bytes": entry.target_bytes,
        "rule": entry.rule,
        "run": entry.run,
        "detail": entry.detail,
        "exit_code": entry.exit_code,
    }


def variables(neighbour: Neighbour, entry: OutboxEntry) -> dict[str, str | None]:
    """The same as AV1RULES_* variables; a file name stays as it is on disk."""
    values = document(neighbour, entry)
    found = {
        f"AV1RULES_{key.upper()}": None if one is None else str(one) for key, one in values.items()
    }
    for name, raw in (("OLD_PATH", entry.old_path), ("NEW_PATH", entry.new_path)):
        found[f"AV1RULES_{name}"] = None if raw is None else neighbour.their_path(raw)
    return found


_TITLES = {
    AnnouncedEvent.PUBLISHED: "encoded",
    AnnouncedEvent.RENAMED: "renamed",
    AnnouncedEvent.UNDONE: "undone",
    AnnouncedEvent.REMOVED: "removed",
    AnnouncedEvent.FAILED: "failed",
    AnnouncedEvent.RUN_STARTED: "run started",
    AnnouncedEvent.RUN_FINISHED: "run finished",
}


def sentence(entry: OutboxEntry) -> str:
    """One line for people."""
    parts = [_TITLES[entry.event]]
    if entry.film is not None:
        parts.append(printable(entry.film))
    if entry.event is AnnouncedEvent.PUBLISHED and entry.source_bytes and entry.target_bytes:
        parts.append(f"{format_size(entry.source_bytes)} to {format_size(entry.target_bytes)}")
    if entry.detail:
        parts.append(printable(entry.detail, limit=300))
    return ": ".join((parts[0], ", ".join(parts[1:]))) if parts[1:] else parts[0]


def text(entries: Sequence[OutboxEntry]) -> tuple[str, str]:
    """Title and body of one message about all of them, at most 40 lines."""
    lines = [sentence(one) for one in entries]
    more = [f"and {len(lines) - 40} more"] if len(lines) > 40 else []
    has_failed = any(
        one.event is AnnouncedEvent.FAILED or (one.exit_code or 0) != 0 for one in entries
    )
    return f"av1rules{': something failed' if has_failed else ''}", "\n".join(lines[:40] + more)

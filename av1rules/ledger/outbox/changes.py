"""What a change of the ledger means for those who are told of it. Pure."""

from __future__ import annotations

from av1rules.ledger.outbox.table import Announcement
from av1rules.ledger.records import LedgerRow
from av1rules.policy.neighbours.spec import AnnouncedEvent


def published(row: LedgerRow, old_path: str | None) -> Announcement:
    """A target is in its place, in that of the file at `old_path` (None: of none)."""
    return _of_row(AnnouncedEvent.PUBLISHED, row, old_path, row.target)


def renamed(old_path: str, row: LedgerRow) -> Announcement:
    """A target followed its film."""
    return _of_row(AnnouncedEvent.RENAMED, row, old_path, row.target)


def exchanged(row: LedgerRow, in_trash: str, *, is_new: bool) -> Announcement:
    """A file of a pair went to the trash (`is_new`), or came back out of it. `in_trash` is the
    value of the `TrashKind` that it had there before, or has now if it is new."""
    if in_trash == "original" and not is_new:
        return _of_row(AnnouncedEvent.UNDONE, row, row.target, row.source_path)
    if in_trash == "orphan" and is_new:
        return _of_row(AnnouncedEvent.REMOVED, row, row.target, None)
    return published(row, None if in_trash == "orphan" else row.source_path)


def _of_row(
    event: AnnouncedEvent, row: LedgerRow, old_path: str | None, new_path: str | None
) -> Announcement:
    return Announcement(
        event=event,
        film=row.source,
        old_path=old_path,
        new_path=new_path,
        source_bytes=row.source_bytes,
        target_bytes=row.target_bytes,
        rule=row.rule,
        run=row.run,
    )

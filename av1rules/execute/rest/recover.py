"""Repairs what a killed run left of the rest of a mirror."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.files import fsync_folder, steady_temp_name
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import is_as_placed


def recover_stand_ins(ledger: Ledger, is_disk_there: Callable[[str], bool]) -> None:
    """Take up the stand-ins that a killed run had put in place, and remove the temporary names of
    the others. What is on a missing disk waits. Raises LedgerError, OSError."""
    pending = [row for row in ledger.stand_ins.pending() if is_disk_there(row.path)]
    if not pending:
        return
    for row in pending:
        steady_temp_name(Path(row.path)).unlink(missing_ok=True)
    for folder in {row.folder for row in pending}:
        fsync_folder(folder)  # the killed run may have changed names there and not synced it
    placed = [replace(row, is_pending=False) for row in pending if is_as_placed(row)]
    ledger.stand_ins.settle(placed, begun=pending)

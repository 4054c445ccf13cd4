"""What a run that died left behind: finish its published targets, sweep its private folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

from av1rules.base.atomic import is_temp_name
from av1rules.base.digest import content_key
from av1rules.graph.ledger import InHand, Ledger


def recover(ledger: Ledger) -> Iterator[str]:
    """Repair after a crash, under the run lock; yields a line for each thing done.

    A target that was verified and renamed into place just before the crash gets its row; all
    else that was in hand is swept and will be built anew.
    """
    for work in ledger.in_hand():
        if _is_published(work):
            assert work.row is not None
            found = os.stat(work.row.target)
            row = replace(work.row, target_mtime_ns=found.st_mtime_ns)
            ledger.commit(work.folder, row, work.receipt or b"{}")
            yield f"recovered {work.row.target}: it was published, but not yet in the ledger"
        if _sweep(work.folder):
            yield f"removed what a run that died left in {work.folder}"
        ledger.release(work.folder)


def _is_published(work: InHand) -> bool:
    if work.row is None:
        return False
    try:
        return content_key(work.row.target) == work.row.target_key
    except OSError:
        return False


def _sweep(folder: str) -> bool:
    """Remove a private folder of ours; anything else by that name is left alone."""
    if not is_temp_name(os.path.basename(folder)) or os.path.islink(folder):
        return False
    if not os.path.isdir(folder):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True

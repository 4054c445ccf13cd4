"""Repairs what a killed run left: completes its replacements, moves and published targets, and
removes its private folders."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.base.files import TEMP_PREFIX, fsync_folder, is_temp_name
from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.execute.cleanup import sweep_clips
from av1rules.execute.leftovers import sweep_leftovers
from av1rules.execute.move import recover_moves
from av1rules.execute.replace_original import recover_replacements
from av1rules.execute.rest.recover import recover_stand_ins
from av1rules.execute.session import mirror_top
from av1rules.ledger.ledger import JobInProgress, Ledger
from av1rules.ledger.receipt import parse_receipt, write_receipt
from av1rules.ledger.records import TargetRow
from av1rules.policy.model import OutputMode, OutputSpec, RuleSet, SideFiles
from av1rules.storage.mirror_folders import remove_emptied
from av1rules.storage.sidecars import carry
from av1rules.storage.trash_folder import is_disk_there


def recover(ledger: Ledger, ruleset: RuleSet) -> Iterator[str]:
    """Repair after a crash, under the run lock; yields a line for each repair.

    A target that was verified and renamed into place just before the crash gets its row and
    receipt. All other unfinished work is removed and will be done again. Files on a missing disk
    are left for the next start.
    """

    def is_there(path: str) -> bool:
        return is_disk_there(ruleset, path)

    _remove_partial_caches(ruleset.run.state_dir)
    sweep_clips(ledger, ruleset.run.state_dir)
    yield from recover_replacements(ledger, ruleset.output.receipts, is_there)
    yield from recover_moves(ledger, ruleset.output, is_there)
    recover_stand_ins(ledger, is_there)
    for work in ledger.jobs_in_progress():
        if not all(is_there(path) for path in _places(work)):
            yield f"{printable(work.folder)} waits for its disk: a run was killed there"
            continue
        if work.row is not None and _is_published(work.row):
            _record_published(ledger, work.row, work.receipt, ruleset.output)
            yield f"recorded {printable(work.row.target)}, which a killed run had published"
        if _remove_private(work.folder):
            yield f"removed what a killed run left in {printable(work.folder)}"
        if (top := mirror_top(ruleset.output)) is not None:
            remove_emptied(os.path.dirname(work.folder), top)
        if not os.path.lexists(work.folder) or not is_temp_name(os.path.basename(work.folder)):
            ledger.release(work.folder, even_if_prepared=True)
    yield from sweep_leftovers(ledger, ruleset)


def _remove_partial_caches(state_dir: Path) -> None:
    """Remove half-written caches. A plan that runs now and loses its own writes it again later."""
    for path in state_dir.glob(f"{TEMP_PREFIX}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def _places(work: JobInProgress) -> tuple[str, ...]:
    return (work.folder,) if work.row is None else (work.folder, work.row.target)


def _is_published(row: TargetRow) -> bool:
    try:
        return content_key(row.target) == row.target_key
    except OSError:
        return False


def _record_published(
    ledger: Ledger, row: TargetRow, receipt: bytes | None, output: OutputSpec
) -> None:
    row = replace(row, target_mtime_ns=os.stat(row.target).st_mtime_ns)
    there = ledger.find(row.target)
    if there is None or (there.target_key, there.built_at) != (row.target_key, row.built_at):
        ledger.commit(row, receipt)
    # The row counts: a receipt that can't be read or written must not stop a start.
    with contextlib.suppress(OSError, ValueError):
        write_receipt(parse_receipt(receipt or b""), output.receipts)
    if output.mode is not OutputMode.REPLACE and output.side_files is SideFiles.CARRY:
        with contextlib.suppress(OSError, Av1rulesError):
            carry(row.source_path, row.target)


def _remove_private(folder: str) -> bool:
    """Remove a private folder of ours. Anything else with that name is left alone."""
    if not is_temp_name(os.path.basename(folder)) or os.path.islink(folder):
        return False
    is_there = os.path.isdir(folder)
    if is_there:
        shutil.rmtree(folder, ignore_errors=True)
    # What is forgotten must not come back, nor what the killed run had removed and not synced.
    fsync_folder(os.path.dirname(folder))
    return is_there

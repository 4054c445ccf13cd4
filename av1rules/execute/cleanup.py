"""Removes what nothing needs any more: targets whose sources are gone, and old or unrecorded
clips."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import Note, Outcome
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.execute.replace_original import move_to_trash
from av1rules.execute.session import Session, mirror_top
from av1rules.ledger.clips import CLIPS_FOLDER
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.plan.items import Blocked, Held, Orphan, Plan
from av1rules.plan.orphans import is_orphan_as_written
from av1rules.plan.review_gate import contents_to_come, page_of
from av1rules.storage.mirror_folders import remove_emptied


def trash_orphans(orphans: Iterable[Orphan], session: Session) -> None:
    """Move the orphans that the policy does not keep to the trash. An orphan that can't be moved is
    reported and stays."""
    for orphan in orphans:
        if not orphan.to_trash or session.workspace.children.is_stopping:
            continue
        try:
            trash_target(session, orphan.row, orphan.cause)
        except (Av1rulesError, OSError) as problem:
            session.sink(Note(source=orphan.row.source, message=f"kept in its place: {problem}"))


def trash_target(session: Session, row: TargetRow, why: str) -> None:
    """Move a target to the trash, from where `undo` can restore it: its source is gone, so this may
    be the last copy. Raises PlanOutdatedError if the target was changed or its source is back."""
    if not is_orphan_as_written(row, session.workspace):
        raise PlanOutdatedError(f"its target is no longer as it was written: {row.target}")
    move_to_trash(
        session,
        TrashEntry(id=0, run=session.run, kind=TrashKind.ORPHAN, path="", row=row, at=now_text()),
        receipt=session.workspace.ledger.receipt(row.target),
    )
    if (top := mirror_top(session.workspace.ruleset.output)) is not None:
        remove_emptied(os.path.dirname(row.target), top)
    session.counters.add(Outcome.TRASHED)
    session.sink(
        Note(source=row.source, message=f"moved to the trash: {printable(row.target)}: {why}")
    )


def drop_old_clips(plan: Plan, ledger: Ledger) -> None:
    """Remove every clip whose fingerprint no row of the plan has, except variants of sources that
    are still to be encoded. A variant whose fingerprint a row has becomes the clip of that row.
    Does nothing unless the plan covers the whole library."""
    if not plan.is_whole or not (clips := ledger.clips.all()):
        return
    wanted = {row.fingerprint for row in plan.rows}
    to_compare = contents_to_come(plan.rows, clips)
    # These are blocked or held before their settings are known.
    undecided = {
        row.file.library_path
        for row in plan.rows
        if row.fingerprint is None and isinstance(row, Blocked | Held)
    }
    for record in ledger.clips.all():
        if record.facts.is_variant and record.fingerprint in wanted:
            ledger.clips.put(replace(record, facts=replace(record.facts, is_variant=False)))
        if record.facts.is_variant and record.facts.content_key in to_compare:
            continue
        if record.fingerprint not in wanted and record.source not in undecided:
            for path in (Path(record.path), page_of(record.path)):
                with contextlib.suppress(OSError):
                    path.unlink()
            ledger.clips.drop(record.fingerprint)


def sweep_clips(ledger: Ledger, state_dir: Path) -> None:
    """Remove clips that a killed run had put in place and not recorded. The next plan makes
    them."""
    folder = state_dir / CLIPS_FOLDER
    clips = ledger.clips.paths()
    known = {*clips, *(str(page_of(clip)) for clip in clips)}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if str(path) not in known and not path.name.startswith(TEMP_PREFIX):
                path.unlink()

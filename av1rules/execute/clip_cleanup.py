"""Clips that nothing needs any more: of settings or content that are gone, or never recorded."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.files import TEMP_PREFIX
from av1rules.ledger.clips import CLIPS_FOLDER
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import Blocked, Held, Plan
from av1rules.plan.review_gate import contents_to_come, page_of


def drop_old_clips(plan: Plan, ledger: Ledger) -> None:
    """Remove every clip that no row of the library would be made like, save variants of films that
    are still to come; a variant that a row would be made like is its clip from now on. Nothing,
    unless the plan is of all of it."""
    if not plan.is_whole:
        return
    wanted = {row.fingerprint for row in plan.rows}
    compared = contents_to_come(plan.rows, ledger.clips.all())
    # What stands in the way of these says nothing of their settings.
    unsure = {
        row.file.library_path
        for row in plan.rows
        if row.fingerprint is None and isinstance(row, Blocked | Held)
    }
    for record in ledger.clips.all():
        if record.facts.is_variant and record.fingerprint in wanted:
            ledger.clips.put(replace(record, facts=replace(record.facts, is_variant=False)))
        if record.facts.is_variant and record.facts.content_key in compared:
            continue
        if record.fingerprint not in wanted and record.source not in unsure:
            for path in (Path(record.path), page_of(record.path)):
                with contextlib.suppress(OSError):
                    path.unlink()
            ledger.clips.drop(record.fingerprint)


def sweep_clips(ledger: Ledger, state_dir: Path) -> None:
    """Remove clips that a run which died had put in place and not recorded: they are due again."""
    folder = state_dir / CLIPS_FOLDER
    clips = ledger.clips.paths()
    known = {*clips, *(str(page_of(clip)) for clip in clips)}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if str(path) not in known and not path.name.startswith(TEMP_PREFIX):
                path.unlink()

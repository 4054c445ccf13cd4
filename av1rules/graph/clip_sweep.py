"""Clips that nothing needs any more: of settings or content that are gone, or never recorded."""

from __future__ import annotations

import contextlib
from pathlib import Path

from av1rules.base.atomic import TEMP_PREFIX
from av1rules.graph.clip_table import CLIPS_FOLDER
from av1rules.graph.ledger import Ledger
from av1rules.graph.planned import Plan, PlanAction


def drop_old_clips(plan: Plan, ledger: Ledger) -> None:
    """Remove every clip that no row of the library would be made like. Nothing, unless the plan is
    of all of it."""
    if not plan.is_whole:
        return
    wanted = {row.fingerprint for row in plan.rows}
    # What stands in the way of these says nothing of their settings.
    unsure = {
        row.file.library_path
        for row in plan.rows
        if row.fingerprint is None and row.action in (PlanAction.BLOCKED, PlanAction.HELD)
    }
    for record in ledger.clips.all():
        if record.fingerprint not in wanted and record.source not in unsure:
            for path in (Path(record.path), page_of(record.path)):
                with contextlib.suppress(OSError):
                    path.unlink()
            ledger.clips.drop(record.fingerprint)


def page_of(clip: str) -> Path:
    """The page of a comparison, where no other place was named for it."""
    return Path(clip).with_suffix(".html")


def sweep_clips(ledger: Ledger, state_dir: Path) -> None:
    """Remove clips that a run which died had put in place and not recorded: they are due again."""
    folder = state_dir / CLIPS_FOLDER
    clips = ledger.clips.paths()
    known = {*clips, *(str(page_of(clip)) for clip in clips)}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if str(path) not in known and not path.name.startswith(TEMP_PREFIX):
                path.unlink()

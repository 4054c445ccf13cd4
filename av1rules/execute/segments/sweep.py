"""Removes the segments of films that nobody wants to be encoded so any more."""

from __future__ import annotations

import os

from av1rules.base.events import Note
from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.segments.remove import remove_segments
from av1rules.execute.session import Session, mirror_top
from av1rules.ledger.segments.tables import SegmentedFilm
from av1rules.plan.items import Blocked, Held, Plan, PlanItem, coming_encode
from av1rules.storage.mirror_folders import remove_emptied
from av1rules.storage.trash_folder import is_disk_there


def unwanted_segments(films: tuple[SegmentedFilm, ...], plan: Plan) -> tuple[SegmentedFilm, ...]:
    """The films whose segments no item of the plan will use: their source is gone, their target is
    made, or their settings are others. A plan of some films only knows of none."""
    if not films or not plan.is_whole:
        return ()
    targets = {film.target for film in films}
    items = {row.target: row for row in plan.rows.in_full if row.target in targets}
    return tuple(film for film in films if not _is_wanted(film, items.get(film.target)))


def _is_wanted(film: SegmentedFilm, row: PlanItem | None) -> bool:
    if row is None:
        return False
    work = coming_encode(row)
    if work is None:
        return isinstance(row, Blocked | Held)  # its settings may not be known now
    return work.fingerprint == film.fingerprint


def sweep_segments(plan: Plan, session: Session) -> None:
    """Remove them, as far as their disk is there. What can't be removed is told and stays."""
    ledger, ruleset = session.workspace.ledger, session.workspace.ruleset
    for film in unwanted_segments(ledger.segmented.all(), plan):
        if not is_disk_there(ruleset, film.folder):
            continue
        count, size_bytes = ledger.segments.totals(film.folder)
        what = f"{counted(count, 'finished segment')} ({format_size(size_bytes)})"
        try:
            remove_segments(ledger, film.folder)
        except OSError as problem:
            why = f"{what} can't be removed: {problem.strerror}: {printable(film.folder)}"
            session.sink(Note(source=film.film, message=why))
            continue
        if (top := mirror_top(ruleset.output)) is not None:
            remove_emptied(os.path.dirname(film.folder), top)
        session.sink(Note(source=film.film, message=f"removed {what}, which no plan uses any more"))

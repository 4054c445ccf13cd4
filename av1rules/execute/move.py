"""Targets that follow their renamed or moved sources, in two phases over a journal.

First all go to temporary names, then to their places, so that chains and exchanges of names (an
episode renumbered, two films swapped) need no place that is not yet free.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import JobDropped, JobMoved, Outcome
from av1rules.base.files import temp_name
from av1rules.base.hashing import content_key
from av1rules.execute.move_journal import (
    bring_along,
    place,
    place_side_files,
    roll_back,
    settle,
    stage,
    with_side_files,
)
from av1rules.execute.orphans import trash_target
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.runs import TargetMove
from av1rules.plan.items import ActiveItem, RunItem


def apply_moves(rows: Sequence[RunItem], session: Session) -> None:
    """Move the targets of all `rows` whose donor follows them, each with its side files. What can't
    be moved now is told and stays where it is; the next plan looks again."""
    moves: dict[str, TargetMove] = {}
    names: dict[str, str] = {}
    for row in rows:
        move = _checked(row, session)
        if move is not None:
            moves[move.old] = move
            names[move.old] = row.file.library_path
    if not moves:
        return
    ledger, all_moves = session.workspace.ledger, tuple(with_side_files(moves))
    ledger.moves.begin(all_moves)
    session.failpoint("moves written")
    for move in all_moves:
        _try(names.get(move.old), session, move, stage)
    session.failpoint("moves staged")
    for move in moves.values():
        _try(names[move.old], session, move, place)
    session.failpoint("moves placed")
    place_side_files(all_moves, ledger)
    session.failpoint("side files placed")
    moved = settle(ledger, all_moves)
    session.failpoint("moves settled")
    bring_along(moved, session.workspace.ruleset.output, ledger)
    ledger.moves.end(all_moves)
    for move in moved:
        session.tally.add(Outcome.MOVED)
        session.sink(JobMoved(source=move.source, old=move.old, target=move.new))


def _checked(row: RunItem, session: Session) -> TargetMove | None:
    """The move of a row, if ledger and disk are still as planned; its place is or will be free."""
    if not isinstance(row, ActiveItem) or (moving := row.work.moves_from) is None:
        return None
    name, work = row.file.library_path, row.work
    try:
        _require_as_planned(row, moving, session.workspace.ledger)
        if work.displaces is not None:
            trash_target(session, work.displaces, "its source is gone, its place is needed")
    except (Av1rulesError, OSError) as problem:
        session.sink(JobDropped(source=name, reason=str(problem)))
        return None
    return TargetMove(
        old=moving.target,
        new=row.target,
        stage=str(temp_name(Path(moving.target))),
        source=name,
        source_path=row.file.path,
    )


def _require_as_planned(row: ActiveItem, donor: TargetRow, ledger: Ledger) -> None:
    if ledger.find(donor.target) != donor:
        raise PlanOutdatedError("the ledger's record of its target changed since the plan")
    if content_key(row.file.path) != row.work.content_key:
        raise PlanOutdatedError("the source changed since it was planned")


def _try(
    source: str | None, session: Session, move: TargetMove, step: Callable[[TargetMove], None]
) -> None:
    try:
        step(move)
    except (Av1rulesError, OSError) as problem:
        if source is not None:
            reason = f"its target could not be moved: {problem}"
            session.sink(JobDropped(source=source, reason=reason))
        with contextlib.suppress(OSError):
            roll_back(move)

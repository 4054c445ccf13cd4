"""Targets that follow their renamed or moved sources, in two phases over a journal.

First all go to temporary names, then to their places, so that chains and exchanges of names (an
episode renumbered, two films swapped) need no place that is not yet free.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from av1rules.base.atomic import fsync_folder, rename_new, temp_name
from av1rules.base.digest import content_key
from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import JobDropped, JobMoved
from av1rules.base.text import printable
from av1rules.encode.exchange import copy_compared
from av1rules.encode.side_files import side_files_of
from av1rules.graph.ledger import Ledger
from av1rules.graph.ledger_tables import TargetMove
from av1rules.graph.orphans import put_target_aside
from av1rules.graph.planned import PlanRow, Work
from av1rules.graph.receipts import move_receipts
from av1rules.graph.session import Outcome, Session
from av1rules.graph.stale import TargetRow


def carry_out_moves(rows: Sequence[PlanRow], session: Session) -> None:
    """Move the targets of all `rows` whose donor follows them. What can't be moved now is told and
    stays where it is; the next plan looks again."""
    moves: dict[str, TargetMove] = {}
    names: dict[str, PlanRow] = {}
    for row in rows:
        move = _checked(row, session)
        if move is not None:
            moves[move.old] = move
            names[move.old] = row
    if not moves:
        return
    ledger = session.space.ledger
    ledger.moves.begin(tuple(moves.values()))
    session.step("moves written")
    for move in moves.values():
        _try(names[move.old], session, move, _to_stage)
    session.step("moves staged")
    for move in moves.values():
        _try(names[move.old], session, move, _to_place)
    session.step("moves placed")
    moved = _settle(ledger, tuple(moves.values()))
    session.step("moves settled")
    for move, entry in moved:
        _bring_along(move, entry, session)
        session.tally.add(Outcome.MOVED)
        session.sink(JobMoved(source=move.source, old=move.old, target=move.new))


def recover_moves(ledger: Ledger, is_disk_there: Callable[[str], bool]) -> Iterator[str]:
    """Finish what a crash cut off, or put it back; yields a line for each. What lies on a disk that
    is not there waits."""
    moves = tuple(
        move
        for move in ledger.moves.in_flight()
        if is_disk_there(move.old) and is_disk_there(move.new)
    )
    for move in moves:
        with contextlib.suppress(OSError):
            if os.path.lexists(move.stage):
                _to_place(move)
    for move in moves:  # what found its place taken goes back
        with contextlib.suppress(OSError):
            if os.path.lexists(move.stage):
                _rename(move.stage, move.old)
    waiting = [move for move in moves if os.path.lexists(move.stage)]
    for move in waiting:
        yield (
            f"{printable(move.stage)} waits: neither its old nor its new place is free: "
            f"{printable(move.new)}"
        )
    for move, _row in _settle(ledger, tuple(move for move in moves if move not in waiting)):
        yield f"finished the move of {printable(move.old)} to {printable(move.new)}"


def _checked(row: PlanRow, session: Session) -> TargetMove | None:
    """The move of a row, if ledger and disk are still as planned; its place is or will be free."""
    work = row.work
    donor = work.donor if work is not None else None
    if work is None or donor is None or not donor.is_move or donor.row is None:
        return None
    assert row.target is not None
    name = row.file.library_path
    try:
        _require_as_planned(row, work, donor.row, session.space.ledger)
        if work.displaces is not None:
            put_target_aside(session, work.displaces, "its source is gone, its place is needed")
    except (Av1rulesError, OSError) as problem:
        session.sink(JobDropped(source=name, reason=str(problem)))
        return None
    return TargetMove(
        old=donor.row.target,
        new=row.target,
        stage=str(temp_name(Path(row.target))),
        source=name,
        source_path=row.file.path,
    )


def _require_as_planned(row: PlanRow, work: Work, donor: TargetRow, ledger: Ledger) -> None:
    if ledger.find(donor.target) != donor:
        raise PlanOutdatedError("the ledger's record of its target changed since the plan")
    if content_key(row.file.path) != work.content_key:
        raise PlanOutdatedError("the source changed since it was planned")


def _try(
    row: PlanRow, session: Session, move: TargetMove, step: Callable[[TargetMove], None]
) -> None:
    try:
        step(move)
    except (Av1rulesError, OSError) as problem:
        reason = f"its target could not be moved: {problem}"
        session.sink(JobDropped(source=row.file.library_path, reason=reason))
        with contextlib.suppress(OSError):
            if os.path.lexists(move.stage):
                _rename(move.stage, move.old)


def _to_stage(move: TargetMove) -> None:
    if move.old == move.new:
        return  # only the name of its source changed
    os.makedirs(os.path.dirname(move.new), exist_ok=True)
    _rename(move.old, move.stage)


def _to_place(move: TargetMove) -> None:
    if os.path.lexists(move.stage):
        _rename(move.stage, move.new)


def _rename(old: str, new: str) -> None:
    """Never over anything; across file systems as a copy that is compared before the old goes."""
    try:
        rename_new(Path(old), Path(new))
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(new) or _one_device(old, os.path.dirname(new)):
            raise
        copy_compared(old, new)
        os.unlink(old)
    fsync_folder(Path(new).parent)
    fsync_folder(Path(old).parent)


def _one_device(path: str, folder: str) -> bool:
    return os.lstat(path).st_dev == os.stat(folder).st_dev


def _settle(
    ledger: Ledger, moves: tuple[TargetMove, ...]
) -> tuple[tuple[TargetMove, TargetRow], ...]:
    """Write the rows of those that are in their new place, and end all."""
    moved: list[tuple[TargetMove, TargetRow]] = []
    for move in moves:
        row = ledger.find(move.old)
        if row is not None and _is_at(move.new, row):
            mtime = os.stat(move.new).st_mtime_ns
            moved.append(
                (
                    move,
                    replace(
                        row,
                        target=move.new,
                        source=move.source,
                        source_path=move.source_path,
                        target_mtime_ns=mtime,
                    ),
                )
            )
    ledger.moves.settle({move.old: row for move, row in moved}, ended=moves)
    return tuple(moved)


def _is_at(path: str, row: TargetRow) -> bool:
    try:
        return content_key(path) == row.target_key
    except OSError:
        return False


def _bring_along(move: TargetMove, row: TargetRow, session: Session) -> None:
    """Receipts and side files of the target, and folders that are empty now: as far as it goes."""
    output = session.space.ruleset.output
    with contextlib.suppress(OSError, ValueError):
        move_receipts(move.old, row, session.space.ledger.receipt(row.target), output.receipts)
    with contextlib.suppress(OSError):
        _move_side_files(move.old, move.new)
    if output.root is not None:
        _remove_empty(os.path.dirname(move.old), top=str(output.root))


def _move_side_files(old: str, new: str) -> None:
    """Those carried to the old place before; where another target stands now they are its own."""
    if os.path.lexists(old):
        return
    stem, goal = os.path.splitext(old)[0], os.path.splitext(new)[0]
    for side in side_files_of(old):
        with contextlib.suppress(FileExistsError):
            rename_new(Path(side), Path(goal + side[len(stem) :]))


def _remove_empty(folder: str, *, top: str) -> None:
    """Empty folders below `top`, which a renamed folder of sources leaves behind in the mirror."""
    with contextlib.suppress(OSError):
        while folder.startswith(f"{top}/"):
            os.rmdir(folder)
            folder = os.path.dirname(folder)

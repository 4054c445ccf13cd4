"""Targets that follow their renamed or moved sources, in two phases over a journal.

First all go to temporary names, then to their places, so that chains and exchanges of names (an
episode renumbered, two films swapped) need no place that is not yet free.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import JobDropped, JobMoved
from av1rules.base.files import fsync_folder, rename_new, temp_name
from av1rules.base.hashing import content_key
from av1rules.base.outcomes import Outcome
from av1rules.base.text import printable
from av1rules.execute.cleanup import trash_target
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import renew_receipts
from av1rules.ledger.records import TargetRow
from av1rules.ledger.runs import TargetMove
from av1rules.plan.items import ActiveItem, RunItem
from av1rules.policy.model import OutputSpec
from av1rules.storage.replace import copy_compared, same_content
from av1rules.storage.sidecars import side_files_of


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


def recover_moves(
    ledger: Ledger, output: OutputSpec, is_disk_there: Callable[[str], bool]
) -> Iterator[str]:
    """Finish what a crash cut off, or put it back; yields a line for each. What lies on a disk that
    is not there waits."""
    moves = tuple(
        move
        for move in ledger.moves.in_flight()
        if is_disk_there(move.old) and is_disk_there(move.new)
    )
    begun = tuple(move for move in moves if not move.is_settled)
    _finish_staging(begun, ledger)
    for move in begun:
        _part_of(move).unlink(missing_ok=True)
        if not move.is_side_file:
            with contextlib.suppress(OSError):
                place(move)
    place_side_files(begun, ledger)
    for move in begun:  # what found its place taken goes back
        with contextlib.suppress(OSError):
            roll_back(move)
    waiting = tuple(move for move in begun if os.path.lexists(move.stage))
    for move in waiting:
        yield (
            f"{printable(move.stage)} waits: neither its old nor its new place is free: "
            f"{printable(move.new)}"
        )
    done = tuple(move for move in begun if move not in waiting)
    moved = (*settle(ledger, done), *(move for move in moves if move.is_settled))
    bring_along(moved, output, ledger)
    ledger.moves.end(tuple(move for move in moves if move not in waiting))
    for move in moved:
        yield f"finished the move of {printable(move.old)} to {printable(move.new)}"


def with_side_files(moves: Mapping[str, TargetMove]) -> Iterator[TargetMove]:
    """The moves, and those of the files that belong to the targets by name: they go the same way,
    since side files of an episode that is renumbered change names with each other too."""
    yield from moves.values()
    for move in moves.values():
        if move.old == move.new:
            continue
        stem, goal = os.path.splitext(move.old)[0], os.path.splitext(move.new)[0]
        with contextlib.suppress(OSError):
            for side in side_files_of(move.old):
                yield TargetMove(
                    old=side,
                    new=goal + side[len(stem) :],
                    stage=str(temp_name(Path(side))),
                    source="",
                    source_path=move.old,
                )


def stage(move: TargetMove) -> None:
    """A new name beside the old place: one rename, so that there is never more than one."""
    if move.old == move.new or (os.path.lexists(move.new) and not os.path.lexists(move.old)):
        return  # only the name of its source changed, or it was moved there together with that
    os.rename(move.old, move.stage)
    fsync_folder(Path(move.old).parent)


def place(move: TargetMove) -> None:
    """Never over anything; across file systems as a copy that is compared before the old goes."""
    if not os.path.lexists(move.stage):
        return
    os.makedirs(os.path.dirname(move.new), exist_ok=True)
    try:
        rename_new(Path(move.stage), Path(move.new))
    except FileExistsError:
        if not same_content(move.stage, move.new):
            raise
        os.unlink(move.stage)  # it was put there already, and the run died
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        copy_compared(move.stage, move.new, part=_part_of(move))
        fsync_folder(Path(move.new).parent)
        os.unlink(move.stage)
    fsync_folder(Path(move.new).parent)
    fsync_folder(Path(move.stage).parent)


def place_side_files(moves: Sequence[TargetMove], ledger: Ledger) -> None:
    """Each goes with its target, or back; one whose new name is taken keeps its old one."""
    arrived = {move.old for move in moves if not move.is_side_file and _has_arrived(move, ledger)}
    for move in moves:
        if not move.is_side_file:
            continue
        if move.source_path in arrived:
            with contextlib.suppress(Av1rulesError, OSError):
                place(move)
        with contextlib.suppress(OSError):
            roll_back(move)


def roll_back(move: TargetMove) -> None:
    if os.path.lexists(move.stage):
        rename_new(Path(move.stage), Path(move.old))
        fsync_folder(Path(move.old).parent)


def settle(ledger: Ledger, moves: tuple[TargetMove, ...]) -> tuple[TargetMove, ...]:
    """Write the rows of the targets that are in their new place; returns their moves."""
    rows: dict[str, TargetRow] = {}
    moved: list[TargetMove] = []
    for move in moves:
        row = None if move.is_side_file else ledger.find(move.old)
        if row is None or not _is_at(move.new, row):
            continue
        moved.append(move)
        rows[move.old] = replace(
            row,
            target=move.new,
            source=move.source,
            source_path=move.source_path,
            target_mtime_ns=os.stat(move.new).st_mtime_ns,
        )
    ledger.moves.settle(rows, ended=tuple(move for move in moves if move not in moved))
    return tuple(moved)


def bring_along(moves: Sequence[TargetMove], output: OutputSpec, ledger: Ledger) -> None:
    """Receipts of the targets, and folders that are empty now: as far as it goes. May be done again
    after a crash."""
    for target in dict.fromkeys(path for move in moves for path in (move.old, move.new)):
        row, stored = ledger.find(target), ledger.receipt(target)
        with contextlib.suppress(OSError, ValueError):
            renew_receipts(target, row, stored, output.receipts)
    for move in moves:
        if output.root is not None:
            _remove_empty(os.path.dirname(move.old), top=str(output.root))


def _finish_staging(moves: Sequence[TargetMove], ledger: Ledger) -> None:
    """A run that died before all had their temporary names: those that are not on their way yet
    would stand in the places of others."""
    under_way = {
        move.old for move in moves if not move.is_side_file and not _has_arrived(move, ledger)
    }
    for move in moves:
        if move.is_side_file:
            is_due = move.source_path in under_way and os.path.lexists(move.old)
        else:
            row = ledger.find(move.old)
            is_due = move.old in under_way and row is not None and _is_at(move.old, row)
        if is_due and not os.path.lexists(move.stage):
            with contextlib.suppress(OSError):
                stage(move)


def _has_arrived(move: TargetMove, ledger: Ledger) -> bool:
    row = ledger.find(move.old)
    return row is not None and not os.path.lexists(move.stage) and _is_at(move.new, row)


def _part_of(move: TargetMove) -> Path:
    """Where a copy to another file system grows."""
    return Path(os.path.dirname(move.new), f"{os.path.basename(move.stage)}.part")


def _is_at(path: str, row: TargetRow) -> bool:
    try:
        return content_key(path) == row.target_key
    except OSError:
        return False


def _remove_empty(folder: str, *, top: str) -> None:
    """Empty folders below `top`, which a renamed folder of sources leaves behind in the mirror."""
    with contextlib.suppress(OSError):
        while folder.startswith(f"{top}/"):
            os.rmdir(folder)
            folder = os.path.dirname(folder)

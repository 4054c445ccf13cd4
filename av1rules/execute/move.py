"""Follows what a user renamed or moved: the ledger follows targets, targets follow their sources.

Targets move in two phases with a journal.

All targets first go to temporary names, then to their new places. So chains and swaps of names (a
renumbered episode, two swapped files) never need a place that is not free yet. Each move is in the
ledger before anything is renamed; after a crash it is finished from there or rolled back.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import JobDropped, JobMoved, Outcome, Sink
from av1rules.base.files import (
    Failpoint,
    fsync_folder,
    make_folders,
    no_failpoint,
    rename_new,
    temp_name,
)
from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.execute.cleanup import trash_target
from av1rules.execute.session import Session, mirror_top
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.moved import MovedFiles, MovedTarget
from av1rules.ledger.receipt import renew_receipts
from av1rules.ledger.records import TargetRow
from av1rules.ledger.runs import TargetMove
from av1rules.plan.items import ActiveItem, Move, RunItem
from av1rules.policy.model import OutputSpec
from av1rules.storage.mirror_folders import remove_emptied
from av1rules.storage.replace import copy_compared, same_content
from av1rules.storage.sidecars import side_files_of


def apply_moves(rows: Sequence[RunItem], session: Session) -> None:
    """Move the targets that follow the sources of `rows`, each with its side files. A target that
    can't be moved now is reported and stays where it is; the next plan tries again."""
    moves: dict[str, TargetMove] = {}
    moving: dict[str, RunItem] = {}
    for row in rows:
        move = _checked(row, session)
        if move is not None:
            moves[move.old] = move
            moving[move.old] = row
    if not moves:
        return
    ledger = session.workspace.ledger
    all_moves = tuple(with_side_files(moves, ledger))
    ledger.moves.begin(all_moves)
    session.failpoint("moves written")
    for move in all_moves:
        _try(moving.get(move.old), session, move, stage)
    session.failpoint("moves staged")
    for move in moves.values():
        _try(moving[move.old], session, move, place)
    session.failpoint("moves placed")
    place_side_files(all_moves, ledger)
    session.failpoint("side files placed")
    moved = settle(ledger, all_moves)
    session.failpoint("moves settled")
    renew_receipts_and_folders(moved, session.workspace.ruleset.output, ledger)
    if (top := mirror_top(session.workspace.ruleset.output)) is not None:
        for move in all_moves:  # the new folder of a target that could not be moved
            remove_emptied(os.path.dirname(move.new), top)
    ledger.moves.end(all_moves)
    for move in moved:
        session.counters.add(Outcome.MOVED)
        session.sink(JobMoved(source=move.source, old=move.old, target=move.new))


def follow_moved(
    moved: MovedFiles, ledger: Ledger, output: OutputSpec, *, failpoint: Failpoint = no_failpoint
) -> MovedFiles:
    """Have the ledger follow targets and originals that a user renamed or moved, if they still are
    where they were found; nothing on disk changes but receipts. Returns those that it follows."""
    targets = tuple(one for one in moved.targets if _may_follow(one, ledger))
    dropped = {one.now.target for one in moved.targets} - {one.now.target for one in targets}
    entries = tuple(entry for entry in moved.entries if entry.row.target not in dropped)
    followed = MovedFiles(targets=targets, entries=entries)
    if not followed:
        return followed
    journal = tuple(
        TargetMove(
            old=one.was.target,
            new=one.now.target,
            stage="",
            source=one.now.source,
            source_path=one.now.source_path,
        )
        for one in targets
    )
    ledger.follow(followed, journal)
    failpoint("moves followed")
    renew_receipts_and_folders(journal, output, ledger)
    failpoint("receipts followed")
    ledger.moves.end(journal)
    return followed


def _may_follow(moved: MovedTarget, ledger: Ledger) -> bool:
    there = ledger.find(moved.was.target)
    return there == moved.was and _is_at(moved.now.target, moved.now)


def tell_followed(followed: MovedFiles, sink: Sink) -> None:
    """Report the targets that the ledger follows."""
    for one in followed.targets:
        sink(
            JobMoved(
                source=one.film,
                old=one.was.target,
                target=one.now.target,
                is_followed=True,
            )
        )


def _checked(row: RunItem, session: Session) -> TargetMove | None:
    """The move of a row; None if it has none, or if ledger or disk changed since the plan."""
    if not isinstance(row, ActiveItem) or (moving := row.work.moves_from) is None:
        return None
    name, work = row.file.library_path, row.work
    try:
        _require_as_planned(row, moving, session.workspace.ledger)
        if work.displaces is not None:
            trash_target(session, work.displaces, "its source is gone, its place is needed")
    except (Av1rulesError, OSError) as problem:
        _drop(row, session, str(problem))
        return None
    return TargetMove(
        old=moving.target,
        new=row.target,
        stage=str(temp_name(Path(moving.target))),
        source=name,
        source_path=row.file.path,
    )


def _require_as_planned(row: ActiveItem, moving: TargetRow, ledger: Ledger) -> None:
    if ledger.find(moving.target) != moving:
        raise PlanOutdatedError("the ledger's record of its target changed since the plan")
    if content_key(row.file.path) != row.work.content_key:
        raise PlanOutdatedError("the source changed since it was planned")


def _try(
    row: RunItem | None, session: Session, move: TargetMove, step: Callable[[TargetMove], None]
) -> None:
    """A step of a move; `row` is None for a side file, of which nothing is told."""
    try:
        step(move)
    except (Av1rulesError, OSError) as problem:
        if row is not None:
            _drop(row, session, f"its target could not be moved: {problem}")
        with contextlib.suppress(OSError):
            roll_back(move)


def _drop(row: RunItem, session: Session, reason: str) -> None:
    """Leave a move for the next run. An item that is encoded after its move is counted by its own
    job, which finds that the move is missing."""
    session.sink(JobDropped(source=row.file.library_path, reason=reason))
    if isinstance(row, Move):
        session.counters.add(Outcome.NOT_ATTEMPTED)


def recover_moves(
    ledger: Ledger, output: OutputSpec, is_disk_there: Callable[[str], bool]
) -> Iterator[str]:
    """Finish the moves that a crash interrupted, or roll them back; yields a line for each. Files
    on a missing disk wait."""
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
    for move in begun:  # a file whose new place is taken goes back
        with contextlib.suppress(OSError):
            roll_back(move)
    for folder in {os.path.dirname(path) for move in begun for path in (move.stage, move.new)}:
        fsync_folder(folder)  # the killed run may have changed names there and not synced it
    waiting = tuple(move for move in begun if os.path.lexists(move.stage))
    for move in waiting:
        yield (
            f"{printable(move.stage)} waits: neither its old nor its new place is free: "
            f"{printable(move.new)}"
        )
    done = tuple(move for move in begun if move not in waiting)
    moved = (*settle(ledger, done), *(move for move in moves if move.is_settled))
    renew_receipts_and_folders(moved, output, ledger)
    ledger.moves.end(tuple(move for move in moves if move not in waiting))
    for move in moved:
        yield f"finished the move of {printable(move.old)} to {printable(move.new)}"


def with_side_files(moves: Mapping[str, TargetMove], ledger: Ledger) -> Iterator[TargetMove]:
    """The moves, and those of side files that belong to the targets by name. Both go the same way,
    since side files of renumbered episodes swap names too. Stand-ins follow their own sources."""
    yield from moves.values()
    for move in moves.values():
        if move.old == move.new:
            continue
        stem, goal = os.path.splitext(move.old)[0], os.path.splitext(move.new)[0]
        with contextlib.suppress(OSError):
            for side in side_files_of(move.old):
                if ledger.stand_ins.find(side) is not None:
                    continue
                yield TargetMove(
                    old=side,
                    new=goal + side[len(stem) :],
                    stage=str(temp_name(Path(side))),
                    source="",
                    source_path=move.old,
                )


def stage(move: TargetMove) -> None:
    """Give the file a temporary name in its old folder, by one rename."""
    if move.old == move.new or (os.path.lexists(move.new) and not os.path.lexists(move.old)):
        return  # only its source was renamed, or it was moved together with its source
    os.rename(move.old, move.stage)
    fsync_folder(Path(move.old).parent)


def place(move: TargetMove) -> None:
    """Move the file from its temporary name to its new place, never over another file. On another
    file system it is copied and compared before the old file goes."""
    if not os.path.lexists(move.stage):
        return
    make_folders(os.path.dirname(move.new))
    try:
        rename_new(Path(move.stage), Path(move.new))
    except FileExistsError:
        if not same_content(move.stage, move.new):
            raise
        # A killed run put it there, and perhaps had not synced that name yet.
        fsync_folder(Path(move.new).parent)
        os.unlink(move.stage)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        copy_compared(move.stage, move.new, part=_part_of(move))
        os.unlink(move.stage)
    fsync_folder(Path(move.stage).parent)


def place_side_files(moves: Sequence[TargetMove], ledger: Ledger) -> None:
    """Move each side file with its target, or back. One whose new name is taken keeps its old
    one."""
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


def settle(ledger: Ledger, moves: tuple[TargetMove, ...]) -> tuple[TargetMove, ...]:
    """Write the rows of the targets that are in their new places, and return their moves."""
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


def renew_receipts_and_folders(
    moves: Sequence[TargetMove], output: OutputSpec, ledger: Ledger
) -> None:
    """Renew the receipts of the targets and remove empty folders, ignoring OS errors. May be
    repeated after a crash."""
    for target in dict.fromkeys(path for move in moves for path in (move.old, move.new)):
        row, stored = ledger.find(target), ledger.receipt(target)
        with contextlib.suppress(OSError, ValueError):
            renew_receipts(target, row, stored, output.receipts)
    for move in moves:
        if output.root is not None:
            remove_emptied(os.path.dirname(move.old), str(output.root))


def _finish_staging(moves: Sequence[TargetMove], ledger: Ledger) -> None:
    """Complete the first phase of a killed run: a file without its temporary name would stand in
    the place of another."""
    not_arrived = {
        move.old for move in moves if not move.is_side_file and not _has_arrived(move, ledger)
    }
    for move in moves:
        if move.is_side_file:
            is_due = move.source_path in not_arrived and os.path.lexists(move.old)
        else:
            row = ledger.find(move.old)
            is_due = move.old in not_arrived and row is not None and _is_at(move.old, row)
        if is_due and not os.path.lexists(move.stage):
            with contextlib.suppress(OSError):
                stage(move)


def _has_arrived(move: TargetMove, ledger: Ledger) -> bool:
    row = ledger.find(move.old)
    return row is not None and not os.path.lexists(move.stage) and _is_at(move.new, row)


def _part_of(move: TargetMove) -> Path:
    """The temporary name of a copy to another file system."""
    return Path(os.path.dirname(move.new), f"{os.path.basename(move.stage)}.part")


def _is_at(path: str, row: TargetRow) -> bool:
    try:
        return content_key(path) == row.target_key
    except OSError:
        return False

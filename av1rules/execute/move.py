"""Moves targets after their renamed or moved sources, in two phases with a journal.

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
from av1rules.base.events import JobDropped, JobMoved, Outcome
from av1rules.base.files import fsync_folder, make_folders, rename_new, temp_name
from av1rules.base.hashing import content_key
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
    """Move the targets that follow the sources of `rows`, each with its side files. A target that
    can't be moved now is reported and stays where it is; the next plan tries again."""
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
    renew_receipts_and_folders(moved, session.workspace.ruleset.output, ledger)
    ledger.moves.end(all_moves)
    for move in moved:
        session.counters.add(Outcome.MOVED)
        session.sink(JobMoved(source=move.source, old=move.old, target=move.new))


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
        session.sink(JobDropped(source=name, reason=str(problem)))
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
    for folder in {os.path.dirname(move.stage) for move in begun}:
        fsync_folder(folder)  # the killed run may have removed names there and not synced it
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


def with_side_files(moves: Mapping[str, TargetMove]) -> Iterator[TargetMove]:
    """The moves, and those of side files that belong to the targets by name. Both go the same way,
    since side files of renumbered episodes swap names too."""
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
        os.unlink(move.stage)  # it was copied already when the run was killed
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
            _remove_empty(os.path.dirname(move.old), top=str(output.root))


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


def _remove_empty(folder: str, *, top: str) -> None:
    """Remove empty folders below `top`: a renamed folder of sources leaves them in the mirror."""
    with contextlib.suppress(OSError):
        while folder.startswith(f"{top}/"):
            with contextlib.suppress(FileNotFoundError):  # it went before a kill
                os.rmdir(folder)
            folder = os.path.dirname(folder)
    with contextlib.suppress(OSError):
        fsync_folder(folder)  # the journal of moves ends, so they must not come back

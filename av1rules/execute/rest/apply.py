"""Brings the rest of a mirror in line with the plan, in batches with a journal.

What is to be put in place is in the ledger before the first step, and what is there after the last
one. A killed run leaves links and copies that the next start takes up, or temporary names of which
the ledger knows.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.errors import Av1rulesError, PlanOutdatedError, RunInterruptedError
from av1rules.base.events import Note, Outcome
from av1rules.base.files import fsync_folder, make_folders
from av1rules.execute.rest.failures import RestFailures, no_space
from av1rules.execute.rest.make import IS_COPY, pending_row, put_in_place, write_part
from av1rules.execute.rest.touches import own_touches
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import StandIn, is_as_placed
from av1rules.plan.orphans import is_gone
from av1rules.plan.rest.items import Placement, Removal, RemovalCause, RestPlan
from av1rules.policy.model import Rest
from av1rules.storage.mirror_folders import remove_emptied
from av1rules.storage.publish import FileAttributes

BATCH = 500
"""Files whose rows share a transaction, which takes a sync of the disk."""

BATCH_BYTES = 1024**3
"""Of copies: what a kill in mid-batch loses."""


def take_out(rest: RestPlan, session: Session) -> None:
    """Remove the stand-ins that should not be in the mirror any more, each only if it is still as
    it was put there."""
    ledger = session.workspace.ledger
    if rest.to_forget:
        ledger.stand_ins.drop(rest.to_forget)
    failures = RestFailures(rest.kind)
    for start in range(0, len(rest.to_remove), BATCH):
        batch = rest.to_remove[start : start + BATCH]
        if session.workspace.children.is_stopping:
            break
        session.require_disks()
        session.recorder.number()  # it changes something
        _take_out(batch, session, failures)
    failures.report(session)


def _take_out(batch: Sequence[Removal], session: Session, failures: RestFailures) -> None:
    removed: list[StandIn] = []
    links = [one.stand_in for one in batch if one.stand_in.kind is Rest.HARDLINK]
    with own_touches(session, [row.source_path for row in links]):
        for one in batch:
            row = one.stand_in
            if one.cause is RemovalCause.SOURCE_GONE and not is_gone(row.source_path):
                continue
            if not is_as_placed(row):
                continue
            try:
                os.unlink(row.path)
            except OSError as problem:
                failures.add(row.path, problem, is_removal=True)
                continue
            removed.append(row)
            session.counters.add(Outcome.TAKEN_OUT)
    session.failpoint("stand-ins removed")
    _sync({row.folder for row in removed})
    session.workspace.ledger.stand_ins.drop(row.path for row in removed)
    session.failpoint("stand-ins forgotten")
    _remove_empty(session, {row.folder for row in removed})


def at_once(rest: RestPlan) -> tuple[Placement, ...]:
    """What is put in before the encodes: all but copies of films that this run encodes."""
    return tuple(one for one in rest.to_place if not _waits(one))


def not_encoded(rest: RestPlan, ledger: Ledger) -> tuple[Placement, ...]:
    """The films that this run was to encode, and did not."""
    return tuple(
        one
        for one in rest.to_place
        if _waits(one) and one.target is not None and ledger.find(one.target) is None
    )


def _waits(placement: Placement) -> bool:
    return placement.kind is Rest.COPY and placement.target is not None


def put_in(rest: RestPlan, session: Session, placements: Iterable[Placement]) -> None:
    """Put these files into the mirror. What can't be done is told once for each reason."""
    failures = RestFailures(rest.kind)
    for batch in _batches(placements):
        if session.workspace.children.is_stopping:
            break
        session.require_disks()
        session.recorder.number()
        _put_in(batch, session, failures)
    failures.report(session)


def _batches(placements: Iterable[Placement]) -> Iterator[tuple[Placement, ...]]:
    batch: list[Placement] = []
    size_bytes = 0
    for placement in placements:
        batch.append(placement)
        size_bytes += placement.size_bytes if placement.kind is Rest.COPY else 0
        if len(batch) == BATCH or size_bytes >= BATCH_BYTES:
            yield tuple(batch)
            batch, size_bytes = [], 0
    if batch:
        yield tuple(batch)


def _put_in(batch: Sequence[Placement], session: Session, failures: RestFailures) -> None:
    ledger = session.workspace.ledger
    begun = dict(_begun(batch, failures))
    ledger.stand_ins.begin(tuple(begun.values()))
    session.failpoint("stand-ins begun")
    placed: dict[str, StandIn] = {}
    moved: list[StandIn] = []
    try:
        ready = dict(_prepared(batch, begun, session, failures))
        with own_touches(session, _touched(batch)):
            for one in batch:
                if one.path not in ready:
                    continue
                try:
                    placed[one.path] = put_in_place(one, ready[one.path])
                except (PlanOutdatedError, FileNotFoundError):
                    continue  # the next plan sees it
                except OSError as problem:
                    failures.add(one.path, problem)
                    continue
                if one.moves_from is not None:
                    moved.append(one.moves_from)
    finally:
        session.failpoint("stand-ins placed")
        _sync({os.path.dirname(path) for path in begun} | {row.folder for row in moved})
        _remove_renamed_links(moved)
        ledger.stand_ins.settle(
            placed.values(), begun=tuple(begun.values()), gone=[row.path for row in moved]
        )
        session.failpoint("stand-ins settled")
    _remove_empty(session, {row.folder for row in moved})
    for _ in placed:
        session.counters.add(Outcome.PLACED)


def _touched(batch: Iterable[Placement]) -> Iterator[str]:
    """The sources that get or lose a hard link."""
    for one in batch:
        if one.kind is Rest.HARDLINK:
            yield one.source_path
        if one.replaces is not None and one.replaces.kind is Rest.HARDLINK:
            yield one.replaces.source_path


def _begun(batch: Sequence[Placement], failures: RestFailures) -> Iterator[tuple[str, StandIn]]:
    """The pending rows, by place. Their folders are made."""
    made: set[str] = set()
    for one in batch:
        folder = os.path.dirname(one.path)
        try:
            row = pending_row(one)
            if folder not in made:
                make_folders(folder)
                made.add(folder)
        except (PlanOutdatedError, FileNotFoundError):
            continue
        except OSError as problem:
            failures.add(one.path, problem)
            continue
        yield one.path, row


def _prepared(
    batch: Sequence[Placement],
    begun: dict[str, StandIn],
    session: Session,
    failures: RestFailures,
) -> Iterator[tuple[str, StandIn]]:
    """The rows that can be put in place now. Copies are written, and the ledger has their
    identities."""
    output = session.workspace.ruleset.output
    check = session.workspace.children.check
    written: list[StandIn] = []
    for one in batch:
        row = begun.get(one.path)
        if row is None:
            continue
        if one.kind not in IS_COPY or one.moves_from is not None:
            yield one.path, row
            continue
        if failures.is_hopeless(one.kind):
            failures.count_again(one.path)
            continue
        try:
            if one.kind is Rest.COPY:
                _require_space(one, session)
            row = write_part(one, row, FileAttributes.of(output), check)
        except RunInterruptedError:
            break
        except (PlanOutdatedError, FileNotFoundError):
            continue
        except Av1rulesError as problem:
            session.sink(Note(source=one.library_path, message=str(problem)))
            session.counters.add(Outcome.NOT_PLACED)
            continue
        except OSError as problem:
            failures.add(one.path, problem)
            continue
        written.append(row)
    if written:
        session.failpoint("copies written")
        session.workspace.ledger.stand_ins.begin(written)
        session.failpoint("copies recorded")
        yield from ((row.path, row) for row in written)


def _require_space(placement: Placement, session: Session) -> None:
    """Raise OSError unless the copy leaves the reserve of the disk free."""
    free = shutil.disk_usage(os.path.dirname(placement.path)).free
    if free < placement.size_bytes + session.workspace.ruleset.run.reserve_bytes:
        raise no_space(placement.path)


def _remove_renamed_links(moved: Iterable[StandIn]) -> None:
    """A symbolic link can't be renamed with its source: a new one was made, and the old one, which
    leads nowhere, goes."""
    for row in moved:
        if row.kind is Rest.SYMLINK and is_as_placed(row):
            with contextlib.suppress(OSError):
                os.unlink(row.path)
                fsync_folder(row.folder)


def _sync(folders: Iterable[str]) -> None:
    for folder in sorted(folders):
        fsync_folder(folder)


def _remove_empty(session: Session, folders: Iterable[str]) -> None:
    root = session.workspace.ruleset.output.root
    if root is None:
        return
    for folder in sorted(folders, reverse=True):
        remove_emptied(folder, str(root))

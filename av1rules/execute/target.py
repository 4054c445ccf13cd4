"""Builds one target, from its planned row to the published file and its ledger row.

The coordinator reserves resources, has a worker encode, and delivers the result. Nothing appears
under the target's name before it is verified. Only the file that the plan saw there is overwritten.
`recover` repairs a crash between any two steps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import EncodeError, PlanOutdatedError
from av1rules.base.events import JobProgress, JobStarted, Note, Outcome
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.encode.changed_film import ChangedFilm
from av1rules.execute.backends.local import LocalSegments
from av1rules.execute.copy import copy_target
from av1rules.execute.deliver import deliver, done_event, require_replaceable
from av1rules.execute.film import with_seen, withhold
from av1rules.execute.film_folders import FilmFolders
from av1rules.execute.prerequisites import with_prerequisites
from av1rules.execute.quality_gate import Rejection, require_scorable
from av1rules.execute.receipts import receipt_of
from av1rules.execute.resources.disk_space import Reservation
from av1rules.execute.segments.checkpoints import (
    finished_bytes,
    segment_folder,
    take_spare_slot,
    uses_segments,
    with_segments,
)
from av1rules.execute.segments.remove import remove_segments
from av1rules.execute.session import Session
from av1rules.execute.target_job import (
    TargetJob,
    digest_of_planned,
    encode_job_of,
    private_folder,
    reserve_disk,
    reserve_memory,
)
from av1rules.execute.telecine import look_for_telecine
from av1rules.execute.worker import VerifiedEncode, Worker, WorkerContext
from av1rules.ledger.records import TargetRow, tools_used
from av1rules.plan.items import Copy, Encode, Move
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.policy.deinterlacing import TELECINE_SEEN


def build_target(row: Encode | Move | Copy, session: Session, worker: Worker) -> Outcome:
    """Build the target of a planned row. Raises Av1rulesError or OSError if that fails."""
    job = TargetJob(row=row, work=row.work, target=row.target, session=session, worker=worker)
    if isinstance(row, Move):
        return _check_move(job)
    if _is_done_already(job):
        return Outcome.DONE
    _require_no_loop(job)
    session.require_disks()
    require_replaceable(job)
    if isinstance(row, Copy):
        if _copy_existing(job):
            return Outcome.COPIED
        row = Encode.of(row, *row.causes, work=row.work)
    workspace = session.workspace
    gate = job.work.recipe.settings.quality_gate
    require_scorable(gate, workspace.tools, workspace.cache, children=workspace.children)
    known = with_prerequisites(row, session, worker)
    if isinstance(known, Outcome):
        return known
    job = replace(job, row=known, work=known.work)
    temp_dir = workspace.ruleset.output.temp_dir
    places = [str(place) for place in (temp_dir, job.target) if place]
    is_segmented = uses_segments(job)
    # Segments and the file that they are joined into are there at the same time.
    need = 2 * _most_bytes(job) - finished_bytes(job) if is_segmented else _most_bytes(job)
    with (
        reserve_disk(job, max(need, 0), places) as reservation,
        _target_folder(job),
        private_folder(job, temp_dir or Path(job.target).parent) as folder,
    ):
        return _encode_and_deliver(job, folder, reservation, is_segmented=is_segmented)


@contextmanager
def _target_folder(job: TargetJob) -> Iterator[None]:
    """The folder of the target; it goes again if nothing was put there."""
    folders, folder = job.session.folders, os.path.dirname(job.target)
    folders.make(folder)
    try:
        yield
    finally:
        folders.remove_unused(folder)


def _most_bytes(job: TargetJob) -> int:
    """The size of the largest result that the size gate lets pass."""
    return int(job.source_bytes * job.work.recipe.settings.max_size_ratio)


def _copy_existing(job: TargetJob) -> bool:
    """Link or copy a target of the same content. False if the source must be encoded instead."""
    with (
        reserve_disk(job, _most_bytes(job), [job.target]),
        _target_folder(job),
        private_folder(job, Path(job.target).parent) as folder,
    ):
        return copy_target(job, folder)


def _check_move(job: TargetJob) -> Outcome:
    """Moves are done before anything is built: only check here that this one succeeded."""
    if not _is_as_planned(job.session.workspace.ledger.find(job.target), job.work.known):
        raise PlanOutdatedError("its target could not follow it; the next plan tries again")
    return Outcome.DONE


def _require_no_loop(job: TargetJob) -> None:
    """Raise PlanOutdatedError if the source is a target of av1rules. The plan excludes these
    already; without this second check a mistake there would encode a target again and again."""
    if job.work.evaluation.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")


def _encode_and_deliver(
    job: TargetJob, folder: str, reservation: Reservation, *, is_segmented: bool
) -> Outcome:
    were_there = finished_bytes(job) if is_segmented else 0

    def sink(event: JobProgress) -> None:
        if event.size_bytes is not None:
            reservation.wrote(max(event.size_bytes - were_there, 0))
        job.session.sink(event)

    folders = FilmFolders.of(folder, job.source_path, job.target)
    digest = digest_of_planned(job)
    job.session.failpoint("source read")
    encode_job = encode_job_of(job, folder=folder, digest=digest)
    if is_segmented:
        encode_job = with_segments(job, encode_job, digest)
    _tell_telecine(job)
    with _segments_until_done(job):
        with reserve_memory(job):
            _announce(job)
            started_at = now_text()
            result = job.worker.encode_and_verify(
                encode_job, job.session.workspace.tools, _context(job, sink)
            )
        if isinstance(result, Rejection):
            job.record_rejection(result)
            return Outcome.DISCARDED
        if isinstance(result, ChangedFilm):
            return withhold(job, result)
        job = with_seen(job, result.encoded.film)
        entry = _entry(job, result, digest)
        receipt = receipt_of(job.row, job.work, entry, result, started_at=started_at)
        entry = deliver(job, result.encoded.path, entry, receipt, folders=folders)
    job.session.counters.add_bytes(source=job.source_bytes, target=entry.target_bytes)
    job.session.sink(done_event(job, entry))
    return Outcome.DONE


def _context(job: TargetJob, sink: Callable[[JobProgress], None]) -> WorkerContext:
    workspace, folder = job.session.workspace, segment_folder(job)
    segments = workspace.ledger.segments
    return replace(
        job.worker_context(sink),
        on_segment=lambda segment: segments.add(folder, segment),
        segments=LocalSegments(
            tools=workspace.tools,
            children=workspace.children,
            take_spare=lambda: take_spare_slot(job),
        ),
    )


@contextmanager
def _segments_until_done(job: TargetJob) -> Iterator[None]:
    """Finished segments go once the film is done with: delivered, rejected, or sure to fail in the
    same way again. After any other failure they stay for the next run."""
    try:
        yield
    except EncodeError as problem:
        if problem.is_final:
            _drop_segments(job)
        raise
    _drop_segments(job)


def _drop_segments(job: TargetJob) -> None:
    ledger, folder = job.session.workspace.ledger, segment_folder(job)
    if ledger.segmented.find(folder) is None:
        return
    try:
        remove_segments(ledger, folder)
    except OSError as problem:  # the next plan that covers the library tries again
        message = f"its segments can't be removed: {problem.strerror}: {printable(folder)}"
        job.session.sink(Note(source=job.name, message=message))


def _is_as_planned(known: TargetRow | None, planned: TargetRow | None) -> bool:
    """Whether the row is the planned one, except for the target's mtime, which a move records
    anew."""
    if known is None or planned is None:
        return known is planned
    return replace(known, target_mtime_ns=planned.target_mtime_ns) == planned


def _is_done_already(job: TargetJob) -> bool:
    """Whether another run has built this target since the plan.

    Raises PlanOutdatedError if it built another one there.
    """
    known = job.session.workspace.ledger.find(job.target)
    if _is_as_planned(known, job.work.known):
        return False
    if known is not None and known.fingerprint == job.work.fingerprint and not known.forgotten:
        found = inspect_target(job.target, known, job.session.workspace.tools)
        if found is not None and is_as_written(known, found):
            return True
    raise PlanOutdatedError("the ledger's record of its target changed since the plan")


def _tell_telecine(job: TargetJob) -> None:
    """Before the hours of an encode: whether it makes 60 pictures of film that has 24."""
    work = job.work
    is_film = look_for_telecine(
        job.session.workspace,
        job.source_path,
        work.evaluation.source,
        work.content_key,
        work.recipe.settings,
    )
    if is_film:
        job.session.sink(Note(source=job.name, message=TELECINE_SEEN))


def _announce(job: TargetJob) -> None:
    source, settings = job.work.evaluation.source, job.work.recipe.settings
    job.session.sink(
        JobStarted(
            source=job.name,
            target=job.target,
            size_bytes=job.source_bytes,
            duration_s=source.film_s,
            frames=source.main.frames if source.main else None,
            causes=job.row.causes,
            encoder=job.work.encoder.name,
            limit_bytes=_most_bytes(job),
            quality=f"CRF {settings.crf:g}, preset {settings.preset}",
        )
    )


def _entry(job: TargetJob, result: VerifiedEncode, source_digest: str) -> TargetRow:
    work = job.work
    source, source_path = job.recorded_source
    return TargetRow(
        target=job.target,
        source=source,
        source_path=source_path,
        content_key=work.content_key,
        source_digest=source_digest,
        source_bytes=job.source_bytes,
        settings=work.recipe.settings,
        fingerprint=work.fingerprint,
        tools=tools_used(work.encoder, job.session.workspace.tools),
        target_bytes=result.encoded.size_bytes,
        target_mtime_ns=job.work.origin.stat.mtime_ns,
        target_key=result.content_key,
        target_head=result.head_key,
        target_digest=result.digest,
        rule=job.row.rule,
        built_at=now_text(),
        encode_s=round(result.encoded.elapsed_s, 3),
        verify_s=round(result.verified.elapsed_s, 3),
        run=job.session.run,
    )

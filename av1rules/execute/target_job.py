"""A job in progress, and what it needs: reservations, a private folder, an unchanged source."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from av1rules.base.errors import DiskFullError, PlanOutdatedError
from av1rules.base.events import JobDiscarded, JobProgress, Note
from av1rules.base.files import fsync_folder, temp_name
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.priority import Priority
from av1rules.base.stall import with_stall_timeout
from av1rules.base.system.leases import is_open_for_writing
from av1rules.base.text import printable
from av1rules.encode.job import EncodeJob
from av1rules.execute.quality_gate import Rejection
from av1rules.execute.receipts import record_attempt
from av1rules.execute.resources.disk_space import Reservation
from av1rules.execute.resources.memory import estimate_bytes
from av1rules.execute.session import Session
from av1rules.execute.worker import Worker, WorkerContext
from av1rules.ledger.provenance import provenance_json
from av1rules.ledger.records import tools_used
from av1rules.ledger.stand_ins import untouched_ns
from av1rules.media.source import FileStat
from av1rules.plan.items import ActiveItem, PlannedEncode
from av1rules.plan.target_state import found_at_target
from av1rules.policy.model import RunSpec


@contextmanager
def reserve_disk(job: TargetJob, need: int, places: list[str]) -> Iterator[Reservation]:
    """Reserve `need` bytes on the disks of `places`: where the result is written and where it goes.
    A disk that runs full all the same gets no more work in this run."""
    with job.session.disk_space.reserve(
        places,
        need,
        job.session.workspace.ruleset.run.reserve_bytes,
        check=job.session.workspace.children.check_stop,
        report=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ) as reservation:
        try:
            yield reservation
        except DiskFullError as problem:
            job.session.disk_space.mark_full(problem.place)
            raise
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                job.session.disk_space.mark_full(str(problem.filename or places[0]))
            raise


def memory_need(job: TargetJob) -> int:
    """The memory of one encode of this film, or of one of its segments."""
    main, run = job.work.evaluation.source.main, job.session.workspace.ruleset.run
    return estimate_bytes(
        (main.width if main else None) or _DEFAULT_WIDTH,
        (main.height if main else None) or _DEFAULT_HEIGHT,
        codec=job.work.encoder.codec,
        preset=job.work.recipe.settings.preset,
        threads=run.threads_per_job,
        cores=len(run.cpus) or None,
    )


@contextmanager
def reserve_memory(job: TargetJob) -> Iterator[None]:
    """Reserve the memory of one encode."""
    with job.session.memory.reserve(
        memory_need(job),
        check=job.session.workspace.children.check_stop,
        report=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ):
        yield


_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 1920, 1080
"""Assumed if the frame size is unknown."""


class TargetJob(msgspec.Struct, frozen=True, kw_only=True):
    """A planned row in progress, with what every step needs."""

    row: ActiveItem
    work: PlannedEncode
    target: str
    session: Session
    worker: Worker

    @property
    def name(self) -> str:
        return self.row.file.library_path

    @property
    def source_path(self) -> str:
        """The file that is encoded: the source, or its original in the trash."""
        return self.work.origin.path

    @property
    def source_bytes(self) -> int:
        return self.work.origin.stat.size_bytes

    @property
    def priority(self) -> Priority:
        return priority_of(self.session.workspace.ruleset.run)

    def worker_context(
        self, on_progress: Callable[[JobProgress], None], *, prefix: str = ""
    ) -> WorkerContext:
        """The context of a worker in this process. `prefix` makes its failpoints distinct."""
        return WorkerContext(
            children=self.session.workspace.children,
            memo=self.session.workspace.cache,
            on_progress=on_progress,
            on_note=lambda message: self.session.sink(Note(source=self.name, message=message)),
            failpoint=lambda name: self.session.failpoint(f"{prefix}{name}"),
        )

    def record_rejection(self, rejection: Rejection) -> None:
        """Record that this content with these settings was rejected, and report it."""
        record_attempt(
            self.row,
            self.session,
            rejection.kind,
            rejection.detail,
            target_bytes=rejection.size_bytes,
            measured=rejection.measured,
            is_projected=rejection.is_projected,
            film_s=self.work.evaluation.source.film_s,
        )
        self.session.sink(
            JobDiscarded(
                source=self.name,
                reason=rejection.detail,
                source_bytes=self.source_bytes,
                target_bytes=rejection.size_bytes,
            )
        )

    @property
    def recorded_source(self) -> tuple[str, str]:
        """Library path and path of the source for the ledger. A target that is made again from an
        original in the trash keeps those of its first encode."""
        known = self.work.known
        if self.work.origin is not self.row.file and known is not None:
            return known.source, known.source_path
        return self.name, self.row.file.path


def priority_of(run: RunSpec) -> Priority:
    """The priority of the processes that a run starts."""
    return Priority(nice=run.nice, io_class=run.io_class.value, cpus=run.cpus)


def encode_job_of(job: TargetJob, *, folder: str, digest: str) -> EncodeJob:
    """The job of encoding the whole source into `folder`. `digest` is that of the source."""
    work, workspace = job.work, job.session.workspace
    run = workspace.ruleset.run
    return EncodeJob(
        source_path=job.source_path,
        source=work.evaluation.source,
        settings=work.recipe.settings,
        encoder=work.encoder,
        target=job.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=job.source_bytes,
            settings=work.recipe.settings,
            tools=tools_used(work.encoder, workspace.tools),
            left_out=work.recipe.streams.dropped_by_rule,
        ),
        library_path=job.name,
        temp_dir=folder,
        wanted_deinterlace=_wanted_deinterlace(job),
        threads=run.threads_per_job,
        stall_timeout_s=run.stall_timeout_s,
        max_duration_s=run.max_duration_s,
        priority=job.priority,
        memory_bytes=run.memory_per_job,
    )


def _wanted_deinterlace(job: TargetJob) -> str:
    asked = job.work.evaluation.decision.settings
    return job.work.recipe.settings.deinterlace if asked is None else asked.deinterlace


@contextmanager
def private_folder(job: TargetJob, parent: Path) -> Iterator[str]:
    """A folder for the temporary files of this job. The ledger has it before it exists.

    A result that failed after it was prepared for publishing stays in the ledger, where `recover`
    finds out whether it was published.
    """
    ledger = job.session.workspace.ledger
    folder = str(temp_name(Path(job.target), folder=parent, suffix=""))
    ledger.begin(folder, job.name)
    job.session.failpoint("folder recorded")
    is_done = False
    try:
        job.session.folders.make_private(folder)
        job.session.failpoint("folder made")
        yield folder
        is_done = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        fsync_folder(parent)  # the ledger must not forget a folder that can come back
        job.session.folders.remove_unused(str(parent))
        job.session.failpoint("folder removed")
        ledger.release(folder, even_if_prepared=is_done)


def digest_of_planned(job: TargetJob) -> str:
    """The digest of the source. Raises PlanOutdatedError if it changed since the plan or is open
    for writing."""
    require_same_source(job)
    _require_not_open(job)
    job.session.sink(JobProgress(source=job.name, phase="digest"))
    digest = with_stall_timeout(
        lambda check: file_digest(job.source_path, check=check),
        stall_s=job.session.workspace.ruleset.run.stall_timeout_s,
        check=job.session.workspace.children.check,
        doing=f"reading {printable(job.source_path)}",
    )
    require_same_source(job)
    return digest


def require_same_source(job: TargetJob, *, digest: str | None = None) -> None:
    """Raise PlanOutdatedError unless the source is still the planned one: by its stat, else by its
    `digest`, else (if that is not known yet) by its content key."""
    planned, path = job.work.origin.stat, job.source_path
    try:
        found = os.stat(path)
        seen = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        if seen == (planned.size_bytes, planned.mtime_ns, planned.ctime_ns, planned.inode):
            return
        if _is_only_linked(job, planned, found):
            return
        if digest is None and content_key(path) == job.work.content_key:
            return
        if digest is not None and file_digest(path) == digest:
            return
    except OSError as problem:
        raise PlanOutdatedError(f"the source is gone: {problem.strerror}") from problem
    raise PlanOutdatedError("the source changed since it was planned")


def _is_only_linked(job: TargetJob, planned: FileStat, found: os.stat_result) -> bool:
    """Whether nothing but hard links of ours changed the source since the plan."""
    if (found.st_size, found.st_mtime_ns, found.st_ino) != (
        planned.size_bytes,
        planned.mtime_ns,
        planned.inode,
    ):
        return False
    known = job.session.workspace.ledger.own_touches.of_file(found.st_ino)
    return untouched_ns(known, found.st_ino, found.st_ctime_ns) == planned.ctime_ns


def _require_not_open(job: TargetJob) -> None:
    if is_open_for_writing(job.source_path):
        raise PlanOutdatedError("the source is being written to by another program")


def require_as_planned(job: TargetJob, digest: str) -> None:
    """The final check, right before the result is put in place. Raises PlanOutdatedError."""
    require_same_source(job, digest=digest)
    _require_not_open(job)
    if job.work.replaces and os.stat(job.source_path).st_nlink > job.work.origin.stat.links:
        raise PlanOutdatedError("the source got another name (hard link) since it was planned")
    _require_same_target(job)


def _require_same_target(job: TargetJob) -> None:
    """Raise PlanOutdatedError unless the target's place is as the plan saw it."""
    if job.work.replaces and job.target == job.row.file.path:
        return  # the source itself, which was just checked
    workspace = job.session.workspace
    found = found_at_target(job.target, job.work.known, workspace.ledger, workspace.tools)
    if found != job.work.found:
        raise PlanOutdatedError(
            f"the file in the target's place changed since the plan: {job.target}"
        )

"""One target, step by step: from a planned row to a verified file and its ledger row.

Nothing appears under the target's name before it is verified, and nothing is overwritten but the
very file that the plan saw there; a crash between any two steps is repaired by `recover`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from av1rules.base.digest import content_key, file_digest, head_key
from av1rules.base.errors import DiskFullError, EncodeError, PlanOutdatedError
from av1rules.base.events import JobDiscarded, JobProgress, JobStarted, Note
from av1rules.encode.engine import EncodeOutcome, encode
from av1rules.encode.job import EncodeJob
from av1rules.encode.verify import Verification, verify
from av1rules.graph.admission import estimate_bytes
from av1rules.graph.copies import copy_target
from av1rules.graph.deliver import deliver, done_event, require_replaceable
from av1rules.graph.in_place import look_in_place
from av1rules.graph.job import Job, digest_of_planned, private_folder
from av1rules.graph.planned import PlanAction, PlanRow
from av1rules.graph.provenance import provenance_json
from av1rules.graph.receipts import receipt_of
from av1rules.graph.room import Promise
from av1rules.graph.session import Outcome, Session, now_text
from av1rules.graph.stale import TargetRow, is_as_written, tools_used
from av1rules.graph.verdict import Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """An encode that is verified and small enough, in its private folder."""

    digest: str
    started_at: str
    encoded: EncodeOutcome
    verified: Verification


def build_target(row: PlanRow, session: Session) -> Outcome:
    """Build the target of a planned row. Raises Av1rulesError or OSError if it can't be built."""
    assert row.work is not None
    assert row.target is not None
    job = Job(row=row, work=row.work, target=row.target, session=session)
    if row.action is PlanAction.MOVE:
        return _moved(job)
    if _is_done_meanwhile(job):
        return Outcome.DONE
    _require_no_loop(job)
    session.require_disks()
    require_replaceable(job)
    settings = row.work.making.settings
    temp_dir = session.space.ruleset.output.temp_dir
    need = int(job.source_bytes * settings.max_size_ratio)
    with room_for(job, need, [str(place) for place in (temp_dir, job.target) if place]) as promise:
        os.makedirs(os.path.dirname(job.target), exist_ok=True)
        parent = Path(job.target).parent
        if row.action is PlanAction.COPY:
            with private_folder(job, parent) as folder:
                if copy_target(job, folder):
                    return Outcome.COPIED
        with private_folder(job, temp_dir or parent) as folder:
            return _encode_and_deliver(job, folder, promise)


def _moved(job: Job) -> Outcome:
    """Moves are carried out before anything is built: what is left is to look whether this one came
    about."""
    if not _is_as_planned(job.session.space.ledger.find(job.target), job.work.known):
        raise PlanOutdatedError("its target could not follow it; the next plan looks again")
    return Outcome.DONE


def _require_no_loop(job: Job) -> None:
    """The plan never makes a source of a target; the last line of defence, since what follows would
    encode our own result again and again."""
    if job.work.look.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")


def _encode_and_deliver(job: Job, folder: str, promise: Promise) -> Outcome:
    space = job.session.space

    def sink(event: JobProgress) -> None:
        promise.wrote(event.size_bytes)
        job.session.sink(event)

    digest = digest_of_planned(job)
    job.session.step("source read")
    encode_job = encode_job_of(job, folder=folder, digest=digest)
    with memory_for(job):
        _announce(job)
        started_at = now_text()
        encoded = encode(encode_job, tools=space.tools, children=space.children, on_progress=sink)
        job.session.step("encoded")
        if encoded.size_bytes > job.work.making.settings.max_size_ratio * job.source_bytes:
            return _discard(job, encoded)
        verified = verify(
            encode_job, encoded, tools=space.tools, children=space.children, on_progress=sink
        )
    _require_sound(verified, encoded)
    job.session.step("verified")
    made = _Made(digest=digest, started_at=started_at, encoded=encoded, verified=verified)
    entry = _entry(job, made)
    receipt = receipt_of(job.row, job.work, entry, encoded, verified, started_at=started_at)
    entry = deliver(job, encoded.path, entry, receipt, folder=folder)
    job.session.tally.add_bytes(source=job.source_bytes, target=entry.target_bytes)
    job.session.sink(done_event(job, entry))
    return Outcome.DONE


def _is_as_planned(known: TargetRow | None, planned: TargetRow | None) -> bool:
    """Whether the ledger says the same, but for the target's time: a move notes it anew."""
    if known is None or planned is None:
        return known is planned
    return replace(known, target_mtime_ns=planned.target_mtime_ns) == planned


def _is_done_meanwhile(job: Job) -> bool:
    """Whether the ledger changed since the plan: another run may have built this very target.

    Raises PlanOutdatedError if it built something else there.
    """
    known = job.session.space.ledger.find(job.target)
    if _is_as_planned(known, job.work.known):
        return False
    if known is not None and known.fingerprint == job.work.fingerprint and not known.forgotten:
        found = look_in_place(job.target, known, job.session.space.tools)
        if found is not None and is_as_written(known, found):
            return True
    raise PlanOutdatedError("the ledger's record of its target changed since the plan")


@contextmanager
def room_for(job: Job, need: int, places: list[str]) -> Iterator[Promise]:
    """Room for so many bytes (the largest result the policy would keep) where it is written and
    where it goes. A disk that runs full in spite of it takes no more work in this run."""
    with job.session.room.promised(
        places,
        need,
        job.session.space.ruleset.run.reserve_bytes,
        check=job.session.space.children.check,
        tell=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ) as promise:
        try:
            yield promise
        except DiskFullError as problem:
            job.session.room.mark_full(problem.place)
            raise
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                job.session.room.mark_full(str(problem.filename or places[0]))
            raise


@contextmanager
def memory_for(job: Job) -> Iterator[None]:
    """Memory for one encode beside the others."""
    main, run = job.work.look.source.main, job.session.space.ruleset.run
    need = estimate_bytes(
        (main.width if main else None) or _WIDE,
        (main.height if main else None) or _HIGH,
        codec=job.work.encoder.codec,
        preset=job.work.making.settings.preset,
        threads=run.threads_per_job,
        cores=len(run.cpus) or None,
    )
    with job.session.memory.admitted(
        need,
        check=job.session.space.children.check,
        tell=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ):
        yield


_WIDE, _HIGH = 1920, 1080
"""Taken where the size of the pictures is not known."""


def encode_job_of(job: Job, *, folder: str, digest: str) -> EncodeJob:
    work, space = job.work, job.session.space
    run = space.ruleset.run
    return EncodeJob(
        source_path=job.source_path,
        source=work.look.source,
        settings=work.making.settings,
        encoder=work.encoder,
        target=job.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=job.source_bytes,
            settings=work.making.settings,
            tools=tools_used(work.encoder, space.tools),
        ),
        library_path=job.name,
        temp_dir=folder,
        threads=run.threads_per_job,
        stall_timeout_s=run.stall_timeout_s,
        max_duration_s=run.max_duration_s,
        priority=job.priority,
        memory_bytes=run.memory_per_job,
    )


def _announce(job: Job) -> None:
    source = job.work.look.source
    job.session.sink(
        JobStarted(
            source=job.name,
            target=job.target,
            size_bytes=job.source_bytes,
            duration_s=source.duration_s,
            frames=source.main.frames if source.main else None,
            causes=job.row.causes,
            encoder=job.work.encoder.name,
        )
    )


def _discard(job: Job, encoded: EncodeOutcome) -> Outcome:
    """Too large to keep: remembered for this content and these settings."""
    ratio = encoded.size_bytes / job.source_bytes
    projected = "projected to be " if encoded.is_projected else ""
    detail = (
        f"too large: {projected}{ratio:.0%} of the source, "
        f"the policy keeps at most {job.work.making.settings.max_size_ratio:.0%}"
    )
    job.session.space.ledger.record_verdict(
        _verdict(job.row, VerdictKind.TOO_LARGE, detail, encoded.size_bytes)
    )
    job.session.sink(
        JobDiscarded(
            source=job.name,
            reason=detail,
            source_bytes=job.source_bytes,
            target_bytes=encoded.size_bytes,
        )
    )
    return Outcome.DISCARDED


def record_failure(row: PlanRow, session: Session, problem: EncodeError) -> None:
    """Count a failure of this content with these settings, with the first line of its reason."""
    first_line = problem.message.partition("\n")[0]
    session.space.ledger.record_verdict(_verdict(row, VerdictKind.FAILED, first_line, None))


def _verdict(row: PlanRow, kind: VerdictKind, detail: str, target_bytes: int | None) -> Verdict:
    assert row.work is not None
    return Verdict(
        kind=kind,
        content_key=row.work.content_key,
        fingerprint=row.work.fingerprint,
        source=row.file.library_path,
        detail=detail,
        source_bytes=row.work.origin.stat.size_bytes,
        target_bytes=target_bytes,
        count=1,
        at=now_text(),
    )


def _require_sound(verified: Verification, encoded: EncodeOutcome) -> None:
    if not verified.passed:
        raise EncodeError(
            f"{verified.message}\n  command: {encoded.command}",
            hint=verified.hint,
        )


def _entry(job: Job, made: _Made) -> TargetRow:
    work, temp = job.work, made.encoded.path
    source, source_path = job.recorded_source
    return TargetRow(
        target=job.target,
        source=source,
        source_path=source_path,
        content_key=work.content_key,
        source_digest=made.digest,
        source_bytes=job.source_bytes,
        settings=work.making.settings,
        fingerprint=work.fingerprint,
        tools=tools_used(work.encoder, job.session.space.tools),
        target_bytes=made.encoded.size_bytes,
        target_mtime_ns=job.work.origin.stat.mtime_ns,
        target_key=content_key(temp),
        target_head=head_key(temp),
        target_digest=file_digest(temp, check=job.session.space.children.check),
        rule=job.row.rule,
        built_at=now_text(),
        encode_s=round(made.encoded.elapsed_s, 3),
        verify_s=round(made.verified.elapsed_s, 3),
        run=job.session.run,
    )

"""One target, step by step: from a planned row to a verified file and its ledger row.

Nothing appears under the target's name before it is verified, and nothing is overwritten but the
very file that the plan saw there; a crash between any two steps is repaired by `recover`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from av1rules.base.atomic import temp_name
from av1rules.base.digest import content_key, file_digest, head_key
from av1rules.base.errors import EncodeError, PlanOutdatedError
from av1rules.base.events import JobDiscarded, JobDone, JobProgress, JobStarted, Note
from av1rules.encode.engine import EncodeOutcome, encode
from av1rules.encode.job import EncodeJob
from av1rules.encode.publish import Dress, publish_target
from av1rules.encode.receipt import Receipt, receipt_json
from av1rules.encode.verify import Verification, verify
from av1rules.graph.in_place import look_in_place
from av1rules.graph.plan_file import tools_used
from av1rules.graph.planned import PlanRow, Work
from av1rules.graph.provenance import provenance_json
from av1rules.graph.receipts import receipt_of, write_receipt
from av1rules.graph.session import Outcome, Session
from av1rules.graph.stale import TargetRow, is_as_written
from av1rules.graph.verdict import Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A planned row under way: its work and target, which every step needs."""

    row: PlanRow
    work: Work
    target: str
    session: Session

    @property
    def name(self) -> str:
        return self.row.file.library_path


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
    if _is_done_meanwhile(job):
        return Outcome.DONE
    with _room(job):
        os.makedirs(os.path.dirname(job.target), exist_ok=True)
        temp_dir = session.space.ruleset.output.temp_dir
        with _private_folder(job, temp_dir or Path(job.target).parent) as folder:
            return _encode_and_publish(job, folder)


def _encode_and_publish(job: Job, folder: str) -> Outcome:
    space, sink = job.session.space, job.session.sink
    digest = _digest_of_planned(job)
    encode_job = _encode_job(job, folder=folder, digest=digest)
    _announce(job)
    started_at = _now()
    encoded = encode(encode_job, tools=space.tools, children=space.children, on_progress=sink)
    if encoded.size_bytes > job.work.making.settings.max_size_ratio * job.row.size_bytes:
        return _discard(job, encoded)
    verified = verify(
        encode_job, encoded, tools=space.tools, children=space.children, on_progress=sink
    )
    _require_sound(verified, encoded)
    _publish(
        job,
        _Made(digest=digest, started_at=started_at, encoded=encoded, verified=verified),
        folder=folder,
    )
    return Outcome.DONE


def _is_done_meanwhile(job: Job) -> bool:
    """Whether the ledger changed since the plan: another run may have built this very target.

    Raises PlanOutdatedError if it built something else there.
    """
    known = job.session.space.ledger.find(job.target)
    if known == job.work.known:
        return False
    if known is not None and known.fingerprint == job.work.fingerprint and not known.forgotten:
        found = look_in_place(job.target, known, job.session.space.tools)
        if found is not None and is_as_written(known, found):
            return True
    raise PlanOutdatedError("the ledger's record of its target changed since the plan")


@contextmanager
def _room(job: Job) -> Iterator[None]:
    """Room for the largest result the policy would keep, where it is written and where it goes."""
    ruleset = job.session.space.ruleset
    need = int(job.row.size_bytes * job.work.making.settings.max_size_ratio)
    places = [str(place) for place in (ruleset.output.temp_dir, job.target) if place]
    with job.session.room.promised(places, need, ruleset.run.reserve_bytes):
        yield


@contextmanager
def _private_folder(job: Job, parent: Path) -> Iterator[str]:
    """A folder of this job's own for its temporary files, in the ledger before it exists.

    What was prepared for publishing and then failed stays in the ledger: `recover` finds out
    whether it was published.
    """
    ledger = job.session.space.ledger
    folder = str(temp_name(Path(job.target), folder=parent, suffix=""))
    ledger.begin(folder, job.name)
    is_done = False
    try:
        os.makedirs(folder, mode=0o700)
        yield folder
        is_done = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        ledger.release(folder, even_if_prepared=is_done)


def _digest_of_planned(job: Job) -> str:
    """The digest of the whole source, which must be the one that was planned."""
    _require_same_source(job)
    job.session.sink(JobProgress(source=job.name, phase="digest"))
    digest = file_digest(job.row.file.path, check=job.session.space.children.check)
    _require_same_source(job)
    return digest


def _require_same_source(job: Job, *, digest: str | None = None) -> None:
    """Raise PlanOutdatedError unless the source is still the planned one: by its stat, else by
    its `digest`, else (before that is known) by its samples."""
    planned, path = job.row.file.stat, job.row.file.path
    try:
        found = os.stat(path)
        seen = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        if seen == (planned.size_bytes, planned.mtime_ns, planned.ctime_ns, planned.inode):
            return
        if digest is None and content_key(path) == job.work.content_key:
            return
        if digest is not None and file_digest(path) == digest:
            return
    except OSError as problem:
        raise PlanOutdatedError(f"the source is gone: {problem.strerror}") from problem
    raise PlanOutdatedError("the source changed since it was planned")


def _require_as_planned(job: Job, digest: str) -> None:
    """The last look, right before the rename."""
    _require_same_source(job, digest=digest)
    _require_same_target(job)


def _require_same_target(job: Job) -> None:
    """Raise PlanOutdatedError unless in the target's place lies what the plan saw there."""
    found = look_in_place(job.target, job.work.known, job.session.space.tools)
    if found != job.work.found:
        raise PlanOutdatedError(
            f"what lies in the target's place changed since the plan: {job.target}"
        )


def _encode_job(job: Job, *, folder: str, digest: str) -> EncodeJob:
    work, space = job.work, job.session.space
    return EncodeJob(
        source_path=job.row.file.path,
        source=work.look.source,
        settings=work.making.settings,
        encoder=work.encoder,
        target=job.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=job.row.size_bytes,
            settings=work.making.settings,
            tools=tools_used(work.encoder, space.tools),
        ),
        library_path=job.name,
        temp_dir=folder,
        threads=space.ruleset.run.threads_per_job,
        stall_timeout_s=space.ruleset.run.stall_timeout_s,
    )


def _announce(job: Job) -> None:
    source = job.work.look.source
    job.session.sink(
        JobStarted(
            source=job.name,
            target=job.target,
            size_bytes=job.row.size_bytes,
            duration_s=source.duration_s,
            frames=source.main.frames if source.main else None,
            causes=job.row.causes,
            encoder=job.work.encoder.name,
        )
    )


def _discard(job: Job, encoded: EncodeOutcome) -> Outcome:
    """Too large to keep: remembered for this content and these settings."""
    ratio = encoded.size_bytes / job.row.size_bytes
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
            source_bytes=job.row.size_bytes,
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
        source_bytes=row.size_bytes,
        target_bytes=target_bytes,
        count=1,
        at=_now(),
    )


def _require_sound(verified: Verification, encoded: EncodeOutcome) -> None:
    if not verified.passed:
        raise EncodeError(
            f"{verified.message}\n  command: {encoded.command}",
            hint=verified.hint,
        )


def _publish(job: Job, made: _Made, *, folder: str) -> None:
    """Record the verified result, put it in place, and only then call it done."""
    space = job.session.space
    entry = _entry(job, made)
    receipt = receipt_of(
        job.row, job.work, entry, made.encoded, made.verified, started_at=made.started_at
    )
    stored = receipt_json(receipt).encode()
    space.ledger.prepare(folder, entry, stored)
    # From a temp folder elsewhere the file comes by copy: that too in a folder of our own.
    is_near = space.ruleset.output.temp_dir is None
    with nullcontext() if is_near else _private_folder(job, Path(job.target).parent) as near:
        publish_target(
            made.encoded.path,
            job.target,
            source=job.row.file.path,
            dress=Dress.of(space.ruleset.output),
            copy_folder=near,
            replace=job.work.found is not None,
            check=lambda: _require_as_planned(job, made.digest),
        )
    entry = replace(entry, target_mtime_ns=os.stat(job.target).st_mtime_ns)
    space.ledger.commit(entry, stored)
    _write_receipt(job, receipt)
    job.session.tally.add_bytes(source=job.row.size_bytes, target=entry.target_bytes)
    job.session.sink(
        JobDone(
            source=job.name,
            target=job.target,
            source_bytes=job.row.size_bytes,
            target_bytes=entry.target_bytes,
            encode_s=made.encoded.elapsed_s,
            verify_s=made.verified.elapsed_s,
        )
    )


def _write_receipt(job: Job, receipt: Receipt) -> None:
    """The target is done whatever becomes of its receipt file: the ledger has the receipt too."""
    try:
        write_receipt(receipt, job.session.space.ruleset.output.receipts)
    except OSError as problem:
        message = f"its receipt could not be written: {problem.strerror} (the ledger has it)"
        job.session.sink(Note(source=job.name, message=message))


def _entry(job: Job, made: _Made) -> TargetRow:
    work, temp = job.work, made.encoded.path
    return TargetRow(
        target=job.target,
        source=job.name,
        source_path=job.row.file.path,
        content_key=work.content_key,
        source_digest=made.digest,
        source_bytes=job.row.size_bytes,
        settings=work.making.settings,
        fingerprint=work.fingerprint,
        tools=tools_used(work.encoder, job.session.space.tools),
        target_bytes=made.encoded.size_bytes,
        target_mtime_ns=job.row.file.stat.mtime_ns,
        target_key=content_key(temp),
        target_head=head_key(temp),
        target_digest=file_digest(temp, check=job.session.space.children.check),
        rule=job.row.rule,
        built_at=_now(),
        encode_s=round(made.encoded.elapsed_s, 3),
        verify_s=round(made.verified.elapsed_s, 3),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

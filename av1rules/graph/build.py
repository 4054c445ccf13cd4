"""One target, step by step: from a planned row to a verified file and its ledger row.

Nothing appears under the target's name before it is verified; a crash between any two steps is
repaired by `recover` at the next start.
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
from av1rules.base.digest import content_key, file_digest
from av1rules.base.errors import Av1rulesError, EncodeError, SourceChangedError
from av1rules.base.events import JobDiscarded, JobDone, JobProgress, JobStarted
from av1rules.base.units import format_size
from av1rules.encode.engine import EncodeOutcome, encode
from av1rules.encode.job import EncodeJob
from av1rules.encode.publish import publish_target
from av1rules.encode.receipt import receipt_json
from av1rules.encode.verify import Verification, verify
from av1rules.graph.ledger import Verdict, VerdictKind
from av1rules.graph.plan_file import tools_used
from av1rules.graph.planned import PlanRow, Work
from av1rules.graph.provenance import provenance_json
from av1rules.graph.receipts import receipt_of, write_receipt
from av1rules.graph.session import Outcome, Session
from av1rules.graph.stale import TargetRow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """An encode that is verified and small enough, in its private folder."""

    digest: str
    started_at: str
    encoded: EncodeOutcome
    verified: Verification


def build_target(row: PlanRow, session: Session) -> Outcome:
    """Build the target of a planned row. Raises Av1rulesError or OSError if it can't be built."""
    work, target = row.work, row.target
    assert work is not None
    assert target is not None
    session.space.children.check()
    _require_room(row, session)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temp_dir = session.space.ruleset.output.temp_dir
    with _private_folder(row, session, temp_dir or Path(target).parent) as folder:
        digest = _digest_of_planned(row, work, session)
        job = _job(row, work, session, folder=folder, digest=digest)
        _announce(row, work, session)
        started_at = _now()
        encoded = encode(
            job,
            tools=session.space.tools,
            children=session.space.children,
            on_progress=session.sink,
        )
        if encoded.size_bytes > work.settings.max_size_ratio * row.size_bytes:
            return _discard(row, work, session, encoded)
        verified = verify(
            job, encoded, tools=session.space.tools, children=session.space.children,
            on_progress=session.sink,
        )  # fmt: skip
        _require_sound(verified, encoded)
        _require_same_source(row, work)
        made = _Made(digest=digest, started_at=started_at, encoded=encoded, verified=verified)
        _publish(row, work, session, folder=folder, made=made)
    return Outcome.DONE


def _require_room(row: PlanRow, session: Session) -> None:
    """Room for the largest result the policy would keep, and the reserve, where it is written."""
    assert row.work is not None
    assert row.target is not None
    output = session.space.ruleset.output
    need = int(row.size_bytes * row.work.settings.max_size_ratio)
    reserve = session.space.ruleset.run.reserve_bytes
    for place in filter(None, (output.temp_dir, row.target)):
        folder = _existing(str(place))
        free = shutil.disk_usage(folder).free
        if free < need + reserve:
            raise Av1rulesError(
                f"not enough room: {format_size(free)} free, needed are up to "
                f"{format_size(need)} and a reserve of {format_size(reserve)}",
                where=folder,
                hint="free some space, or set output.temp_dir or run.reserve",
            )


def _existing(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


@contextmanager
def _private_folder(row: PlanRow, session: Session, parent: Path) -> Iterator[str]:
    """A folder of this job's own for all its temporary files, in the ledger before it exists."""
    assert row.target is not None
    folder = str(temp_name(Path(row.target), folder=parent, suffix=""))
    session.space.ledger.begin(folder, row.file.library_path)
    try:
        os.makedirs(folder, mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        session.space.ledger.release(folder)


def _digest_of_planned(row: PlanRow, work: Work, session: Session) -> str:
    """The digest of the whole source, which must be the one that was planned."""
    _require_same_source(row, work)
    name = row.file.library_path
    session.sink(JobProgress(source=name, phase="digest"))
    digest = file_digest(row.file.path, check=session.space.children.check)
    _require_same_source(row, work)
    return digest


def _require_same_source(row: PlanRow, work: Work) -> None:
    planned = row.file.stat
    try:
        found = os.stat(row.file.path)
        same_stat = (found.st_size, found.st_mtime_ns) == (planned.size_bytes, planned.mtime_ns)
        if same_stat and found.st_ino == planned.inode:
            return
        if content_key(row.file.path) == work.content_key:
            return
    except OSError as problem:
        raise SourceChangedError(f"the source is gone: {problem.strerror}") from problem
    raise SourceChangedError("the source changed since it was planned")


def _job(row: PlanRow, work: Work, session: Session, *, folder: str, digest: str) -> EncodeJob:
    assert row.target is not None
    tools, run = session.space.tools, session.space.ruleset.run
    return EncodeJob(
        source_path=row.file.path,
        source=work.source,
        settings=work.settings,
        encoder=work.encoder,
        target=row.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=row.size_bytes,
            settings=work.settings,
            tools=tools_used(work.encoder, tools),
        ),
        library_path=row.file.library_path,
        temp_dir=folder,
        threads=run.threads_per_job,
        stall_timeout_s=run.stall_timeout_s,
    )


def _announce(row: PlanRow, work: Work, session: Session) -> None:
    assert row.target is not None
    main = work.source.main
    session.sink(
        JobStarted(
            source=row.file.library_path,
            target=row.target,
            size_bytes=row.size_bytes,
            duration_s=work.source.duration_s,
            frames=main.frames if main else None,
            causes=row.causes,
            encoder=work.encoder.name,
        )
    )


def _discard(row: PlanRow, work: Work, session: Session, encoded: EncodeOutcome) -> Outcome:
    """Too large to keep: remembered for this content and these settings."""
    ratio = encoded.size_bytes / row.size_bytes
    projected = "projected to be " if encoded.is_projected else ""
    detail = (
        f"too large: {projected}{ratio:.0%} of the source, "
        f"the policy keeps at most {work.settings.max_size_ratio:.0%}"
    )
    session.space.ledger.record_verdict(
        _verdict(row, work, VerdictKind.TOO_LARGE, detail, encoded.size_bytes)
    )
    session.sink(
        JobDiscarded(
            source=row.file.library_path,
            reason=detail,
            source_bytes=row.size_bytes,
            target_bytes=encoded.size_bytes,
        )
    )
    return Outcome.DISCARDED


def record_failure(row: PlanRow, session: Session, problem: EncodeError) -> None:
    """Count a failure of this content with these settings, with its reason."""
    assert row.work is not None
    first_line = problem.message.partition("\n")[0]
    session.space.ledger.record_verdict(
        _verdict(row, row.work, VerdictKind.FAILED, first_line, None)
    )


def _verdict(
    row: PlanRow, work: Work, kind: VerdictKind, detail: str, target_bytes: int | None
) -> Verdict:
    return Verdict(
        kind=kind,
        content_key=work.content_key,
        fingerprint=work.fingerprint,
        source=row.file.library_path,
        detail=detail,
        source_bytes=row.size_bytes,
        target_bytes=target_bytes,
        count=1,
        at=_now(),
    )


def _require_sound(verified: Verification, encoded: EncodeOutcome) -> None:
    failed = [check for check in verified.checks if not check.passed]
    if failed:
        lines = "\n".join(f"  {check.name}: {check.detail}" for check in failed)
        raise EncodeError(
            f"the encode did not pass verification:\n{lines}\n  command: {encoded.command}",
            hint="the source may be damaged; the result was thrown away, the source is untouched",
        )


def _publish(row: PlanRow, work: Work, session: Session, *, folder: str, made: _Made) -> None:
    """Record the verified result, put it in place, and only then call it done."""
    assert row.target is not None
    space, target = session.space, row.target
    entry = _entry(row, work, session, made)
    receipt = receipt_of(row, work, entry, made.encoded, made.verified, started_at=made.started_at)
    stored = receipt_json(receipt).encode()
    space.ledger.prepare(folder, entry, stored)
    # From a temp folder elsewhere the file comes by copy: that too in a folder of our own.
    is_near = space.ruleset.output.temp_dir is None
    beside = nullcontext() if is_near else _private_folder(row, session, Path(target).parent)
    with beside as near:
        publish_target(
            made.encoded.path,
            target,
            source=row.file.path,
            keep_mtime_of=row.file.path if space.ruleset.output.keep_mtime else None,
            copy_folder=near,
        )
    entry = replace(entry, target_mtime_ns=os.stat(target).st_mtime_ns)
    space.ledger.commit(folder, entry, stored)
    write_receipt(receipt, space.ruleset.output.receipts)
    session.tally.add_bytes(source=row.size_bytes, target=entry.target_bytes)
    session.sink(
        JobDone(
            source=row.file.library_path,
            target=target,
            source_bytes=row.size_bytes,
            target_bytes=entry.target_bytes,
            encode_s=made.encoded.elapsed_s,
            verify_s=made.verified.elapsed_s,
        )
    )


def _entry(row: PlanRow, work: Work, session: Session, made: _Made) -> TargetRow:
    assert row.target is not None
    temp, check = made.encoded.path, session.space.children.check
    return TargetRow(
        target=row.target,
        source=row.file.library_path,
        content_key=work.content_key,
        source_digest=made.digest,
        source_bytes=row.size_bytes,
        settings=work.settings,
        fingerprint=work.fingerprint,
        tools=tools_used(work.encoder, session.space.tools),
        target_bytes=made.encoded.size_bytes,
        target_mtime_ns=row.file.stat.mtime_ns,
        target_key=content_key(temp),
        target_digest=file_digest(temp, check=check),
        rule=row.rule,
        built_at=_now(),
        encode_s=round(made.encoded.elapsed_s, 3),
        verify_s=round(made.verified.elapsed_s, 3),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

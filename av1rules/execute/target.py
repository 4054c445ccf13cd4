"""One target, step by step: from a planned row to a verified file and its ledger row.

Nothing appears under the target's name before it is verified, and nothing is overwritten but the
very file that the plan saw there; a crash between any two steps is repaired by `recover`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from av1rules.base.errors import EncodeError, PlanOutdatedError
from av1rules.base.events import JobDiscarded, JobProgress, JobStarted
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.base.units import now_text
from av1rules.encode.encode import EncodeOutcome, encode
from av1rules.encode.verify import Verification, verify
from av1rules.execute.copy import copy_target
from av1rules.execute.deliver import deliver, done_event, require_replaceable
from av1rules.execute.encode_request import encode_job_of
from av1rules.execute.prerequisites import with_prerequisites
from av1rules.execute.quality_gate import Scored, measured_figures, require_scorable, score_encode
from av1rules.execute.receipts import receipt_of, record_attempt
from av1rules.execute.resources.disk_space import Reservation
from av1rules.execute.session import Outcome, Session
from av1rules.execute.target_job import (
    TargetJob,
    digest_of_planned,
    private_folder,
    reserve_disk,
    reserve_memory,
)
from av1rules.ledger.records import AttemptResult, TargetRow, tools_used
from av1rules.plan.items import PlanAction, PlanRow
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.policy.quality_spec import shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """An encode that is verified and small enough, in its private folder."""

    digest: str
    started_at: str
    encoded: EncodeOutcome
    verified: Verification
    scored: Scored


def build_target(row: PlanRow, session: Session) -> Outcome:
    """Build the target of a planned row. Raises Av1rulesError or OSError if it can't be built."""
    assert row.work is not None
    assert row.target is not None
    job = TargetJob(row=row, work=row.work, target=row.target, session=session)
    if row.action is PlanAction.MOVE:
        return _moved(job)
    if _is_done_meanwhile(job):
        return Outcome.DONE
    _require_no_loop(job)
    session.require_disks()
    require_replaceable(job)
    if row.action is PlanAction.COPY:
        if _is_copied(job):
            return Outcome.COPIED
        row = replace(row, action=PlanAction.ENCODE)
    require_scorable(job)
    known = with_prerequisites(row, session)
    if isinstance(known, Outcome):
        return known
    assert known.work is not None
    job = replace(job, row=known, work=known.work)
    temp_dir = session.workspace.ruleset.output.temp_dir
    places = [str(place) for place in (temp_dir, job.target) if place]
    with reserve_disk(job, _most_bytes(job), places) as promise:
        os.makedirs(os.path.dirname(job.target), exist_ok=True)
        with private_folder(job, temp_dir or Path(job.target).parent) as folder:
            return _encode_and_deliver(job, folder, promise)


def _most_bytes(job: TargetJob) -> int:
    """The largest result that the policy would keep."""
    return int(job.source_bytes * job.work.recipe.settings.max_size_ratio)


def _is_copied(job: TargetJob) -> bool:
    """Whether the target of the same content could be linked or copied."""
    with reserve_disk(job, _most_bytes(job), [job.target]):
        os.makedirs(os.path.dirname(job.target), exist_ok=True)
        with private_folder(job, Path(job.target).parent) as folder:
            return copy_target(job, folder)


def _moved(job: TargetJob) -> Outcome:
    """Moves are carried out before anything is built: what is left is to look whether this one came
    about."""
    if not _is_as_planned(job.session.workspace.ledger.find(job.target), job.work.known):
        raise PlanOutdatedError("its target could not follow it; the next plan looks again")
    return Outcome.DONE


def _require_no_loop(job: TargetJob) -> None:
    """The plan never makes a source of a target; the last line of defence, since what follows would
    encode our own result again and again."""
    if job.work.look.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")


def _encode_and_deliver(job: TargetJob, folder: str, promise: Reservation) -> Outcome:
    workspace = job.session.workspace

    def sink(event: JobProgress) -> None:
        promise.wrote(event.size_bytes)
        job.session.sink(event)

    digest = digest_of_planned(job)
    job.session.step("source read")
    encode_job = encode_job_of(job, folder=folder, digest=digest)
    with reserve_memory(job):
        _announce(job)
        started_at = now_text()
        encoded = encode(
            encode_job, tools=workspace.tools, children=workspace.children, on_progress=sink
        )
        job.session.step("encoded")
        if encoded.size_bytes > job.work.recipe.settings.max_size_ratio * job.source_bytes:
            return _discard(job, encoded)
        verified = verify(
            encode_job,
            encoded,
            tools=workspace.tools,
            children=workspace.children,
            on_progress=sink,
        )
        _require_sound(verified, encoded)
        job.session.step("verified")
        scored = score_encode(job, encode_job, encoded, verified)
    if _is_too_poor(job, encoded, scored):
        return Outcome.DISCARDED
    made = _Made(
        digest=digest, started_at=started_at, encoded=encoded, verified=verified, scored=scored
    )
    entry = _entry(job, made)
    receipt = receipt_of(
        job.row,
        job.work,
        entry,
        encoded,
        verified,
        started_at=started_at,
        scores=scored.scores,
        score_scope=scored.scope,
        score_problem=scored.problem,
    )
    entry = deliver(job, encoded.path, entry, receipt, folder=folder)
    job.session.tally.add_bytes(source=job.source_bytes, target=entry.target_bytes)
    job.session.sink(done_event(job, entry))
    return Outcome.DONE


def _is_as_planned(known: TargetRow | None, planned: TargetRow | None) -> bool:
    """Whether the ledger says the same, but for the target's time: a move notes it anew."""
    if known is None or planned is None:
        return known is planned
    return replace(known, target_mtime_ns=planned.target_mtime_ns) == planned


def _is_done_meanwhile(job: TargetJob) -> bool:
    """Whether the ledger changed since the plan: another run may have built this very target.

    Raises PlanOutdatedError if it built something else there.
    """
    known = job.session.workspace.ledger.find(job.target)
    if _is_as_planned(known, job.work.known):
        return False
    if known is not None and known.fingerprint == job.work.fingerprint and not known.forgotten:
        found = inspect_target(job.target, known, job.session.workspace.tools)
        if found is not None and is_as_written(known, found):
            return True
    raise PlanOutdatedError("the ledger's record of its target changed since the plan")


def _announce(job: TargetJob) -> None:
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


def _discard(job: TargetJob, encoded: EncodeOutcome) -> Outcome:
    """Too large to keep: remembered for this content and these settings."""
    ratio = encoded.size_bytes / job.source_bytes
    projected = "projected to be " if encoded.is_projected else ""
    detail = (
        f"too large: {projected}{ratio:.0%} of the source, "
        f"the policy keeps at most {job.work.recipe.settings.max_size_ratio:.0%}"
    )
    record_attempt(
        job.row, job.session, AttemptResult.TOO_LARGE, detail, target_bytes=encoded.size_bytes
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


def _is_too_poor(job: TargetJob, encoded: EncodeOutcome, scored: Scored) -> bool:
    """Whether it is below a floor of the policy: remembered for this content and these settings."""
    gate = job.work.recipe.settings.verify
    if gate is None or scored.scope is None:
        return False
    figures = measured_figures(gate, scored) if gate.floors else ()
    detail = shortfall(gate, figures)
    if detail is None:
        return False
    caveats = dict.fromkeys(caveat for score in scored.scores for caveat in score.caveats)
    told = "; ".join((detail, *caveats))
    record_attempt(
        job.row,
        job.session,
        AttemptResult.TOO_POOR,
        told,
        target_bytes=encoded.size_bytes,
        measured=figures,
    )
    job.session.sink(
        JobDiscarded(
            source=job.name,
            reason=told,
            source_bytes=job.source_bytes,
            target_bytes=encoded.size_bytes,
        )
    )
    return True


def _require_sound(verified: Verification, encoded: EncodeOutcome) -> None:
    if not verified.passed:
        raise EncodeError(
            f"{verified.message}\n  command: {encoded.command}",
            hint=verified.hint,
        )


def _entry(job: TargetJob, made: _Made) -> TargetRow:
    work, temp = job.work, made.encoded.path
    source, source_path = job.recorded_source
    return TargetRow(
        target=job.target,
        source=source,
        source_path=source_path,
        content_key=work.content_key,
        source_digest=made.digest,
        source_bytes=job.source_bytes,
        settings=work.recipe.settings,
        fingerprint=work.fingerprint,
        tools=tools_used(work.encoder, job.session.workspace.tools),
        target_bytes=made.encoded.size_bytes,
        target_mtime_ns=job.work.origin.stat.mtime_ns,
        target_key=content_key(temp),
        target_head=head_key(temp),
        target_digest=file_digest(temp, check=job.session.workspace.children.check),
        rule=job.row.rule,
        built_at=now_text(),
        encode_s=round(made.encoded.elapsed_s, 3),
        verify_s=round(made.verified.elapsed_s, 3),
        run=job.session.run,
    )

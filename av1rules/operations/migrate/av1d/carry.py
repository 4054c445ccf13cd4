"""Carries the outcome of av1d's jobs into the ledger, as far as it still says something."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from av1rules.base.events import Outcome, Sink
from av1rules.base.units import now_text
from av1rules.execute.session import Session
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.media.cache import ProbeFailure
from av1rules.media.source import FileStat, LibraryFile, Source
from av1rules.operations.migrate.av1d.config import ConfigForm
from av1rules.operations.migrate.av1d.jobs import Av1dJob, JobStatus
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import Evaluation
from av1rules.plan.moved.places import in_library
from av1rules.plan.workspace import Workspace, probe_files

_MOST_DETAIL = 300  # characters of a reason


class JobFate(StrEnum):
    """What a job comes to here."""

    PLANNED = "the rules decide"
    LEFT_ALONE = "left alone"
    PARKED = "parked"
    TOO_LARGE = "too large"
    NOTHING = "nothing to carry over"
    NOT_CARRIED = "not carried over"


_WHY = {
    JobFate.PARKED: "left alone until `av1rules retry`, or until source or settings change",
    JobFate.TOO_LARGE: "not tried again until source or settings change, with or without .av1skip",
}


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One job. `is_new`: the ledger gets it now; it had it already, or needs nothing, otherwise."""

    source: str
    status: JobStatus
    reason: str | None
    fate: JobFate
    why: str
    is_new: bool = False


class _Judged(msgspec.Struct, frozen=True):
    """The outcome of a job, and what the ledger gets."""

    outcome: JobOutcome
    attempt: Attempt | None = None


def judge_jobs(
    workspace: Workspace,
    jobs: Sequence[Av1dJob],
    form_of: Callable[[str], ConfigForm],
    sink: Sink,
) -> tuple[tuple[JobOutcome, ...], tuple[Attempt, ...]]:
    """What each job comes to, by its path, and the attempts that the ledger is to get. Reads films
    and ledger; writes nothing. Raises LedgerError, RunInterruptedError."""
    found: dict[str, _Judged] = {}
    there: dict[str, LibraryFile] = {}
    for job in jobs:
        if _asks_film(job) and (file := _film(workspace, job.source_path)) is not None:
            there[job.source_path] = file
        else:
            found[job.source_path] = _Judged(_without_film(workspace, job))
    by_path = {job.source_path: job for job in jobs}
    for file, source in probe_files(workspace, there.values(), sink):
        workspace.children.check()
        job = by_path[file.path]
        found[file.path] = _judged(workspace, job, file, source, form_of(file.path))
    ordered = [found[job.source_path] for job in jobs]
    return (
        tuple(one.outcome for one in ordered),
        tuple(one.attempt for one in ordered if one.attempt is not None),
    )


def record_attempts(session: Session, attempts: Iterable[Attempt]) -> None:
    """Write what `judge_jobs` found; each is a transaction of its own. Raises LedgerError."""
    for attempt in attempts:
        session.workspace.children.check()
        ledger = session.workspace.ledger
        if ledger.attempt(attempt.content_key, attempt.fingerprint) is not None:
            continue  # a run came in between: what it found counts
        session.recorder.number()
        ledger.record_attempt(attempt)
        session.counters.add(Outcome.ADOPTED)


def _asks_film(job: Av1dJob) -> bool:
    return job.status in (JobStatus.SUCCESS, JobStatus.FAILED) or job.is_size_gate


def _film(workspace: Workspace, path: str) -> LibraryFile | None:
    """The film of a job: a regular file in a root."""
    home = in_library(workspace.ruleset, path)
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return None
    if home is None or not stat.S_ISREG(found.st_mode):
        return None
    name, root, below = home
    return LibraryFile(root_name=name, root=root, relative_path=below, stat=FileStat.of(found))


def _outcome(job: Av1dJob, fate: JobFate, why: str, *, is_new: bool = False) -> JobOutcome:
    return JobOutcome(
        source=job.source_path,
        status=job.status,
        reason=job.reason,
        fate=fate,
        why=why,
        is_new=is_new,
    )


def _without_film(workspace: Workspace, job: Av1dJob) -> JobOutcome:
    """Of a job that says nothing beyond the rules, or whose film is not there."""
    if job.status in (JobStatus.PENDING, JobStatus.RUNNING):
        return _outcome(job, JobFate.PLANNED, "the plan finds the film by itself")
    if not _asks_film(job):
        return _outcome(job, JobFate.NOTHING, "the rules come to the same by themselves")
    if in_library(workspace.ruleset, job.source_path) is None:
        return _outcome(job, JobFate.NOT_CARRIED, "the film is in none of the roots")
    return _outcome(job, JobFate.NOT_CARRIED, "the film is not there")


def _judged(
    workspace: Workspace,
    job: Av1dJob,
    file: LibraryFile,
    source: Source | ProbeFailure,
    form: ConfigForm,
) -> _Judged:
    if not isinstance(source, Source) or source.main is None:
        return _Judged(_outcome(job, JobFate.NOT_CARRIED, "it can't be read as video"))
    if source.main.codec == "av1":
        fate, why = JobFate.LEFT_ALONE, "it is AV1: the rule `already AV1` leaves it alone"
        return _Judged(_outcome(job, fate, why))
    if job.status is JobStatus.SUCCESS:
        why = f"it is {source.main.codec} now: another file has its place, and the rules decide"
        return _Judged(_outcome(job, JobFate.PLANNED, why))
    evaluation = evaluate(workspace, file, source)
    if evaluation.content_key is None or evaluation.fingerprint is None:
        reason = evaluation.decision.reason or evaluation.unreadable or "no rule matches"
        return _Judged(_outcome(job, JobFate.NOTHING, f"the rules don't encode it: {reason}"))
    if (known := _known(workspace, evaluation)) is not None:
        return _Judged(_outcome(job, known, _WHY.get(known, "the ledger has a newer outcome")))
    if job.status is JobStatus.FAILED:
        return _failure(job, file, source, evaluation)
    return _too_large(job, file, source, evaluation, form)


def _known(workspace: Workspace, evaluation: Evaluation) -> JobFate | None:
    """What the ledger knows of this content with these settings."""
    key, fingerprint = evaluation.content_key or "", evaluation.fingerprint or ""
    if any(row.fingerprint == fingerprint for row in workspace.ledger.of_content(key)):
        return JobFate.NOTHING
    attempt = workspace.ledger.attempt(key, fingerprint)
    if attempt is None:
        return None
    fates = {AttemptResult.FAILED: JobFate.PARKED, AttemptResult.TOO_LARGE: JobFate.TOO_LARGE}
    return fates.get(attempt.kind, JobFate.NOTHING)


def _failure(job: Av1dJob, file: LibraryFile, source: Source, evaluation: Evaluation) -> _Judged:
    """Parked, whatever failed: av1d did not try again by itself either."""
    reason = (job.reason or "no reason given")[:_MOST_DETAIL]
    attempt = _attempt(job, AttemptResult.FAILED, file, source, evaluation, f"av1d: {reason}")
    why = _WHY[JobFate.PARKED]
    return _Judged(_outcome(job, JobFate.PARKED, why, is_new=True), attempt)


def _too_large(
    job: Av1dJob,
    file: LibraryFile,
    source: Source,
    evaluation: Evaluation,
    form: ConfigForm,
) -> _Judged:
    """Remembered where our encode would be the same; the marker beside the film leaves it alone in
    any case."""
    assert evaluation.recipe is not None
    settings, size = evaluation.recipe.settings, file.stat.size_bytes
    doubt = None
    if form is ConfigForm.DOCKER:
        doubt = "another encoder made it: ours may come out smaller"
    elif job.original_bytes not in (None, size):
        doubt = "the film has another size since"
    elif job.av1_quality not in (None, settings.crf):
        doubt = f"it was made with CRF {job.av1_quality}, the rules say {settings.crf:g}"
    elif job.new_bytes is None:
        doubt = "the size of the result is not known"
    elif job.new_bytes <= size * settings.max_size_ratio:
        doubt = "it would be small enough by the rules"
    if doubt is not None:
        why = f"{doubt}; delete its .av1skip to have it tried"
        return _Judged(_outcome(job, JobFate.NOT_CARRIED, why))
    detail = f"the result of av1d had {(job.new_bytes or 0) / max(size, 1):.0%} of the source"
    attempt = _attempt(job, AttemptResult.TOO_LARGE, file, source, evaluation, detail)
    why = _WHY[JobFate.TOO_LARGE]
    return _Judged(_outcome(job, JobFate.TOO_LARGE, why, is_new=True), attempt)


def _attempt(
    job: Av1dJob,
    kind: AttemptResult,
    file: LibraryFile,
    source: Source,
    evaluation: Evaluation,
    detail: str,
) -> Attempt:
    assert evaluation.content_key is not None
    assert evaluation.fingerprint is not None
    assert evaluation.recipe is not None
    return Attempt(
        kind=kind,
        content_key=evaluation.content_key,
        fingerprint=evaluation.fingerprint,
        source=file.library_path,
        detail=detail,
        source_bytes=file.stat.size_bytes,
        target_bytes=job.new_bytes if kind is AttemptResult.TOO_LARGE else None,
        count=1,
        at=_time_text(job.at),
        is_final=kind is AttemptResult.FAILED or None,
        accepted=",".join(sorted(map(str, evaluation.recipe.settings.accept))),
        is_projected=False,
        film_s=source.film_s,
    )


def _time_text(text: str) -> str:
    """A time of a job as the ledger has times; now, where the job has none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return now_text()


def counts_of(outcomes: Iterable[JobOutcome]) -> Iterator[tuple[JobFate, int]]:
    """How many jobs came to each fate, in the order of the fates."""
    found = [one.fate for one in outcomes]
    return ((fate, found.count(fate)) for fate in JobFate if fate in found)

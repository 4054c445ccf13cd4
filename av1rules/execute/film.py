"""The truth about a whole film: looks along it before it is encoded, and what its encode saw.

Both are facts of the content: what a plan makes of them is its own matter (`plan/evaluate`).
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from av1rules.base.errors import PlanOutdatedError, ProbeError
from av1rules.base.events import JobProgress, JobWithheld, Outcome
from av1rules.base.hashing import content_key
from av1rules.encode.changed_film import ChangedFilm
from av1rules.encode.losses import new_losses
from av1rules.execute.session import Session
from av1rules.execute.target_job import TargetJob, priority_of
from av1rules.media.cache import lone_file
from av1rules.media.film_cache import FIRST_REACH, known_film, needs_reach, remember_film
from av1rules.media.film_facts import FilmFacts, with_film
from av1rules.media.looks import look_along
from av1rules.media.packed_source import pack_facts
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import Encode, EncodeRecipe, Evaluation, MakeClip

Looked = TypeVar("Looked", bound=Encode | MakeClip)

PLAN_AGAIN = "looks along the film show more than its first moments did: the next run goes by that"


def looked_along(row: Looked, session: Session) -> Looked | str:
    """The row by all that looks along its film show, taken now unless they are known. Why the
    current plan must not encode it, if they tell against it.

    Raises PlanOutdatedError if the content has changed, OSError, RunInterruptedError.
    """
    workspace, work = session.workspace, row.work
    film = known_film(workspace.cache, work.content_key)
    if film is None:
        film = _look(row, session)
    source = work.evaluation.source
    if _reaches_further(film, row):
        source = probe_again(row, film, session) or source
    elif with_film(source, film) == source:
        return row
    new = evaluate(workspace, row.file, source, content_key=work.content_key)
    if new.recipe is not None and new.recipe.refused:
        return new.recipe.refused[0]
    is_other = new.fingerprint != work.fingerprint
    if isinstance(row, MakeClip) and row.clip.like:
        return row  # a variant has settings of its own
    is_settled = row.released is not None or isinstance(row, MakeClip)
    if new.recipe is None or new.rule_name != row.rule or (is_other and is_settled):
        return PLAN_AGAIN
    return _by(row, new, new.recipe)


def _by(row: Looked, new: Evaluation, recipe: EncodeRecipe) -> Looked:
    fingerprint = new.fingerprint or row.work.fingerprint
    notes = (f"accepted: {loss.message}" for loss in recipe.losses)
    work = replace(row.work, evaluation=new, recipe=recipe, fingerprint=fingerprint)
    return replace(
        row,
        work=work,
        fingerprint=fingerprint,
        notes=tuple(dict.fromkeys((*row.notes, *notes))),
    )


def _look(row: Encode | MakeClip, session: Session) -> FilmFacts:
    workspace, work = session.workspace, row.work
    _require_content(work.origin.path, work.content_key)
    session.sink(JobProgress(source=row.file.library_path, phase="look"))
    found = look_along(
        work.origin.path,
        work.evaluation.source,
        tools=workspace.tools,
        children=workspace.children,
        priority=priority_of(workspace.ruleset.run),
    )
    _require_content(work.origin.path, work.content_key)
    return remember_film(workspace.cache, work.content_key, found)


def _require_content(path: str, planned: str) -> None:
    """Raise PlanOutdatedError unless the file has the planned content."""
    try:
        found = content_key(path)
    except OSError as problem:
        raise PlanOutdatedError(f"the source is gone: {problem.strerror}") from problem
    if found != planned:
        raise PlanOutdatedError("the source changed since it was planned")


def _reaches_further(film: FilmFacts, row: Encode | MakeClip) -> bool:
    return needs_reach(film, row.work.evaluation.source) is not None


def probe_again(row: Encode | MakeClip, film: FilmFacts, session: Session) -> Source | None:
    """Probe the source as far as its late streams begin, for this run and the next plan; None if
    that fails, and the next plan asks itself."""
    workspace, origin = session.workspace, row.work.origin
    try:
        source = probe_file(
            lone_file(origin.path),
            workspace.tools,
            timeout_s=workspace.ruleset.run.probe_timeout_s,
            children=workspace.children,
            reach=needs_reach(film, row.work.evaluation.source) or FIRST_REACH,
        )
    except ProbeError:
        return None
    version = workspace.tools.ffprobe_version
    workspace.cache.put_probe(origin.stat, source, ffprobe_version=version)
    workspace.cache.flush()
    return source


def withhold(job: TargetJob, changed: ChangedFilm) -> Outcome:
    """Remember what an encode saw that its plan did not know; its result is thrown away."""
    workspace, row = job.session.workspace, job.row
    film = remember_film(workspace.cache, job.work.content_key, changed.film)
    if isinstance(row, Encode) and _reaches_further(film, row):
        probe_again(row, film, job.session)
    reason = f"{changed.reason} (seen while it was encoded; the next plan goes by it)"
    job.session.sink(JobWithheld(source=job.name, reason=reason))
    return Outcome.NO_ACCEPTABLE_CRF


def with_seen(job: TargetJob, film: FilmFacts) -> TargetJob:
    """The job with what its encode saw and its policy accepts, for the receipt and later plans."""
    work = job.work
    source = with_film(work.evaluation.source, film)
    if source == work.evaluation.source:
        return job
    remember_film(job.session.workspace.cache, work.content_key, film)
    recipe = work.recipe
    before = work.evaluation.source
    found = new_losses(before, source, recipe.settings, recipe.streams, recipe.encoder)
    evaluation = replace(work.evaluation, packed=pack_facts(source))
    recipe = replace(recipe, losses=(*recipe.losses, *found))
    return replace(job, work=replace(work, evaluation=evaluation, recipe=recipe))

"""Makes variants of a test clip: the same excerpts with other settings, to compare with it.

Variants change neither policy nor approvals.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from av1rules.approvals.adjust import described_changes
from av1rules.approvals.model import ReviewState, ReviewStatus
from av1rules.base.errors import UsageError
from av1rules.base.events import Note, Outcome, RunFinished, RunStarted
from av1rules.base.text import printable
from av1rules.encode.trial import trial_problem
from av1rules.execute.job_guard import run_job
from av1rules.execute.run import require_no_safety_stop
from av1rules.execute.session import Session
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.clips import ClipRecord, clip_place
from av1rules.media.cache import ProbeFailure, content_key_of
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import (
    ClipState,
    Encode,
    EncodeRecipe,
    Evaluation,
    Held,
    MakeClip,
    PlannedEncode,
    PlannedFile,
)
from av1rules.plan.names.find import find_films
from av1rules.plan.names.match import NamedFilm, WantedName
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.fingerprint import in_words, settings_digest
from av1rules.policy.settings import EncodeSettings


def source_for_variants(workspace: Workspace, name: WantedName) -> MakeClip:
    """The clip of the one film that `name` means with its current settings, made or not. Raises
    UsageError if it is not to be encoded."""
    plan = decided_plan(workspace)
    require_no_safety_stop(plan)
    films = [
        NamedFilm(row.file.library_path, tuple(filter(None, (row.file.path, row.target))))
        for row in plan.rows
    ]
    (at,) = find_films((name,), films, takes_one=True)
    row = plan.rows[at]
    if not isinstance(row, Encode | MakeClip | Held):
        raise UsageError(
            f"no variants of a source that is not to be encoded: {row.causes[0]}",
            where=printable(name.text),
        )
    source = _probed(workspace, row.file)
    try:
        key = content_key_of(row.file, workspace.cache)
    except OSError as problem:
        raise UsageError(
            f"can't be read: {problem.strerror}", where=printable(name.text)
        ) from problem
    evaluation = evaluate(workspace, row.file, source, content_key=key)
    return _clip(workspace, row, evaluation, "to be compared with", why_not=row.causes[0])


def variant_row(workspace: Workspace, current: MakeClip, changes: Mapping[str, object]) -> MakeClip:
    """The clip of a source with changed settings, for `try_variants`. Raises UsageError if they
    change nothing or can't be used for an encode."""
    before = current.work.recipe.settings
    source, key = current.work.evaluation.source, current.work.content_key
    evaluation = evaluate(workspace, current.file, source, content_key=key, changes=changes)
    changed = (
        "" if evaluation.recipe is None else described_changes(before, evaluation.recipe.settings)
    )
    row = _clip(workspace, current, evaluation, f"variant: {changed}", why_not=current.causes[0])
    if row.fingerprint == current.fingerprint:
        raise UsageError(
            "a variant changes at least one setting",
            hint=f"the source has {_settings_text(before)} already",
        )
    return row


def settings_of(row: MakeClip) -> EncodeSettings:
    """The settings of the clip of this row."""
    return row.work.recipe.settings


def try_variants(current: MakeClip, variants: Sequence[MakeClip], session: Session) -> RunFinished:
    """Make the clip of the current settings, then its variants, unless they exist."""
    started = time.monotonic()
    ledger = session.workspace.ledger
    rows = {row.fingerprint: row for row in variants if not _is_made(session, row)}
    is_due = not _is_made(session, current)
    for row in variants:
        if row.fingerprint not in rows:
            session.sink(
                Note(source=current.file.library_path, message=f"made before: {row.causes[0]}")
            )
    if not rows and not is_due:
        return session.finished(elapsed_s=0.0)
    session.sink(
        RunStarted(
            jobs=1,
            stale=0,
            fresh=0,
            held=0,
            blocked=0,
            size_bytes=0,
            clips=len(rows) + is_due,
        )
    )
    if is_due:
        run_job(current, session)
    made = ledger.clips.find(current.fingerprint or "")
    if made is not None:
        for row in rows.values():
            run_job(_beside(row, made), session)
    if session.counters.counts[Outcome.NOT_ATTEMPTED]:
        message = "no run makes these variants: `clips try` makes them when called again"
        session.sink(Note(source=current.file.library_path, message=message))
    finished = session.finished(elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def _is_made(session: Session, row: MakeClip) -> bool:
    record = session.workspace.ledger.clips.find(row.fingerprint or "")
    return record is not None and record.is_there()


def _beside(row: MakeClip, made: ClipRecord) -> MakeClip:
    return replace(row, clip=replace(row.clip, like=made.facts.pieces))


def _probed(workspace: Workspace, file: LibraryFile) -> Source:
    (found,) = (source for _, source in probe_files(workspace, [file]))
    if isinstance(found, ProbeFailure):
        raise UsageError(f"can't be read as video: {found.message}", where=printable(file.path))
    return found


def _clip(
    workspace: Workspace, planned: PlannedFile, evaluation: Evaluation, cause: str, *, why_not: str
) -> MakeClip:
    """The row of a clip. Raises UsageError with the reason `why_not` if nothing is to be
    encoded."""
    recipe, where = evaluation.recipe, printable(planned.file.library_path)
    if recipe is None or evaluation.content_key is None or evaluation.fingerprint is None:
        raise UsageError(f"not to be encoded: {why_not}", where=where)
    encoder = _require_encoder(workspace, recipe, where)
    work = PlannedEncode(
        evaluation=evaluation,
        recipe=recipe,
        encoder=encoder,
        content_key=evaluation.content_key,
        fingerprint=evaluation.fingerprint,
        origin=planned.file,
        is_forced=True,
    )
    clip = ClipState(
        path=clip_place(workspace.state_dir, work.fingerprint),
        review_state=ReviewState(kind=ReviewStatus.WAITING, reason=""),
        review=evaluation.decision.review,
        content_key=evaluation.content_key,
        digest=settings_digest(recipe.settings),
        is_made=False,
    )
    planned = replace(
        planned, rule=evaluation.rule_name, fingerprint=work.fingerprint, notes=(), released=None
    )
    return MakeClip.of(planned, cause, work=work, clip=clip)


def _settings_text(settings: EncodeSettings) -> str:
    return ", ".join(f"{name} {value}" for name, value in in_words(settings))


def _require_encoder(workspace: Workspace, recipe: EncodeRecipe, where: str) -> EncoderInfo:
    """The encoder of a recipe, after a trial. Raises UsageError if the recipe can't be used."""
    if recipe.encoder is None:
        raise UsageError(recipe.problem or "no encoder", where=where)
    if recipe.refused:
        raise UsageError(f"held: {recipe.refused[0]}", where=where)
    problem = trial_problem(
        recipe.settings,
        recipe.encoder,
        workspace.tools,
        workspace.cache,
        children=workspace.children,
    )
    if problem is not None:
        raise UsageError(f"the encoder refuses these settings: {problem}", where=where)
    return recipe.encoder

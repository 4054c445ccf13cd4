"""Variants of a test clip: the same passages with other settings, to be compared with it. They
change neither policy nor approvals, and are made at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from av1rules.approvals.adjust import described_changes
from av1rules.approvals.model import ReviewStatus, adjustments_for
from av1rules.base.errors import UsageError
from av1rules.base.events import Note, RunFinished, RunStarted
from av1rules.base.text import printable
from av1rules.encode.trial import trial_problem
from av1rules.execute.job_guard import run_job
from av1rules.execute.run import require_no_safety_stop
from av1rules.execute.session import Outcome, Session
from av1rules.ledger.clips import ClipRecord, clip_place
from av1rules.media.cache import ProbeFailure, content_key_of
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.evaluate import EncodeRecipe, Evaluation, evaluate
from av1rules.plan.items import ClipState, PlanAction, PlannedEncode, PlanRow
from av1rules.plan.plan import build_plan
from av1rules.plan.prerequisites import grain_of
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.canonical import fingerprint, in_words, settings_digest
from av1rules.policy.model import Place, Setting, SettingsLayer
from av1rules.policy.settings import EncodeSettings

_TO_COME = (PlanAction.ENCODE, PlanAction.CLIP, PlanAction.HELD)
"""Films that are not encoded yet."""

_HERE = Place(file="--set", line=1, column=1)


def source_for_variants(workspace: Workspace, name: str) -> PlanRow:
    """The clip of today's settings of a film, named by its library path or its path: made already
    or not, its row could make it. Raises UsageError where the film is not one to be encoded."""
    plan = build_plan(workspace)
    require_no_safety_stop(plan)
    path = os.path.realpath(name)
    found = [row for row in plan.rows if name == row.file.library_path or path == row.file.path]
    if not found:
        raise UsageError(
            "no film of the library", where=printable(name), hint="its name is as `plan` shows it"
        )
    row = found[0]
    if row.action not in _TO_COME:
        raise UsageError(
            f"no variants of what is not to be encoded: {row.causes[0]}", where=printable(name)
        )
    source = _probed(workspace, row.file)
    try:
        key = content_key_of(row.file, workspace.cache)
    except OSError as problem:
        raise UsageError(f"can't be read: {problem.strerror}", where=printable(name)) from problem
    return _row(workspace, row, source, key, changes={})


def variant_row(workspace: Workspace, film: PlanRow, changes: Mapping[str, object]) -> PlanRow:
    """The clip of a film with changed settings, for `try_variants`. Raises UsageError where they
    change nothing or can't be encoded with."""
    assert film.work is not None
    row = _row(workspace, film, film.work.look.source, film.work.content_key, changes=changes)
    if row.fingerprint == film.fingerprint:
        raise UsageError(
            "a variant changes at least one setting",
            hint=f"the film has {_told(film.work.recipe.settings)} already",
        )
    return row


def settings_of(row: PlanRow) -> EncodeSettings:
    """The settings that a clip of this row is made with."""
    assert row.work is not None
    return row.work.recipe.settings


def try_variants(film: PlanRow, variants: Sequence[PlanRow], session: Session) -> RunFinished:
    """Make what is not made yet: the clip of today's settings, then the variants of it."""
    started = time.monotonic()
    ledger = session.workspace.ledger
    rows = {row.fingerprint: row for row in variants if not _is_made(session, row)}
    is_due = not _is_made(session, film)
    for row in variants:
        if row.fingerprint not in rows:
            session.sink(
                Note(source=film.file.library_path, message=f"made before: {row.causes[0]}")
            )
    if not rows and not is_due:
        return _finished(session, elapsed_s=0.0)
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
        run_job(film, session)
    made = ledger.clips.find(film.fingerprint or "")
    if made is not None:
        for row in rows.values():
            run_job(_beside(row, made), session)
    if session.tally.counts[Outcome.NOT_ATTEMPTED]:
        told = "variants that were not made are no work of a run: `clips try` again makes them"
        session.sink(Note(source=film.file.library_path, message=told))
    finished = _finished(session, elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def _is_made(session: Session, row: PlanRow) -> bool:
    record = session.workspace.ledger.clips.find(row.fingerprint or "")
    return record is not None and record.is_there


def _beside(row: PlanRow, made: ClipRecord) -> PlanRow:
    assert row.clip is not None
    return replace(row, clip=replace(row.clip, like=made.facts.pieces))


def _finished(session: Session, *, elapsed_s: float) -> RunFinished:
    counts = session.tally.counts
    return RunFinished(
        done=0,
        discarded=counts[Outcome.DISCARDED],
        failed=counts[Outcome.FAILED],
        dropped=counts[Outcome.NOT_ATTEMPTED],
        clips=counts[Outcome.CLIP_MADE],
        run=session.number.given,
        source_bytes=0,
        target_bytes=0,
        elapsed_s=elapsed_s,
    )


def _probed(workspace: Workspace, file: LibraryFile) -> Source:
    (found,) = (source for _, source in probe_files(workspace, [file]))
    if isinstance(found, ProbeFailure):
        raise UsageError(f"can't be read as video: {found.message}", where=printable(file.path))
    return found


def _row(
    workspace: Workspace,
    row: PlanRow,
    source: Source,
    content_key: str,
    *,
    changes: Mapping[str, object],
) -> PlanRow:
    layer = _settings_layer(workspace, content_key, changes)
    file = row.file
    look = evaluate(
        file,
        source,
        ruleset=workspace.ruleset,
        tools=workspace.tools,
        adjusted=layer,
        grain=grain_of(workspace, content_key),
    )
    recipe = _sound(workspace, row, look)
    assert recipe.encoder is not None
    work = PlannedEncode(
        look=look,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=content_key,
        fingerprint=fingerprint(content_key, recipe.settings),
        origin=file,
        is_forced=True,
    )
    state = ClipState(
        path=clip_place(workspace.state_dir, work.fingerprint),
        kind=ReviewStatus.WAITING,
        text="",
        review=look.decision.review,
        content_key=content_key,
        digest=settings_digest(recipe.settings),
        is_made=False,
    )
    base = row.work.recipe.settings if changes and row.work else None
    return replace(
        row,
        action=PlanAction.CLIP,
        causes=(_cause(base, recipe.settings),),
        rule=look.rule_name,
        fingerprint=work.fingerprint,
        notes=(),
        work=work,
        clip=state,
    )


def _cause(base: EncodeSettings | None, settings: EncodeSettings) -> str:
    return (
        "to be compared with" if base is None else f"variant: {described_changes(base, settings)}"
    )


def _told(settings: EncodeSettings) -> str:
    return ", ".join(f"{name} {value}" for name, value in in_words(settings))


def _settings_layer(
    workspace: Workspace, content_key: str, changes: Mapping[str, object]
) -> SettingsLayer | None:
    """What was asked for this film before, with the changes on top."""
    earlier = adjustments_for(workspace.book, content_key)
    if not changes:
        return earlier
    settings = {one.field: one for one in (earlier.settings if earlier else ())}
    settings |= {
        name: Setting(field=name, value=value, place=_HERE) for name, value in changes.items()
    }
    return SettingsLayer(name="variant", settings=tuple(settings.values()))


def _sound(workspace: Workspace, row: PlanRow, look: Evaluation) -> EncodeRecipe:
    """How it would be made. Raises UsageError where it can't be."""
    recipe, where = look.recipe, printable(row.file.library_path)
    if recipe is None:
        raise UsageError(f"not to be encoded: {row.causes[0]}", where=where)
    if recipe.encoder is None:
        raise UsageError(recipe.problem or "no encoder", where=where)
    if refused := [loss.message for loss in recipe.losses if not loss.accepted]:
        raise UsageError(f"held: {refused[0]}", where=where)
    problem = trial_problem(
        recipe.settings,
        recipe.encoder,
        workspace.tools,
        workspace.cache,
        children=workspace.children,
    )
    if problem is not None:
        raise UsageError(f"the encoder refuses these settings: {problem}", where=where)
    return recipe

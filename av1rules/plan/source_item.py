"""The item of one probed file: the policy's evaluation, compared with ledger and disk."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.encode.encoders.registry import encoder_limits, needs_trial
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ledger.records import AttemptResult, TargetRow, ToolsUsed, tools_used
from av1rules.media.cache import content_key_of
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.as_made.decide import REDO, Verdict, earlier_result, judge_target
from av1rules.plan.attempts import after_attempt, earlier_attempt
from av1rules.plan.conflicts import conflict_of
from av1rules.plan.context import PlanContext
from av1rules.plan.disc_parts import disc_note, held_as_disc
from av1rules.plan.evaluate import evaluate
from av1rules.plan.freshness import stale_causes
from av1rules.plan.items import (
    AwaitsMeasurement,
    Blocked,
    Copy,
    Encode,
    EncodeRecipe,
    Evaluation,
    Fresh,
    Held,
    LeftAlone,
    MeasureGrain,
    Move,
    PlanItem,
    PlannedEncode,
    PlannedFile,
    work_of,
)
from av1rules.plan.prerequisites import with_known_results
from av1rules.plan.renames_and_copies import with_reusable_target
from av1rules.plan.review_gate import apply_review
from av1rules.plan.target_state import TargetState, found_at_target, target_path
from av1rules.plan.telecine import known_telecine
from av1rules.plan.workspace import Workspace
from av1rules.policy.deinterlacing import BWDIF, deinterlacing_notes, is_telecine_rate
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.model import HardLinks, OnToolsChange, OutputMode
from av1rules.policy.resolve import DecisionKind
from av1rules.policy.settings import EncodeSettings

OURS_UNKNOWN = (
    "made by av1rules: never a source again (the ledger does not know it: `av1rules adopt` does)"
)


def plan_file(scope: PlanContext, file: LibraryFile, source: Source) -> PlanItem:
    """The item of one probed file, before collisions with other items are checked."""
    planned = PlannedFile(file=file)
    if source.provenance is not None:
        copied = _known_content(scope, file)
        cause = OURS_UNKNOWN if copied is None else copied
        return LeftAlone.of(planned, cause, is_lasting=True, is_unrecorded=copied is None)
    if source.main is None:
        return LeftAlone.of(planned, "no video stream", is_lasting=True)
    try:
        evaluation = evaluate(scope.workspace, file, source)
    except OSError as unread:
        return Blocked.of(planned, f"can't be read: {unread.strerror}")
    if (grain_first := awaits_grain(planned, evaluation, path=file.path)) is not None:
        return grain_first
    planned = replace(
        planned,
        rule=evaluation.rule_name,
        source_tier=evaluation.tier_name,
        passed_over=evaluation.decision.passed_over,
    )
    if evaluation.recipe is None:
        kind = Held if evaluation.decision.kind is DecisionKind.HOLD else LeftAlone
        return kind.of(planned, evaluation.decision.reason or "no rule matches", is_lasting=True)
    container = evaluation.recipe.settings.container
    target = scope.request.target
    if target is None:
        target = target_path(file, scope.workspace.ruleset.output, container)
    return _to_encode(scope, replace(planned, target=target), evaluation, evaluation.recipe)


def _known_content(scope: PlanContext, file: LibraryFile) -> str | None:
    """That a file which av1rules made has the content of a target; None if the ledger has no such
    target."""
    if scope.workspace.ledger.valid.has_any():
        with contextlib.suppress(OSError):
            key = content_key_of(file, scope.workspace.cache, scope.workspace.disk)
            for row in scope.workspace.ledger.of_own_content(key):
                return f"has the content of {printable(row.target)}, made by av1rules: no source"
    return None


def awaits_grain(planned: PlannedFile, evaluation: Evaluation, *, path: str) -> MeasureGrain | None:
    """MeasureGrain if the noise of the source, measured in `path`, decides on its rule; else
    None."""
    if evaluation.grain_rule is None or evaluation.content_key is None:
        return None
    planned = replace(planned, source_tier=evaluation.tier_name)
    return MeasureGrain.of(
        planned,
        f"rule {evaluation.grain_rule.name} asks for its grain: `run` measures it, then goes on",
        unmeasured=AwaitsMeasurement(
            path=path, source=evaluation.source, content_key=evaluation.content_key
        ),
    )


def _to_encode(
    scope: PlanContext, planned: PlannedFile, evaluation: Evaluation, recipe: EncodeRecipe
) -> PlanItem:
    workspace = scope.workspace
    if recipe.encoder is None:
        return Blocked.of(planned, recipe.problem or "no encoder")
    if recipe.refused:
        return Held.of(planned, *recipe.refused, is_lasting=True)
    if (held := held_as_disc(planned, workspace.ruleset.output.mode)) is not None:
        return held
    if (held := _held_for_names(scope, planned)) is not None:
        return held
    problem = _refusal(recipe.settings, recipe.encoder, workspace)
    if problem is not None:
        return Blocked.of(planned, f"the encoder refuses these settings: {problem}")
    if evaluation.content_key is None or evaluation.fingerprint is None:
        return Blocked.of(planned, evaluation.unreadable or "can't be read")
    assert planned.target is not None
    replaces = workspace.ruleset.output.mode is OutputMode.REPLACE
    is_own_place = replaces and planned.target == planned.file.path
    known = workspace.ledger.find(planned.target)
    work = PlannedEncode(
        evaluation=evaluation,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=evaluation.content_key,
        fingerprint=evaluation.fingerprint,
        known=known,
        found=None if is_own_place else _found(scope, planned.target, known),
        origin=planned.file,
        replaces=replaces,
    )
    notes = (
        *_notes(work, workspace.ruleset.tools.preferred_encoder),
        *_deinterlacing(workspace, work),
        *disc_note(planned.file.path),
        *_names_note(scope, planned),
    )
    return _compared(scope, replace(planned, fingerprint=work.fingerprint, notes=notes), work)


def _compared(
    scope: PlanContext,
    planned: PlannedFile,
    work: PlannedEncode,
    *,
    excluded: frozenset[str] = frozenset(),
) -> PlanItem:
    """The item by what is at the target's path and by other targets of the same content, except
    those `excluded`."""
    work = with_reusable_target(scope, planned, work, excluded=excluded)
    conflict = conflict_of(scope, planned, work)
    return conflict or ready_to_encode(scope, with_freshness(scope, planned, work))


def ready_to_encode(scope: PlanContext, item: PlanItem) -> PlanItem:
    """An encode with all known values in its settings, after the review gate; other items as they
    are."""
    if not isinstance(item, Encode):
        return item
    known = with_known_results(scope.workspace, item, forced=scope.request.forces(item.file))
    return apply_review(scope, known) if isinstance(known, Encode) else known


def re_evaluate(
    scope: PlanContext, item: PlanItem, *, excluded: frozenset[str], is_free: bool
) -> PlanItem:
    """The item again, without the reusable targets `excluded`, which other items get. `is_free`:
    the target in its way moves away."""
    work = item.once_free if isinstance(item, Blocked) else work_of(item)
    if work is None or item.target is None:
        return item
    known = None if is_free else scope.workspace.ledger.find(item.target)
    found = None if is_free else _found(scope, item.target, known)
    work = replace(work, reuse=None, displaces=None, known=known, found=found)
    return _compared(scope, item, work, excluded=excluded)


def _found(scope: PlanContext, target: str, known: TargetRow | None) -> TargetState | None:
    workspace = scope.workspace
    return found_at_target(target, known, workspace.ledger, workspace.tools, workspace.disk)


def _refusal(settings: EncodeSettings, encoder: EncoderInfo, workspace: Workspace) -> str | None:
    """Why the encoder can't work with `settings`, by a trial; None if it can."""
    if not needs_trial(settings):
        return None
    # All that decodes and measures: only where there is something to try.
    from av1rules.encode.trial import trial_problem  # noqa: PLC0415

    return trial_problem(
        settings,
        encoder,
        workspace.tools,
        workspace.cache,
        children=workspace.children,
        disk=workspace.disk,
    )


def _held_for_names(scope: PlanContext, planned: PlannedFile) -> Held | None:
    """Held, if the source has several hard links: replacing one of them frees nothing."""
    output, links = scope.workspace.ruleset.output, planned.file.stat.links
    if output.mode is not OutputMode.REPLACE or links < 2 or scope.request.forces(planned.file):
        return None
    if output.hard_links is HardLinks.REPLACE:
        return None
    cause = (
        f"it has {links} names (hard links): replacing it would free 0 bytes while another name "
        "keeps them; output.hard_links: replace does it all the same"
    )
    return Held.of(planned, cause)


def _names_note(scope: PlanContext, planned: PlannedFile) -> tuple[str, ...]:
    links = planned.file.stat.links
    if scope.workspace.ruleset.output.mode is not OutputMode.REPLACE or links < 2:
        return ()
    return (f"frees 0 bytes: {links - 1} other names (hard links) keep the original",)


def with_freshness(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode
) -> Fresh | Encode | Move | Copy | Blocked | LeftAlone:
    """The item by ledger and earlier attempts, before prerequisites and review."""
    workspace, forced = scope.workspace, scope.request.forces(planned.file)
    tools = tools_used(work.encoder, workspace.tools)
    causes = stale_causes(
        work.known,
        content_key=work.content_key,
        settings=work.recipe.settings,
        origins=work.recipe.origins,
        found=work.found,
        tools=tools,
        redo_on_tools_change=workspace.ruleset.tools.on_change is OnToolsChange.REDO,
        forced=forced,
        fault=scope.faults.get(planned.target or ""),
        as_before=work.recipe.as_before,
    )
    verdict = REDO if forced else judge_target(scope, work, causes)
    work = replace(work, least_gain=verdict.least_gain)
    texts = tuple(cause.text for cause in causes)
    attempt = None if forced else earlier_attempt(workspace, work)
    most = workspace.ruleset.run.max_failures
    if verdict.left is not None:
        causes, attempt = (), None
    if attempt is not None and attempt.kind is AttemptResult.UNDONE and causes:
        return after_attempt(attempt, planned, texts, work, max_failures=most)
    if (copied := work.copies_from) is not None:
        cause = f"same content as {printable(copied.source)}: its target is there already"
        return Copy.of(planned, cause, work=work)
    if (moved := _move_text(scope, planned, work)) is not None:
        if not causes:
            return Move.of(planned, moved, work=work)
        texts = (moved, *texts)
    if verdict.left is not None:
        return _as_made(scope, _fresh(planned, work, tools), work, verdict)
    if not causes:
        return _fresh(planned, work, tools)
    if attempt is not None:
        return after_attempt(attempt, planned, texts, work, max_failures=most)
    return _after_other_settings(scope, planned, work, texts) or Encode.of(
        planned, *texts, work=work
    )


def _as_made(scope: PlanContext, item: Fresh, work: PlannedEncode, verdict: Verdict) -> Fresh:
    """A finished target that stays although its settings changed: by the fingerprint of now that
    is of its own making, and for this command alone if the command says so."""
    assert work.known is not None
    return replace(
        item,
        causes=(verdict.cause,),
        fingerprint=work.known.fingerprint,
        as_made=verdict.left,
        is_lasting=scope.request.redo is None,
    )


def _after_other_settings(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, texts: tuple[str, ...]
) -> LeftAlone | Blocked | None:
    """An earlier result with other settings that stands although they were edited."""
    found = None if scope.request.forces(planned.file) else earlier_result(scope, work)
    if found is None:
        return None
    attempt, left = found
    cause = f"{attempt.kind.value} with the settings of then: {attempt.detail}"
    kind = Blocked if attempt.kind is AttemptResult.FAILED else LeftAlone
    cause = f"{cause}; not tried again for an edit of the policy (on_change: {left.choice})"
    return kind.of(planned, cause, is_settled_by_attempt=True, as_made=left)


def _move_text(scope: PlanContext, planned: PlannedFile, work: PlannedEncode) -> str | None:
    """Where the target comes from; None if it has not moved."""
    moving = work.moves_from
    moved = scope.moved.get(planned.target or "" if moving is None else moving.target)
    was = moving if moved is None else moved.was
    if was is None:
        return None
    is_same = (was.source, was.source_path) == (planned.file.library_path, planned.file.path)
    if moving is not None and is_same:
        return f"its target was moved: it comes back from {printable(moving.target)}"
    if moved is not None and (is_same or planned.file.path == planned.target):
        return f"moved from {scope.former_name(moved)}"
    return f"moved from {_other_source(was, planned)}"


def _other_source(row: TargetRow, planned: PlannedFile) -> str:
    is_other = row.source != planned.file.library_path
    return printable(row.source if is_other else row.source_path)


def _fresh(planned: PlannedFile, work: PlannedEncode, tools: ToolsUsed) -> Fresh:
    known, found = work.known, work.found
    is_touched = known is not None and found is not None and found.mtime_ns != known.target_mtime_ns
    return Fresh.of(
        planned,
        "up to date",
        is_lasting=True,
        has_other_tools=known is not None and known.tools != tools,
        touched_ns=found.mtime_ns if found is not None and is_touched else None,
    )


def _notes(work: PlannedEncode, preferred: str | None) -> tuple[str, ...]:
    recipe = work.recipe
    return (
        *(f"accepted: {loss.message}" for loss in recipe.losses),
        *recipe.streams.notes,
        *_second_choice(work, preferred),
        *encoder_limits(recipe.settings, work.encoder),
    )


def _deinterlacing(workspace: Workspace, work: PlannedEncode) -> tuple[str, ...]:
    """What becomes of the motion; another text for a target that an earlier version made."""
    main, recipe, known = work.evaluation.source.main, work.recipe, work.known
    if main is None:
        return ()
    older = recipe.as_before
    if known is None or older is None or known.fingerprint != fingerprint(work.content_key, older):
        is_film = None
        if recipe.settings.deinterlace == BWDIF and is_telecine_rate(main):
            is_film = known_telecine(workspace, work.content_key)
        return deinterlacing_notes(main, recipe.settings, is_film=is_film)
    kept = (
        "made by an earlier version, and kept; `deinterlace_rate: fields` in its rule, or --force, "
        "makes it anew with a picture of each field"
    )
    return (*deinterlacing_notes(main, older)[:1], kept)


def _second_choice(work: PlannedEncode, preferred: str | None) -> tuple[str, ...]:
    encoder = work.encoder
    if work.recipe.settings.encoder != "auto" or preferred in (None, encoder.name, encoder.codec):
        return ()
    return (f"the preferred encoder {preferred} is missing: {encoder.name} is used",)

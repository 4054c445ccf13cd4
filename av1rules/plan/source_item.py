"""The item of one probed file: what the policy says of it, judged by ledger and disk."""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.encode.encoders.registry import encoder_limits, needs_trial
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ledger.records import AttemptResult, TargetRow, ToolsUsed, tools_used
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.attempts import after_attempt, earlier_attempt
from av1rules.plan.conflicts import conflict_of
from av1rules.plan.context import PlanContext
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
from av1rules.plan.target_path import target_path
from av1rules.plan.target_state import inspect_target
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import HardLinks, OnToolsChange, OutputMode
from av1rules.policy.resolve import DecisionKind
from av1rules.policy.settings import EncodeSettings

OURS_UNKNOWN = (
    "made by av1rules: never a source again (the ledger does not know it: `av1rules adopt` does)"
)


def plan_file(scope: PlanContext, file: LibraryFile, source: Source) -> PlanItem:
    """The item of one probed file, before collisions with others are looked for."""
    planned = PlannedFile(file=file)
    if source.provenance is not None:
        return LeftAlone.of(planned, OURS_UNKNOWN, is_lasting=True)
    if source.main is None:
        return LeftAlone.of(planned, "no video stream", is_lasting=True)
    try:
        look = evaluate(scope.workspace, file, source)
    except OSError as unread:
        return Blocked.of(planned, f"can't be read: {unread.strerror}")
    if (grain_first := awaits_grain(planned, look, path=file.path)) is not None:
        return grain_first
    planned = replace(planned, rule=look.rule_name, source_tier=look.tier_name)
    if look.recipe is None:
        kind = Held if look.decision.kind is DecisionKind.HOLD else LeftAlone
        return kind.of(planned, look.decision.reason or "no rule matches", is_lasting=True)
    target = target_path(file, scope.workspace.ruleset.output, look.recipe.settings.container)
    return _to_encode(scope, replace(planned, target=target), look, look.recipe)


def awaits_grain(planned: PlannedFile, look: Evaluation, *, path: str) -> MeasureGrain | None:
    """The item of a source whose noise decides on its rule, measured in `path`; None for others."""
    if look.grain_rule is None or look.content_key is None:
        return None
    planned = replace(planned, source_tier=look.tier_name)
    return MeasureGrain.of(
        planned,
        f"rule {look.grain_rule.name} asks for its grain: `run` measures it, then goes on",
        unmeasured=AwaitsMeasurement(path=path, source=look.source, content_key=look.content_key),
    )


def _to_encode(
    scope: PlanContext, planned: PlannedFile, look: Evaluation, recipe: EncodeRecipe
) -> PlanItem:
    workspace = scope.workspace
    if recipe.encoder is None:
        return Blocked.of(planned, recipe.problem or "no encoder")
    if recipe.refused:
        return Held.of(planned, *recipe.refused, is_lasting=True)
    if (held := _held_for_names(scope, planned)) is not None:
        return held
    problem = _refusal(recipe.settings, recipe.encoder, workspace)
    if problem is not None:
        return Blocked.of(planned, f"the encoder refuses these settings: {problem}")
    if look.content_key is None or look.fingerprint is None:
        return Blocked.of(planned, look.unreadable or "can't be read")
    assert planned.target is not None
    replaces = workspace.ruleset.output.mode is OutputMode.REPLACE
    is_own_place = replaces and planned.target == planned.file.path
    known = workspace.ledger.find(planned.target)
    work = PlannedEncode(
        look=look,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=look.content_key,
        fingerprint=look.fingerprint,
        known=known,
        found=None if is_own_place else inspect_target(planned.target, known, workspace.tools),
        origin=planned.file,
        replaces=replaces,
    )
    notes = (*_notes(work, workspace.ruleset.tools.preferred_encoder), *_names_note(scope, planned))
    return _judged(scope, replace(planned, fingerprint=work.fingerprint, notes=notes), work)


def _judged(
    scope: PlanContext,
    planned: PlannedFile,
    work: PlannedEncode,
    *,
    excluded: frozenset[str] = frozenset(),
) -> PlanItem:
    """By what lies in the target's place and by the targets of the same content elsewhere, but for
    those that are `excluded`."""
    work = with_reusable_target(scope, planned, work, excluded=excluded)
    conflict = conflict_of(scope, planned, work)
    return conflict or ready_to_encode(scope, with_freshness(scope, planned, work))


def ready_to_encode(scope: PlanContext, item: PlanItem) -> PlanItem:
    """An encode with all that is known put into its settings, and as its rule has it reviewed;
    other items as they are."""
    if not isinstance(item, Encode):
        return item
    known = with_known_results(scope.workspace, item, forced=scope.request.forces(item.file))
    return apply_review(scope, known) if isinstance(known, Encode) else known


def re_evaluate(
    scope: PlanContext, item: PlanItem, *, excluded: frozenset[str], is_free: bool
) -> PlanItem:
    """The item of a file without the reusable targets that are `excluded`, since others get them.
    `is_free`: what stands in its place moves away."""
    work = item.once_free if isinstance(item, Blocked) else work_of(item)
    if work is None or item.target is None:
        return item
    known = None if is_free else scope.workspace.ledger.find(item.target)
    found = None if is_free else inspect_target(item.target, known, scope.workspace.tools)
    work = replace(work, reuse=None, displaces=None, known=known, found=found)
    return _judged(scope, item, work, excluded=excluded)


def _refusal(settings: EncodeSettings, encoder: EncoderInfo, workspace: Workspace) -> str | None:
    """Why the encoder can't work with `settings`, by a trial; None if it can."""
    if not needs_trial(settings):
        return None
    # All that decodes and measures: only where there is something to try.
    from av1rules.encode.trial import trial_problem  # noqa: PLC0415

    return trial_problem(
        settings, encoder, workspace.tools, workspace.cache, children=workspace.children
    )


def _held_for_names(scope: PlanContext, planned: PlannedFile) -> Held | None:
    """A source with several names: replacing it under one of them frees nothing."""
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
    """Fresh, work, or not worth doing: the ledger decides. Clips come later."""
    workspace, forced = scope.workspace, scope.request.forces(planned.file)
    tools = tools_used(work.encoder, workspace.tools)
    causes = stale_causes(
        work.known,
        content_key=work.content_key,
        settings=work.recipe.settings,
        origins={name: origin.where for name, origin in work.recipe.origins},
        found=work.found,
        tools=tools,
        redo_on_tools_change=workspace.ruleset.tools.on_change is OnToolsChange.REDO,
        forced=forced,
        fault=scope.faults.get(planned.target or ""),
    )
    texts = tuple(cause.text for cause in causes)
    attempt = None if forced else earlier_attempt(workspace, work)
    most = workspace.ruleset.run.max_failures
    if attempt is not None and attempt.kind is AttemptResult.UNDONE and causes:
        return after_attempt(attempt, planned, texts, work, max_failures=most)
    if (copied := work.copies_from) is not None:
        cause = f"same content as {printable(copied.source)}: its target is there already"
        return Copy.of(planned, cause, work=work)
    if (moving := work.moves_from) is not None:
        moved = f"moved from {printable(_came_from(moving, planned))}"
        if not causes:
            return Move.of(planned, moved, work=work)
        texts = (moved, *texts)
    if not causes:
        return _fresh(planned, work, tools)
    if attempt is None:
        return Encode.of(planned, *texts, work=work)
    return after_attempt(attempt, planned, texts, work, max_failures=most)


def _came_from(donor: TargetRow, planned: PlannedFile) -> str:
    return donor.source if donor.source != planned.file.library_path else donor.source_path


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


def _second_choice(work: PlannedEncode, preferred: str | None) -> tuple[str, ...]:
    encoder = work.encoder
    if work.recipe.settings.encoder != "auto" or preferred in (None, encoder.name, encoder.codec):
        return ()
    return (f"the preferred encoder {preferred} is missing: {encoder.name} is used",)

"""The row of one probed file: what the policy says of it, judged by ledger and disk."""

from __future__ import annotations

from dataclasses import replace

from av1rules.approvals.model import adjustments_for
from av1rules.base.text import printable
from av1rules.encode.encoders import encoder_limits
from av1rules.encode.trial import trial_problem
from av1rules.ledger.records import Attempt, AttemptResult, TargetRow, ToolsUsed, tools_used
from av1rules.media.cache import content_key_of
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.evaluate import EncodeRecipe, Evaluation, evaluate
from av1rules.plan.freshness import stale_causes
from av1rules.plan.items import AwaitsMeasurement, PlanAction, PlannedEncode, PlanRow
from av1rules.plan.prerequisites import grain_of, known_noise, with_known_results
from av1rules.plan.renames_and_copies import with_reusable_target
from av1rules.plan.review_gate import apply_review
from av1rules.plan.target_path import target_path
from av1rules.plan.target_state import TargetOwner, TargetState, inspect_target, is_as_written
from av1rules.plan.workspace import Workspace
from av1rules.policy.canonical import fingerprint
from av1rules.policy.match import unmeasured_rule
from av1rules.policy.model import HardLinks, OnToolsChange, OutputMode, Rule, SettingsLayer
from av1rules.policy.quality_spec import shortfall
from av1rules.policy.resolve import DecisionKind

OURS_UNKNOWN = (
    "made by av1rules: never a source again (the ledger does not know it: `av1rules adopt` does)"
)


def plan_file(scope: PlanContext, file: LibraryFile, source: Source) -> PlanRow:
    """The row of one probed file, before collisions with others are looked for."""
    workspace = scope.workspace
    if source.provenance is not None:
        return left_alone(file, OURS_UNKNOWN)
    if source.main is None:
        return left_alone(file, "no video stream")
    try:
        key = content_key_of(file, workspace.cache) if scope.asks_for_grain else None
    except OSError as unread:  # which rule is its own can't be told
        return _blocked(PlanRow(file=file, action=PlanAction.BLOCKED, causes=()), _unread(unread))
    look = evaluate(
        file,
        source,
        ruleset=workspace.ruleset,
        tools=workspace.tools,
        adjusted=_adjusted(workspace, file),
        grain=grain_of(workspace, key),
    )
    rule = None if key is None else awaits_grain(workspace, look, key)
    if rule is not None and key is not None:
        return measured_first(file, look, rule, path=file.path, content_key=key)
    row = PlanRow(
        file=file,
        action=PlanAction.LEFT_ALONE,
        causes=(look.decision.reason or "no rule matches",),
        rule=look.rule_name,
        source_tier=look.tier_name,
    )
    if look.recipe is None:
        if look.decision.kind is DecisionKind.HOLD:
            row = replace(row, action=PlanAction.HELD)
        return replace(row, is_lasting=True)
    target = target_path(file, workspace.ruleset.output, look.recipe.settings.container)
    return _made(scope, replace(row, target=target), look, look.recipe)


def awaits_grain(workspace: Workspace, look: Evaluation, content_key: str) -> Rule | None:
    """The rule that may be the film's own, which only its noise tells, and nobody has measured."""
    rule = unmeasured_rule(workspace.ruleset.rules, look.facts)
    return None if known_noise(workspace, content_key) is not None else rule


def measured_first(
    file: LibraryFile, look: Evaluation, rule: Rule, *, path: str, content_key: str
) -> PlanRow:
    """The row of a film whose noise decides on its rule: that of the pictures in `path`."""
    return PlanRow(
        file=file,
        action=PlanAction.MEASURE,
        causes=(f"rule {rule.name} asks for its grain: `run` measures it, then goes on",),
        source_tier=look.tier_name,
        unmeasured=AwaitsMeasurement(path=path, source=look.source, content_key=content_key),
    )


def _adjusted(workspace: Workspace, file: LibraryFile) -> SettingsLayer | None:
    """What a person asked for this content, on top of its rule."""
    if not workspace.book.decisions:
        return None
    try:
        return adjustments_for(workspace.book, content_key_of(file, workspace.cache))
    except OSError:  # told as soon as the content is needed
        return None


def left_alone(file: LibraryFile, cause: str) -> PlanRow:
    return PlanRow(file=file, action=PlanAction.LEFT_ALONE, causes=(cause,), is_lasting=True)


def _blocked(row: PlanRow, cause: str) -> PlanRow:
    return replace(row, action=PlanAction.BLOCKED, causes=(cause,))


def _unread(problem: OSError) -> str:
    return f"can't be read: {problem.strerror}"


def _made(scope: PlanContext, row: PlanRow, look: Evaluation, recipe: EncodeRecipe) -> PlanRow:
    workspace = scope.workspace
    if recipe.encoder is None:
        return _blocked(row, recipe.problem or "no encoder")
    refused = tuple(loss.message for loss in recipe.losses if not loss.accepted)
    if refused:
        return replace(row, action=PlanAction.HELD, causes=refused, is_lasting=True)
    if (held := _held_for_names(scope, row)) is not None:
        return held
    problem = trial_problem(
        recipe.settings,
        recipe.encoder,
        workspace.tools,
        workspace.cache,
        children=workspace.children,
    )
    if problem is not None:
        return _blocked(row, f"the encoder refuses these settings: {problem}")
    try:
        key = content_key_of(row.file, workspace.cache)
    except OSError as unread:
        return _blocked(row, _unread(unread))
    work = _in_place(scope, row, look, recipe, key)
    preferred = workspace.ruleset.tools.preferred_encoder
    notes = (*_notes(work, preferred), *_names_note(scope, row))
    return _with_reuse(scope, replace(row, fingerprint=work.fingerprint, notes=notes), work)


def _with_reuse(scope: PlanContext, row: PlanRow, work: PlannedEncode) -> PlanRow:
    """The row, by what lies in its place and by the targets of the same content elsewhere."""
    work = with_reusable_target(scope, row, work)
    foreign = _blocked_by_target(scope, row, work)
    if foreign is not None:
        return foreign
    judged = with_freshness(scope, row, work)
    known = with_known_results(scope.workspace, judged, forced=scope.request.forces(row.file))
    return apply_review(scope, known)


def re_evaluate(
    scope: PlanContext, row: PlanRow, taken: frozenset[str], *, is_free: bool
) -> PlanRow:
    """The row without the donors that are `taken` by others. `is_free`: what stands in its place
    moves away."""
    assert row.work is not None
    assert row.target is not None
    known = None if is_free else scope.workspace.ledger.find(row.target)
    found = None if is_free else inspect_target(row.target, known, scope.workspace.tools)
    work = replace(row.work, donor=None, displaces=None, known=known, found=found)
    return _with_reuse(replace(scope, taken=taken), row, work)


def _in_place(
    scope: PlanContext, row: PlanRow, look: Evaluation, recipe: EncodeRecipe, content_key: str
) -> PlannedEncode:
    """The work with what ledger and disk have in the target's place."""
    workspace = scope.workspace
    assert row.target is not None
    assert recipe.encoder is not None
    known = workspace.ledger.find(row.target)
    replaces = workspace.ruleset.output.mode is OutputMode.REPLACE
    is_own_place = replaces and row.target == row.file.path
    return PlannedEncode(
        look=look,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=content_key,
        fingerprint=fingerprint(content_key, recipe.settings),
        known=known,
        found=None if is_own_place else inspect_target(row.target, known, workspace.tools),
        origin=row.file,
        replaces=replaces,
    )


def _held_for_names(scope: PlanContext, row: PlanRow) -> PlanRow | None:
    """A source with several names: replacing it under one of them frees nothing."""
    output, links = scope.workspace.ruleset.output, row.file.stat.links
    if output.mode is not OutputMode.REPLACE or links < 2 or scope.request.forces(row.file):
        return None
    if output.hard_links is HardLinks.REPLACE:
        return None
    cause = (
        f"it has {links} names (hard links): replacing it would free 0 bytes while another name "
        "keeps them; output.hard_links: replace does it all the same"
    )
    return replace(row, action=PlanAction.HELD, causes=(cause,))


def _names_note(scope: PlanContext, row: PlanRow) -> tuple[str, ...]:
    links = row.file.stat.links
    if scope.workspace.ruleset.output.mode is not OutputMode.REPLACE or links < 2:
        return ()
    return (f"frees 0 bytes: {links - 1} other names (hard links) keep the original",)


def _blocked_by_target(scope: PlanContext, row: PlanRow, work: PlannedEncode) -> PlanRow | None:
    """Blocked, if what lies in the target's place is not ours to overwrite."""
    found, known = work.found, work.known
    if found is None:
        return None
    if work.replaces:
        cause = "in the place that the target would take stands another file: move one of both away"
        return _blocked(row, f"{cause} ({row.target})")
    if known is None or not is_as_written(known, found):
        if _was_just_published(scope.workspace, row, found):
            cause = "published by a run that died: the next run takes it up"
            return replace(row, action=PlanAction.ENCODE, causes=(cause,), work=work)
        if known is None or not _may_overwrite(found, scope.request, row):
            return _blocked(row, f"{_IN_THE_WAY[found.place, known is None]} ({row.target})")
    if known.content_key != work.content_key and known.source_path != row.file.path:
        cause = (
            f"the target was made from another source, {known.source_path}: "
            f"move it away, or rename one of the sources ({row.target})"
        )
        return replace(_blocked(row, cause), work=work)  # unless it moves away itself
    return None


def _may_overwrite(found: TargetState, request: PlanRequest, row: PlanRow) -> bool:
    if found.place is TargetOwner.MODIFIED:
        return request.forces(row.file)
    return found.place is TargetOwner.OURS


_NO_FILE = "in the target's place is something that is no readable file: move it away"

_IN_THE_WAY = {
    (TargetOwner.FOREIGN, True): (
        "the target exists, but not in the ledger: something else made it; "
        "move it away to have it made here"
    ),
    (TargetOwner.MODIFIED, True): (
        "av1rules made the target, but this ledger does not know it (was it lost?): "
        "`av1rules adopt` takes it up; move it away to have it made anew"
    ),
    (TargetOwner.NOT_A_FILE, True): _NO_FILE,
    (TargetOwner.NOT_A_FILE, False): _NO_FILE,
    (TargetOwner.MODIFIED, False): (
        "the target was changed since it was written, by an edit as it seems: it is kept; "
        "`av1rules adopt` takes it as it is; remove it, or run --force with its source, "
        "to have it made anew"
    ),
    (TargetOwner.FOREIGN, False): (
        "in the target's place lies a file that av1rules did not write: move it away"
    ),
}
"""Why a file blocks its source, by whose it is and whether the ledger lacks the target. Nothing is
OURS that the ledger does not know."""


def _was_just_published(workspace: Workspace, row: PlanRow, found: TargetState) -> bool:
    with_known_results = (work.row for work in workspace.ledger.jobs_in_progress())
    return any(
        entry is not None and entry.target == row.target and entry.target_key == found.key
        for entry in with_known_results
    )


def with_freshness(scope: PlanContext, row: PlanRow, work: PlannedEncode) -> PlanRow:
    """The row as fresh, as work, or as not worth doing: the ledger decides. Clips come later."""
    workspace, forced = scope.workspace, scope.request.forces(row.file)
    tools = tools_used(work.encoder, workspace.tools)
    causes = stale_causes(
        work.known,
        content_key=work.content_key,
        settings=work.recipe.settings,
        origins={name: _place(origin) for name, origin in work.recipe.origins},
        found=work.found,
        tools=tools,
        redo_on_tools_change=workspace.ruleset.tools.on_change is OnToolsChange.REDO,
        forced=forced,
        fault=scope.faults.get(row.target or ""),
    )
    texts = tuple(cause.text for cause in causes)
    verdict = _verdict(workspace, work)
    if verdict is not None and verdict.kind is AttemptResult.UNDONE and causes and not forced:
        return _after(verdict, row, work, max_failures=workspace.ruleset.run.max_failures)
    donor = work.donor
    if donor is not None and donor.row is not None and not donor.is_move:
        texts = (f"same content as {printable(donor.row.source)}: its target is there already",)
        return replace(row, action=PlanAction.COPY, causes=texts, work=work)
    if donor is not None and donor.row is not None:
        moved = f"moved from {printable(_came_from(donor.row, row))}"
        if not causes:
            return replace(row, action=PlanAction.MOVE, causes=(moved,), work=work)
        texts = (moved, *texts)
    if not causes:
        return _fresh(row, work, tools)
    row = replace(row, action=PlanAction.ENCODE, causes=texts, work=work)
    if verdict is None or forced:
        return row
    return _after(verdict, row, work, max_failures=workspace.ruleset.run.max_failures)


def _verdict(workspace: Workspace, work: PlannedEncode) -> Attempt | None:
    """What came of it before. An orphan that was put back is no word against a target."""
    verdict = workspace.ledger.verdict(work.content_key, work.fingerprint)
    if verdict is None or verdict.kind is not AttemptResult.UNDONE:
        return verdict
    return verdict if workspace.ruleset.output.mode is OutputMode.REPLACE else None


def _came_from(donor: TargetRow, row: PlanRow) -> str:
    return donor.source if donor.source != row.file.library_path else donor.source_path


def _fresh(row: PlanRow, work: PlannedEncode, tools: ToolsUsed) -> PlanRow:
    known, found = work.known, work.found
    is_touched = known is not None and found is not None and found.mtime_ns != known.target_mtime_ns
    return replace(
        row,
        action=PlanAction.FRESH,
        causes=("up to date",),
        is_lasting=True,
        has_other_tools=known is not None and known.tools != tools,
        touched_ns=found.mtime_ns if found is not None and is_touched else None,
    )


def _after(verdict: Attempt, row: PlanRow, work: PlannedEncode, *, max_failures: int) -> PlanRow:
    """The row of work that was tried before, with the same content and settings."""
    if verdict.kind is AttemptResult.UNDONE:
        cause = "undone: left alone until source or settings change, or by `run --force PATH`"
        return replace(
            row,
            action=PlanAction.LEFT_ALONE,
            causes=(cause,),
            work=None,
            is_settled_by_attempt=True,
        )
    if verdict.kind is AttemptResult.FAILED:
        times = "once" if verdict.count == 1 else f"{verdict.count} times"
        cause = f"failed {times} before: {verdict.detail}"
        if verdict.count < max_failures:
            return replace(row, causes=(*row.causes, cause))
        advice = "parked until source or settings change, or by `av1rules retry PATH`"
        return replace(_blocked(row, f"{cause}; {advice}"), work=None, is_settled_by_attempt=True)
    if verdict.kind is AttemptResult.TOO_POOR:
        detail = shortfall(work.recipe.settings.verify, verdict.measured)
        if detail is None:
            return row
        cause = f"{detail}: not tried again until source, settings or floor change"
        return replace(
            row,
            action=PlanAction.LEFT_ALONE,
            causes=(cause,),
            work=None,
            is_settled_by_attempt=True,
        )
    ratio = (verdict.target_bytes or 0) / max(verdict.source_bytes, 1)
    if ratio <= work.recipe.settings.max_size_ratio:
        return row
    cause = f"{verdict.detail}: not tried again until source or settings change"
    return replace(
        row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None, is_settled_by_attempt=True
    )


def _place(origin: str) -> str:
    """The file and line of an origin, without the name of the rule or profile that stands there."""
    return origin.partition(" (")[0]


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
    return (f"the preferred encoder {preferred} is not there: {encoder.name} is used",)

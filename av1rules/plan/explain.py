"""Everything that led to one row of a plan, for `explain`. Like the plan, it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.encode.argv import build_argv, cover_files, shown_command
from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import TIMES_NAME
from av1rules.encode.segments.plan import SegmentChoice, segment_choice
from av1rules.ledger.provenance import provenance_json
from av1rules.ledger.records import tools_used
from av1rules.media.cache import ProbeFailure, content_key_of
from av1rules.plan.context import PlanRequest
from av1rules.plan.controlled.hours import hours_notes
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import EncodeRecipe, Evaluation, Plan, PlanItem, with_note
from av1rules.plan.names.match import WantedName
from av1rules.plan.plan import build_plan
from av1rules.plan.prerequisites import known_settings
from av1rules.plan.replaced_item import evaluate_original
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.match import RuleMatch, explain_rules


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The row and what led to it; None or empty where planning ended earlier."""

    row: PlanItem
    evaluation: Evaluation | None = None
    rules: tuple[RuleMatch, ...] = ()
    command: str | None = None
    segments: SegmentChoice | None = None


def explain_film(
    workspace: Workspace,
    name: WantedName,
    planned: Callable[[Workspace, PlanRequest], Plan] = build_plan,
) -> Explanation:
    """Explain the one film that `name` means, as it is `planned`. Raises UsageError if it is none
    of the library, or several."""
    plan = planned(workspace, PlanRequest(names=(name,), takes_one=True))
    if not plan.rows:
        raise UsageError(
            "not a video file of the library",
            where=printable(name.text),
            hint="is it below library.roots, has it a video extension, is it one of our targets?",
        )
    row = plan.rows[0]
    for note in hours_notes(workspace.ruleset, plan.rows, workspace.disk.now_s()):
        row = with_note(row, note)
    path = row.file.path
    original = evaluate_original(workspace, row.file) if row.target == path else None
    if original is not None:  # our own target, explained by the original it replaced
        known = original.known
        origin = _Origin(original.kept.path, known.content_key, known.source_bytes)
        evaluation = original.evaluation
    else:
        ((_, source),) = probe_files(workspace, [row.file])
        if isinstance(source, ProbeFailure):
            return Explanation(row=row)
        origin = _Origin(
            path, content_key_of(row.file, workspace.cache, workspace.disk), row.size_bytes
        )
        evaluation = evaluate(workspace, row.file, source, content_key=origin.content_key)
    return _explained(workspace, row, evaluation, origin)


def explain_item(workspace: Workspace, row: PlanItem, evaluation: Evaluation) -> Explanation:
    """Explain an item of a source that no library has. Raises OSError."""
    key = content_key_of(row.file, workspace.cache, workspace.disk)
    return _explained(workspace, row, evaluation, _Origin(row.file.path, key, row.size_bytes))


def _explained(
    workspace: Workspace, row: PlanItem, evaluation: Evaluation, origin: _Origin
) -> Explanation:
    recipe = evaluation.recipe
    if recipe is not None and evaluation.fingerprint is not None:
        settings = known_settings(workspace, origin.content_key, recipe)
        recipe = replace(recipe, settings=settings)
        evaluation = replace(evaluation, recipe=recipe)
    job = None if recipe is None else _job(workspace, row, evaluation, recipe, origin)
    rules = workspace.ruleset.run.segments
    return Explanation(
        row=row,
        evaluation=evaluation,
        rules=explain_rules(workspace.ruleset.rules, evaluation.facts),
        command=None if job is None else _command(workspace, job),
        segments=None if job is None else segment_choice(job, rules),
    )


class _Origin(NamedTuple):
    """The file that the command would read."""

    path: str
    content_key: str
    size_bytes: int


def _job(
    workspace: Workspace,
    row: PlanItem,
    evaluation: Evaluation,
    recipe: EncodeRecipe,
    origin: _Origin,
) -> EncodeJob | None:
    """The encode as it would be run. A placeholder stands for the digest of a source that was never
    read in full."""
    if row.target is None or evaluation.source.main is None or recipe.encoder is None:
        return None
    known = workspace.ledger.find(row.target)
    is_known = known is not None and known.content_key == origin.content_key
    digest = known.source_digest if known and is_known else "DIGEST-OF-THE-SOURCE"
    return EncodeJob(
        source_path=origin.path,
        source=evaluation.source,
        settings=recipe.settings,
        encoder=recipe.encoder,
        target=row.target,
        provenance=provenance_json(
            digest=digest,
            content_key=origin.content_key,
            size_bytes=origin.size_bytes,
            settings=recipe.settings,
            tools=tools_used(recipe.encoder, workspace.tools),
            left_out=recipe.streams.dropped_by_rule,
        ),
        library_path=row.file.library_path,
        threads=workspace.ruleset.run.threads_per_job,
    )


def _command(workspace: Workspace, job: EncodeJob) -> str:
    """The command of the whole encode. Placeholders stand for the names of temporary files."""
    folder = "TEMPORARY-FOLDER"
    return shown_command(
        build_argv(
            job,
            ffmpeg=workspace.tools.ffmpeg,
            output=f"{folder}/part.{job.settings.container}",
            covers=cover_files(job, folder),
            times=f"{folder}/{TIMES_NAME}",
        )
    )

"""The document of `explain`."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from av1rules.encode.streams import StreamStep
from av1rules.media.source_text import source_lines
from av1rules.plan.explain import Explanation
from av1rules.policy.facts import Facts
from av1rules.policy.match import MatchOutcome, RuleMatch
from av1rules.policy.settings import SourceTier
from av1rules.report.documents.common import ShownSettings, shown_settings
from av1rules.report.documents.plan import PlanRow, plan_row
from av1rules.report.json import JsonDocument, json_document


class TierRecord(Struct, frozen=True, kw_only=True):
    """The source tier, null if the film fits none; `confidence` is from 0 to 1."""

    source_tier: SourceTier | None
    confidence: float
    reasons: tuple[str, ...]


class RuleRecord(Struct, frozen=True, kw_only=True):
    """One rule, in their order. `outcome` is null if it depends on an unknown fact; `is_decisive`
    marks the first that matched. `condition` is null if it matches everything."""

    name: str
    file: str
    line: int
    outcome: bool | None
    is_decisive: bool
    condition: MatchOutcome | None


class ReviewRecord(Struct, frozen=True, kw_only=True):
    """Whether a test clip is reviewed first: `review` is as in the rules, `origin` the line that
    says so, `clip_s` the duration of the clip."""

    review: str
    origin: str
    clip_s: float


class ExplainDocument(JsonDocument, frozen=True, kw_only=True):
    """Everything that led to the row of one film in a plan. `facts` is what conditions test, a fact
    that is unknown is null; `source` is the probed source in words. These, `tier` and `rules` are
    null or empty if the film could not be read. `settings` to `command` are null or empty if no
    rule encodes it. `origins` is where each setting comes from, `streams` what happens to each
    stream."""

    row: PlanRow
    source: tuple[str, ...]
    facts: Facts | None
    tier: TierRecord | None
    rules: tuple[RuleRecord, ...]
    settings: ShownSettings | None
    origins: dict[str, str]
    review: ReviewRecord | None
    streams: tuple[StreamStep, ...]
    segments: str | None
    command: str | None


def explain_json(explanation: Explanation) -> str:
    """The explanation as one JSON document."""
    evaluation = explanation.evaluation
    recipe = evaluation.recipe if evaluation else None
    tier = evaluation.classification if evaluation else None
    decision = evaluation.decision if evaluation and recipe else None
    return json_document(
        ExplainDocument(
            row=plan_row(explanation.row),
            source=tuple(source_lines(evaluation.source)) if evaluation else (),
            facts=evaluation.facts if evaluation else None,
            tier=None
            if tier is None
            else TierRecord(
                source_tier=tier.source_tier, confidence=tier.confidence, reasons=tier.reasons
            ),
            rules=tuple(_rules(explanation.rules)),
            settings=shown_settings(recipe.settings) if recipe else None,
            origins={name: str(one) for name, one in recipe.origins} if recipe else {},
            review=None
            if decision is None
            else ReviewRecord(
                review=decision.review.text,
                origin=decision.review_origin,
                clip_s=decision.review.clip_s,
            ),
            streams=recipe.streams.steps if recipe else (),
            segments=None if explanation.segments is None else explanation.segments.text,
            command=explanation.command,
        )
    )


def _rules(matches: tuple[RuleMatch, ...]) -> Iterator[RuleRecord]:
    for match in matches:
        yield RuleRecord(
            name=match.rule.name,
            file=match.rule.place.file,
            line=match.rule.place.line,
            outcome=match.outcome,
            is_decisive=match.is_decisive,
            condition=match.condition,
        )

"""What the policy says of one probed file, before ledger and disk are asked. Reads nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from av1rules.approvals.model import with_adjustments
from av1rules.base.errors import ToolError
from av1rules.encode.encoders import choose_encoder
from av1rules.encode.losses import LossFinding, find_losses
from av1rules.encode.streams import StreamPlan, plan_streams
from av1rules.ffmpeg.tools import EncoderInfo, Tools
from av1rules.media.source import LibraryFile, Source
from av1rules.policy.canonical import effective
from av1rules.policy.facts import Facts, facts_of
from av1rules.policy.model import RuleSet, SettingsLayer
from av1rules.policy.resolve import Decision, DecisionKind, decide
from av1rules.policy.settings import EncodeSettings
from av1rules.policy.source_tier import Classification, classify


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRecipe:
    """How a target would be made. `settings` are the effective ones, each with its origin;
    `encoder` is None where the wanted one is missing, and `problem` says so."""

    settings: EncodeSettings
    origins: tuple[tuple[str, str], ...]
    streams: StreamPlan
    losses: tuple[LossFinding, ...]
    encoder: EncoderInfo | None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The way from facts to decision; `making` where the decision is to encode."""

    source: Source
    classification: Classification
    facts: Facts
    decision: Decision
    recipe: EncodeRecipe | None = None

    @property
    def rule_name(self) -> str | None:
        return self.decision.rule.name if self.decision.rule else None

    @property
    def tier_name(self) -> str | None:
        tier = self.classification.source_tier
        return tier.value if tier else None


def evaluate(
    file: LibraryFile,
    source: Source,
    *,
    ruleset: RuleSet,
    tools: Tools,
    adjusted: SettingsLayer | None = None,
    grain: float | None = None,
) -> Evaluation:
    """Classify, match, resolve, and what would become of every stream. `adjusted` is what a person
    asked for this very film, on top of its rule; `grain` its noise, where that is measured."""
    classification = classify(source, file.library_path, ruleset.tiers)
    facts = facts_of(file, source, classification, grain=grain)
    decision = _adjusted(decide(ruleset, facts), adjusted)
    return Evaluation(
        source=source,
        classification=classification,
        facts=facts,
        decision=decision,
        recipe=_recipe(source, decision, ruleset, tools),
    )


def _adjusted(decision: Decision, layer: SettingsLayer | None) -> Decision:
    if layer is None or decision.settings is None:
        return decision
    origins = dict(decision.origins)
    origins |= {one.field: f"{one.place.short} ({layer.name})" for one in layer.settings}
    settings = with_adjustments(decision.settings, layer)
    return replace(decision, settings=settings, origins=tuple(origins.items()))


def _recipe(
    source: Source, decision: Decision, ruleset: RuleSet, tools: Tools
) -> EncodeRecipe | None:
    if decision.kind is not DecisionKind.ENCODE or decision.settings is None:
        return None
    settings = effective(decision.settings, source)
    encoder, problem = None, None
    try:
        encoder = choose_encoder(settings, tools, ruleset.tools.preferred_encoder)
    except ToolError as missing:
        problem = missing.message
    streams = plan_streams(source, settings)
    return EncodeRecipe(
        settings=settings,
        origins=_origins(decision, settings),
        streams=streams,
        losses=find_losses(source, settings, streams, encoder),
        encoder=encoder,
        problem=problem,
    )


def _origins(decision: Decision, settings: EncodeSettings) -> tuple[tuple[str, str], ...]:
    """Where each setting comes from, and where the source made something else of it."""
    origins = dict(decision.origins)
    for name in origins:
        wanted, made = getattr(decision.settings, name), getattr(settings, name)
        if wanted != made:
            origins[name] += f": {wanted or 'as the source'}, for this source {made}"
    return tuple(origins.items())

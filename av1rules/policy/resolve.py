"""Resolves a matching rule to settings: tier defaults <- defaults <- profile <- rule. Pure.

Each setting keeps the line it came from.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from av1rules.base.memo import by_identity
from av1rules.media.resolution import UHD_MIN_HEIGHT, UHD_MIN_WIDTH
from av1rules.policy.facts import Facts
from av1rules.policy.fingerprint import NAMES, with_changes
from av1rules.policy.match import PassedOver, first_match
from av1rules.policy.model import (
    DEFAULT_CLIP_S,
    TIER_REVIEWS,
    Action,
    ActionKind,
    Review,
    Rule,
    RuleSet,
    SettingsLayer,
)
from av1rules.policy.settings import (
    DEINTERLACE_FIELDS,
    TIER_DEFAULTS,
    EncodeSettings,
    SourceTier,
)
from av1rules.policy.source_tier import MODERN_CODECS

BUILT_IN = "built-in"


class Origin(NamedTuple):
    """The origin of a setting: its place, its layer, and the change made for the source."""

    where: str  # `rules.yaml:12`, or built-in defaults
    layer: str | None = None
    change: str = ""

    def __str__(self) -> str:
        """As `rules.yaml:12 (rule uhd remux)`."""
        return (
            f"{self.where} ({self.layer}){self.change}" if self.layer else self.where + self.change
        )


Origins = tuple[tuple[str, Origin], ...]
"""Each setting with its origin, in the order of `EncodeSettings`."""


class DecisionKind(Enum):
    ENCODE = "encode"
    SKIP = "skip"
    HOLD = "hold"
    NO_RULE = "no rule"


class Decision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The policy's decision for one source. `settings` and `origins` are for ENCODE only.

    `review` is for ENCODE too; `review_origin` is the place that sets it. `passed_over` are earlier
    rules that might match if all facts were known.
    """

    kind: DecisionKind
    rule: Rule | None = None
    reason: str | None = None
    settings: EncodeSettings | None = None
    origins: Origins = ()
    review: Review = msgspec.field(default_factory=Review)
    review_origin: str = BUILT_IN
    passed_over: tuple[PassedOver, ...] = ()


_TIER_FIELDS = ("crf", "preset", "film_grain")

_TIERS = {tier.value: tier for tier in SourceTier}


def decide(ruleset: RuleSet, facts: Facts) -> Decision:
    """The decision for one source, by the first rule that matches."""
    rule, passed_over = first_match(ruleset.rules, facts)
    decision = _decided_by(rule, ruleset, facts)
    return replace(decision, passed_over=passed_over) if passed_over else decision


def _decided_by(rule: Rule | None, ruleset: RuleSet, facts: Facts) -> Decision:
    if rule is None:
        return Decision(kind=DecisionKind.NO_RULE, reason="no rule matches: left alone")
    action = rule.action
    if action.kind is ActionKind.SKIP:
        return Decision(kind=DecisionKind.SKIP, rule=rule, reason=_reason(rule, "left alone by"))
    if action.kind is ActionKind.HOLD:
        return Decision(kind=DecisionKind.HOLD, rule=rule, reason=_reason(rule, "held by"))
    if facts.source_tier is None:
        return Decision(kind=DecisionKind.SKIP, rule=rule, reason="no video to encode")
    settings, origins = resolve(ruleset, action, facts)
    modern = _modern_codec(facts)
    if modern is not None and not settings.force:
        reason = f"already {modern}, a modern codec (encode.force: true re-encodes it)"
        return Decision(kind=DecisionKind.SKIP, rule=rule, reason=reason)
    review, review_origin = review_of(rule, _TIERS[facts.source_tier])
    return Decision(
        kind=DecisionKind.ENCODE,
        rule=rule,
        settings=settings,
        origins=origins,
        review=review,
        review_origin=review_origin,
    )


@by_identity
def review_of(rule: Rule, source_tier: SourceTier) -> tuple[Review, str]:
    """The review that this rule asks for, and its place."""
    request, kind, canary = rule.review, TIER_REVIEWS[source_tier], None
    origin, clip_s = f"{BUILT_IN} {source_tier.value} defaults", None
    if request is not None:
        clip_s = request.clip_s
        if request.kind is not None:
            kind, canary = request.kind, request.canary
            origin = f"{request.place.short} (rule {rule.name})"
    return Review(kind=kind, canary=canary, clip_s=clip_s or DEFAULT_CLIP_S), origin


def _reason(rule: Rule, verb: str) -> str:
    return rule.action.reason or f"{verb} rule {rule.name}"


def _modern_codec(facts: Facts) -> str | None:
    """The codec's name if re-encoding would hardly gain: AV1, or a modern codec in a web file."""
    codec = facts.video_codec
    if codec == "av1" or facts.source_tier == SourceTier.WEB_DL.value:
        return MODERN_CODECS.get(codec or "")
    return None


def resolve(ruleset: RuleSet, action: Action, facts: Facts) -> tuple[EncodeSettings, Origins]:
    """The settings of an `encode` action for this source, and the origin of each field."""
    layers = layers_of(ruleset.defaults, ruleset.profiles, action)
    return _resolved(layers, _TIERS[facts.source_tier or ""], is_uhd=_is_uhd(facts))


@by_identity
def _resolved(
    layers: tuple[SettingsLayer, ...], tier: SourceTier, *, is_uhd: bool
) -> tuple[EncodeSettings, Origins]:
    settings = EncodeSettings(**_tier_values(tier, is_uhd=is_uhd))
    origins = dict.fromkeys(_TIER_FIELDS, Origin(f"{BUILT_IN} {tier.value} defaults"))
    for layer in layers:
        settings = with_changes(settings, {one.field: one.value for one in layer.settings})
        places = {one.field: Origin(one.place.short, layer.name) for one in layer.settings}
        if "crf" in places:
            origins.pop("quality_target", None)
        if "quality_target" in places:  # the origin of the CRF
            places["crf"] = places["quality_target"]
        origins |= places
    if settings.film_grain == 0 and not settings.film_grain_auto:
        origins.pop("film_grain_denoise", None)
    return settings, tuple([(name, origins.get(name, Origin(BUILT_IN))) for name in NAMES])


@by_identity
def layers_of(
    defaults: SettingsLayer, profiles: tuple[SettingsLayer, ...], action: Action
) -> tuple[SettingsLayer, ...]:
    """The layers of an action, each of which overrides those before it."""
    layers = [defaults]
    if action.profile is not None:
        wanted = f"profile {action.profile}"
        layers += [layer for layer in profiles if layer.name == wanted]
    if action.layer is not None:
        layers.append(action.layer)
    return tuple(layers)


def _tier_values(tier: SourceTier, *, is_uhd: bool) -> dict[str, Any]:
    defaults = TIER_DEFAULTS[tier]
    return {
        "crf": float(defaults.crf_uhd if is_uhd else defaults.crf),
        "preset": defaults.preset,
        "film_grain": defaults.film_grain,
        "deinterlace_rate": DEINTERLACE_FIELDS,
    }


def _is_uhd(facts: Facts) -> bool:
    """Whether a source is above 1080p, in either orientation; unknown sizes count as 1080p."""
    if facts.width is None or facts.height is None:
        return False
    longer, shorter = max(facts.width, facts.height), min(facts.width, facts.height)
    return longer >= UHD_MIN_WIDTH or shorter >= UHD_MIN_HEIGHT

"""The checked settings of one mapping in the types of `EncodeSettings`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from av1rules.policy import formats
from av1rules.policy.quality_spec import (
    CRF_STEP,
    TARGET_CRF_MAX,
    TARGET_CRF_MIN,
    Floor,
    GateScope,
    Metric,
    Otherwise,
    QualityGate,
    QualityTarget,
    Statistic,
)
from av1rules.policy.redo.choice import parse_redo
from av1rules.policy.settings import AUTO, Loss
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, languages_of

USE = "use"
"""The key of a rule's `encode` that names a profile; no field of `EncodeSettings`."""

FLOORS = {
    f"{metric.value}_{statistic.value}": (metric, statistic)
    for metric in Metric
    for statistic in Statistic
}
"""Every floor that `quality_gate` knows: `vmaf_p5`."""

Values = Mapping[str, Any]
Convert = Callable[[Any], object]


def listed(value: Any) -> list[Any]:
    """The entries of a list; a single value counts as a list of one."""
    return [item for item in (value if isinstance(value, list) else [value]) if item is not None]


def as_it_stands(value: Any) -> Any:
    """A value that needs no conversion."""
    return value


def settings_of(values: Values) -> dict[str, Any]:
    """The settings of one mapping in the types of `EncodeSettings`; its `use` is none of them."""
    return {key: _setting(key, value) for key, value in values.items() if key != USE}


def _setting(name: str, value: Any) -> object:
    read: Convert = _SETTINGS.get(name, as_it_stands)
    return read(value)


def _crf(value: float) -> float:
    """To the nearest quarter."""
    return round(value / CRF_STEP) * CRF_STEP


def _params(values: Values) -> tuple[tuple[str, str], ...]:
    """Sorted by name with numbers in one spelling: neither order nor `1.0` redoes a file."""
    return tuple(sorted((name, f"{number:g}") for name, number in values.items()))


def quality_target(values: Values) -> QualityTarget:
    span = values.get("crf", {})
    metric = Metric(values.get("metric", Metric.VMAF))
    statistic = next((one for one in Statistic if one.value in values), Statistic.MEAN)
    value = float(values.get(statistic.value, 0))
    return QualityTarget(
        floor=Floor(metric=metric, statistic=statistic, value=value),
        crf_min=_crf(span.get("min", TARGET_CRF_MIN)),
        crf_max=_crf(span.get("max", TARGET_CRF_MAX)),
        otherwise=Otherwise(values.get("otherwise", Otherwise.HOLD)),
    )


def _quality_gate(values: Values) -> QualityGate:
    floors = (
        Floor(metric=metric, statistic=statistic, value=float(values[key]))
        for key, (metric, statistic) in FLOORS.items()
        if key in values
    )
    return QualityGate(
        floors=tuple(floors), scope=GateScope(values.get("scope", GateScope.SAMPLES))
    )


def _track_values(values: Values) -> dict[str, Any]:
    languages = {"keep": languages_of, "default": languages_of, "forced": as_it_stands}
    return {key: languages.get(key, bool)(value) for key, value in values.items()}


def _audio(values: Values) -> AudioRules:
    return AudioRules(**_track_values(values))


def _subtitles(values: Values) -> SubtitleRules:
    return SubtitleRules(**_track_values(values))


def _either(word: str, meaning: object, otherwise: Convert) -> Convert:
    return lambda value: meaning if value == word else otherwise(value)


_SETTINGS: dict[str, Convert] = {
    "crf": _crf,
    "preset": int,
    "film_grain": _either(AUTO, AUTO, int),
    "keyint": formats.keyint,
    "bit_depth": _either("source", 0, int),
    "params": _params,
    "accept": lambda value: frozenset(Loss(item) for item in listed(value)),
    "max_size_ratio": float,
    "quality_target": quality_target,
    "quality_gate": _quality_gate,
    "on_change": lambda value: parse_redo(value).text,
    "audio": _audio,
    "subtitles": _subtitles,
}
"""How settings are converted that are not taken as they stand."""

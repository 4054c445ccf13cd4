"""The settings `target` and `verify`: floors for quality, as a rules file has them."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import printable
from av1rules.policy.quality_spec import (
    BEST_POSSIBLE,
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
    figure_name,
)
from av1rules.policy.reader import Cursor
from av1rules.policy.section import Section, member_of

GATE_KEYS = {
    f"{metric.value}_{statistic.value}": (metric, statistic)
    for metric in Metric
    for statistic in Statistic
}
"""Every floor that `verify` knows: `vmaf_p5`."""

_LISTED = ", ".join(statistic.value for statistic in Statistic)
_EXAMPLE = "write target: {metric: vmaf, p5: 93}"


def quarter_steps(cursor: Cursor) -> float | None:
    """A CRF, to the nearest quarter."""
    number = cursor.number()
    return None if number is None else round(number / CRF_STEP) * CRF_STEP


def build_target(cursor: Cursor) -> QualityTarget | None:
    """The target of a search; None after noting what is wrong."""
    if not cursor.is_mapping:
        cursor.fault("expected a metric and a floor", hint=_EXAMPLE)
        return None
    named = [(one, below) for one in Statistic if (below := cursor.get(one.value)) is not None]
    if len(named) != 1:
        found = ", ".join(one.value for one, _ in named) or "none"
        cursor.fault(f"expected one of {_LISTED}, found {found}", hint=_EXAMPLE, at_key=True)
        return None
    values = Section(cursor).fields(metric=("metric", member_of(Metric)))
    statistic, below = named[0]
    floor = _floor(below, values.get("metric", Metric.VMAF), statistic)
    span = _span(cursor.get("crf"))
    words = Section(cursor).fields(otherwise=("otherwise", member_of(Otherwise)))
    if floor is None or span is None:
        return None
    return QualityTarget(floor=floor, crf_min=span[0], crf_max=span[1], **words)


def build_gate(cursor: Cursor) -> QualityGate | None:
    """What an encode must keep to; None after noting what is wrong."""
    if not cursor.is_mapping:
        cursor.fault("expected floors", hint="write verify: {vmaf_p5: 90}")
        return None
    words = Section(cursor).fields(scope=("scope", member_of(GateScope)))
    return QualityGate(floors=tuple(_floors(cursor)), **words)


def _floors(cursor: Cursor) -> Iterator[Floor]:
    for key, (metric, statistic) in GATE_KEYS.items():
        below = cursor.get(key)
        if below is not None and (floor := _floor(below, metric, statistic)) is not None:
            yield floor


def _floor(cursor: Cursor, metric: Metric, statistic: Statistic) -> Floor | None:
    value = cursor.number()
    if value is None:
        return None
    best = BEST_POSSIBLE[metric]
    if not 0 <= value <= best:
        name = figure_name(metric, statistic)
        shown = printable(cursor.raw, limit=60)
        cursor.fault(f"{name} goes from 0 to {best:g}, found {shown}")
        return None
    return Floor(metric=metric, statistic=statistic, value=float(value))


def _span(cursor: Cursor | None) -> tuple[float, float] | None:
    """Between which CRFs is searched."""
    if cursor is None:
        return TARGET_CRF_MIN, TARGET_CRF_MAX
    if not cursor.is_mapping:
        cursor.fault("expected a range", hint="write crf: {min: 16, max: 40}")
        return None
    ends = Section(cursor).fields(low=("min", quarter_steps), high=("max", quarter_steps))
    low, high = ends.get("low", TARGET_CRF_MIN), ends.get("high", TARGET_CRF_MAX)
    if low > high:
        cursor.fault(
            f"the lowest CRF {low:g} is above the highest {high:g}",
            hint=f"without min and max it is {TARGET_CRF_MIN:g} to {TARGET_CRF_MAX:g}",
            at_key=True,
        )
        return None
    return low, high

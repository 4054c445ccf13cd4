"""Scores added up: what is grouped, how it is spread, and what a plan leaves as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.ledger.history import EncodeRecord, ScoreSummary
from av1rules.ledger.records import Interval
from av1rules.plan.items import Held, LeftAlone
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.report.aggregate_scores import MOST_POINTS, compared, score_bin
from av1rules.report.model import SCORE_BINS, Figures
from av1rules.report.sections_quality import SCORE_BIN_NAMES, quality_rows
from av1rules.report.skipped import skipped_of
from tests.forecast.test_training import PAST
from tests.plan_items import encode, fresh, library_file
from tests.report.test_aggregate import ONE, figures_of


def scored(
    mean: float, *, metric: Metric = Metric.VMAF, scope: GateScope | None = None
) -> ScoreSummary:
    return ScoreSummary(metric=metric, mean=mean, p5=mean - 5, scope=scope)


def made(*scores: ScoreSummary, source_tier: str | None = "remux") -> EncodeRecord:
    return replace(ONE, scores=scores, source_tier=source_tier)


def test_groups_by_rule_tier_metric_and_scope() -> None:
    whole, samples = GateScope.WHOLE, GateScope.SAMPLES
    figures = figures_of(
        *(made(scored(mean, scope=samples)) for mean in (90, 92, 94)),
        made(scored(96, scope=whole), scored(40, metric=Metric.XPSNR, scope=whole)),
        made(scored(80), source_tier=None),
        made(),
    )
    output = [(one.source_tier, one.metric, one.scope, one.files) for one in figures.scores]
    assert output == [
        ("remux", Metric.VMAF, whole, 1),
        ("remux", Metric.VMAF, samples, 3),
        (None, Metric.VMAF, None, 1),
        ("remux", Metric.XPSNR, whole, 1),
    ]
    assert figures.scores[1].mean.median == 92
    assert figures.scores[1].p5.low == pytest.approx(85.4)


def test_bins_are_of_vmaf_by_tier() -> None:
    figures = figures_of(
        made(scored(96.9)), made(scored(97.0)), made(scored(12)),
        made(scored(40, metric=Metric.XPSNR)), made(scored(88), source_tier=None),
    )  # fmt: skip
    remux, unknown = figures.score_bins
    assert (remux.source_tier, unknown.source_tier) == ("remux", None)
    assert (remux.mean[0], remux.mean[-2], remux.mean[-1]) == (1, 1, 1)
    assert sum(remux.p5) == 3
    assert remux.p5[SCORE_BIN_NAMES.index("91-94")] == 2


@given(st.floats(-1000, 1000))
def test_every_score_has_a_bin_that_says_so(value: float) -> None:
    number = score_bin(value)
    name = SCORE_BIN_NAMES[number]
    if number == 0:
        assert value < 70
    elif number < SCORE_BINS - 1:
        low, high = map(int, name.split("-"))
        assert low <= value < high
    else:
        assert value >= 97


def test_points_are_the_newest_that_can_be_compared() -> None:
    past = [
        replace(PAST, actual_s=float(number), size_bytes=Interval(low=0, mid=9, high=9))
        for number in range(MOST_POINTS + 10)
    ]
    found = compared([*past, replace(PAST, actual_s=0.0), replace(PAST, actual_bytes=0)])
    assert len(found) == MOST_POINTS
    assert found[-1].actual_s == MOST_POINTS + 9


def test_of_nothing_there_is_nothing_to_say() -> None:
    figures: Figures = figures_of(made())
    assert (figures.scores, figures.score_bins, figures.clips) == ((), (), ())
    assert list(quality_rows(figures)) == []


def test_what_a_plan_leaves_is_told_by_reason() -> None:
    def left(name: str, cause: str) -> LeftAlone:
        return LeftAlone(file=library_file(name), causes=(cause, "more"))

    def held(name: str) -> Held:
        cause = f"clip waits: av1rules clips show {name}"
        return Held(file=library_file(name), causes=(cause,), reason="clip waits")

    found = skipped_of(
        (
            left("a", "already AV1"),
            encode("b"),
            fresh("c"),
            left("d", "no gain"),
            left("e", "no gain"),
            held("f"),
            held("g"),
        )
    )
    assert [(one.action, one.cause, one.files) for one in found] == [
        ("held", "clip waits", 2),
        ("left alone", "no gain", 2),
        ("left alone", "already AV1", 1),
    ]

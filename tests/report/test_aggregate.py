"""Figures of a report: what is added up, how it is grouped, and what stays unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from av1rules.ledger.history import EncodeRecord, Outcomes
from av1rules.report.aggregate import EXTREMES, aggregate, length_for, period_start, spread
from av1rules.report.aggregate_scores import span
from av1rules.report.model import Figures, PeriodLength
from tests.plan.test_freshness import SETTINGS, TOOLS

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)  # a Wednesday

NOTHING = Outcomes(attempts=(), damaged_targets=(), damaged_sources=(), aside=(), runs=())

ONE = EncodeRecord(
    target="/out/a.mkv", source="films/a.mkv", source_bytes=1000, target_bytes=400,
    settings=SETTINGS, tools=TOOLS, rule="all", built_at=NOON, run=1, encode_s=50.0, verify_s=5.0,
    source_tier="remux", resolution="1080p", frame_rate=25.0, frames=1000,
)  # fmt: skip


def figures_of(*made: EncodeRecord, zone: timezone = UTC) -> Figures:
    return aggregate(made, NOTHING, at=NOON, since=None, ledger="ledger", max_failures=3, zone=zone)


def test_of_nothing_is_all_empty() -> None:
    figures = figures_of()
    assert figures.total.files == 0
    assert figures.total.size_ratio is None
    groups = (figures.periods, figures.by_rule, figures.by_tier, figures.speeds, figures.tools)
    assert not any((*groups, figures.savers, figures.worst))


def test_times_are_of_the_files_that_have_one() -> None:
    total = figures_of(ONE, replace(ONE, encode_s=None, verify_s=None)).total
    assert (total.files, total.timed) == (2, 1)
    assert (total.encode_s, total.verify_s) == (50.0, 5.0)
    assert (total.saved_bytes, total.size_ratio) == (1200, 0.4)


def test_days_are_those_of_the_zone_and_leave_no_gap() -> None:
    late = replace(ONE, built_at=datetime(2026, 1, 16, 23, 30, tzinfo=UTC))
    figures = figures_of(ONE, late, zone=timezone(timedelta(hours=1)))
    assert figures.length is PeriodLength.DAY
    assert [(period.start.day, period.sums.files) for period in figures.periods] == [
        (14, 1), (15, 0), (16, 0), (17, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "step", "first", "count"),
    [
        (44, PeriodLength.DAY, date(2026, 1, 14), 45),
        (60, PeriodLength.WEEK, date(2026, 1, 12), 9),
        (900, PeriodLength.MONTH, date(2026, 1, 1), 31),
        (20000, PeriodLength.YEAR, date(2026, 1, 1), 55),
    ],
)
def test_long_series_go_by_longer_steps(
    days: int, step: PeriodLength, first: date, count: int
) -> None:
    figures = figures_of(ONE, replace(ONE, built_at=NOON + timedelta(days=days)))
    assert figures.length is step
    assert figures.periods[0].start == first
    assert len(figures.periods) == count
    assert figures.periods[-1].sums.files == 1


@given(st.dates(), st.sampled_from(PeriodLength))
def test_a_period_starts_at_or_before_each_of_its_days(day: date, step: PeriodLength) -> None:
    start = period_start(day, step)
    assert start <= day
    assert period_start(start, step) == start


@given(st.integers(1, 40_000))
def test_series_have_few_periods(days: int) -> None:
    length = {
        PeriodLength.DAY: 1,
        PeriodLength.WEEK: 7,
        PeriodLength.MONTH: 28,
        PeriodLength.YEAR: 365,
    }[length_for(days)]
    assert days / length <= 131


def test_groups_by_rule_and_tier_with_the_largest_saving_first() -> None:
    web = replace(ONE, source_tier="web-dl", source_bytes=10_000, target_bytes=9_000)
    adopted = replace(ONE, source_tier=None, rule=None, source_bytes=100, target_bytes=90)
    figures = figures_of(ONE, web, adopted)
    assert [(one.rule, one.source_tier, one.sums.saved_bytes) for one in figures.by_rule] == [
        ("all", "web-dl", 1000), ("all", "remux", 600), (None, None, 10),
    ]  # fmt: skip
    assert [one.source_tier for one in figures.by_tier] == ["remux", "web-dl", None]


def test_ratios_are_spread_over_tenths() -> None:
    found = spread([0.05, 0.3, 0.39, 0.999, 1.0, 2.5])
    assert found is not None
    assert found.bins == (1, 0, 0, 2, 0, 0, 0, 0, 0, 1, 2)
    assert found.median == pytest.approx((0.39 + 0.999) / 2)
    assert spread([]) is None


@given(st.lists(st.floats(0, 2), min_size=1))
def test_a_span_lies_within_its_values(values: list[float]) -> None:
    found = span(values)
    assert min(values) - 1e-9 <= found.low <= found.median + 1e-9
    assert found.median <= found.high + 1e-9
    assert found.high <= max(values) + 1e-9
    assert span(values[:1]).low == span(values[:1]).high == values[0]


def test_empty_source_has_no_ratio() -> None:
    (group,) = figures_of(replace(ONE, source_bytes=0, target_bytes=0)).by_rule
    assert group.ratios is None
    assert group.sums.size_ratio is None


def test_speed_by_resolution_encoder_and_preset() -> None:
    slow = replace(ONE, frames=500)
    other = replace(ONE, settings=structs.replace(SETTINGS, preset=8))
    unsteady = replace(ONE, frame_rate=None, frames=4000)
    of_no_time = replace(ONE, encode_s=None)
    first, second = figures_of(ONE, slow, other, unsteady, of_no_time).speeds
    assert (first.preset, first.files, first.resolution) == (5, 3, "1080p")
    assert first.frames_per_s == pytest.approx(5500 / 150)
    assert first.median == 20
    assert first.realtime == pytest.approx((1500 / 25) / 100), "of those with a steady rate"
    assert (second.preset, second.files) == (8, 1)


def test_extremes_are_few_and_in_order() -> None:
    made = [
        replace(ONE, source=f"films/{number}.mkv", target_bytes=1100 - number * 10)
        for number in range(60)
    ]
    figures = figures_of(*made)
    assert [one.target_bytes for one in figures.savers] == list(range(510, 610, 10))
    assert [one.target_bytes for one in figures.worst] == list(range(1100, 1000, -10))
    assert len(figures.worst) == EXTREMES


def test_a_target_larger_than_its_source_is_no_saver() -> None:
    assert figures_of(replace(ONE, target_bytes=1200)).savers == ()


def test_of_equals_the_first_are_named() -> None:
    made = [replace(ONE, source=f"films/{number:02}.mkv") for number in range(30)]
    assert [one.source for one in figures_of(*made).savers] == [
        one.source for one in made[:EXTREMES]
    ]


def test_tools_with_first_and_last_use() -> None:
    newer = replace(TOOLS, ffmpeg="10.0")
    later = NOON + timedelta(days=3)
    figures = figures_of(
        ONE, replace(ONE, built_at=later), replace(ONE, tools=newer, built_at=later + timedelta(1))
    )
    assert [(one.tools.ffmpeg, one.files) for one in figures.tools] == [("10.0", 1), ("9.0", 2)]
    assert (figures.tools[1].first, figures.tools[1].last) == (NOON, later)

"""What past encodes tell, undone of what else was at work; and how past forecasts came out."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.forecast.calibration import check_forecasts, error_stats
from av1rules.forecast.training import mean_concurrency, past_encodes
from av1rules.ledger import history
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Basis, Interval
from tests.report.sample_history import fill

PAST = PastForecast(
    target="/out/\udcff.mkv", run=3, at="2026-01-01T00:00:00+00:00", encoder="libsvtav1", preset=5,
    resolution="1080p", source_tier="web-dl", basis=Basis(level=3, encodes=37), jobs=2,
    seconds=Interval(low=50.0, mid=100.0, high=200.0), actual_s=120.0,
    size_bytes=Interval(low=500.0, mid=1000.0, high=2000.0), actual_bytes=900, source_bytes=5000,
)  # fmt: skip


def test_one_after_another_is_no_crowd() -> None:
    assert mean_concurrency([(0, 10), (10, 30), (40, 50)]) == [1, 1, 1]


def test_crowds_are_averages() -> None:
    assert mean_concurrency([(0, 10), (0, 10)]) == [2, 2]
    assert mean_concurrency([(0, 10), (5, 10)]) == [1.5, 2]
    assert mean_concurrency([]) == []
    assert mean_concurrency([(3, 3)]) == [1]


spans = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=12,
)


@given(spans)
def test_crowds_are_never_less_than_one_nor_more_than_all(found: list[tuple[int, int]]) -> None:
    for crowd in mean_concurrency([(float(a), float(b)) for a, b in found]):
        assert 1 <= crowd <= len(found)


def test_samples_of_a_ledger(tmp_path: Path) -> None:
    fill(tmp_path, count=80)
    with closing(Ledger.read(tmp_path)) as ledger:
        made = tuple(history.recent_encodes(ledger, 1000))
        newest = tuple(history.recent_encodes(ledger, 5))
    assert len(made) == 78, "two of them were never encoded here"
    assert {one.built_at for one in newest} == set(sorted(one.built_at for one in made)[-5:])
    samples = past_encodes(made, cores=64)
    assert len(samples) == 78
    first, output = samples[0], made[0]
    assert first.traits.pixels == output.pixels
    assert first.traits.encoder == "libsvtav1"
    assert first.size_bytes == output.target_bytes
    assert past_encodes([replace(made[0], frames=None)], cores=2) == ()
    assert past_encodes([replace(made[0], pixels=None)], cores=2) == ()
    assert past_encodes([replace(made[0], encode_s=None)], cores=2) == ()


def test_encodes_side_by_side_would_have_been_quicker_alone(tmp_path: Path) -> None:
    fill(tmp_path, count=2)
    with closing(Ledger.read(tmp_path)) as ledger:
        made = tuple(history.recent_encodes(ledger, 1))
    twins = [replace(made[0], target=name) for name in ("a", "b")]
    (alone,), together = past_encodes(made, cores=2), past_encodes(twins, cores=2)
    for one in together:
        assert one.seconds == pytest.approx(alone.seconds / 1.9, rel=0.01)


def test_the_table_keeps_all_of_it(tmp_path: Path) -> None:
    other = replace(PAST, basis=Basis(), run=None, resolution=None, source_tier=None)
    with closing(Ledger.open(tmp_path)) as ledger:
        for one in (PAST, other):
            ledger.forecasts.add(one)
    with closing(Ledger.read(tmp_path)) as ledger:
        assert ledger.forecasts.all() == (PAST, other)


def test_the_newest_come_in_their_order(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        table = ledger.forecasts
        for day in range(1, 6):
            at, seconds = f"2026-01-0{day}T00:00:00+00:00", Interval(low=1.0, mid=day, high=9.0)
            table.add(replace(PAST, at=at, seconds=seconds))
        assert [one.seconds.mid for one in table.newest(2)] == [4, 5]
        since = "2026-01-03T00:00:00+00:00"
        assert [one.seconds.mid for one in table.newest(9, since=since)] == [3, 4, 5]
        assert table.latest_medians() == {PAST.target: (5, 1000.0)}, "of each target the last"


def test_an_absent_ledger_has_no_forecasts(tmp_path: Path) -> None:
    with closing(Ledger.read(tmp_path)) as ledger:
        assert ledger.forecasts.all() == ()


# --- how they came out


def test_quality() -> None:
    found = Interval(low=50.0, mid=100.0, high=200.0)
    quality = error_stats([(found, 100.0), (found, 150.0), (found, 300.0)])
    assert quality.median_error == pytest.approx(0.5)
    assert quality.bias == pytest.approx(1.5)
    assert quality.inside == pytest.approx(2 / 3)


def test_too_high_and_too_low_weigh_the_same() -> None:
    found = Interval(low=1.0, mid=100.0, high=200.0)
    assert error_stats([(found, 50.0)]).median_error == pytest.approx(1.0)
    assert error_stats([(found, 200.0)]).median_error == pytest.approx(1.0)


def test_groups_built_in_first() -> None:
    built_in = replace(PAST, basis=Basis(), preset=3, source_tier=None)
    torn = replace(PAST, actual_bytes=0)
    groups = [(one.name, one.count) for one in check_forecasts([PAST, PAST, built_in, torn])]
    assert groups == [
        ("all", 3),
        ("built-in figures", 1),
        ("own encodes: like it", 2),
        ("libsvtav1 p3 1080p ?", 1),
        ("libsvtav1 p5 1080p web-dl", 2),
    ]
    assert check_forecasts([]) == check_forecasts([torn]) == ()

"""The model of forecasts: what it learns, how sure it is, and how it adds up."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.forecast.calibration import error_stats
from av1rules.forecast.model import (
    NOTHING,
    Estimate,
    Forecast,
    Model,
    PastEncode,
    SampledSize,
    gain_of,
    level_keys,
    saving_moments,
    stretch_of,
    total_of,
)
from av1rules.forecast.priors import (
    CPU_S_PER_MPX,
    SIZE_SPREAD,
    Traits,
    cores_used,
    prior_bytes,
    prior_seconds,
    time_spread,
)
from av1rules.ledger.records import LEVELS, Basis, Interval
from tests.forecast.past_encodes import KINDS, SharedLibrary, traits_of_kind

BUILT_IN = Model(cores=2)
REMUX, WEB, DVD = traits_of_kind(1), traits_of_kind(2), traits_of_kind(4)


def encodes(
    traits: Traits, count: int, *, slower: float = 1.0, larger: float = 1.0
) -> list[PastEncode]:
    """Encodes that differ from the built-in figures by the same factors."""
    return [
        PastEncode(
            traits=traits,
            seconds=prior_seconds(traits, 2) * slower,
            size_bytes=int(prior_bytes(traits) * larger),
        )
    ] * count


# --- built-in figures


def test_the_measured_encode_comes_out_as_measured() -> None:
    """356 frames of 1080p at preset 8 took 19 to 24 s of two cores, and 2 to 5 s to verify."""
    measured = Traits(
        encoder="libsvtav1", preset=8, crf=32, film_grain=0, bit_depth=10, resolution="1080p",
        source_tier=None, frames=356, pixels=1920 * 1080, source_bytes=14_000_000,
    )  # fmt: skip
    assert 19 + 2 < prior_seconds(measured, 2) < 24 + 5
    assert 2.0e6 < prior_bytes(measured) < 9.6e6, "4.8 MB were measured, without sound"


def test_slower_presets_take_longer() -> None:
    times = [prior_seconds(replace(WEB, preset=preset), 2) for preset in range(14)]
    assert times == sorted(times, reverse=True)
    assert sorted(CPU_S_PER_MPX) == list(range(14))


@pytest.mark.parametrize(
    ("change", "factor"),
    [({"film_grain": 8}, 1.55), ({"bit_depth": 8}, 0.85), ({"encoder": "libaom-av1"}, 9.0)],
)
def test_what_else_costs_time(change: dict[str, object], factor: float) -> None:
    other = replace(WEB, **change)
    ratio = prior_seconds(other, 2) / prior_seconds(WEB, 2)
    assert ratio == pytest.approx(factor, rel=0.1)


def test_size_falls_as_measured_with_crf() -> None:
    """1376 kb/s at CRF 20, 190 kb/s at CRF 50."""
    sizes = [prior_bytes(replace(WEB, crf=crf)) for crf in (20.0, 50.0)]
    assert sizes[0] / sizes[1] == pytest.approx(1376 / 190, rel=0.05)


def test_cores_and_how_unsure_they_make() -> None:
    assert prior_seconds(WEB, 1) > prior_seconds(WEB, 2) > prior_seconds(WEB, 8)
    assert prior_seconds(WEB, 8) == prior_seconds(WEB, 64), "one encode does not use more"
    assert prior_seconds(WEB, 16, threads=2) == prior_seconds(WEB, 2)
    assert time_spread(16).common > time_spread(4).common > time_spread(2).common
    assert cores_used(1, None) == 1


# --- learning


def test_without_encodes_the_built_in_figures_and_wide() -> None:
    found = BUILT_IN.forecast(WEB)
    assert found.seconds.mid == pytest.approx(prior_seconds(WEB, 2))
    assert found.basis == Basis()
    assert found.basis.text == "built-in figures, wide"
    assert found.seconds.high / found.seconds.low > 4


@pytest.mark.parametrize("slower", [0.4, 1.0, 2.5])
def test_many_encodes_like_it_are_believed(slower: float) -> None:
    found = Model(encodes(WEB, 37, slower=slower), cores=2).forecast(WEB)
    assert found.seconds.mid == pytest.approx(prior_seconds(WEB, 2) * slower, rel=0.05)
    assert found.basis.text == "from 37 encodes like it"
    assert found.seconds.high / found.seconds.low < 2


def test_one_encode_is_half_believed() -> None:
    found = Model(encodes(WEB, 1, slower=3), cores=2).forecast(WEB).seconds.mid
    first = prior_seconds(WEB, 2)
    assert 1.5 * first < found < 2.9 * first


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, 3),
        ({"source_tier": "remux"}, 2),
        ({"resolution": "720p"}, 1),
        ({"preset": 6}, 0),
        ({"encoder": "librav1e"}, None),
    ],
)
def test_the_next_broader_level_steps_in(change: dict[str, object], level: int | None) -> None:
    model = Model(encodes(WEB, 12, slower=2), cores=2)
    other = replace(WEB, **change)
    found = model.forecast(other)
    assert found.basis.level == level
    if level is None:
        assert found.seconds.mid == pytest.approx(prior_seconds(other, 2))
        assert found.basis.text == "built-in figures, wide"
    else:
        assert found.seconds.mid / prior_seconds(other, 2) == pytest.approx(2, rel=0.15)
        assert found.basis.text.startswith("from 12 encodes")
        assert LEVELS[level] in found.basis.text


def test_broader_levels_are_less_sure() -> None:
    model = Model(encodes(WEB, 12), cores=2)
    others = [
        WEB,
        replace(WEB, source_tier="remux"),
        replace(WEB, resolution="720p"),
        replace(WEB, preset=6),
        replace(WEB, encoder="librav1e"),
    ]
    widths = [model.forecast(one).time_guess.common for one in others]
    assert widths == sorted(widths)


def test_narrow_levels_win_over_broad_ones() -> None:
    slow, quick = encodes(REMUX, 20, slower=3), encodes(WEB, 20, slower=0.5)
    model = Model([*slow, *quick], cores=2)
    assert model.forecast(REMUX).seconds.mid / prior_seconds(REMUX, 2) > 2.5
    assert model.forecast(WEB).seconds.mid / prior_seconds(WEB, 2) < 0.6


def test_two_encodes_are_no_name_for_a_forecast() -> None:
    assert Model(encodes(WEB, 2), cores=2).forecast(WEB).basis.level is None
    assert Model(encodes(WEB, 3), cores=2).forecast(WEB).basis.encodes == 3


def test_unknown_traits_stop_the_way_down() -> None:
    assert len(level_keys(WEB)) == 4
    assert len(level_keys(replace(WEB, source_tier=None))) == 3
    assert len(level_keys(replace(WEB, resolution=None))) == 2


def test_sizes_are_learned_too() -> None:
    found = Model(encodes(WEB, 30, larger=0.5), cores=2).forecast(WEB)
    assert found.size_bytes.mid == pytest.approx(prior_bytes(WEB) / 2, rel=0.1)
    assert found.saved_bytes.mid == pytest.approx(WEB.source_bytes - found.size_bytes.mid)


def test_films_that_differ_keep_the_interval_wide() -> None:
    same = Model(encodes(WEB, 40), cores=2).forecast(WEB)
    mixed = encodes(WEB, 20, slower=0.5) + encodes(WEB, 20, slower=2)
    varied = Model(mixed, cores=2).forecast(WEB)
    assert varied.time_guess.own > 3 * same.time_guess.own


@pytest.mark.parametrize("known", [0, 10, 100])
def test_eight_of_ten_come_out_inside(known: int) -> None:
    pairs = []
    for seed in range(60):
        world = SharedLibrary(random.Random(seed), cores=2)
        model = Model(world.films(known), cores=2)
        pairs += [(model.forecast(one.traits).seconds, one.seconds) for one in world.films(20)]
    quality = error_stats(pairs)
    assert 0.70 < quality.inside < 0.95
    assert known == 0 or quality.median_error < 0.25


# --- savings


def test_what_is_too_large_saves_nothing() -> None:
    tight = replace(WEB, max_size_ratio=0.01)
    found = BUILT_IN.forecast(tight)
    assert found.saved_bytes == Interval(low=0.0, mid=0.0, high=0.0)
    assert found.expected_saving < 0.01 * WEB.source_bytes
    assert found.seconds.mid > 0, "it costs its time all the same"


@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("ratio", [0.5, 0.9, 2.0])
def test_moments_of_a_saving_are_those_of_many_tries(sigma: float, ratio: float) -> None:
    traits = replace(WEB, source_bytes=1000, max_size_ratio=ratio)
    size = Estimate(mu=math.log(600), common=0.0, own=sigma)
    dice = random.Random(1)
    drawn = (dice.lognormvariate(size.mu, sigma) for _ in range(40_000))
    saved = [1000 - one if one <= 1000 * ratio else 0.0 for one in drawn]
    mean = sum(saved) / len(saved)
    deviation = math.sqrt(sum((one - mean) ** 2 for one in saved) / len(saved))
    found = saving_moments(size, traits)
    assert found[0] == pytest.approx(mean, abs=6)
    assert found[1] == pytest.approx(deviation, rel=0.05, abs=3)


def test_a_limit_of_nothing() -> None:
    size = Estimate(mu=3.0, common=0.1, own=0.1)
    assert saving_moments(size, replace(WEB, max_size_ratio=0.0)) == (0.0, 0.0)


# --- totals


def many(count: int, model: Model = BUILT_IN) -> list[Forecast]:
    return [model.forecast(WEB)] * count


def test_nothing_and_one() -> None:
    assert total_of([]) == NOTHING
    (one,) = many(1)
    assert total_of([one]).seconds == one.seconds
    assert total_of([one]).saved_bytes == one.saved_bytes


def test_what_is_common_does_not_average_out() -> None:
    total = total_of(many(1000)).seconds
    common = BUILT_IN.forecast(WEB).time_guess.common
    assert math.log(total.high / total.low) > 2 * common, "the machine is unknown for all alike"


def test_what_differs_averages_out() -> None:
    model = Model(encodes(WEB, 20, slower=0.6) + encodes(WEB, 20, slower=1.7), cores=2)
    one, total = model.forecast(WEB).seconds, total_of(many(200, model)).seconds
    assert total.high / total.low < (one.high / one.low) ** 0.5
    assert total.low > 200 * one.low, "no sum of lower bounds"
    assert total.high < 200 * one.high


def test_jobs_share_the_cores() -> None:
    assert gain_of(4, 2) == pytest.approx(2 / 1.9)
    assert gain_of(1, 64) == 1
    assert 3.5 < gain_of(4, 64) <= 4
    assert stretch_of(1, 2) == 1
    assert stretch_of(4, 2) == pytest.approx(4 / gain_of(4, 2))
    two, four = (total_of(many(40), gain=gain).seconds.mid for gain in (1.0, 4.0))
    assert two == pytest.approx(4 * four)


def test_no_sooner_than_the_longest() -> None:
    film = BUILT_IN.forecast(traits_of_kind(0))
    short = BUILT_IN.forecast(traits_of_kind(4, minutes=1))
    assert total_of([film, short], gain=8).seconds == film.seconds


# --- whatever comes

kinds = st.integers(0, len(KINDS) - 1)
lengths = st.floats(0.01, 600)
rates = st.floats(0.01, 50)
any_traits = st.builds(
    lambda kind, minutes, rate: traits_of_kind(kind, minutes=minutes, rate=rate),
    kinds, lengths, rates,
)  # fmt: skip
any_sample = st.builds(
    lambda traits, slower, larger: encodes(traits, 1, slower=slower, larger=larger)[0],
    any_traits, st.floats(0.05, 20), st.floats(0.05, 20),
)  # fmt: skip
any_model = st.builds(lambda samples: Model(samples, cores=4), st.lists(any_sample, max_size=12))


@given(model=any_model, traits=any_traits)
def test_bounds_enclose_the_middle(model: Model, traits: Traits) -> None:
    found = model.forecast(traits)
    for one in (found.seconds, found.size_bytes, found.saved_bytes):
        assert one.low <= one.mid <= one.high
    assert found.seconds.low > 0
    assert found.saved_bytes.high <= traits.source_bytes
    assert found.expected_saving <= traits.source_bytes
    assert found.expected_seconds >= found.seconds.mid


@given(model=any_model, traits=any_traits, factor=st.floats(1.01, 20))
def test_longer_films_take_longer(model: Model, traits: Traits, factor: float) -> None:
    longer = replace(traits, frames=traits.frames * factor)
    short, long = model.forecast(traits), model.forecast(longer)
    for bound in ("low", "mid", "high"):
        assert getattr(short.seconds, bound) < getattr(long.seconds, bound)
        assert getattr(short.size_bytes, bound) < getattr(long.size_bytes, bound)


@given(model=any_model, every=st.lists(any_traits, min_size=2, max_size=12))
def test_totals(model: Model, every: list[Traits]) -> None:
    forecasts = [model.forecast(traits) for traits in every]
    total, less = total_of(forecasts), total_of(forecasts[1:])
    assert total.seconds.low <= total.seconds.mid <= total.seconds.high
    assert total.saved_bytes.low <= total.saved_bytes.mid <= total.saved_bytes.high
    assert total.saved_bytes.high <= sum(traits.source_bytes for traits in every)
    assert sum(one.seconds.low for one in forecasts) <= total.seconds.mid * (1 + 1e-9)
    assert total.seconds.mid <= sum(one.expected_seconds for one in forecasts) * (1 + 1e-9)
    assert total.seconds.high >= less.seconds.low
    assert math.isfinite(total.seconds.high)


@given(samples=st.lists(any_sample, max_size=10), order=st.randoms())
def test_the_order_of_the_past_does_not_matter(
    samples: list[PastEncode], order: random.Random
) -> None:
    mixed = list(samples)
    order.shuffle(mixed)
    one, other = (Model(past, cores=2).forecast(WEB).seconds for past in (samples, mixed))
    assert one.mid == pytest.approx(other.mid)
    assert one.high == pytest.approx(other.high)


def test_spread_is_never_that_of_the_built_in_figures_and_more() -> None:
    assert BUILT_IN.forecast(DVD).size_guess.common == SIZE_SPREAD.common


# --- what comes before an encode, and samples of it


def test_samples_before_an_encode_cost_time_and_are_no_part_of_its_own() -> None:
    plain = BUILT_IN.forecast(WEB)
    searched = BUILT_IN.forecast(replace(WEB, first_frames=WEB.frames / 10))
    assert searched.encode_seconds == plain.encode_seconds == plain.seconds
    assert searched.seconds.mid == pytest.approx(1.1 * plain.seconds.mid)
    assert searched.saving_per_hour < plain.saving_per_hour
    assert searched.size_bytes == plain.size_bytes


def test_a_crf_that_is_still_to_be_found_makes_sizes_less_sure() -> None:
    plain, unsure = BUILT_IN.forecast(WEB), BUILT_IN.forecast(replace(WEB, crf_spread=10.0))
    assert unsure.size_bytes.mid == plain.size_bytes.mid
    assert unsure.size_bytes.low < plain.size_bytes.low
    assert unsure.size_bytes.high > plain.size_bytes.high


def test_samples_of_the_film_outweigh_past_sizes() -> None:
    model = Model(encodes(WEB, 50), cores=2)
    plain, found = model.forecast(WEB), model.forecast(WEB, SampledSize(size_bytes=1e9))
    assert found.basis_text == f"size from samples of the film, time {plain.basis.text}"
    assert found.size_bytes.mid == pytest.approx(1e9)
    assert found.seconds == plain.seconds, "reading up to samples takes its time"
    assert found.size_bytes.high / found.size_bytes.low < 1.6


# --- films of which segments are finished


@pytest.mark.parametrize("share", [0.25, 0.9])
def test_what_is_finished_takes_no_time_and_changes_no_size(share: float) -> None:
    whole = BUILT_IN.forecast(REMUX)
    left = whole.with_finished(share)
    assert left.encode_seconds.mid == pytest.approx((1 - share) * whole.encode_seconds.mid)
    assert left.expected_seconds == pytest.approx((1 - share) * whole.expected_seconds)
    assert left.seconds.low < left.seconds.mid < left.seconds.high < whole.seconds.high
    assert (left.size_bytes, left.saved_bytes) == (whole.size_bytes, whole.saved_bytes)
    assert left.whole_seconds.mid == pytest.approx(whole.encode_seconds.mid)


def test_a_film_whose_segments_are_all_finished_is_still_joined_and_verified() -> None:
    whole = BUILT_IN.forecast(REMUX)
    assert 0 < whole.with_finished(1.0).seconds.mid < 0.1 * whole.seconds.mid


def test_samples_that_come_first_are_not_finished_by_segments() -> None:
    first = BUILT_IN.forecast(replace(REMUX, first_frames=1000))
    left = first.with_finished(0.5)
    assert left.first_s == first.first_s > 0
    assert left.seconds.mid == pytest.approx(left.encode_seconds.mid + first.first_s)

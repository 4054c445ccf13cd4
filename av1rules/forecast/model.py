"""How long encodes will take and what they will save, with 80 % intervals. Pure.

Two quantities are forecast, seconds and bytes of the target, both as log-normal distributions. The
built-in figures give a first guess; what one's own encodes differed from that guess is learned at
four levels (encoder; with preset; with resolution; with source tier), each drawn towards the one
above it while it has few encodes. What is left unsure of a level is common to all its encodes and
does not average out in a total; what differs from film to film does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from av1rules.forecast.priors import (
    LOG_SIZE_PER_CRF,
    SAMPLED_SIZE_SPREAD,
    SIZE_SPREAD,
    Spread,
    Traits,
    cores_used,
    prior_bytes,
    prior_seconds,
    time_spread,
)
from av1rules.ledger.records import SAMPLED, Basis, Interval

ENOUGH = 3
"""Encodes that a level needs before a forecast names it as its basis."""

DRAWN = 8.0
"""Weight of the spread above a level, in encodes of the level itself."""

Z80 = 1.2815515655446004
"""So many standard deviations to either side hold 80 % of a normal distribution."""


LEAST_LEFT = 0.05
"""Of an encode whose segments are all finished: they are joined, and the film is verified."""


class PastEncode(msgspec.Struct, frozen=True, kw_only=True):
    """One encode of the past: seconds with the machine to itself, verification included."""

    traits: Traits
    seconds: float
    size_bytes: int


class SampledSize(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The size of the whole target in bytes, projected from samples of the source."""

    size_bytes: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A log-normal quantity: mean of the logarithm, and its two spreads."""

    mu: float
    common: float
    own: float
    basis: Basis = Basis()

    @property
    def sigma(self) -> float:
        return math.hypot(self.common, self.own)

    @property
    def range(self) -> Interval:
        width = Z80 * self.sigma
        return Interval(
            low=math.exp(self.mu - width), mid=math.exp(self.mu), high=math.exp(self.mu + width)
        )


class Forecast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Of one encode. `seconds` with the machine to itself, samples before it included;
    `size_bytes` of what would be written, `saved_bytes` of what would be kept: nothing where it
    comes out too large for the policy."""

    seconds: Interval
    size_bytes: Interval
    saved_bytes: Interval
    time_guess: Estimate  # of the encode alone
    size_guess: Estimate
    traits: Traits
    first_s: float = 0.0  # for the samples that come before it
    finished_share: float = 0.0

    def with_finished(self, share: float) -> Forecast:
        """Of what is left of a whole encode, of which `share` is finished."""
        left = max(1 - share, LEAST_LEFT)
        time = replace(self.time_guess, mu=self.time_guess.mu + math.log(left))
        return replace(
            self,
            seconds=time.range.plus(self.first_s),
            time_guess=time,
            finished_share=1 - left,
        )

    @property
    def whole_seconds(self) -> Interval:
        """Of the whole encode, as its record will count them: finished segments included."""
        return self.encode_seconds.times(1 / (1 - self.finished_share))

    @property
    def encode_seconds(self) -> Interval:
        """Without what comes before the encode."""
        return self.time_guess.range

    @property
    def basis(self) -> Basis:
        """Samples of the film, where its size rests on them; else what its time rests on."""
        is_sampled = self.size_guess.basis.level == SAMPLED
        return self.size_guess.basis if is_sampled else self.time_guess.basis

    @property
    def basis_text(self) -> str:
        time_basis = self.time_guess.basis.text
        if self.basis.level != SAMPLED:
            return time_basis
        return f"size from samples of the film, time {time_basis}"

    @property
    def expected_saving(self) -> float:
        return saving_moments(self.size_guess, self.traits)[0]

    @property
    def expected_seconds(self) -> float:
        return math.exp(self.time_guess.mu + self.time_guess.sigma**2 / 2) + self.first_s

    @property
    def saving_per_hour(self) -> float:
        return self.expected_saving / self.expected_seconds * 3600


@dataclass(slots=True)
class _Group:
    """Residuals (logarithm of actual to built-in) of one level."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, residual: float) -> None:
        self.count += 1
        self.total += residual
        self.squares += residual * residual

    def variance_around(self, mean: float) -> float:
        spread = self.squares - 2 * mean * self.total + self.count * mean * mean
        return max(spread, 0.0) / self.count


_Key = tuple[object, ...]


def level_keys(traits: Traits) -> tuple[_Key, ...]:
    """The groups an encode belongs to, the broadest first; fewer where traits are unknown."""
    parts = (traits.encoder, traits.preset, traits.resolution, traits.source_tier)
    known = next((at for at, part in enumerate(parts) if part is None), len(parts))
    return tuple(parts[: at + 1] for at in range(known))


@dataclass(slots=True)
class _Learner:
    """One quantity: how far actual values lie from the built-in ones, whose spread is `spread`."""

    spread: Spread
    groups: defaultdict[_Key, _Group] = field(default_factory=lambda: defaultdict(_Group))

    learned: dict[_Key, Estimate] = field(default_factory=dict)
    """By the narrowest level; `mu` is the shift from the built-in value."""

    def add(self, traits: Traits, residual: float) -> None:
        self.learned.clear()
        for key in level_keys(traits):
            self.groups[key].add(residual)

    def guess(self, traits: Traits, mu: float) -> Estimate:
        narrowest = (traits.encoder, traits.preset, traits.resolution, traits.source_tier)
        found = self.learned.get(narrowest)
        if found is None:
            found = self.learned[narrowest] = self._learned(level_keys(traits))
        return Estimate(mu=mu + found.mu, common=found.common, own=found.own, basis=found.basis)

    def _learned(self, keys: Sequence[_Key]) -> Estimate:
        spread = self.spread
        if keys[0] not in self.groups:
            return Estimate(mu=0.0, common=spread.common, own=spread.own)
        shift, common2, own2, basis = 0.0, 0.0, spread.own**2, Basis()
        for level, key in enumerate(keys):
            common2 += (spread.kept[level] * spread.common) ** 2
            group = self.groups.get(key)
            if group is None:
                continue
            trust = common2 / (common2 + own2 / group.count)
            shift += trust * (group.total / group.count - shift)
            found = group.variance_around(shift)
            own2 = (DRAWN * own2 + group.count * found) / (DRAWN + group.count)
            common2 *= 1 - trust
            if group.count >= ENOUGH:
                basis = Basis(level=level, encodes=group.count)
        return Estimate(mu=shift, common=math.sqrt(common2), own=math.sqrt(own2), basis=basis)


class Model:
    """Forecasts encodes on this machine from past encodes."""

    def __init__(
        self, samples: Iterable[PastEncode] = (), *, cores: int, threads: int | None = None
    ) -> None:
        self._cores = cores
        self._threads = threads
        self._time = _Learner(time_spread(cores))
        self._size = _Learner(SIZE_SPREAD)
        for sample in samples:
            first = prior_seconds(sample.traits, cores, threads)
            self._time.add(sample.traits, math.log(sample.seconds / first))
            ratio = sample.size_bytes / prior_bytes(sample.traits)
            self._size.add(sample.traits, math.log(ratio))

    def forecast(self, traits: Traits, seen: SampledSize | None = None) -> Forecast:
        """Of one encode, with the machine to itself; by its samples, where there are any."""
        prior_s = prior_seconds(traits, self._cores, self._threads)
        time = self._time.guess(traits, math.log(prior_s))
        if seen is None:
            size = self._size.guess(traits, math.log(prior_bytes(traits)))
        else:
            size = _sampled(seen.size_bytes, SAMPLED_SIZE_SPREAD)
        if traits.crf_spread:
            size = replace(size, own=math.hypot(size.own, LOG_SIZE_PER_CRF * traits.crf_spread))
        first_s = math.exp(time.mu) * traits.first_frames / max(traits.frames, 1.0)
        return Forecast(
            seconds=time.range.plus(first_s),
            size_bytes=size.range,
            saved_bytes=_saved(size.range, traits),
            time_guess=time,
            size_guess=size,
            traits=traits,
            first_s=first_s,
        )


def _sampled(value: float, spread: Spread) -> Estimate:
    basis = Basis(level=SAMPLED, encodes=1)
    return Estimate(mu=math.log(value), common=spread.common, own=spread.own, basis=basis)


def _saved(size: Interval, traits: Traits) -> Interval:
    limit = traits.max_size_ratio * traits.source_bytes

    def saved(target_bytes: float) -> float:
        return traits.source_bytes - target_bytes if target_bytes <= limit else 0.0

    low, mid, high = sorted((saved(size.high), saved(size.mid), saved(size.low)))
    return Interval(low=low, mid=mid, high=high)


def _share_below(deviations: float) -> float:
    """Of a normal distribution, below so many standard deviations."""
    return math.erfc(-deviations / math.sqrt(2)) / 2


def saving_moments(size: Estimate, traits: Traits) -> tuple[float, float]:
    """Mean and standard deviation of the bytes saved: nothing where the target is not kept."""
    source, sigma = float(traits.source_bytes), max(size.sigma, 1e-9)
    limit = traits.max_size_ratio * source
    if limit <= 0:
        return 0.0, 0.0
    edge = (math.log(limit) - size.mu) / sigma
    kept, first, second = (
        math.exp(power * size.mu + (power * sigma) ** 2 / 2) * _share_below(edge - power * sigma)
        for power in (0, 1, 2)
    )
    mean = source * kept - first
    variance = source * source * kept - 2 * source * first + second - mean * mean
    return mean, math.sqrt(max(variance, 0.0))


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """The sum over many encodes: wall-clock seconds with the given jobs, and bytes saved."""

    seconds: Interval
    saved_bytes: Interval


NOTHING = Total(
    seconds=Interval(low=0.0, mid=0.0, high=0.0), saved_bytes=Interval(low=0.0, mid=0.0, high=0.0)
)


def total_of(forecasts: Sequence[Forecast], *, gain: float = 1.0) -> Total:
    """The sum. Variances of what differs from film to film are added, spreads that are common are
    added themselves: a machine that is slower is slower for all."""
    if not forecasts:
        return NOTHING
    if len(forecasts) == 1:
        only = forecasts[0]
        return Total(seconds=only.seconds, saved_bytes=only.saved_bytes)
    seconds = _sum_of_times(forecasts).times(1 / gain)
    longest = max((one.seconds for one in forecasts), key=lambda one: one.mid)
    seconds = Interval(
        low=max(seconds.low, longest.low),
        mid=max(seconds.mid, longest.mid),
        high=max(seconds.high, longest.high),
    )
    return Total(seconds=seconds, saved_bytes=_sum_of_savings(forecasts))


def _sum_of_times(forecasts: Sequence[Forecast]) -> Interval:
    return sum_range((one.expected_seconds, one.time_guess) for one in forecasts)


def sum_range(parts: Iterable[tuple[float, Estimate]]) -> Interval:
    """The sum of log-normal quantities, each with its mean; nothing without any."""
    mean = own2 = common = 0.0
    for expected, guess in parts:
        mean += expected
        own2 += expected**2 * math.expm1(guess.own**2)
        common += expected * math.sqrt(math.expm1(guess.common**2))
    if not mean:
        return NOTHING.seconds
    return log_normal(mean, math.sqrt(own2 + common**2)).range


def log_normal(mean: float, deviation: float) -> Estimate:
    """The log-normal quantity with this mean and standard deviation."""
    sigma2 = math.log1p((deviation / mean) ** 2)
    return Estimate(mu=math.log(mean) - sigma2 / 2, common=0.0, own=math.sqrt(sigma2))


def _sum_of_savings(forecasts: Sequence[Forecast]) -> Interval:
    mean = own2 = common = least = most = 0.0
    for one in forecasts:
        guess, source = one.size_guess, one.traits.source_bytes
        saving, deviation = saving_moments(guess, one.traits)
        share = guess.common**2 / guess.sigma**2 if guess.sigma else 0.0
        mean += saving
        common += deviation * math.sqrt(share)
        own2 += deviation**2 * (1 - share)
        least += min(0.0, source * (1 - one.traits.max_size_ratio))
        most += source
    width = Z80 * math.sqrt(own2 + common**2)
    return Interval(low=max(mean - width, least), mid=mean, high=min(mean + width, most))


def gain_of(jobs: float, cores: int, threads: int | None = None) -> float:
    """How much more gets done by so many encodes at a time than by one: nothing, where one keeps
    all cores busy."""
    one = cores_used(cores, threads)
    return max(1.0, min(float(cores), jobs * one) / one)


def stretch_of(jobs: float, cores: int, threads: int | None = None) -> float:
    """How much longer each of so many encodes at a time takes."""
    return max(1.0, jobs / gain_of(jobs, cores, threads))

"""The forecast of a plan: of each encode, in total, and what of it a budget allows.

It reads only rows to encode and queries the ledger once: a plan without work costs nothing.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from av1rules.ffmpeg.tools import Tools
from av1rules.forecast.model import (
    NOTHING,
    Forecast,
    Model,
    SampledSize,
    Total,
    gain_of,
    stretch_of,
    total_of,
)
from av1rules.forecast.order import Ordering
from av1rules.forecast.priors import SEARCH_PROBES, Traits
from av1rules.forecast.training import past_encodes
from av1rules.ledger.database import pages_of
from av1rules.ledger.history import recent_encodes
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Basis, tools_used
from av1rules.media.resolution import resolution_of
from av1rules.plan.items import (
    Encode,
    Plan,
    PlanAction,
    PlanItem,
    PlannedEncode,
    Prerequisite,
    coming_encode,
)
from av1rules.plan.prerequisites import as_encoded, projection_of
from av1rules.policy.deinterlacing import picture_rate
from av1rules.policy.model import Order, OriginalsKind, OutputMode, OutputSpec, RuleSet
from av1rules.quality.sampling import samples_length_s

LEARNED_FROM = 2000
"""The newest encodes: the machine and the tools are those of today."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that the user sets: wall-clock `seconds`, or work until `free_bytes` are saved. None
    means no limit."""

    seconds: float | None = None
    free_bytes: int | None = None

    @property
    def is_limited(self) -> bool:
        return self.seconds is not None or self.free_bytes is not None


class PlanForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts of a plan's encodes by path of the source; `unknown` are the encodes without one.

    `total` is of what is `within` the budget, in order, and `beyond` are the paths of the rest.
    `later` are forecasts of films that wait for clips to be made or approved.
    """

    by_path: Mapping[str, Forecast] = msgspec.field(default_factory=dict)
    within: tuple[str, ...] = ()
    beyond: frozenset[str] = frozenset()
    unknown: int = 0
    jobs: int = 1
    stretch: float = 1.0
    total: Total = NOTHING
    later: Mapping[str, Forecast] = msgspec.field(default_factory=dict)
    later_total: Total = NOTHING
    budget: Budget = Budget()
    ordering: Ordering = Ordering()
    frees: bool = False  # at once: the results take the place of their sources

    def saving_of(self, path: str) -> float | None:
        """The bytes that the encode of this source saves per hour, now or after its review."""
        found = self.by_path.get(path) or self.later.get(path)
        return None if found is None else found.saving_per_hour

    @property
    def bases(self) -> tuple[tuple[Basis, int], ...]:
        """Own encodes or built-in figures, and how many of the forecasts rest on each; own first.
        The number of encodes is that of the largest group."""
        levels = Counter(self.by_path[path].basis.level for path in self.within)
        ordered = sorted(levels, key=lambda level: -1 if level is None else level, reverse=True)
        return tuple(
            (
                Basis(
                    level=level,
                    encodes=max(
                        one.encodes
                        for path in self.within
                        if (one := self.by_path[path].basis).level == level
                    ),
                ),
                levels[level],
            )
            for level in ordered
        )


def forecast_plan(
    plan: Plan,
    ledger: Ledger,
    ruleset: RuleSet,
    tools: Tools,
    *,
    cores: int | None = None,
    jobs: int | None = None,
    budget: Budget,
    ordering: Ordering = Ordering(),
) -> PlanForecast:
    """Forecast every encode of the plan, and those that wait for the user; `cores`: None for those
    of this machine. Raises LedgerError."""
    rows = plan.of(PlanAction.ENCODE)
    items = plan.rows.in_full
    coming = {row.file.path: (row, work) for row in items if (work := coming_encode(row))}
    now = {path: work for path, (row, work) in coming.items() if isinstance(row, Encode)}
    later = {path: work for path, (_, work) in coming.items() if path not in now}
    if not coming:
        return PlanForecast(budget=budget, ordering=ordering)
    run = ruleset.run
    jobs = jobs or run.jobs
    cores = len(run.cpus) or cores or os.cpu_count() or 1
    threads = run.threads_per_job
    samples = past_encodes(recent_encodes(ledger, LEARNED_FROM), cores=cores, threads=threads)
    model = Model(samples, cores=cores, threads=threads)

    sampled = sampled_contents(ledger, [work.content_key for _, work in coming.values()])

    def seen(work: PlannedEncode) -> SampledSize | None:
        return sampled_size(work, ledger, tools) if work.content_key in sampled else None

    by_path = _without_finished(forecast_encodes(now, model, seen), now, ledger)
    after_review = forecast_encodes(later, model, seen)
    gain = gain_of(jobs, cores, threads)
    forecast = PlanForecast(
        by_path=by_path,
        within=tuple(by_path),
        unknown=len(rows) - len(by_path),
        jobs=jobs,
        stretch=stretch_of(jobs, cores, threads),
        budget=budget,
        ordering=ordering,
        frees=_frees(ruleset.output),
        later=after_review,
        later_total=total_of(tuple(after_review.values()), gain=gain),
    )
    return fit_to_budget(forecast, rows, gain=gain)


def _without_finished(
    forecasts: Mapping[str, Forecast], encodes: Mapping[str, PlannedEncode], ledger: Ledger
) -> dict[str, Forecast]:
    """Less what earlier runs finished of films in segments."""
    finished = {film.fingerprint: film.folder for film in ledger.segmented.all()}
    left = dict(forecasts)
    for path, forecast in forecasts.items() if finished else ():
        folder = finished.get(encodes[path].fingerprint)
        if folder is not None:
            pictures = sum(segment.pictures for segment in ledger.segments.of(folder))
            left[path] = forecast.with_finished(pictures / max(forecast.traits.frames, 1.0))
    return left


def _frees(output: OutputSpec) -> bool:
    """Whether the space is free as soon as the work is done."""
    return output.mode is OutputMode.REPLACE and output.originals.kind is OriginalsKind.DELETE


def forecast_encodes(
    encodes: Mapping[str, PlannedEncode],
    model: Model,
    seen: Callable[[PlannedEncode], SampledSize | None],
) -> dict[str, Forecast]:
    """By path of the source; absent where its facts do not suffice. `seen` finds its samples."""
    return {
        path: model.forecast(traits, seen(work))
        for path, work in encodes.items()
        if (traits := traits_of(work)) is not None
    }


def sampled_contents(ledger: Ledger, content_keys: Sequence[str]) -> set[str]:
    """Which have samples at all, in few queries: most films have none."""
    parts = pages_of(content_keys)
    return {key for part in parts for key in ledger.samples.of_contents(part)}


def sampled_size(work: PlannedEncode, ledger: Ledger, tools: Tools) -> SampledSize | None:
    """What its samples say; nothing while some of its settings are still to be found out."""
    if any(step is not Prerequisite.SAMPLE for step in work.pending):
        return None
    settings, used = as_encoded(work.recipe.settings), tools_used(work.encoder, tools)
    sample = ledger.samples.find(work.content_key, settings, used)
    size_bytes = None if sample is None else projection_of(work, sample)
    return SampledSize(size_bytes=size_bytes) if size_bytes else None


def _crf_spread(work: PlannedEncode) -> float:
    """How unsure the CRF is: anywhere in the range of the target, until it is searched for."""
    target = work.recipe.settings.quality_target
    if target is None or Prerequisite.SEARCH not in work.pending:
        return 0.0
    return (target.crf_max - target.crf_min) / math.sqrt(12)  # of a uniform distribution


def _first_frames(work: PlannedEncode, frame_rate: float) -> float:
    """Frames of the samples that are encoded before the film."""
    encodes = {Prerequisite.SEARCH: SEARCH_PROBES, Prerequisite.SAMPLE: 1}
    count = sum(encodes.get(step, 0) for step in work.pending)
    if not count:
        return 0.0
    return count * samples_length_s(work.evaluation.source) * frame_rate


def traits_of(work: PlannedEncode) -> Traits | None:
    """What the cost of an encode depends on; None without duration, rate, or frame size."""
    source, settings = work.evaluation.source, work.recipe.settings
    main = source.main
    if main is None or not (main.width and main.height):
        return None
    film_s = source.film_s
    rate = picture_rate(main.frame_rate, settings)
    if not (film_s and rate and work.origin.stat.size_bytes):
        return None
    resolution = resolution_of(main.width, main.height)
    return Traits(
        encoder=work.encoder.name,
        preset=settings.preset,
        crf=settings.crf,
        film_grain=settings.film_grain,
        bit_depth=settings.bit_depth,
        resolution=None if resolution is None else resolution.value,
        source_tier=work.evaluation.tier_name,
        frames=film_s * float(rate),
        pixels=main.width * main.height,
        source_bytes=work.origin.stat.size_bytes,
        max_size_ratio=settings.max_size_ratio,
        crf_spread=_crf_spread(work),
        first_frames=_first_frames(work, float(rate)),
    )


def fit_to_budget(
    forecast: PlanForecast, rows: Iterable[PlanItem], *, gain: float = 1.0
) -> PlanForecast:
    """Total up; with a budget order by priority and by expected saving per hour (or as the user
    asks), and leave out what goes beyond.

    What does not fit any more is left out, shorter work behind it may still fit. Work without a
    forecast can't be fitted into a budget.
    """
    budget, by_path = forecast.budget, forecast.by_path
    if not budget.is_limited:
        return replace(forecast, total=total_of(tuple(by_path.values()), gain=gain))
    within: list[str] = []
    used_s = saved_bytes = 0.0
    ordered = forecast.ordering.sorted(rows, forecast.saving_of, by_default=Order.SAVING)
    paths = [row.file.path for row in ordered]
    for path in (path for path in paths if path in by_path):
        one = by_path[path]
        cost_s = one.expected_seconds / gain
        if budget.seconds is not None and used_s + cost_s > budget.seconds:
            continue
        if budget.free_bytes is not None and (
            saved_bytes >= budget.free_bytes or one.expected_saving <= 0
        ):
            continue
        within.append(path)
        used_s += cost_s
        saved_bytes += one.expected_saving
    kept = frozenset(within)
    return replace(
        forecast,
        within=tuple(within),
        beyond=frozenset(paths) - kept,
        total=total_of([by_path[path] for path in within], gain=gain),
    )


class CheapestEncode(msgspec.Struct, frozen=True, kw_only=True):
    """The encode of a plan that takes least time, by the path of its source, and the smallest
    budget of time in seconds that it fits into."""

    path: str
    budget_s: float


_START_S = 5.0
"""What a run takes before its first encode, counted in its budget."""


def cheapest_encode(forecast: PlanForecast) -> CheapestEncode | None:
    """None if no encode has a forecast."""
    costs = {
        path: max(one.expected_seconds, one.seconds.mid * forecast.stretch) + _START_S
        for path, one in forecast.by_path.items()
    }
    path = min(costs, key=costs.__getitem__, default=None)
    return None if path is None else CheapestEncode(path=path, budget_s=costs[path])


class RuleForecast(msgspec.Struct, frozen=True, kw_only=True):
    """The encodes of one rule within the budget: how many, the size of their sources, and their
    forecast. `rule` is None for films without a named one."""

    rule: str | None
    encodes: int
    source_bytes: int
    total: Total


def forecast_by_rule(plan: Plan, forecast: PlanForecast) -> tuple[RuleForecast, ...]:
    """The forecast of each rule, in the order of its first film."""
    within = frozenset(forecast.within)
    groups: dict[str | None, list[PlanItem]] = {}
    for row in plan.of(PlanAction.ENCODE):
        if row.file.path in within:
            groups.setdefault(row.rule, []).append(row)
    return tuple(
        RuleForecast(
            rule=rule,
            encodes=len(rows),
            source_bytes=sum(row.size_bytes for row in rows),
            total=total_of(
                [forecast.by_path[row.file.path] for row in rows],
                gain=forecast.jobs / forecast.stretch,
            ),
        )
        for rule, rows in groups.items()
    )

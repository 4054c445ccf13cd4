"""Quality scores: what FFmpeg's filters wrote of each picture, made into one `Score`. Pure."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from av1rules.base.text import printable
from av1rules.policy.quality_spec import Metric, Statistic

LOSSLESS_DB = 100.0
"""What a picture without any difference counts as where the figure would be infinite: above all
that a lossy picture reaches, and finite, so that means and files of figures can hold it."""


LONGEST_STEP_S = 10.0
"""A picture that stands for longer counts as this long: time stamps may jump by years."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all compared pictures, each counted alike; higher is better, always finite.

    `model` is the VMAF model with the libvmaf that held it, else which planes count. Percentiles
    are by nearest rank: `p5` is the best of the worst 5 % of pictures, a value that one of them
    really has. `harmonic_mean` is 1 / mean(1 / (v + 1)) - 1, as libvmaf has it: low ones weigh
    more. `per_second` are means over each second of the compared film, passages joined; a second
    without a new picture has the value of the last one. `worst_second` is the lowest of them and
    where it begins, in seconds by the source's own time stamps.
    """

    metric: Metric
    model: str
    mean: float
    harmonic_mean: float
    p1: float
    p5: float
    worst_second: tuple[float, float]
    frames: int
    per_second: tuple[float, ...]
    caveats: tuple[str, ...] = ()


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When a picture is shown: in the compared film from its start, and by the source's stamps."""

    film_s: float
    source_s: float


_TIME = re.compile(r"^frame:\d+ +pts:\S+ +pts_time:(\S+)")


_LINES = {
    Metric.XPSNR: re.compile(r"^n: *\d+ +XPSNR y: *(\S+)"),
    Metric.SSIM: re.compile(r"^n:\d+ .*\bAll:(\S+)"),
    Metric.PSNR: re.compile(r"^n:\d+ .*\bpsnr_avg:(\S+)"),
}


_SQUARE = re.compile(r"^n:\d+ mse_avg:(\S+)")


_IN_DECIBEL = frozenset({Metric.XPSNR, Metric.PSNR})


def figure_of(score: Score, statistic: Statistic) -> float:
    """The one figure of a score that a floor is about."""
    match statistic:
        case Statistic.MEAN:
            return score.mean
        case Statistic.HARMONIC_MEAN:
            return score.harmonic_mean
        case Statistic.P5:
            return score.p5
        case Statistic.P1:
            return score.p1
        case Statistic.WORST_SECOND:
            return score.worst_second[0]


def parse_times(lines: Iterable[str]) -> tuple[float | None, ...]:
    """Of `metadata=print`: when each picture is shown, in seconds; None where nothing says so."""
    return tuple(_number(found[1]) for line in lines if (found := _TIME.match(line)) is not None)


def parse_values(metric: Metric, lines: Iterable[str]) -> tuple[float, ...]:
    """The metric's figure of each picture; inf and nan as FFmpeg wrote them."""
    if metric is Metric.VMAF:
        return tuple(_vmaf_values(lines))
    pattern = _LINES[metric]
    return tuple(float(found[1]) for line in lines if (found := pattern.match(line)) is not None)


def parse_squares(lines: Iterable[str]) -> tuple[float, ...]:
    """Of `psnr`: the mean squared difference of each picture, over all planes."""
    return tuple(float(found[1]) for line in lines if (found := _SQUARE.match(line)) is not None)


def _vmaf_values(lines: Iterable[str]) -> Iterator[float]:
    """Of libvmaf's CSV, whose columns change with its version."""
    column: int | None = None
    for line in lines:
        fields = line.strip().split(",")
        if column is None:
            column = fields.index("vmaf") if "vmaf" in fields else None
        elif len(fields) > column and fields[column]:
            yield float(fields[column])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:  # NOPTS
        return None
    return number if math.isfinite(number) else None


def moments(parts: Sequence[Sequence[float | None]], *, step_s: float) -> tuple[Moment, ...]:
    """When each picture is shown, from the time stamps of each passage; `step_s` is the usual
    distance of pictures, for where nothing is known."""
    shown: list[Moment] = []
    film_s = 0.0
    for times in parts:
        last: float | None = None
        for number, time in enumerate(times):
            if number:
                known = time is not None and last is not None
                step = time - last if known else step_s  # type: ignore[operator]
                film_s += min(max(step, 0.0), LONGEST_STEP_S)
            source_s = film_s if time is None else time
            shown.append(Moment(film_s=film_s, source_s=source_s))
            last = time
        film_s += step_s if times else 0.0
    return tuple(shown)


def build_score(
    metric: Metric,
    model: str,
    values: Sequence[float],
    shown: Sequence[Moment],
    caveats: tuple[str, ...] = (),
) -> Score:
    """One score of all pictures; `shown` is as long as `values`. ValueError if none has a figure.

    A picture without a figure (nan) is left out, an infinite one counts as `LOSSLESS_DB`.
    """
    kept = [
        (_finite(metric, value), moment)
        for value, moment in zip(values, shown, strict=True)
        if not math.isnan(value)
    ]
    if not kept:
        raise ValueError(f"no picture has a figure for {metric.value}")
    figures = sorted(value for value, _ in kept)
    seconds = _seconds(kept)
    return Score(
        metric=metric,
        model=model,
        mean=statistics.fmean(figures),
        harmonic_mean=_harmonic_mean(figures),
        p1=_percentile(figures, 1),
        p5=_percentile(figures, 5),
        worst_second=min(seconds),
        frames=len(figures),
        per_second=tuple(value for value, _ in seconds),
        caveats=(*caveats, *_own_caveats(metric, values)),
    )


def _finite(metric: Metric, value: float) -> float:
    return min(value, LOSSLESS_DB) if metric in _IN_DECIBEL else value


def _own_caveats(metric: Metric, values: Sequence[float]) -> Iterator[str]:
    total = len(values)
    if missing := sum(math.isnan(value) for value in values):
        yield f"{missing} of {total} pictures have no figure and are left out"
    same = sum(value >= LOSSLESS_DB for value in values) if metric in _IN_DECIBEL else 0
    if same:
        what = "all" if same == total else f"{same} of {total}"
        yield f"{what} pictures are without a difference and count as {LOSSLESS_DB:g} dB"


def _harmonic_mean(figures: Sequence[float]) -> float:
    """SSIM may be below 0: that counts as 0."""
    return 1 / statistics.fmean(1 / (max(value, 0.0) + 1) for value in figures) - 1


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def _seconds(kept: Sequence[tuple[float, Moment]]) -> list[tuple[float, float]]:
    """Mean and start of each second of film; a short rest at the end joins the second before."""
    groups: dict[int, list[tuple[float, float]]] = {}
    start_s = kept[0][1].film_s
    for value, moment in kept:
        second = int(moment.film_s - start_s + 1e-6)
        groups.setdefault(second, []).append((value, moment.source_s))
    last = max(groups)
    if len(groups) > 1 and 2 * len(groups[last]) < statistics.median(map(len, groups.values())):
        rest = groups.pop(last)
        groups[max(groups)].extend(rest)
    seconds: list[tuple[float, float]] = []
    for second in range(max(groups) + 1):
        if group := groups.get(second):
            seconds.append((statistics.fmean(value for value, _ in group), group[0][1]))
            standing = group[-1]
        else:
            seconds.append((standing[0], standing[1]))
    return seconds


def score_lines(scores: Sequence[Score]) -> Iterator[str]:
    """One line for each metric, then what is to be known of them, each caveat once."""
    for score in scores:
        worst, at_s = score.worst_second
        yield (
            f"{score.metric.value:<6} mean {show_figure(score, score.mean)}, "
            f"5 % below {show_figure(score, score.p5)}, 1 % below {show_figure(score, score.p1)}, "
            f"worst second {show_figure(score, worst)} at {clock(at_s)} ({printable(score.model)})"
        )
    for caveat in dict.fromkeys(caveat for score in scores for caveat in score.caveats):
        yield printable(caveat)


def show_figure(score: Score, value: float) -> str:
    """SSIM lies below 1: it needs digits that others do not."""
    return f"{value:.4f}" if score.metric is Metric.SSIM else f"{value:.1f}"


def clock(at_s: float) -> str:
    """A place in a film, as players show it: `00:41:10`."""
    minutes, seconds = divmod(max(int(at_s), 0), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"

"""Quality scores: turns FFmpeg's figures of each frame into one `Score`. Pure."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from av1rules.base.text import printable
from av1rules.policy.quality_spec import Metric, Statistic

LOSSLESS_DB = 100.0
"""The figure of a frame without any difference, which would be infinite: above anything that a
lossy frame reaches, but finite, so that means and JSON can hold it."""


LONGEST_STEP_S = 10.0
"""A frame that lasts longer counts as this long: timestamps may jump by years."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all compared frames with equal weight; higher is better, always finite.

    `model` is the VMAF model with its version of libvmaf, else which planes count. Percentiles are
    by nearest rank: `p5` is the best of the worst 5 % of frames, a value that a frame really has.
    `harmonic_mean` is 1 / mean(1 / (v + 1)) - 1, as in libvmaf: low values weigh more. `per_second`
    are means over each second of the compared video, with its excerpts joined; a second without a
    new frame has the value of the last frame. `worst_second` is the lowest of them and its start in
    seconds by the timestamps of the source.
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


class FrameTime(msgspec.Struct, frozen=True, kw_only=True):
    """When a frame is shown: from the start of the compared video, and by the source's
    timestamps."""

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
    """The figure of a score that a floor refers to."""
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
    """From `metadata=print`: the time of each frame in seconds; None if unknown."""
    return tuple(_number(found[1]) for line in lines if (found := _TIME.match(line)) is not None)


def parse_values(metric: Metric, lines: Iterable[str]) -> tuple[float, ...]:
    """The metric's figure for each frame; inf and nan as FFmpeg wrote them."""
    if metric is Metric.VMAF:
        return tuple(_vmaf_values(lines))
    pattern = _LINES[metric]
    return tuple(float(found[1]) for line in lines if (found := pattern.match(line)) is not None)


def parse_squares(lines: Iterable[str]) -> tuple[float, ...]:
    """From `psnr`: the mean squared error of each frame, over all planes."""
    return tuple(float(found[1]) for line in lines if (found := _SQUARE.match(line)) is not None)


def _vmaf_values(lines: Iterable[str]) -> Iterator[float]:
    """From libvmaf's CSV, whose columns depend on its version."""
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


def frame_times(parts: Sequence[Sequence[float | None]], *, step_s: float) -> tuple[FrameTime, ...]:
    """The time of each frame, from the timestamps of each excerpt; `step_s` is the usual frame
    duration, for frames without a time."""
    shown: list[FrameTime] = []
    film_s = 0.0
    for times in parts:
        last: float | None = None
        for number, time in enumerate(times):
            if number:
                known = time is not None and last is not None
                step = time - last if known else step_s  # type: ignore[operator]
                film_s += min(max(step, 0.0), LONGEST_STEP_S)
            source_s = film_s if time is None else time
            shown.append(FrameTime(film_s=film_s, source_s=source_s))
            last = time
        film_s += step_s if times else 0.0
    return tuple(shown)


def build_score(
    metric: Metric,
    model: str,
    values: Sequence[float],
    shown: Sequence[FrameTime],
    caveats: tuple[str, ...] = (),
) -> Score:
    """One score of all frames; `shown` is as long as `values`. ValueError if no frame has a figure.

    Frames without a figure (nan) are left out; an infinite figure counts as `LOSSLESS_DB`.
    """
    kept = [
        (_finite(metric, value), moment)
        for value, moment in zip(values, shown, strict=True)
        if not math.isnan(value)
    ]
    if not kept:
        raise ValueError(f"no frame has a figure for {metric.value}")
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
        yield f"{missing} of {total} frames have no figure and are left out"
    same = sum(value >= LOSSLESS_DB for value in values) if metric in _IN_DECIBEL else 0
    if same:
        what = "all" if same == total else f"{same} of {total}"
        yield f"{what} frames are identical and count as {LOSSLESS_DB:g} dB"


def _harmonic_mean(figures: Sequence[float]) -> float:
    """SSIM below 0 counts as 0."""
    return 1 / statistics.fmean(1 / (max(value, 0.0) + 1) for value in figures) - 1


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def _seconds(kept: Sequence[tuple[float, FrameTime]]) -> list[tuple[float, float]]:
    """Mean and start of each second; a short remainder at the end joins the second before."""
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
            latest = group[-1]
        else:
            seconds.append((latest[0], latest[1]))
    return seconds


def score_lines(scores: Sequence[Score]) -> Iterator[str]:
    """One line for each metric, then each caveat once."""
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
    """SSIM is below 1 and needs more digits."""
    return f"{value:.4f}" if score.metric is Metric.SSIM else f"{value:.1f}"


def clock(at_s: float) -> str:
    """A time in a film as players show it: `00:41:10`."""
    minutes, seconds = divmod(max(int(at_s), 0), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"

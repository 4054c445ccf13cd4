"""A score, second by second, as SVG. Pure; it holds only numbers and our own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score, show_figure

WIDTH, HEIGHT = 1000, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 28, 26

UNITS = {Metric.VMAF: "", Metric.XPSNR: " dB", Metric.SSIM: "", Metric.PSNR: " dB"}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one encode; `number` is its place on the page and selects its colour."""

    number: int
    score: Score


def score_chart(lines: Sequence[Line], marks: Sequence[tuple[float, str]]) -> str:
    """One metric of all encodes, the first on top. `marks` are the starts of excerpts in seconds of
    the clip, each with a label."""
    first = lines[0].score
    low, high = _span([value for line in lines for value in line.score.per_second])
    if first.metric is Metric.VMAF:
        high = min(high, 100.0) if low < 100 else high
    seconds = max(1, *(len(line.score.per_second) for line in lines))
    title = f"{first.metric.value.upper()}{UNITS[first.metric]} each second"
    if len(lines) == 1:
        title += f", mean {show_figure(first, first.mean)}"
    drawn = (
        f'<polyline class="line c{line.number % 6}" data-line="{line.number}" '
        f'points="{_points(line.score.per_second, low, high)}"/>'
        for line in reversed(lines)
    )
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
        *_grid(low, high, seconds),
        *(_mark(at_s / seconds, word) for at_s, word in marks),
        *drawn,
        f'<text x="{_LEFT}" y="16">{title}</text></svg>',
    ]
    return "".join(parts)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    slack = max((high - low) * 0.1, abs(high) * 0.005, 1e-4)
    return low - slack, high + slack


def _points(values: Sequence[float], low: float, high: float) -> str:
    """Each second is a step of its own width, so that a clip of one second is visible too."""
    count = len(values)
    found = []
    for number, value in enumerate(values):
        y = _y((value - low) / (high - low))
        found += [f"{_x(number / count):.1f},{y:.1f}", f"{_x((number + 1) / count):.1f},{y:.1f}"]
    return " ".join(found)


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _grid(low: float, high: float, seconds: int) -> Iterator[str]:
    digits = 4 if high - low < 0.05 else 2 if high - low < 2 else 1
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="4" y="{y + 4:.1f}">{low + share * (high - low):.{digits}f}</text>'
    step = max(-(-seconds // 6), 1)
    for second in range(0, seconds + 1, step):
        x = _x(second / seconds)
        anchor = ' text-anchor="end"' if second == seconds else ""
        yield f'<text x="{x:.1f}" y="{HEIGHT - 8}"{anchor}>{second} s</text>'


def _mark(share: float, word: str) -> str:
    x = _x(share)
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        f'<text x="{x + 4:.1f}" y="{_TOP + 12}">{escape(word)}</text>'
    )

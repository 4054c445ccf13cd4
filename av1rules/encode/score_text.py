"""Scores in words, as receipts and the lists of clips have them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av1rules.base.text import printable
from av1rules.encode.score_parse import Score
from av1rules.rules.quality import Metric


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

"""What the list of clips and the page of a comparison say alike. Pure."""

from __future__ import annotations

from av1rules.base.units import format_size
from av1rules.encode.score_parse import Score
from av1rules.graph.clip_table import ClipFacts
from av1rules.rules.quality import Metric


def projection_text(facts: ClipFacts) -> str:
    """The whole film as far as the clip tells: `1.51 GiB (7%)`."""
    if facts.projected_bytes is None or facts.share is None:
        return "unknown"
    return f"{format_size(facts.projected_bytes)} ({facts.share:.0%})"


def score_by(facts: ClipFacts, metric: Metric) -> Score | None:
    """The clip's score by one metric; None where it has none."""
    return next((score for score in facts.scores if score.metric is metric), None)

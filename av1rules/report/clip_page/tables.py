"""The tables of the page on which clips are compared. Every text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from av1rules import __version__
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.operations.clips.review import ClipView, settings_words
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score, clock, show_figure
from av1rules.report.clips import projection_text, score_by


class Encode(msgspec.Struct, frozen=True, kw_only=True):
    """A clip as the page has it: `name` tells it from the others, `clip` are the bytes to put
    inside, else `clip_name` is the file beside the page. `command`: what takes these settings."""

    view: ClipView
    name: str
    command: str
    clip: bytes | None
    clip_name: str | None


def escaped(text: str | None) -> str:
    """Text from anywhere as HTML that shows it and nothing else."""
    return escape(printable(text or ""))


def variant_table(encodes: Sequence[Encode]) -> Iterator[str]:
    """What was made of the same passages, side by side; nothing for one alone."""
    if len(encodes) < 2:
        return
    metrics = [
        metric
        for metric in Metric
        if any(score_by(one.view.made.facts, metric) is not None for one in encodes)
    ]
    yield "<h2>Variants of the same passages</h2>"
    yield '<div class="scroll"><table class="variants"><tr><th>settings</th><th>clip</th>'
    yield "<th>film would take</th>"
    yield "".join(f"<th>{metric.value.upper()} (p5)</th>" for metric in metrics)
    yield "<th>encoded in</th></tr>"
    for number, one in enumerate(encodes):
        facts = one.view.made.facts
        cells = [
            f'<span class="swatch c{number % 6}"></span>{escaped(one.name)}',
            escaped(format_size(one.view.made.size_bytes)),
            escaped(projection_text(facts)),
            *(escaped(_mean_and_p5(score_by(facts, metric))) for metric in metrics),
            escaped(format_duration(facts.encode_s)),
        ]
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        yield f'<tr><td class="take" colspan="{len(cells)}">'
        yield f"<code>{escaped(one.command)}</code></td></tr>"
    yield "</table></div>"
    if any(one.view.made.facts.settings.film_grain for one in encodes):
        yield '<p class="note">No score can judge grain that the player adds: look at it.</p>'


def _mean_and_p5(score: Score | None) -> str:
    if score is None:
        return "none"
    return f"{show_figure(score, score.mean)} ({show_figure(score, score.p5)})"


def score_table(facts: ClipFacts) -> Iterator[str]:
    """The scores of one encode, and what is to be known of them."""
    if facts.score_problem is not None:
        yield f"<p>None: {escaped(facts.score_problem)}</p>"
    if not facts.scores:
        return
    yield '<div class="scroll"><table><tr><th>metric</th><th>mean</th><th>harmonic mean</th>'
    yield "<th>5th percentile</th><th>1st</th><th>worst second</th><th>of</th></tr>"
    for score in facts.scores:
        yield _score_row(score)
    yield "</table></div>"
    for caveat in dict.fromkeys(caveat for score in facts.scores for caveat in score.caveats):
        yield f'<p class="note">{escaped(caveat)}</p>'


def _score_row(score: Score) -> str:
    figures = (score.mean, score.harmonic_mean, score.p5, score.p1)
    cells = "".join(f"<td>{show_figure(score, value)}</td>" for value in figures)
    worst, at_s = score.worst_second
    worst_text = f"{show_figure(score, worst)} at {clock(at_s)}"
    return (
        f"<tr><th>{score.metric.value.upper()}</th>{cells}<td>{escaped(worst_text)}</td>"
        f"<td>{escaped(score.model)}</td></tr>"
    )


def details(record: ClipRecord) -> Iterator[str]:
    """How one encode was made, with its command."""
    facts = record.facts
    yield "<table>"
    rows = [
        ("passages", "<br>".join(escaped(piece.reason) for piece in facts.pieces)),
        ("clip", escaped(f"{facts.duration_s:.1f} s, {facts.frames} pictures, "
                         f"{format_size(record.size_bytes)}, encoded in "
                         f"{format_duration(facts.encode_s)}")),
        ("rule", escaped(f"{facts.rule} (review: {facts.review})")),
        ("tools", escaped(facts.tools.text)),
        ("made", escaped(f"{record.made_at} by av1rules {__version__}")),
    ]  # fmt: skip
    words = "<br>".join(
        escaped(f"{name}: {value}") for name, value in settings_words(facts.settings)
    )
    rows.append(("settings", words))
    for name, value in rows:
        yield f"<tr><th>{name}</th><td>{value}</td></tr>"
    yield "</table>"
    yield f"<h2>The command</h2><pre>{escaped(facts.command)}</pre>"

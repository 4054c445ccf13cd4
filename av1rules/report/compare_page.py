"""Source and clip side by side as one HTML page, without network: stills under a slider, the clip
itself, scores second by second, sizes, settings. Every text is escaped, and the page's own policy
lets nothing be loaded but what is in it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from av1rules import __version__
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.encode.score_parse import Score
from av1rules.encode.score_text import show_figure
from av1rules.graph.clip_table import ClipRecord
from av1rules.graph.clips import ClipView
from av1rules.report.compare_chart import score_chart
from av1rules.rules.shaping import in_words

LARGEST_INSIDE = 48 * 1024**2
"""Bytes of a clip that is put into the page itself; a larger one is laid beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillPair:
    """One picture of the source and of the encode, as JPEG files."""

    label: str
    frame: int
    source: bytes
    encode: bytes


def compare_page(
    view: ClipView,
    pairs: tuple[StillPair, ...],
    *,
    clip: bytes | None,
    clip_name: str | None,
    notes: tuple[str, ...] = (),
) -> str:
    """The whole page. `clip` are the bytes to put inside, else `clip_name` is the file beside."""
    record = view.made
    css, script = _resource("compare.css"), _resource("compare.js")
    title = _e(f"{view.source}: source and encode")
    policy = _policy(css, script, beside=clip is None)
    body = "\n".join(
        [
            *_head(view, record),
            *_stills(pairs),
            *_clip(clip, clip_name),
            *_scores(record),
            *_details(record, notes),
        ]
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" \
content="no-referrer">
<title>{title}</title>
<style>{css}</style></head>
<body>
{body}
<script>{script}</script>
</body></html>
"""


def _resource(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("templates", name).read_text("utf-8")


def _policy(css: str, script: str, *, beside: bool) -> str:
    media = "data: 'self' file:" if beside else "data:"
    return (
        f"default-src 'none'; img-src data:; media-src {media}; style-src {_source_of(css)}; "
        f"script-src {_source_of(script)}; base-uri 'none'; form-action 'none'"
    )


def _source_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _e(text: str) -> str:
    return escape(printable(text))


def _data(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _head(view: ClipView, record: ClipRecord) -> Iterator[str]:
    facts = record.facts
    yield f"<h1>{_e(view.source)}</h1>"
    yield f"<p><strong>{view.standing.value}</strong> "
    yield f'<span class="faint">{_e(view.text)}</span></p>'
    words = ", ".join(f"{name} {value}" for name, value in in_words(facts.settings))
    yield f"<p>{_e(facts.tools.encoder)}: {_e(words)}</p>"
    size = f"The source takes {format_size(facts.source_bytes)}"
    if facts.projected_bytes is not None and facts.share is not None:
        size += f"; the film would take about {format_size(facts.projected_bytes)} "
        size += f"({facts.share:.0%})"
    yield f"<p>{_e(size)}.</p>"
    for note in facts.notes:
        yield f'<p class="note">{_e(note)}</p>'


def _stills(pairs: tuple[StillPair, ...]) -> Iterator[str]:
    if not pairs:
        return
    yield "<h2>The same pictures of source and encode</h2>"
    for pair in pairs:
        label = _e(pair.label)
        yield f"""<figure class="compare"><div class="pair">
<img alt="source" draggable="false" src="{_data("image/jpeg", pair.source)}">
<img class="encode" alt="encode" draggable="false" src="{_data("image/jpeg", pair.encode)}">
<div class="bar"></div><span class="side left">source</span><span class="side right">encode</span>
</div><input type="range" min="0" max="100" step="0.1" value="50" aria-label="share of the source">
<figcaption>{label}; picture {pair.frame + 1} of the clip</figcaption></figure>"""


def _clip(clip: bytes | None, name: str | None) -> Iterator[str]:
    address = _data("video/mp4", clip) if clip is not None else _e(name or "")
    if address:
        yield "<h2>The clip</h2>"
        yield f'<video controls loop muted preload="metadata" src="{address}"></video>'
        yield '<p class="note">Pictures only: it joins passages whose sound would be cut.</p>'


def _scores(record: ClipRecord) -> Iterator[str]:
    facts = record.facts
    yield "<h2>Scores against the source</h2>"
    if facts.score_problem is not None:
        yield f"<p>None: {_e(facts.score_problem)}</p>"
    if not facts.scores:
        return
    yield '<div class="scroll"><table><tr><th>metric</th><th>mean</th><th>harmonic mean</th>'
    yield "<th>5th percentile</th><th>1st</th><th>worst second</th><th>of</th></tr>"
    for score in facts.scores:
        yield _score_row(score)
    yield "</table></div>"
    for caveat in dict.fromkeys(caveat for score in facts.scores for caveat in score.caveats):
        yield f'<p class="note">{_e(caveat)}</p>'
    marks = _marks(record)
    for score in facts.scores:
        yield score_chart(score, marks)


def _score_row(score: Score) -> str:
    figures = (score.mean, score.harmonic_mean, score.p5, score.p1)
    cells = "".join(f"<td>{show_figure(score, value)}</td>" for value in figures)
    worst, at_s = score.worst_second
    worst_text = f"{show_figure(score, worst)} at {format_duration(at_s)}"
    return (
        f"<tr><th>{score.metric.value.upper()}</th>{cells}<td>{_e(worst_text)}</td>"
        f"<td>{_e(score.model)}</td></tr>"
    )


def _marks(record: ClipRecord) -> tuple[tuple[float, str], ...]:
    found, at_s = [], 0.0
    for piece in record.facts.pieces:
        found.append((at_s, piece.kind.value))
        at_s += piece.duration_s
    return tuple(found)


def _details(record: ClipRecord, notes: tuple[str, ...]) -> Iterator[str]:
    facts = record.facts
    yield "<h2>How it was made</h2><table>"
    rows = [
        ("passages", "<br>".join(_e(piece.reason) for piece in facts.pieces)),
        ("clip", _e(f"{facts.duration_s:.1f} s, {facts.frames} pictures, "
                    f"{format_size(record.size_bytes)}, encoded in "
                    f"{format_duration(facts.encode_s)}")),
        ("rule", _e(f"{facts.rule} (review: {facts.review})")),
        ("tools", _e(facts.tools.text)),
        ("made", _e(f"{record.made_at} by av1rules {__version__}")),
    ]  # fmt: skip
    words = "<br>".join(_e(f"{name}: {value}") for name, value in in_words(facts.settings))
    rows.append(("settings", words))
    for name, value in rows:
        yield f"<tr><th>{name}</th><td>{value}</td></tr>"
    yield "</table>"
    for note in notes:
        yield f'<p class="note">{_e(note)}</p>'
    yield f"<h2>The command</h2><pre>{_e(facts.command)}</pre>"

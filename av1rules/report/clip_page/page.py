"""Source and clip side by side as one HTML page, without network: stills under a slider, the clip
itself, scores second by second, sizes, settings; variants of the clip under the same slider. Every
text is escaped, and the page's own policy lets nothing be loaded but what is in it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.base.units import format_size
from av1rules.ledger.clips import ClipRecord
from av1rules.operations.clips.review import ClipView, settings_words
from av1rules.policy.quality_spec import Metric
from av1rules.report.clip_page.chart import Line, score_chart
from av1rules.report.clip_page.tables import Encode, details, escaped, score_table, variant_table

LARGEST_INSIDE = 48 * 1024**2
"""Bytes of clips that are put into the page itself; others are laid beside it."""


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the source and of each encode, as JPEG files."""

    label: str
    frame: int
    source: bytes
    encodes: tuple[bytes, ...]


def compare_page(
    encodes: Sequence[Encode], stills: Sequence[Still], *, notes: tuple[str, ...] = ()
) -> str:
    """The whole page: the first of `encodes` is the clip, the others are its variants."""
    view = encodes[0].view
    css, script = _resource("clip_page.css"), _resource("clip_page.js")
    policy = _policy(css, script, beside=any(one.clip is None for one in encodes))
    body = "\n".join(
        [
            *_head(view, view.made),
            *variant_table(encodes),
            *_chooser(encodes),
            *_stills(stills, encodes),
            *_clips(encodes),
            *_scores(encodes),
            *_details(encodes, notes),
        ]
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" \
content="no-referrer">
<title>{escaped(f"{view.source}: source and encode")}</title>
<style>{css}</style></head>
<body>
{body}
<script>{script}</script>
</body></html>
"""


def _resource(name: str) -> str:
    return (
        importlib.resources.files("av1rules.report").joinpath("templates", name).read_text("utf-8")
    )


def _policy(css: str, script: str, *, beside: bool) -> str:
    media = "data: 'self' file:" if beside else "data:"
    return (
        f"default-src 'none'; img-src data:; media-src {media}; style-src {_source_of(css)}; "
        f"script-src {_source_of(script)}; base-uri 'none'; form-action 'none'"
    )


def _source_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _head(view: ClipView, record: ClipRecord) -> Iterator[str]:
    facts = record.facts
    yield f"<h1>{escaped(view.source)}</h1>"
    yield f"<p><strong>{view.standing.value}</strong> "
    yield f'<span class="faint">{escaped(view.text)}</span></p>'
    words = ", ".join(f"{name} {value}" for name, value in settings_words(facts.settings))
    yield f"<p>{escaped(facts.tools.encoder)}: {escaped(words)}</p>"
    size = f"The source takes {format_size(facts.source_bytes)}"
    if facts.projected_bytes is not None and facts.share is not None:
        size += f"; the film would take about {format_size(facts.projected_bytes)} "
        size += f"({facts.share:.0%})"
    yield f"<p>{escaped(size)}.</p>"
    for note in facts.notes:
        yield f'<p class="note">{escaped(note)}</p>'


def _chooser(encodes: Sequence[Encode]) -> Iterator[str]:
    """Which pictures lie under the slider; nothing to choose where there is but one encode."""
    if len(encodes) < 2:
        return
    yield '<div class="chooser"><label>left <select id="left">'
    yield '<option value="source">source</option>'
    for number, one in enumerate(encodes):
        yield f'<option value="{number}">{escaped(one.name)}</option>'
    yield '</select></label><fieldset><legend class="faint">right</legend>'
    for number, one in enumerate(encodes):
        checked = " checked" if number == 0 else ""
        yield (
            f'<label><input type="radio" name="right" value="{number}"{checked}>'
            f'<span class="swatch c{number % 6}"></span>{escaped(one.name)}</label>'
        )
    yield "</fieldset></div>"


def _stills(stills: Sequence[Still], encodes: Sequence[Encode]) -> Iterator[str]:
    if not stills:
        return
    yield "<h2>The same pictures of source and encode</h2>"
    yield '<p><label><input type="checkbox" id="full"> every pixel (grain is lost in a picture '
    yield "that is made smaller)</label></p>"
    for still in stills:
        yield '<figure class="compare"><div class="pair">'
        yield _picture("source", "source", still.source, "under")
        for number, (one, picture) in enumerate(zip(encodes, still.encodes, strict=True)):
            yield _picture(str(number), one.name, picture, "" if number else "over")
        yield f"""<div class="bar"></div><span class="side left">source</span>
<span class="side right">{escaped(encodes[0].name)}</span>
</div><input type="range" min="0" max="100" step="0.1" value="50" aria-label="share of the left">
<figcaption>{escaped(still.label)}; picture {still.frame + 1} of the clip</figcaption></figure>"""


def _picture(of: str, name: str, data: bytes, place: str) -> str:
    return (
        f'<img data-of="{of}" alt="{escaped(name)}" draggable="false" class="{place}" '
        f'src="{_data("image/jpeg", data)}">'
    )


def _clips(encodes: Sequence[Encode]) -> Iterator[str]:
    if all(one.clip is None and one.clip_name is None for one in encodes):
        return
    yield "<h2>The clip</h2>"
    for number, one in enumerate(encodes):
        address = _data("video/mp4", one.clip) if one.clip is not None else escaped(one.clip_name)
        yield (
            f'<video data-encode="{number}"{" hidden" if number else ""} controls loop muted '
            f'preload="metadata" src="{address}"></video>'
        )
    yield '<p class="note">Pictures only: it joins passages whose sound would be cut.</p>'


def _scores(encodes: Sequence[Encode]) -> Iterator[str]:
    yield "<h2>Scores against the source</h2>"
    for number, one in enumerate(encodes):
        yield from _block(number, score_table(one.view.made.facts))
    marks = _marks(encodes[0].view.made)
    for metric in Metric:
        lines = [
            Line(number=number, score=score)
            for number, one in enumerate(encodes)
            for score in one.view.made.facts.scores
            if score.metric is metric
        ]
        if lines:
            yield score_chart(lines, marks)


def _details(encodes: Sequence[Encode], notes: tuple[str, ...]) -> Iterator[str]:
    yield "<h2>How it was made</h2>"
    for note in notes:
        yield f'<p class="note">{escaped(note)}</p>'
    for number, one in enumerate(encodes):
        yield from _block(number, details(one.view.made))


def _block(number: int, lines: Iterator[str]) -> Iterator[str]:
    """What is shown of one encode, while it is chosen."""
    yield f'<div data-encode="{number}"{" hidden" if number else ""}>'
    yield from lines
    yield "</div>"


def _marks(record: ClipRecord) -> tuple[tuple[float, str], ...]:
    found, at_s = [], 0.0
    for piece in record.facts.pieces:
        found.append((at_s, piece.kind.value))
        at_s += piece.duration_s
    return tuple(found)

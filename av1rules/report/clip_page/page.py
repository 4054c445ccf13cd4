"""Source and clip side by side as one HTML page without network access: stills under a slider, the
clip, scores by second, sizes, settings, and the variants of the clip.

Every text is escaped, and the content security policy of the page loads nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Callable, Iterator, Sequence
from html import escape

import msgspec

from av1rules import __version__
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.operations.clips.review import ClipView, settings_words
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score, clock, show_figure
from av1rules.report.clip_page.chart import Line, score_chart
from av1rules.report.clips import projection_text, score_by

LARGEST_INSIDE = 48 * 1024**2
"""Bytes of clips that are embedded in the page; other clips are copied beside it."""


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the source and of each encode, as JPEG files."""

    label: str
    frame: int
    source: bytes
    encodes: tuple[bytes, ...]


def compare_page(
    encodes: Sequence[ComparedEncode], stills: Sequence[Still], *, notes: tuple[str, ...] = ()
) -> str:
    """The whole page: the first of `encodes` is the clip, the others are its variants."""
    view = encodes[0].view
    css, script = _resource("clip_page.css"), _resource("clip_page.js")
    policy = _policy(css, script, beside=any(one.clip is None for one in encodes))
    body = "\n".join([*_head(view, view.made), *comparison_parts(encodes, stills, notes=notes)])
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


PictureAddress = Callable[[int, str, bytes], str]
"""The address of a still by its number, whose it is ("source", or the number of an encode), and its
JPEG."""


def _inside(_number: int, _of: str, data: bytes) -> str:
    return _data("image/jpeg", data)


def comparison_parts(
    encodes: Sequence[ComparedEncode],
    stills: Sequence[Still],
    *,
    notes: tuple[str, ...] = (),
    address: PictureAddress = _inside,
) -> Iterator[str]:
    """What the page shows below its head, for pages with a head of their own; all is escaped. The
    style sheet and the script are `clip_page.css` and `clip_page.js`."""
    yield from variant_table(encodes)
    yield from _chooser(encodes)
    yield from _stills(stills, encodes, address)
    yield from _clips(encodes)
    yield from _scores(encodes)
    yield from _details(encodes, notes)


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
    yield f"<p><strong>{view.status.value}</strong> "
    yield f'<span class="faint">{escaped(view.text)}</span></p>'
    words = ", ".join(f"{name} {value}" for name, value in settings_words(facts.settings))
    yield f"<p>{escaped(facts.tools.encoder)}: {escaped(words)}</p>"
    size = f"The source takes {format_size(facts.source_bytes)}"
    if facts.projected_bytes is not None and facts.share is not None:
        size += f"; the whole target would take about {format_size(facts.projected_bytes)} "
        size += f"({facts.share:.0%})"
    yield f"<p>{escaped(size)}.</p>"
    for note in facts.notes:
        yield f'<p class="note">{escaped(note)}</p>'


def _chooser(encodes: Sequence[ComparedEncode]) -> Iterator[str]:
    """The choice of what is under the slider; none for a single encode."""
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


def _stills(
    stills: Sequence[Still], encodes: Sequence[ComparedEncode], address: PictureAddress
) -> Iterator[str]:
    if not stills:
        return
    yield "<h2>The same frames of source and encode</h2>"
    yield '<p><label><input type="checkbox" id="full"> full size (scaling a frame down '
    yield "hides grain)</label></p>"
    for place, still in enumerate(stills):
        yield '<figure class="compare"><div class="pair">'
        source = address(place, "source", still.source)
        yield _picture("source", "source", source, "under")
        for number, (one, picture) in enumerate(zip(encodes, still.encodes, strict=True)):
            where = address(place, str(number), picture)
            yield _picture(str(number), one.name, where, "" if number else "over")
        yield f"""<div class="bar"></div><span class="side left">source</span>
<span class="side right">{escaped(encodes[0].name)}</span>
</div><input type="range" min="0" max="100" step="0.1" value="50" aria-label="share of the left">
<figcaption>{escaped(still.label)}; frame {still.frame + 1} of the clip</figcaption></figure>"""


def _picture(of: str, name: str, address: str, place: str) -> str:
    return (
        f'<img data-of="{of}" alt="{escaped(name)}" draggable="false" class="{place}" '
        f'src="{escaped(address)}">'
    )


def _clips(encodes: Sequence[ComparedEncode]) -> Iterator[str]:
    if all(one.clip is None and one.clip_name is None for one in encodes):
        return
    yield "<h2>The clip</h2>"
    for number, one in enumerate(encodes):
        address = _data("video/mp4", one.clip) if one.clip is not None else escaped(one.clip_name)
        yield (
            f'<video data-encode="{number}"{" hidden" if number else ""} controls loop muted '
            f'preload="metadata" src="{address}"></video>'
        )
    yield '<p class="note">No audio: the clip joins excerpts, which would cut it.</p>'


def _scores(encodes: Sequence[ComparedEncode]) -> Iterator[str]:
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


def _details(encodes: Sequence[ComparedEncode], notes: tuple[str, ...]) -> Iterator[str]:
    yield "<h2>How it was made</h2>"
    for note in notes:
        yield f'<p class="note">{escaped(note)}</p>'
    for number, one in enumerate(encodes):
        yield from _block(number, details(one.view.made))


def _block(number: int, lines: Iterator[str]) -> Iterator[str]:
    """The part of the page that belongs to one encode, shown while it is chosen."""
    yield f'<div data-encode="{number}"{" hidden" if number else ""}>'
    yield from lines
    yield "</div>"


def _marks(record: ClipRecord) -> tuple[tuple[float, str], ...]:
    found, at_s = [], 0.0
    for excerpt in record.facts.pieces:
        found.append((at_s, excerpt.kind.value))
        at_s += excerpt.duration_s
    return tuple(found)


class ComparedEncode(msgspec.Struct, frozen=True, kw_only=True):
    """A clip on the page. `name` distinguishes it from the others; `clip` holds the bytes to embed,
    else `clip_name` names the file beside the page; `command` takes these settings."""

    view: ClipView
    name: str
    command: str
    clip: bytes | None
    clip_name: str | None


def escaped(text: str | None) -> str:
    """Untrusted text as HTML that shows it verbatim."""
    return escape(printable(text or ""))


def variant_table(encodes: Sequence[ComparedEncode]) -> Iterator[str]:
    """The encodes of the same excerpts side by side; nothing for a single one."""
    if len(encodes) < 2:
        return
    metrics = [
        metric
        for metric in Metric
        if any(score_by(one.view.made.facts, metric) is not None for one in encodes)
    ]
    yield "<h2>Variants of the same excerpts</h2>"
    yield '<div class="scroll"><table class="variants"><tr><th>settings</th><th>clip</th>'
    yield "<th>projected size</th>"
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
    """The scores of one encode and their caveats."""
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
        ("excerpts", "<br>".join(escaped(excerpt.reason) for excerpt in facts.pieces)),
        ("clip", escaped(f"{facts.duration_s:.1f} s, {facts.frames} frames, "
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

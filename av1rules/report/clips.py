"""Test clips as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable, printable_json
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.clips import ClipFacts, ClipRecord, ClipStatus
from av1rules.operations.clips.listing import ClipView, settings_words
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score, score_lines
from av1rules.report.format import json_text, short_name

NO_CLIPS = "no clips: none is due, none is made"


WHY_WIDTH = 70


def clips_text(views: Sequence[ClipView]) -> str:
    """A table, and what to do next where something waits."""
    if not views:
        return NO_CLIPS
    table = [
        (
            view.standing.value,
            short_name(view.source),
            *_figures(view.record),
            _why(view),
        )
        for view in views
    ]
    headers = ("state", "film", "film would take", "VMAF (p5)", "why")
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)
    if any(view.standing in (ClipStatus.WAITING, ClipStatus.VOID) for view in views):
        text += "\n\nlook: av1rules clips compare FILM; then approve, adjust or reject it"
    return text


def _why(view: ClipView) -> str:
    text = view.text.removeprefix("held: ")
    if view.standing is ClipStatus.VARIANT:
        text = f"variant: {text}"
    return printable(text, limit=WHY_WIDTH)


def _figures(record: ClipRecord | None) -> tuple[str, str]:
    if record is None:
        return "", ""
    vmaf = score_by(record.facts, Metric.VMAF)
    score = "" if vmaf is None else f"{vmaf.mean:.1f} ({vmaf.p5:.1f})"
    return projection_text(record.facts), score


def clip_text(view: ClipView) -> str:
    """One clip in full."""
    return "\n".join(_lines(view))


def _lines(view: ClipView) -> Iterator[str]:
    yield printable(view.source)
    yield f"  {view.standing.value}: {printable(view.text)}"
    record = view.record
    if record is None:
        return
    facts = record.facts
    yield f"  clip: {printable(record.path)}"
    yield (
        f"    {facts.duration_s:.1f} s, {facts.frames} pictures, {format_size(record.size_bytes)}, "
        f"encoded in {format_duration(facts.encode_s)}, made {record.made_at}"
    )
    for piece in facts.pieces:
        yield f"    {printable(piece.reason)}"
    words = ", ".join(f"{name} {value}" for name, value in settings_words(facts.settings))
    yield f"  settings: {printable(words)}"
    yield f"    rule {printable(facts.rule)}, review {facts.review}; {printable(facts.tools.text)}"
    yield f"  the film would take {projection_text(facts)} of {format_size(facts.source_bytes)}"
    for note in facts.notes:
        yield f"    {printable(note)}"
    yield "  scores:" if facts.scores else f"  no scores: {printable(facts.score_problem or '')}"
    yield from (f"    {line}" for line in score_lines(facts.scores))
    if view.standing is ClipStatus.VARIANT:
        yield f"  take it: {view.adjust_command}"
    if view.variants:
        yield "  variants of the same passages:"
        yield from (f"    {line}".rstrip() for line in variants_text(view).splitlines())
    yield f"  command: {facts.command}"


def variants_text(view: ClipView) -> str:
    """A clip and its variants as a table, and how to take each; nothing where there are none."""
    if not view.variants:
        return ""
    base = [] if view.record is None else [("", "as planned", view.record)]
    rows = [
        *base,
        *((str(n), printable(one.text), one.made) for n, one in enumerate(view.variants, start=1)),
    ]
    table = [
        (number, name, format_size(record.size_bytes), *_figures(record),
         format_duration(record.facts.encode_s))
        for number, name, record in rows
    ]  # fmt: skip
    headers = ("", "settings", "clip", "film would take", "VMAF (p5)", "encoded in")
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)
    takes = "\n".join(
        f"take {number}: {one.adjust_command}" for number, one in enumerate(view.variants, start=1)
    )
    return f"{text}\n\n{takes}"


def clips_json(views: Sequence[ClipView]) -> str:
    document = {"format": 1, "clips": [clip_record(view) for view in views]}
    return printable_json(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def clip_json(view: ClipView) -> str:
    data = msgspec.json.encode({"format": 1, **clip_record(view)})
    return printable_json(msgspec.json.format(data, indent=2).decode())


def clip_record(view: ClipView) -> dict[str, Any]:
    """One clip as plain data; the facts are there once it is made."""
    told: dict[str, Any] = {
        "library_path": json_text(view.source),
        "state": view.standing.value,
        "text": json_text(view.text),
    }
    if view.standing is ClipStatus.VARIANT:
        told["adjust"] = json_text(view.adjust_command)
    if view.record is not None:
        told |= {
            "clip": json_text(view.record.path),
            "size_bytes": view.record.size_bytes,
            "made_at": view.record.made_at,
            "fingerprint": view.record.fingerprint,
            "share": view.record.facts.share,
            "facts": msgspec.to_builtins(view.record.facts, order="deterministic"),
        }
    return told


def projection_text(facts: ClipFacts) -> str:
    """The whole film as far as the clip tells: `1.51 GiB (7%)`."""
    if facts.projected_bytes is None or facts.share is None:
        return "unknown"
    return f"{format_size(facts.projected_bytes)} ({facts.share:.0%})"


def score_by(facts: ClipFacts, metric: Metric) -> Score | None:
    """The clip's score by one metric; None where it has none."""
    return next((score for score in facts.scores if score.metric is metric), None)

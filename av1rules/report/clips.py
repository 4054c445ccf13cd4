"""Test clips as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from av1rules.approvals.model import Answer
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.clips import ClipFacts, ClipRecord, ClipStatus
from av1rules.operations.clips.review import ClipView, settings_words
from av1rules.policy.fingerprint import with_changes
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score, score_lines
from av1rules.report.documents.clips import (
    ClipDecisionDocument,
    ClipDocument,
    ClipLine,
    ClipsDocument,
    DecidedClip,
    shown_facts,
)
from av1rules.report.documents.common import shown_settings
from av1rules.report.json import json_document, json_stream
from av1rules.report.table import Column, table_of
from av1rules.report.table_text import table_text
from av1rules.report.view import PLAIN, View

NO_CLIPS = "no clips: none is due and none was made"
WHY_WIDTH = 70


def projection_text(facts: ClipFacts) -> str:
    """The size of the whole target as projected from the clip: `1.51 GiB (7%)`."""
    if facts.projected_bytes is None or facts.share is None:
        return "unknown"
    return f"{format_size(facts.projected_bytes)} ({facts.share:.0%})"


def score_by(facts: ClipFacts, metric: Metric) -> Score | None:
    """The clip's score by one metric; None where it has none."""
    return next((score for score in facts.scores if score.metric is metric), None)


def clips_text(views: Sequence[ClipView], view: View = PLAIN) -> str:
    """A table, and what to do next if a clip waits."""
    if not views:
        return NO_CLIPS
    text = table_text(table_of(_COLUMNS, views), view)
    if any(one.status in (ClipStatus.WAITING, ClipStatus.VOID) for one in views):
        text += "\n\nnext: av1rules clips compare FILM, then approve, adjust or reject it"
    return text


def _why(view: ClipView) -> str:
    is_variant = view.status is ClipStatus.VARIANT
    text = f"variant: {view.reason}" if is_variant else view.reason
    return printable(text, limit=WHY_WIDTH)


def _projection(record: ClipRecord | None) -> str:
    return "" if record is None else projection_text(record.facts)


def _vmaf(record: ClipRecord | None) -> str:
    vmaf = None if record is None else score_by(record.facts, Metric.VMAF)
    return "" if vmaf is None else f"{vmaf.mean:.1f} ({vmaf.p5:.1f})"


_COLUMNS: tuple[Column[ClipView], ...] = (
    Column(header="state", value=lambda view: view.status),
    Column(header="film", value=lambda view: view.source, is_name=True),
    Column(header="projected size", value=lambda view: _projection(view.record), rank=1),
    Column(header="VMAF (p5)", value=lambda view: _vmaf(view.record), rank=2),
    Column(header="why", value=_why, is_detail=True),
)

_Variant = tuple[str, str, ClipRecord]
"""Its number, its settings, the clip."""

_VARIANT_COLUMNS: tuple[Column[_Variant], ...] = (
    Column(header="number", value=lambda one: one[0]),
    Column(header="settings", value=lambda one: one[1]),
    Column(header="clip size", value=lambda one: one[2].size_bytes, show=format_size),
    Column(header="projected size", value=lambda one: _projection(one[2])),
    Column(header="VMAF (p5)", value=lambda one: _vmaf(one[2])),
    Column(header="encoded in", value=lambda one: one[2].facts.encode_s, show=format_duration),
)


def clip_text(view: ClipView) -> str:
    """One clip in full."""
    return "\n".join(_lines(view))


def _lines(view: ClipView) -> Iterator[str]:
    yield printable(view.source)
    yield f"  {view.status.value}: {printable(view.text)}"
    record = view.record
    if record is None:
        return
    facts = record.facts
    yield f"  clip: {printable(record.path)}"
    yield (
        f"    {facts.duration_s:.1f} s, {facts.frames} frames, {format_size(record.size_bytes)}, "
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
    if view.status is ClipStatus.VARIANT:
        yield f"  to choose it: {view.adjust_command}"
    if view.variants:
        yield "  variants of the same excerpts:"
        yield from (f"    {line}".rstrip() for line in variants_text(view).splitlines())
    yield f"  command: {facts.command}"


def variants_text(view: ClipView) -> str:
    """A clip and its variants as a table, and how to take each; empty if there are no variants."""
    if not view.variants:
        return ""
    variants = [
        *([] if view.record is None else [("", "as planned", view.record)]),
        *((str(n), one.text, one.made) for n, one in enumerate(view.variants, start=1)),
    ]
    text = table_text(table_of(_VARIANT_COLUMNS, variants))
    takes = "\n".join(
        f"to choose {number}: {one.adjust_command}"
        for number, one in enumerate(view.variants, start=1)
    )
    return f"{text}\n\n{takes}"


def clips_json(views: Iterable[ClipView]) -> Iterator[str]:
    """The document of `clips list`, in parts."""
    lines = (ClipLine(**_fields(view)) for view in views)
    return json_stream(ClipsDocument(), "clips", lines)


def clip_json(view: ClipView) -> str:
    """The document of `clips show`."""
    variants = tuple(ClipLine(**_fields(variant)) for variant in view.variants)
    return json_document(ClipDocument(**_fields(view), variants=variants))


def _fields(view: ClipView) -> dict[str, Any]:
    """One clip; its facts once it is made."""
    fields: dict[str, Any] = {
        "library_path": view.source,
        "state": view.status,
        "text": view.text,
    }
    if view.status is ClipStatus.VARIANT:
        fields["adjust"] = view.adjust_command
    if view.record is not None:
        fields |= {
            "clip": view.record.path,
            "size_bytes": view.record.size_bytes,
            "made_at": view.record.made_at,
            "fingerprint": view.record.fingerprint,
            "share": view.record.facts.share,
            "facts": shown_facts(view.record.facts),
        }
    return fields


def decided_clip(
    view: ClipView,
    answer: Answer,
    *,
    reason: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> DecidedClip:
    """A decision for programs; the view is the one from before."""
    settings = with_changes(view.made.facts.settings, changes or {})
    return DecidedClip(
        library_path=view.source,
        decision=answer,
        before=view.status,
        settings=shown_settings(settings),
        changed=tuple(changes or ()),
        reason=reason,
    )


def decisions_json(decided: Iterable[DecidedClip], *, is_dry: bool) -> str:
    """The document of `clips approve`, `clips adjust` and `clips reject`."""
    return json_document(ClipDecisionDocument(dry_run=is_dry, clips=tuple(decided)))

"""What users told runs, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.text import counted, plural, printable
from av1rules.ledger.controls import ALL_FILMS, Control, ControlKind, Controls
from av1rules.plan.controlled.hold import control_text
from av1rules.report.documents.controls import ControlRecord, ControlsDocument
from av1rules.report.json import json_document

_MOST_SHOWN = 10


def control_record(control: Control) -> ControlRecord:
    return ControlRecord(
        film=None if control.film == ALL_FILMS else control.film,
        kind=control.kind,
        since=control.since,
        until=control.until,
        reason=control.reason,
        place=control.place,
    )


def controls_json(changed: Sequence[Control], controls: Controls, holder: str | None) -> str:
    return json_document(
        ControlsDocument(
            holder=holder,
            changed=tuple(map(control_record, changed)),
            controls=tuple(map(control_record, controls.entries)),
        )
    )


def control_lines(controls: Iterable[Control]) -> Iterator[str]:
    """A line each, of what holds films: the whole library first."""
    held = [one for one in controls if one.kind is not ControlKind.ORDER]
    held.sort(key=lambda one: (one.film != ALL_FILMS, one.film))
    for one in held[:_MOST_SHOWN]:
        film = "all films" if one.film == ALL_FILMS else printable(one.film)
        yield f"{film}: {control_text(one)}"
    if len(held) > _MOST_SHOWN:
        yield f"... and {len(held) - _MOST_SHOWN} more (`av1rules status --json` has all)"


def order_line(controls: Iterable[Control]) -> str | None:
    """How many films a user moved."""
    moved = sum(one.kind is ControlKind.ORDER for one in controls)
    verb = plural(moved, "comes", "come")
    return f"{counted(moved, 'film')} {verb} first or last" if moved else None

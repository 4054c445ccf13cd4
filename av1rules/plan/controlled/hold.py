"""Films that a user paused, stopped or skipped are held in a plan, and say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av1rules.base.text import printable
from av1rules.base.units import local_time_text
from av1rules.ledger.controls import Control, ControlKind, Controls
from av1rules.plan.items import Copy, Encode, Held, MakeClip, MeasureGrain, PlanItem
from av1rules.plan.rows import PlanRows

_WORDS = {
    ControlKind.PAUSE: "paused",
    ControlKind.STOP: "stopped",
    ControlKind.SKIP: "skipped",
    ControlKind.ORDER: "moved",
}


def control_text(control: Control) -> str:
    """It in words: "paused by a user since 2026-11-27 22:10, until 2026-11-27 23:00 (guests)"."""
    text = f"{_WORDS[control.kind]} by a user since {local_time_text(control.since)}"
    if control.until is not None:
        text += f", until {local_time_text(control.until)}"
    return f"{text} ({printable(control.reason)})" if control.reason else text


def with_controls(rows: PlanRows, controls: Controls, now: str) -> PlanRows:
    """The rows, with those of films held by a user in place of what a run would do. A target that
    follows its renamed film still does."""
    held = controls.held_films(now)
    return rows.with_in_full(_held(rows.in_full, held)) if held else rows


def _held(items: Iterable[PlanItem], held: dict[str, Control]) -> Iterator[PlanItem]:
    for item in items:
        control = held.get(item.file.library_path)
        if control is None or not isinstance(item, Encode | MakeClip | Copy | MeasureGrain):
            yield item
            continue
        reason = f"{_WORDS[control.kind]} by a user"
        cause = f"{control_text(control)}: `av1rules resume` lets it go on"
        yield Held.of(item, cause, reason=reason, is_by_user=True)

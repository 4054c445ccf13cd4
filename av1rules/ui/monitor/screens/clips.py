"""The list of test clips, and the decisions on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.clip import score_text
from av1rules.ledger.clips import ClipStatus
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.report.view import Role
from av1rules.ui.monitor.actions import Act
from av1rules.ui.monitor.canvas import Canvas
from av1rules.ui.monitor.keys import KeyPlace, footer_keys
from av1rules.ui.monitor.lines import (
    ScreenLine,
    ScreenSpan,
    cut,
    heading,
    joined,
    line,
    padded,
    quiet,
)

_ORDER = tuple(ClipStatus)

_ROLES = {
    ClipStatus.WAITING: Role.WAITING,
    ClipStatus.VOID: Role.WAITING,
    ClipStatus.ENCODED: Role.GOOD,
}


def clip_rows(clips: tuple[ClipAndStatus, ...]) -> tuple[ClipAndStatus, ...]:
    """Waiting ones first; variants and old clips are for the command line."""
    shown = (one for one in clips if one.status not in (ClipStatus.VARIANT, ClipStatus.OLD))
    by_name = sorted(shown, key=lambda one: one.record.source)
    return tuple(sorted(by_name, key=lambda one: _ORDER.index(one.status)))


def clip_line(clip: ClipAndStatus, width: int, *, is_selected: bool) -> ScreenLine:
    """A clip with its projected size and score."""
    record = clip.record
    projected = record.facts.projected_bytes
    size = "" if projected is None else f"-> {format_size(projected)}"
    score = score_text(record.facts.scores) or ""
    facts = f"{size:>13}  {score:<28}" if width >= 100 else f"{size:>13}"
    status = padded(clip.status.value, 10)
    name = padded(printable(record.source), max(width - len(facts) - 12, 10))
    return cut(
        line(
            ScreenSpan(status, _ROLES.get(clip.status)),
            " ",
            name,
            " ",
            facts,
            is_selected=is_selected,
        ),
        width,
    )


class ClipsScreen(Screen[None]):
    """`clips` are read anew with each frame; `act` does what a key asks for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "close", "back"),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("o,enter", "act('OPEN_PAGE')", "compare"),
        Binding("a", "act('APPROVE')", "approve"),
        Binding("d", "act('ADJUST')", "adjust"),
        Binding("n", "act('REJECT')", "reject"),
        Binding("x", "act('EXPLAIN')", "explain"),
    ]

    def __init__(
        self,
        clips: Callable[[], tuple[ClipAndStatus, ...]],
        act: Callable[[Act, str], None],
    ) -> None:
        super().__init__()
        self._clips = clips
        self._act = act
        self._cursor = 0
        self._canvas = Canvas()
        self.message = ""

    def compose(self) -> ComposeResult:
        yield self._canvas

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return self._canvas.text

    def draw(self) -> None:
        width, height = self.size.width, self.size.height
        rows = clip_rows(self._clips())
        self._cursor = max(min(self._cursor, len(rows) - 1), 0)
        room = max(height - 3, 1)
        top = max(min(self._cursor - room // 2, len(rows) - room), 0)
        waiting = sum(one.status is ClipStatus.WAITING for one in rows)
        lines = [
            line(heading("Test clips  "), counted(len(rows), "clip"), f", {waiting} to review"),
            line(quiet("─" * width)),
        ]
        for place, one in enumerate(rows[top : top + room], start=top):
            lines.append(clip_line(one, width, is_selected=place == self._cursor))
        if not rows:
            lines.append(line(quiet("no clip: a run makes those that rules ask for (review)")))
        lines += [ScreenLine()] * (height - 1 - len(lines))
        self._canvas.show([*lines[: height - 1], self._footer(width)])

    def _footer(self, width: int) -> ScreenLine:
        if self.message:
            return cut(line(heading(printable(self.message))), width)
        keys = footer_keys(KeyPlace.CLIPS)
        parts = (line(heading(one.shown), f" {one.label}") for one in keys)
        return next(iter(joined(parts, width, gap="  ")), ScreenLine())

    def on_mount(self) -> None:
        self._canvas.focus()
        self.set_interval(2.0, self.draw)

    def on_resize(self) -> None:
        self.draw()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.action_move(-1)

    def action_close(self) -> None:
        self.dismiss()

    def action_move(self, by: int) -> None:
        self._cursor = max(self._cursor + by, 0)
        self.message = ""
        self.draw()

    def action_act(self, name: str) -> None:
        rows = clip_rows(self._clips())
        if rows:
            self._act(Act[name], rows[min(self._cursor, len(rows) - 1)].record.source)

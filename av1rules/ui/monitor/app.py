"""The Textual application of the monitor: time, keys, screens. What it shows is made elsewhere."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from av1rules.base.errors import LedgerError
from av1rules.base.text import printable
from av1rules.report.live.model import LiveNote
from av1rules.report.view import Role
from av1rules.ui.monitor.acting import FilmActions
from av1rules.ui.monitor.canvas import Canvas
from av1rules.ui.monitor.frame import frame, list_place
from av1rules.ui.monitor.keys import KEYS, KeyPlace, help_rows
from av1rules.ui.monitor.lines import ScreenLine, ScreenSpan, heading, line, padded, text_lines
from av1rules.ui.monitor.model import ListFilter, ScreenState
from av1rules.ui.monitor.screens.texts import TextScreen
from av1rules.ui.monitor.source import MonitorSource
from av1rules.ui.monitor.window import filtered, moved, needs_rows, read_list, read_rows

RUNNING_EVERY_S, IDLE_EVERY_S = 1.0, 5.0
"""Seconds between two frames while a run is at work, and while none is."""

_MOVES = (
    ("up,k", -1), ("down,j", 1), ("home", -(10**9)), ("end", 10**9),
)  # fmt: skip


def _bindings() -> list[BindingType]:
    places = (KeyPlace.LIST, KeyPlace.ALWAYS)
    keys = [Binding(one.key, one.action, one.about) for one in KEYS if one.place in places]
    moves = [Binding(names, f"move({by})", show=False) for names, by in _MOVES]
    pages = [Binding("pageup", "page(-1)"), Binding("pagedown", "page(1)")]
    return [*keys, *moves, *pages]


class MonitorApp(FilmActions, App[None]):
    """Shows a source until the user leaves."""

    CSS = "Input#search { dock: bottom; height: 1; border: none; padding: 0; display: none; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    def __init__(self, source: MonitorSource) -> None:
        super().__init__()
        self.source = source
        self.shown = ScreenState(now=source.now(), title=source.title)
        self.canvas = Canvas()
        self._seen: object = None

    def compose(self) -> ComposeResult:
        yield self.canvas
        yield Input(id="search", placeholder="a part of a name")

    def on_mount(self) -> None:
        self.theme = "textual-dark"
        self.canvas.focus()
        self.tick()

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    # --- what is shown

    def tick(self) -> None:
        """A new frame, and the time of the next one."""
        self.update_state()
        is_active = self.shown.live.is_active or bool(self.requeued)
        self.set_timer(RUNNING_EVERY_S if is_active else IDLE_EVERY_S, self.tick)

    def update_state(self) -> None:
        """Read what is new, and draw it."""
        live = self.source.live()
        running = tuple(one.film for one in live.jobs)
        self.shown = replace(
            self.shown,
            now=self.source.now(),
            live=live,
            gauges=self.source.gauges(),
            held=self.source.held(),
        )
        try:
            seen = self.source.version(), running
            if seen != self._seen:
                self.shown = replace(self.shown, facts=self.source.facts(running))
                self.read_list()
                self._seen = seen
        except LedgerError as problem:
            self.say(str(problem))
        self.follow_requeued()
        self.draw()

    def read_list(self) -> None:
        """Read the list anew. Raises LedgerError."""
        found = read_list(self.source, self.shown.list, self.at_work, self.rows_shown)
        self.shown = replace(self.shown, list=found)

    def draw(self) -> None:
        """The frame of what is known, where nothing else lies over it."""
        width, height = self.size.width, self.size.height
        self.canvas.show(frame(self.shown, width, height))

    def say(self, message: str) -> None:
        """Show a message in place of the keys, until the next key."""
        self.shown = replace(self.shown, message=message)
        self.draw()

    @property
    def at_work(self) -> tuple[str, ...]:
        return tuple(one.film for one in self.shown.live.jobs)

    @property
    def rows_shown(self) -> int:
        return list_place(self.shown, self.size.width, self.size.height)[1]

    def _change_list(self) -> None:
        try:
            self.read_list()
        except LedgerError as problem:
            self.say(str(problem))
        self.draw()

    # --- keys

    def action_leave(self) -> None:
        self.exit()

    def action_move(self, by: int) -> None:
        found = moved(self.shown.list, by, self.rows_shown)
        try:
            if needs_rows(found, self.rows_shown):
                found = read_rows(self.source, found, self.at_work, self.rows_shown)
        except LedgerError as problem:
            self.say(str(problem))
            return
        self.shown = replace(self.shown, list=found, message="")
        self.draw()

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.rows_shown - 1, 1))

    def action_filter(self, name: str) -> None:
        found = filtered(self.shown.list, ListFilter(name))
        self.shown = replace(self.shown, list=found, message="")
        self._change_list()

    def action_sort(self) -> None:
        shown = self.shown.list
        found = replace(shown, sort=shown.sort.next, cursor=0, top=0, offset=0, rows=())
        self.shown = replace(self.shown, list=found, message="")
        self._change_list()

    def action_refresh(self) -> None:
        self.source.changed()
        self._seen = None
        self.shown = replace(self.shown, message="")
        self.update_state()

    def action_search(self) -> None:
        field = self.query_one("#search", Input)
        field.value = self.shown.list.text
        field.display = True
        field.focus()
        self.shown = replace(self.shown, is_searching=True)
        self.draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "search" and self.shown.is_searching:
            self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "search":
            self._end_search()

    def action_clear(self) -> None:
        self.shown = replace(self.shown, message="")
        if self.shown.is_searching or self.shown.list.text:
            self._end_search()
            self._search("")
        self.draw()

    def _search(self, text: str) -> None:
        found = replace(filtered(self.shown.list, self.shown.list.filter), text=text)
        self.shown = replace(self.shown, list=found)
        self._change_list()

    def _end_search(self) -> None:
        self.shown = replace(self.shown, is_searching=False)
        self.query_one("#search", Input).display = False
        self.canvas.focus()
        self.draw()

    def action_help(self) -> None:
        self.push_screen(TextScreen("Keys", [("keys", _help_lines)]))

    def action_notes(self) -> None:
        notes = self.shown.live.notes
        content = lambda width: _note_lines(notes, width)  # noqa: E731
        self.push_screen(TextScreen("What runs said, newest first", [("notes", content)]))

    # --- mouse

    def on_click(self, event: events.Click) -> None:
        first, rows = list_place(self.shown, self.size.width, self.size.height)
        place = event.screen_y - first
        if len(self.screen_stack) > 1 or not 0 <= place < rows:
            return
        by = self.shown.list.top + place - self.shown.list.cursor
        if by == 0:
            self.action_details()
        else:
            self.action_move(by)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        if len(self.screen_stack) == 1:
            self.action_move(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        if len(self.screen_stack) == 1:
            self.action_move(-3)


def _help_lines(width: int) -> list[ScreenLine]:
    found: list[ScreenLine] = []
    for title, rows in help_rows():
        found += [line(heading(title)), ScreenLine()]
        for shown, about in rows:
            first, *rest = text_lines(about, max(width - 32, 20)) or [ScreenLine()]
            found.append(line(ScreenSpan(f"  {padded(shown, 28)}  ", Role.WORK), *first.spans))
            found += [line(" " * 32, *one.spans) for one in rest]
        found.append(ScreenLine())
    return found


def _note_lines(notes: tuple[LiveNote, ...], width: int) -> list[ScreenLine]:
    if not notes:
        return [line("nothing yet")]
    return [
        found
        for one in notes
        for found in text_lines(
            f"{one.at[11:19]} {printable(one.text)}", width, Role.BAD if one.is_problem else None
        )
    ]

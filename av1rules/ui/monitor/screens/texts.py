"""A screen of text that is longer than the terminal: help, notes, details with several pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from av1rules.report.view import Role
from av1rules.ui.monitor.canvas import Canvas
from av1rules.ui.monitor.lines import ScreenLine, ScreenSpan, both_ends, heading, line, quiet

Content = Callable[[int], list[ScreenLine]]
"""Lines of a text for so many columns."""


class TextScreen(Screen[None]):
    """One or more pages of text, with their titles above."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "back"),
        Binding("tab", "turn(1)", "next page", priority=True),
        Binding("shift+tab", "turn(-1)", "page before", priority=True),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
    ]

    def __init__(self, title: str, pages: Iterable[tuple[str, Content]]) -> None:
        super().__init__()
        self.heading = title
        self._pages = list(pages)
        self._at = 0
        self._top = 0
        self._canvas = Canvas()

    def compose(self) -> ComposeResult:
        yield self._canvas

    def set_page(self, name: str, content: Content) -> None:
        """Another text under a title that is there."""
        self._pages = [(one, content if one == name else text) for one, text in self._pages]
        self.draw()

    @property
    def page(self) -> str:
        """The title of the page that is shown."""
        return self._pages[self._at][0]

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return self._canvas.text

    def draw(self) -> None:
        width, height = self.size.width, self.size.height
        body = self._pages[self._at][1](width)
        room = max(height - 3, 1)
        self._top = max(min(self._top, len(body) - room), 0)
        last = min(self._top + room, len(body))
        place = f"lines {self._top + 1}-{last} of {len(body)}" if len(body) > room else ""
        more = " Tab next page " if len(self._pages) > 1 else ""
        keys = line(ScreenSpan("Esc", Role.HEADING), " back", quiet(f"  {more}"))
        shown = body[self._top : last]
        self._canvas.show([
            both_ends(line(heading(self.heading)), line(*self._tabs()), width),
            line(quiet("─" * width)),
            *shown,
            *[ScreenLine()] * (room - len(shown)),
            both_ends(keys, line(quiet(place)), width),
        ])  # fmt: skip

    def _tabs(self) -> list[ScreenSpan]:
        if len(self._pages) < 2:
            return []
        return [
            heading(f" [{name}]") if at == self._at else quiet(f"  {name} ")
            for at, (name, _) in enumerate(self._pages)
        ]

    def on_mount(self) -> None:
        self._canvas.focus()

    def on_resize(self) -> None:
        self.draw()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.action_move(-3)

    def action_close(self) -> None:
        self.dismiss()

    def action_turn(self, by: int) -> None:
        self._at, self._top = (self._at + by) % len(self._pages), 0
        self.draw()

    def action_move(self, by: int) -> None:
        self._top = max(self._top + by, 0)
        self.draw()

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.size.height - 4, 1))

"""Questions before something is done: yes or no, or a line of text. Each shows the command that it
stands for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: 76; max-width: 96%; height: auto; max-height: 90%;
    border: round $primary; padding: 0 1; background: $surface;
}}
"""


class YesOrNo(ModalScreen[bool]):
    """`y` or Enter does it, `n` or Esc does not."""

    DEFAULT_CSS = _CSS.format(name="YesOrNo")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str, film: str, command: str, *, more: str = "") -> None:
        super().__init__()
        parts = (question, film, more, f"$ {command}", "y yes   n no")
        self.text = "\n\n".join(filter(None, parts))

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(self.text))

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual calls it so
        self.dismiss(answer)


class AskText(ModalScreen[str | None]):
    """A line of text; Esc gives None. `must`: an empty one is no answer."""

    DEFAULT_CSS = _CSS.format(name="AskText")

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "no", priority=True)]

    def __init__(self, question: str, film: str, command: str, *, must: bool) -> None:
        super().__init__()
        hint = "Enter does it, Esc does not"
        self.text = "\n\n".join((question, film, f"$ {command}", hint))
        self._must = must

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(self.text))
            yield Input()

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() or not self._must:
            self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        self.dismiss(None)

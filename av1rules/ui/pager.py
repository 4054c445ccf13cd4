"""A pager for text that is longer than the screen, as git uses one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable

import click

from av1rules.report.view import View, display_width, in_batches
from av1rules.ui.terminal import is_dumb

_LESS = "FRX"
"""Options of less unless the user has set LESS: quit if one screen is enough, show colours, leave
the text on the screen. git sets the same."""

_LESS_WIDE = "FRSX"
"""The same for lines that are as long as they are: the arrow keys move sideways."""


def show(lines: Iterable[str], view: View, *, pager: bool = True) -> None:
    """Print `lines`; through a pager if they are longer than the screen of the view.

    The program is the one that AV1RULES_PAGER or PAGER names, else less. An empty name or `cat`
    means none. Lines may each hold several."""
    rest = iter(lines)
    seen: list[str] = []
    if pager and view.height is not None and not is_dumb() and (program := _program()):
        left = view.height - 1  # the prompt takes one
        for line in rest:
            seen.append(line)
            left -= _rows_of(line, view)
            if left < 0:
                _page(itertools.chain(seen, rest), program, view)
                return
    for piece in in_batches(f"{line}\n" for line in itertools.chain(seen, rest)):
        click.echo(piece, nl=False, color=view.has_colour)


def _rows_of(text: str, view: View) -> int:
    """Lines of the screen that a text takes."""
    width = view.width
    lines = click.unstyle(text).split("\n")
    if width is None:
        return len(lines)
    return sum(max(1, -(-display_width(line) // width)) for line in lines)


def _program() -> str:
    name = os.environ.get("AV1RULES_PAGER", os.environ.get("PAGER", "less")).strip()
    return "" if name == "cat" else name


def _page(lines: Iterable[str], program: str, view: View) -> None:
    os.environ["PAGER"] = program
    os.environ.setdefault("LESS", _LESS if view.width is not None else _LESS_WIDE)
    os.environ.setdefault("LV", "-c")
    rest = iter(lines)
    first = next(rest, "")
    # click ends the text with a line end of its own.
    pieces = in_batches(f"\n{line}" for line in rest)
    click.echo_via_pager(itertools.chain((first,), pieces), color=view.has_colour)

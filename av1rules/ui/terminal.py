"""What the terminal of this process can show: its size, colours, characters."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TextIO

from av1rules.report.view import ROWS_ON_A_SCREEN, View

_DOTS = "…"
_ASCII_DOTS = "..."

_NARROWEST = 20
"""Columns below which nothing is laid out any more: some terminals say 0 while they open."""


def view_of(
    stream: TextIO,
    *,
    is_wide: bool = False,
    colours: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> View:
    """The view for text that goes to `stream`. `is_wide` leaves names whole and lines as long as
    they are, `colours` overrides what the environment says."""
    is_terminal = stream.isatty()
    has_colour = has_colours(stream, environ) if colours is None else colours
    dots = _DOTS if can_encode(stream, _DOTS) else _ASCII_DOTS
    if not is_terminal:
        return View(has_colour=has_colour, ellipsis=dots)
    size = shutil.get_terminal_size()
    return View(
        width=None if is_wide else max(size.columns, _NARROWEST),
        height=size.lines,
        has_colour=has_colour,
        ellipsis=dots,
        rows_shown=ROWS_ON_A_SCREEN,
    )


def is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal can only print: no cursor moves, no colours."""
    return environ.get("TERM", "dumb") in ("", "dumb", "unknown")


def can_redraw(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a line on `stream` can be written over: a terminal that moves its cursor."""
    return stream.isatty() and not is_dumb(environ)


def has_colours(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Colours are for terminals that know them, unless NO_COLOR is set (https://no-color.org)."""
    return can_redraw(stream, environ) and not environ.get("NO_COLOR")


def can_encode(stream: TextIO, text: str) -> bool:
    """Whether the encoding of `stream` has these characters."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

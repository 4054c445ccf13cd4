"""The examples at the end of a command's help."""

from __future__ import annotations

from typing import NamedTuple

WIDTH = 79
"""Columns of a terminal of 80 that click writes to, less one."""

_INDENT = "  "
_BETWEEN = "  "


class Example(NamedTuple):
    """A command as it is typed, and what it does."""

    typed: str
    about: str


class Examples(str):
    """Examples as the text of an epilog; man pages and tests take them one by one."""

    __slots__ = ("each",)

    each: tuple[Example, ...]


def examples(*pairs: tuple[str, str]) -> Examples:
    """An epilog of (command, what it does): side by side where all of them fit, else one above the
    other. click keeps its lines as they are."""
    each = tuple(Example(*pair) for pair in pairs)
    width = max(len(one.typed) for one in each)
    longest = max(len(one.about) for one in each)
    if 2 * len(_INDENT) + width + len(_BETWEEN) + longest <= WIDTH:  # click indents, too
        lines = [f"{_INDENT}{one.typed:<{width}}{_BETWEEN}{one.about}" for one in each]
    else:
        lines = [line for one in each for line in (f"{_INDENT}# {one.about}", _INDENT + one.typed)]
    text = Examples("\n".join(["\b", "Examples:", *lines]))
    text.each = each
    return text

"""What text is made for, a terminal of some width or a pipe, and how it is made to fit there:
coloured, cut in the middle, wrapped at words."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

HANG = 2
"""How much further in the rest of a wrapped line stands."""

_SHORTEST_PIECE = 20
"""Columns for text at least; beside a deeper indentation nothing is wrapped."""

PIECES_PER_WRITE = 200
"""Lines of CSV or records of JSON: 100 to 500 kB at a time."""

ROWS_IN_A_PIPE = 200
"""Rows of one group: a few screens, what a person may still read through. Formatting 100,000 rows
takes longer than planning them; --all, --json and --csv have every file."""

ROWS_ON_A_SCREEN = 10
"""Rows of one group where a person looks at once."""


class Role(Enum):
    """What a piece of text means. The value is its ANSI style: the terminal's own colours, which
    are legible on its own background. A word beside it always says the same."""

    HEADING = "1"  # bold
    QUIET = "2"  # dim
    BAD = "31"  # red
    GOOD = "32"  # green
    WAITING = "33"  # yellow
    WORK = "36"  # cyan


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Columns and lines of a terminal, and whether it has colours. Without a `width` every name is
    whole and no line is wrapped. `ellipsis` stands for what was cut out of a name."""

    width: int | None = None
    height: int | None = None
    has_colour: bool = False
    ellipsis: str = "…"
    rows_shown: int = ROWS_IN_A_PIPE

    def painted(self, text: str, *roles: Role) -> str:
        """`text` in the style of its meaning, where there are colours."""
        if not self.has_colour or not text or not roles:
            return text
        return f"\x1b[{';'.join(role.value for role in roles)}m{text}\x1b[0m"


PLAIN = View()
"""A pipe, a file, a log."""


def display_width(text: str) -> int:
    """Columns that a text takes: Chinese and Japanese characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    # Takes 12 ms to import: only for text beyond ASCII.
    from rich.cells import cell_len  # noqa: PLC0415

    return cell_len(text)


def cut_middle(text: str, width: int, *, ellipsis: str = "…") -> str:
    """`text` in at most `width` columns. A long one loses its middle: the beginning of a path says
    which folder, its end which episode."""
    if display_width(text) <= width:
        return text
    left = width - len(ellipsis)
    if left <= 0:
        return ellipsis[:width]
    head = _within(text, left * 2 // 5)
    tail = _within(text[::-1], left - display_width(head))[::-1]
    while tail and unicodedata.combining(tail[0]):  # its letter was cut away
        tail = tail[1:]
    return f"{head}{ellipsis}{tail}"


def _within(text: str, width: int) -> str:
    """As much of the beginning of `text` as takes at most `width` columns."""
    if text.isascii():
        return text[:width]
    end = used = 0
    for character in text:
        used += display_width(character)
        if used > width:
            break
        end += 1
    return text[:end]


def wrapped(text: str, width: int) -> list[str]:
    """The lines of `text`, which is one line, broken at spaces. Only a word that is wider than a
    line is broken inside."""
    if display_width(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if display_width(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while display_width(line) > width:
            piece = _within(line, width) or line[0]
            lines.append(piece)
            line = line[len(piece) :]
    return [*lines, line] if line else lines


def fit(lines: Iterable[str], view: View, *, hang: int = HANG) -> Iterator[str]:
    """Each line of `lines`, wrapped where it is wider than the view. The rest of a line stands
    `hang` columns further in than its beginning."""
    for text in lines:
        for line in text.split("\n"):
            yield from _fitted(line, view, hang)


def _fitted(line: str, view: View, hang: int) -> Iterator[str]:
    if view.width is None or display_width(line) <= view.width:
        yield line
        return
    body = line.lstrip(" ")
    indent = len(line) - len(body)
    rest = indent + hang
    if view.width - rest < _SHORTEST_PIECE:
        yield line
        return
    first, *_ = wrapped(body, view.width - indent)
    yield " " * indent + first
    for piece in wrapped(body[len(first) :].lstrip(" "), view.width - rest):
        yield " " * rest + piece


def in_batches(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in fewer pieces: writing to a terminal or a pipe costs more than a line."""
    rest = iter(pieces)
    while batch := list(itertools.islice(rest, PIECES_PER_WRITE)):
        yield "".join(batch)


def more_line(count: int, rest: str | None = None) -> str:
    """What stands for rows that are not shown; `rest` is what shows them."""
    return f"... and {count:,} more{f': {rest}' if rest else ''}"

"""Tables as text: in full for a pipe, and for a terminal in as many columns as it has room for.

A terminal decides in this order: all cells beside each other; file names cut in their middle;
details on lines of their own below their row; fewer columns; and below a width no columns, but a
line for each cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from av1rules.report.table import EXTRA, Section, Table, Topic
from av1rules.report.view import (
    HANG,
    PLAIN,
    Role,
    View,
    cut_middle,
    display_width,
    more_line,
    wrapped,
)

NAME_LEAST = 28
"""Columns that a name which must be cut keeps at least."""

_MOST = 60
"""Percentage of details that must fit beside their rows for the rest to go below."""

_GAP = "  "


class _Layout(NamedTuple):
    """Indexes of the columns that stand beside each other, how wide each is, and how wide the
    screen is."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    screen: int | None = None


def table_text(table: Table, view: View = PLAIN) -> str:
    """A table as one text."""
    return "\n".join(table_lines(table, view))


def section_text(section: Section, view: View = PLAIN) -> str:
    """Title, note and table as one text."""
    return "\n".join(section_lines(section, view))


def section_lines(
    section: Section, view: View = PLAIN, *, roles: tuple[Role, ...] = (Role.HEADING,)
) -> Iterator[str]:
    """Title, note and table, line by line; the summary of a report needs no title."""
    if section.topic is not Topic.SUMMARY:
        yield from (view.painted(line, *roles) for line in _pieces(section.title, view.width))
        if section.note:
            yield from _pieces(section.note, view.width)
    yield from table_lines(section.table, view)


def table_lines(table: Table, view: View = PLAIN) -> Iterator[str]:
    """The lines of a table, one at a time: it may be as long as the library."""
    layout = _chosen(table, view)
    if layout is None:
        yield from _stacked(table, view)
    else:
        if any(table.headers):
            yield from _head(table, layout, view)
        for row in table.rows:
            yield from _row(row, table, layout, view)
    if table.more:
        yield more_line(table.more, table.rest)


# --- the choice of a layout


def _chosen(table: Table, view: View) -> _Layout | None:
    """The first layout that fits; None if the cells must stand below each other."""
    everything = tuple(range(len(table.headers)))
    if view.width is None:
        return _Layout(everything, tuple(_natural(table, at) for at in everything))
    natural = tuple(
        _usual_detail(table, at) if at in table.details else _natural(table, at)
        for at in everything
    )
    for columns in _choices(table):
        widths = _widths(table, columns, natural, view.width)
        if widths is not None:
            return _Layout(columns, widths, view.width)
    if any(table.headers):
        return None
    # Labels and values: a long value is wrapped beside its label.
    *labels, _last = natural
    room = view.width - sum(labels) - len(_GAP) * len(labels)
    return _Layout(everything, (*labels, max(room, 1)), view.width)


def _choices(table: Table) -> Iterator[tuple[int, ...]]:
    """Columns to show beside each other, the best choice first."""
    ranks = [table.rank(at) for at in range(len(table.headers))]
    levels = sorted({0, *ranks}, reverse=True)
    usual = max((rank for rank in ranks if rank < EXTRA), default=0)
    for level in levels:
        if level >= usual:
            yield tuple(at for at, rank in enumerate(ranks) if rank <= level)
    for level in levels:
        columns = tuple(at for at, rank in enumerate(ranks) if rank <= level)
        if level < usual:
            yield columns
        if table.details:
            yield tuple(at for at in columns if at not in table.details)


def _widths(
    table: Table, columns: Sequence[int], natural: Sequence[int], screen: int
) -> tuple[int, ...] | None:
    """The width of each of `columns`, where names share what the others leave; None if it is too
    little."""
    names = [at for at in columns if at in table.names and at not in table.details]
    fixed = sum(natural[at] for at in columns if at not in names)
    room = screen - fixed - len(_GAP) * (len(columns) - 1)
    if not columns or room < sum(min(natural[at], NAME_LEAST) for at in names):
        return None
    widths = dict(enumerate(natural))
    for left, at in enumerate(sorted(names, key=natural.__getitem__)):
        widths[at] = min(natural[at], room // (len(names) - left))
        room -= widths[at]
    return tuple(widths[at] for at in columns)


def _natural(table: Table, at: int) -> int:
    """Columns that the widest cell takes."""
    cells = (display_width(line) for row in table.rows for line in row[at].split("\n"))
    return max(display_width(table.headers[at]), max(cells, default=0))


def _usual_detail(table: Table, at: int) -> int:
    """Columns that the first lines of most cells take: the others stand below their rows."""
    widths = sorted(display_width(_first_line(row[at])) for row in table.rows)
    usual = widths[len(widths) * _MOST // 100] if widths else 0
    return max(display_width(table.headers[at]), usual)


def _first_line(cell: str) -> str:
    return cell.partition("\n")[0]


# --- rows


def _head(table: Table, layout: _Layout, view: View) -> Iterator[str]:
    headers = [(table.headers[at],) for at in layout.columns]
    for line in _beside(headers, table, layout):
        yield view.painted(line, Role.HEADING)
    yield view.painted(_GAP.join("-" * width for width in layout.widths), Role.QUIET)


def _row(row: tuple[str, ...], table: Table, layout: _Layout, view: View) -> Iterator[str]:
    cells = [
        _cell(row[at], at, table, width=width, view=view)
        for at, width in zip(layout.columns, layout.widths, strict=True)
    ]
    yield from _beside(cells, table, layout)
    if layout.screen is None:
        return
    widths = dict(zip(layout.columns, layout.widths, strict=True))
    for at in sorted(table.details):
        is_beside = display_width(_first_line(row[at])) <= widths.get(at, 0)
        yield from _below(row[at].split("\n")[is_beside:], at, table, view)


def _cell(cell: str, at: int, table: Table, *, width: int, view: View) -> Sequence[str]:
    """The lines of a cell that stand in its column."""
    lines = cell.split("\n")
    if view.width is None:
        return lines
    if at in table.details:
        return lines[:1] if display_width(lines[0]) <= width else ()
    if at in table.names:
        return [cut_middle(line, width, ellipsis=view.ellipsis) for line in lines]
    return [piece for line in lines for piece in wrapped(line, width)]


def _beside(cells: Sequence[Sequence[str]], table: Table, layout: _Layout) -> Iterator[str]:
    """Cells of one row beside each other, as many lines as the tallest has."""
    for number in range(max(map(len, cells), default=0)):
        line = [
            _padded(cell[number] if number < len(cell) else "", width, right=at in table.numbers)
            for cell, at, width in zip(cells, layout.columns, layout.widths, strict=True)
        ]
        yield _GAP.join(line).rstrip(" ")


def _padded(text: str, width: int, *, right: bool) -> str:
    room = " " * (width - display_width(text))
    return f"{room}{text}" if right else f"{text}{room}"


def _below(lines: Iterable[str], at: int, table: Table, view: View) -> Iterator[str]:
    """Lines of a detail under its row, further in."""
    indent = " " * (2 * HANG)
    room = None if view.width is None else view.width - len(indent)
    for line in filter(None, lines):
        if at in table.names and room is not None:
            yield indent + cut_middle(line, room, ellipsis=view.ellipsis)
        else:
            for number, piece in enumerate(_pieces(line, room)):
                yield f"{indent}{'  ' if number else ''}{piece}"


def _pieces(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrapped(text, max(width - HANG, 1))


# --- no room for columns


def _stacked(table: Table, view: View) -> Iterator[str]:
    """A block for each row: its first cell, then each other one with its heading."""
    width = view.width or 0
    labels = max(map(display_width, table.headers[1:]), default=0)
    for row in table.rows:
        yield from _stacked_cell(row[0], width, is_name=0 in table.names, view=view)
        for at, cell in enumerate(row[1:], start=1):
            if not cell:
                continue
            label = " " * HANG + _padded(table.headers[at], labels, right=False) + _GAP
            room = max(width - display_width(label), 1)
            lines = _stacked_cell(cell, room, is_name=at in table.names, view=view)
            for number, line in enumerate(lines):
                yield (label if number == 0 else " " * display_width(label)) + line


def _stacked_cell(cell: str, width: int, *, is_name: bool, view: View) -> list[str]:
    if is_name:
        return [cut_middle(line, width, ellipsis=view.ellipsis) for line in cell.split("\n")]
    return [piece for line in cell.split("\n") for piece in wrapped(line, width)]

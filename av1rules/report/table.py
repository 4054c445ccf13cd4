"""Tables for users and programs: each column is defined once, for every output format.

Text, Markdown and HTML show a `Table`; CSV and JSON take the values of the same columns. Every cell
of a `Table` and of CSV is safe to print on a terminal.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable
from av1rules.report.format import short_name

Item = TypeVar("Item")
_Part = TypeVar("_Part")

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&!@$^]|:(?=//)|(?<=www)\.")
"""What GitHub and others read as markup, HTML, a link or a user name."""


class Topic(StrEnum):
    """The topic of a section of the report; also its anchor in the HTML page."""

    SUMMARY = "summary"
    SERIES = "series"
    SIZES = "sizes"
    SPREAD = "spread"
    SCORES = "scores"
    SCORE_SPREAD = "score-spread"
    CLIPS = "clips"
    CLIP_SCORES = "clip-scores"
    FORECASTS = "forecasts"
    SPEED = "speed"
    SAVERS = "savers"
    WORST = "worst"
    REASONS = "reasons"
    FAILED = "failed"
    DECIDED = "decided"
    SKIPPED = "skipped"
    DAMAGED_TARGETS = "damaged-targets"
    DAMAGED_SOURCES = "damaged-sources"
    TRASH = "trash"
    TOOLS = "tools"
    RUNS = "runs"


def plain(value: object) -> str:
    """The text of a value without a unit; None becomes an empty cell."""
    if isinstance(value, Enum):
        value = value.value
    return "" if value is None else printable(str(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Item]):
    """One column. `key` names the values in JSON and CSV, `header` is the heading of a table; a
    column without a key or a header is left out there. `show` formats a value as text. `is_name`
    marks file names, which lose their beginning if they are too long."""

    key: str | None = None
    header: str | None = None
    value: Callable[[Item], Any]
    show: Callable[[Any], str] = plain
    is_number: bool = False
    is_name: bool = False

    @property
    def hidden(self) -> Column[Item]:
        """The same column for JSON and CSV only."""
        return dataclasses.replace(self, header=None)


def number(key: str, header: str, value: Any, show: Callable[[Any], str] = plain) -> Column[Any]:
    """A column of figures."""
    return Column(key=key, header=header, value=value, show=show, is_number=True)


def columns_of(
    part: Callable[[Item], _Part], columns: Iterable[Column[_Part]]
) -> tuple[Column[Item], ...]:
    """The columns of a part of each item, as columns of the item."""

    def lifted(column: Column[_Part]) -> Column[Item]:
        return Column(
            key=column.key,
            header=column.header,
            value=lambda item: column.value(part(item)),
            show=column.show,
            is_number=column.is_number,
            is_name=column.is_name,
        )

    return tuple(map(lifted, columns))


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Cells as text. `numbers` are the indexes of columns to align right, `names` those of file
    names. `more` further rows are not shown."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    names: frozenset[int] = frozenset()
    more: int = 0


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A titled table. `note` explains the figures; `part` distinguishes sections of one topic."""

    title: str
    table: Table
    topic: Topic | None = None
    note: str | None = None
    part: str = ""

    @property
    def anchor(self) -> str:
        """The anchor of the section in the HTML page."""
        return "-".join(filter(None, (self.topic, self.part)))


def table_of(
    columns: Iterable[Column[Item]], items: Sequence[Item], *, limit: int | None = None
) -> Table:
    """The table of `items`, or of the first `limit` of them."""
    shown = [column for column in columns if column.header is not None]
    some = items[:limit]
    return Table(
        headers=tuple(column.header or "" for column in shown),
        rows=tuple(
            tuple(_safe(column.show(column.value(item))) for column in shown) for item in some
        ),
        numbers=frozenset(at for at, column in enumerate(shown) if column.is_number),
        names=frozenset(at for at, column in enumerate(shown) if column.is_name),
        more=len(items) - len(some),
    )


def _safe(cell: str) -> str:
    """Make a cell, which may have several lines, safe to print."""
    return "\n".join(map(printable, cell.split("\n")))


def records(columns: Iterable[Column[Item]], items: Iterable[Item]) -> list[dict[str, Any]]:
    """The values of each item by key, for JSON and CSV."""
    keyed = [(column.key, column.value) for column in columns if column.key is not None]
    return [{key: value(item) for key, value in keyed} for item in items]


# --- text and Markdown


def table_text(table: Table) -> str:
    """A table for a terminal; long file names lose their beginning."""
    if not any(table.headers):
        return tabulate(table.rows, tablefmt="plain", disable_numparse=True)
    rows = [
        tuple(short_name(cell) if at in table.names else cell for at, cell in enumerate(row))
        for row in table.rows
    ]
    text = tabulate(
        rows,
        headers=table.headers,
        tablefmt="simple",
        disable_numparse=True,
        colalign=_alignments(table) if rows else None,
    )
    return f"{text}\n{_more(table)}" if table.more else text


def section_text(section: Section) -> str:
    """Title, note and table; the summary of a report needs no title."""
    if section.topic is Topic.SUMMARY:
        return table_text(section.table)
    note = f"{section.note}\n" if section.note else ""
    return f"{section.title}\n{note}{table_text(section.table)}"


def table_markdown(table: Table) -> str:
    """A table in GitHub's Markdown."""
    text = tabulate(
        [tuple(map(escape_markdown, row)) for row in table.rows],
        headers=table.headers,
        tablefmt="github",
        disable_numparse=True,
        colalign=_alignments(table),
    )
    return f"{text}\n\n{_more(table)}" if table.more else text


def section_markdown(section: Section) -> str:
    """A heading, the note and the table; the summary of a report needs no heading."""
    parts = [] if section.topic is Topic.SUMMARY else [f"## {escape_markdown(section.title)}"]
    if section.note:
        parts.append(escape_markdown(section.note))
    return "\n\n".join([*parts, table_markdown(section.table)])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows verbatim: names and reasons are untrusted input."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _more(table: Table) -> str:
    return f"... and {table.more} more"


def _alignments(table: Table) -> tuple[str, ...]:
    return tuple("right" if at in table.numbers else "left" for at in range(len(table.headers)))


# --- CSV


def csv_lines(keys: Iterable[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A header line, then a line for each row; a value that a row lacks is empty."""
    names = tuple(keys)
    yield _csv_line(names)
    for row in rows:
        yield _csv_line(tuple(csv_value(row.get(name)) for name in names))


def csv_value(value: object) -> object:
    """A cell that no spreadsheet reads as a formula and no terminal as a command."""
    match value:
        case Enum():
            return csv_value(value.value)
        case float():
            return round(value, 3)
        case datetime():
            return value.isoformat()
        case str():
            shown = printable(value)
            return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
        case _:
            return value


def _csv_line(values: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()

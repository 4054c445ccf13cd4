"""Tables for users and programs: each column is defined once, for every output format.

Text, Markdown and HTML show a `Table`; CSV and JSON take the values of the same columns. Every cell
of a `Table` and of CSV is safe to print on a terminal.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from av1rules.base.text import printable, printable_lines

Item = TypeVar("Item")
_Part = TypeVar("_Part")
_Record = TypeVar("_Record", bound=msgspec.Struct)

EXTRA = 5
"""The rank from which on a column is only nice to have: it goes before the details leave it."""


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
    marks file names, which lose their middle on a narrow terminal; `is_detail` marks long text,
    which stands below its row there. A column of a higher `rank` gives way first; one of rank 0
    never does."""

    key: str | None = None
    header: str | None = None
    value: Callable[[Item], Any]
    show: Callable[[Any], str] = plain
    is_number: bool = False
    is_name: bool = False
    is_detail: bool = False
    rank: int = 0

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
            is_detail=column.is_detail,
            rank=column.rank,
        )

    return tuple(map(lifted, columns))


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Cells as text. `numbers` are the indexes of columns to align right, `names` those of file
    names, `details` those of long text; `ranks` are those of the columns, none means all 0. `more`
    further rows are not shown; `rest` is what shows them."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    names: frozenset[int] = frozenset()
    details: frozenset[int] = frozenset()
    ranks: tuple[int, ...] = ()
    more: int = 0
    rest: str | None = None

    def rank(self, at: int) -> int:
        """The rank of a column by its index."""
        return self.ranks[at] if self.ranks else 0


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
    columns: Iterable[Column[Item]],
    items: Iterable[Item],
    *,
    limit: int | None = None,
    rest: str | None = None,
) -> Table:
    """The table of `items`, which are iterated over once, or of the first `limit` of them; `rest`
    is what shows the others."""
    shown = [column for column in columns if column.header is not None]
    items_left = iter(items)
    return Table(
        headers=tuple(column.header or "" for column in shown),
        rows=tuple(
            tuple(_safe(column.show(column.value(item))) for column in shown)
            for item in itertools.islice(items_left, limit)
        ),
        numbers=frozenset(at for at, column in enumerate(shown) if column.is_number),
        names=frozenset(at for at, column in enumerate(shown) if column.is_name),
        details=frozenset(at for at, column in enumerate(shown) if column.is_detail),
        ranks=tuple(column.rank for column in shown),
        more=sum(1 for _ in items_left),
        rest=rest,
    )


def _safe(cell: str) -> str:
    """Make a cell, which may have several lines, safe to print."""
    return printable_lines(cell)


def each_record(columns: Iterable[Column[Item]], items: Iterable[Item]) -> Iterator[dict[str, Any]]:
    """The values of each item by key, for JSON and CSV, one at a time."""
    keyed = [(column.key, column.value) for column in columns if column.key is not None]
    return ({key: value(item) for key, value in keyed} for item in items)


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


def each_typed(
    kind: type[_Record], columns: Iterable[Column[Item]], items: Iterable[Item]
) -> Iterator[_Record]:
    """The same as values of the type from which the schema of a document is made. Raises TypeError
    where keys and fields differ."""
    return (kind(**record) for record in each_record(columns, items))

"""What a report is made of: titled tables, which text, Markdown and HTML write each in its way.

Cells are safe for a terminal; each writer escapes what is special in its own form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_Item = TypeVar("_Item")


class Topic(StrEnum):
    """What a section is about; also its anchor in the HTML page."""

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
    TRASHED = "aside"
    TOOLS = "tools"
    RUNS = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`numbers` are the columns of figures, aligned right. `more` rows are not shown. `names` is
    the column of a file, whose end says more than its beginning."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    names: int | None = None
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`note` says what the figures are and are not; `part` tells sections of one topic apart."""

    topic: Topic
    title: str
    table: Table
    note: str | None = None
    part: str = ""

    @property
    def anchor(self) -> str:
        """Its place in the HTML page."""
        return f"{self.topic.value}-{self.part}" if self.part else self.topic.value


def list_section(
    topic: Topic,
    title: str,
    headers: tuple[str, ...],
    items: Sequence[_Item],
    limit: int,
    row: Callable[[_Item], tuple[str, ...]],
    *,
    numbers: frozenset[int] = frozenset(),
    names: int | None = None,
    part: str = "",
) -> Section:
    """The first of a list, and how many more there are."""
    shown = tuple(row(item) for item in items[:limit])
    more = len(items) - len(shown)
    return Section(
        topic=topic,
        part=part,
        title=f"{title} ({len(items)})",
        table=Table(headers=headers, rows=shown, numbers=numbers, names=names, more=more),
    )

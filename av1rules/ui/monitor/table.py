"""The list of films as lines: which columns fit, and what stands in them. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_rate, format_size, local_time_text
from av1rules.ledger.films.film_list import FilmState, ListedFilm
from av1rules.report.live.model import LiveJob
from av1rules.report.view import Role
from av1rules.ui.monitor.cards import STAGES
from av1rules.ui.monitor.lines import ScreenLine, ScreenSpan, line, padded, quiet
from av1rules.ui.monitor.model import ListFilter, ScreenState

LEAST_NAME = 28

NAME_SHARE = 0.28
WIDE = 120
"""Of a wide screen, a name keeps at least this part: it is what people look for."""


class FilmColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the list."""

    title: str
    width: int
    shown: Callable[[ListedFilm], str]
    is_right: bool = True


def _saved(row: ListedFilm) -> str:
    return "" if row.saved_share is None else f"{row.saved_share:.0%}"


def _saving(row: ListedFilm) -> str:
    if row.result_bytes is None:
        return ""
    saved = row.source_bytes - row.result_bytes
    return f"-{format_size(-saved)}" if saved < 0 else format_size(saved)


def _hdr(row: ListedFilm) -> str:
    return printable(row.hdr or "").replace("dolby_vision", "DV")


def _size(size: int | None) -> str:
    return "" if size is None else format_size(size)


COLUMNS = (
    FilmColumn(title="SAVED", width=5, shown=_saved),
    FilmColumn(title="ORIG", width=9, shown=lambda row: _size(row.source_bytes)),
    FilmColumn(title="NEW", width=9, shown=lambda row: _size(row.result_bytes)),
    FilmColumn(
        title="TIME", width=9,
        shown=lambda row: "" if row.seconds is None else format_duration(row.seconds),
    ),
    FilmColumn(
        title="RES", width=9,
        shown=lambda row: f"{row.width}x{row.height}" if row.width and row.height else "",
    ),
    FilmColumn(title="CODEC", width=6, shown=lambda row: printable(row.codec or "")),
    FilmColumn(
        title="TIER", width=11, is_right=False,
        shown=lambda row: printable(row.source_tier or ""),
    ),
    FilmColumn(title="EST SAVE", width=9, shown=_saving),
    FilmColumn(
        title="BITRATE", width=9,
        shown=lambda row: format_rate(row.bitrate_bps) if row.bitrate_bps else "",
    ),
    FilmColumn(title="HDR", width=6, shown=_hdr),
    FilmColumn(title="BITS", width=4, shown=lambda row: str(row.bit_depth or "")),
    FilmColumn(title="Q", width=5, shown=lambda row: row.quality or ""),
    FilmColumn(
        title="DATE", width=16,
        shown=lambda row: "" if row.at is None else local_time_text(row.at)[:16],
    ),
    FilmColumn(
        title="RULE", width=18, is_right=False,
        shown=lambda row: printable(row.rule or ""),
    ),
    FilmColumn(
        title="REASON", width=24, is_right=False,
        shown=lambda row: printable(row.detail.replace("\n", " ")),
    ),
)  # fmt: skip
"""In the order in which they stand: what matters on a narrow screen first."""

STATE_WIDTH = 10

_WORDS = {
    FilmState.WAITING: ScreenSpan("waiting"),
    FilmState.DONE: ScreenSpan("done", Role.GOOD),
    FilmState.FAILED: ScreenSpan("failed", Role.BAD),
    FilmState.DECIDED: ScreenSpan("no target", Role.WAITING),
}


_REASON_FIRST = (ListFilter.FAILED, ListFilter.LEFT)
_WIDE_REASON = 40


def fitting_columns(width: int, shown: ListFilter = ListFilter.ALL) -> tuple[FilmColumn, ...]:
    """Those beside which a name keeps its room, in the order of ranks. Of films without a target
    the reason matters first."""
    left = width - STATE_WIDTH - max(LEAST_NAME, round(width * NAME_SHARE)) - 1
    found = []
    columns: tuple[FilmColumn, ...] = COLUMNS
    if shown in _REASON_FIRST:
        reason = replace(COLUMNS[-1], width=_WIDE_REASON if width >= WIDE else 24)
        columns = (reason, *COLUMNS[1:-1])
    for column in columns:
        if column.width + 1 > left:
            break
        left -= column.width + 1
        found.append(column)
    return tuple(found)


def name_width(columns: tuple[FilmColumn, ...], width: int) -> int:
    return width - STATE_WIDTH - 1 - sum(column.width + 1 for column in columns)


def header(width: int, shown: ListFilter = ListFilter.ALL) -> ScreenLine:
    columns = fitting_columns(width, shown)
    titles = " ".join(
        padded(column.title, column.width, is_right=column.is_right) for column in columns
    )
    return line(
        quiet(f"{'ST':<{STATE_WIDTH}}{padded('FILM', name_width(columns, width))} {titles}")
    )


def row_line(row: ListedFilm, state: ScreenState, width: int, *, is_selected: bool) -> ScreenLine:
    columns = fitting_columns(width, state.list.filter)
    job = state.live.job_of(row.film)
    word = _state(row, job, state.held.get(row.film))
    cells = " ".join(
        padded(column.shown(row), column.width, is_right=column.is_right) for column in columns
    )
    name = padded(printable(row.film), name_width(columns, width))
    return line(
        ScreenSpan(padded(word.text, STATE_WIDTH - 1) + " ", word.role),
        f"{name} {cells}",
        is_selected=is_selected,
    )


def _state(row: ListedFilm, job: LiveJob | None, held: str | None) -> ScreenSpan:
    if job is not None:
        if job.paused is not None:
            return ScreenSpan("paused", Role.WAITING)
        share = STAGES.get(job.phase, job.phase) if job.share is None else f"run {job.share:.0%}"
        return ScreenSpan(share, Role.WORK)
    if held is not None and row.state is FilmState.WAITING:
        return ScreenSpan(held, Role.WAITING)
    return _WORDS[row.state]


def list_lines(state: ScreenState, width: int, height: int) -> list[ScreenLine]:
    """Title, header and rows, on exactly `height` lines."""
    if height < 3:
        return [ScreenLine()] * height
    shown = state.list
    lines = [list_title(state, width), header(width, shown.filter)]
    for place in range(shown.top, shown.top + height - 2):
        row = shown.row_at(place)
        is_selected = place == shown.cursor and row is not None
        lines.append(
            ScreenLine() if row is None else row_line(row, state, width, is_selected=is_selected)
        )
    if not shown.total:
        lines[2] = line(quiet(_nothing(state)))
    return lines


def list_title(state: ScreenState, width: int) -> ScreenLine:
    """`[pending | by size] 12 of 340`, and the search."""
    shown = state.list
    parts = f"[{shown.filter.value} | by {shown.sort.value}] {shown.total:,} of {shown.all_films:,}"
    cursor = "_" if state.is_searching else ""
    search = f"  /{printable(shown.text)}{cursor}" if shown.text or state.is_searching else ""
    rest = max(width - len(parts) - len(search) - 4, 0)
    return line(
        quiet("── "),
        ScreenSpan(parts, Role.HEADING),
        ScreenSpan(search, Role.WORK),
        quiet(" " + "─" * rest),
    )


def _nothing(state: ScreenState) -> str:
    if state.list.text:
        return "no film has this in its name (Esc shows all)"
    if state.list.all_films:
        return f"no film here: {state.list.filter.value} (1 shows all)"
    return "the ledger knows no film yet: `av1rules run` begins"

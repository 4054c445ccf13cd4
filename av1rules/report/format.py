"""Figures of a report in words, as all forms for people have them."""

from __future__ import annotations

import os
from datetime import datetime

from av1rules.base.text import printable
from av1rules.base.units import format_duration
from av1rules.ledger.records import AttemptResult
from av1rules.report.model import Figures, Period, Step


def json_text(text: str) -> str:
    """Text that UTF-8 can hold: surrogate escapes of odd file names become `\\xNN`."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def csv_cell(text: str) -> str:
    """A cell that neither a spreadsheet takes for a formula nor a terminal for a command: names
    of files come from strangers."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@", "\t", "\r")) else shown


def shown_time(at: str) -> str:
    """A time of the ledger (ISO 8601, UTC) as the clock on the wall shows it, to the minute."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")


NAME_WIDTH = 60


def short_name(library_path: str) -> str:
    """A library path that fits a column: its end says more than its beginning."""
    shown = printable(library_path)
    return shown if len(shown) <= NAME_WIDTH else f"…{shown[1 - NAME_WIDTH :]}"


_REASON_LENGTH = 200


_RULE_LENGTH = 40


UNKNOWN = "unknown"


BIN_NAMES = (*(f"{tens}-{tens + 10} %" for tens in range(0, 100, 10)), "100 % or more")


def count_of(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def hours_of(duration_s: float) -> str:
    """Hours as people count machine time, minutes and seconds below one."""
    return f"{duration_s / 3600:,.1f} h" if duration_s >= 3600 else format_duration(duration_s)


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def verdict_words(kind: AttemptResult) -> str:
    """A kind of verdict in a sentence; one that is new here by its own name."""
    return _VERDICTS.get(kind, kind.value)


_VERDICTS = {
    AttemptResult.TOO_LARGE: "came out too large",
    AttemptResult.TOO_POOR: "came out below the quality floor",
    AttemptResult.UNDONE: "undone by a person",
}


def rule_name(rule: str | None) -> str:
    return UNKNOWN if rule is None else printable(rule, limit=_RULE_LENGTH)


def tier_name(source_tier: str | None) -> str:
    """By its receipt, which may have been found beside an adopted target: a stranger's word."""
    return UNKNOWN if source_tier is None else printable(source_tier, limit=_RULE_LENGTH)


def period_name(period: Period, step: Step) -> str:
    """Days and weeks by their (first) date, months and years by their number."""
    length = {Step.MONTH: 7, Step.YEAR: 4}.get(step, 10)
    return period.start.isoformat()[:length]


def reason_line(detail: str) -> str:
    told = "; ".join(filter(None, map(str.strip, detail.splitlines())))
    return printable(told, limit=_REASON_LENGTH)


def headline(figures: Figures) -> str:
    """What the report is of, in one line."""
    since = "all that the ledger has"
    if figures.since is not None:
        since = f"since {shown_time(figures.since.isoformat())}"
    return f"{shown_time(figures.at.isoformat())}, {since}"


CLOSING = (
    "What the rules skip, hold or leave alone is decided anew by each plan: av1rules report --plan "
    "has it by reason, av1rules plan --all by file. How one target was made: av1rules receipt FILE."
)

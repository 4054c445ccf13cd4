"""Names, times, shares and figures as the reports for people write them."""

from __future__ import annotations

from datetime import datetime

from av1rules.base.text import printable
from av1rules.base.units import format_duration
from av1rules.ledger.records import AttemptResult
from av1rules.ledger.trash_table import TrashKind

NAME_WIDTH = 60

_REASON_LENGTH = 200
_RULE_LENGTH = 40

UNKNOWN = "unknown"


def short_name(library_path: str) -> str:
    """A library path that fits a column: its end says more than its beginning."""
    shown = printable(library_path)
    return shown if len(shown) <= NAME_WIDTH else f"…{shown[1 - NAME_WIDTH :]}"


def shown_time(at: str | datetime) -> str:
    """A time of the ledger (ISO 8601, UTC) in local time, to the minute."""
    time = datetime.fromisoformat(at) if isinstance(at, str) else at
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def shown_day(at: str | datetime) -> str:
    """The local day of a time."""
    return shown_time(at)[:10]


def hours_of(duration_s: float) -> str:
    """Machine time in hours; below one hour in minutes and seconds."""
    return f"{duration_s / 3600:,.1f} h" if duration_s >= 3600 else format_duration(duration_s)


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def verdict_words(kind: AttemptResult) -> str:
    """A kind of verdict in a sentence; one that is new here by its own name."""
    return _VERDICTS.get(kind, kind.value)


_VERDICTS = {
    AttemptResult.TOO_LARGE: "came out too large",
    AttemptResult.TOO_POOR: "came out below the quality floor",
    AttemptResult.UNDONE: "undone by a user",
}


def rule_name(rule: str | None) -> str:
    return UNKNOWN if rule is None else printable(rule, limit=_RULE_LENGTH)


def tier_name(source_tier: str | None) -> str:
    """From the receipt, which may have lain beside an adopted target: untrusted input."""
    return UNKNOWN if source_tier is None else printable(source_tier, limit=_RULE_LENGTH)


def reason_line(detail: str) -> str:
    """A reason of several lines on one."""
    text = "; ".join(filter(None, map(str.strip, detail.splitlines())))
    return printable(text, limit=_REASON_LENGTH)


def plural_of_kind(kind: TrashKind) -> str:
    """A kind of trash as the head of a line: "originals"."""
    return f"{kind.value}s"

"""How reports for users write names, times, shares and reasons."""

from __future__ import annotations

from datetime import datetime

from av1rules.base.text import printable
from av1rules.base.units import (
    format_duration,
    format_size,
    format_time_range,
    local_time_text,
    two_digits,
)
from av1rules.ledger.records import AttemptResult, Interval
from av1rules.ledger.trash_table import TrashKind

_REASON_LENGTH = 200
_RULE_LENGTH = 40

UNKNOWN = "unknown"


def shown_time(at: str | datetime) -> str:
    """A time of the ledger (ISO 8601, UTC) in local time, to the minute."""
    return local_time_text(at)


def shown_day(at: str | datetime) -> str:
    """The local day of a time."""
    return shown_time(at)[:10]


def hours_of(duration_s: float) -> str:
    """Machine time in hours; below one hour in minutes and seconds."""
    return f"{duration_s / 3600:,.1f} h" if duration_s >= 3600 else format_duration(duration_s)


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def attempt_text(kind: AttemptResult) -> str:
    """The result of an attempt in a few words."""
    return _ATTEMPTS.get(kind, kind.value)


_ATTEMPTS = {
    AttemptResult.TOO_LARGE: "came out too large",
    AttemptResult.TOO_POOR: "came out below the quality floor",
    AttemptResult.UNDONE: "undone by a user",
}


def rule_name(rule: str | None) -> str:
    return UNKNOWN if rule is None else printable(rule, limit=_RULE_LENGTH)


def tier_name(source_tier: str | None) -> str:
    """Comes from the receipt, which may be that of an adopted target: untrusted input."""
    return UNKNOWN if source_tier is None else printable(source_tier, limit=_RULE_LENGTH)


def reason_line(detail: str) -> str:
    """A reason of several lines on one line."""
    text = "; ".join(filter(None, map(str.strip, detail.splitlines())))
    return printable(text, limit=_REASON_LENGTH)


def kind_plural(kind: TrashKind) -> str:
    """The plural of a kind of trash, such as "originals"."""
    return f"{kind.value}s"


def time_text(seconds: Interval) -> str:
    """`"41 h (28-63)"`, in the unit of the middle value."""
    return format_time_range(seconds.low, seconds.mid, seconds.high)


def size_text(size: Interval) -> str:
    """`"1.2 TiB (0.9-1.4)"`, in the unit of the largest bound."""
    largest = max(abs(size.low), abs(size.mid), abs(size.high))
    if largest < 1024:
        return f"{size.mid:.0f} B ({size.low:.0f}-{size.high:.0f})"
    unit = format_size(max(abs(size.mid), largest / 1024)).split()[1]
    scale = 1024.0 ** ("B", "KiB", "MiB", "GiB", "TiB").index(unit)
    low, mid, high = (two_digits(value / scale) for value in (size.low, size.mid, size.high))
    return f"{mid} {unit} ({low} to {high})" if size.low < 0 else f"{mid} {unit} ({low}-{high})"

"""Parses and formats sizes, durations, bit rates and shares. Pure; the one place for units."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime


def now_text() -> str:
    """The current time as the ledger stores it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def local_time_text(at: str | datetime) -> str:
    """A time of the ledger (ISO 8601, UTC) in local time, to the minute."""
    time = datetime.fromisoformat(at) if isinstance(at, str) else at
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


_NUMBER = re.compile(r"^\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z/]*)\s*$")


_DECIMAL_COMMA = re.compile(r"\s*(\d+),(\d+\s*[A-Za-z/]*)\s*")


_SHARE = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<sign>%?)\s*")


_DECIMAL_COMMA_SHARE = re.compile(r"\s*(\d+),(\d+\s*%?)\s*")


_SIZE_IN_BITS = re.compile(r"[KMGT]i?b")


_RATE_IN_BYTES = re.compile(r"[KMGkmg]?i?B(?:/[sS]|[pP][sS])")
"""Case tells bits from bytes where the user wrote it; `gb` and `mbps` are ambiguous."""


SIZE_UNITS = {
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
"""Bytes per unit; without a unit a size is in bytes."""


DURATION_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 7 * 86400.0,
}
"""Seconds per unit; without a unit a duration is in seconds."""


RATE_UNITS = {
    "b/s": 1,
    "bps": 1,
    "kb/s": 1000,
    "kbps": 1000,
    "mb/s": 1000**2,
    "mbps": 1000**2,
    "gb/s": 1000**3,
    "gbps": 1000**3,
}
"""Bits per second per unit, decimal as usual for bit rates; without a unit: bits per second."""


_OTHER_SIZE_UNITS = {
    "k": "kB", "m": "MB", "g": "GB", "t": "TB",
    "meg": "MB", "gig": "GB", "kilobyte": "kB", "megabyte": "MB", "gigabyte": "GB",
    "terabyte": "TB", "mbyte": "MB", "gbyte": "GB", "tera": "TB",
}  # fmt: skip
_OTHER_RATE_UNITS = {
    "k": "kb/s", "m": "Mb/s", "kb": "kb/s", "mb": "Mb/s", "kbit": "kb/s", "mbit": "Mb/s",
    "kbit/s": "kb/s", "mbit/s": "Mb/s", "kilobit": "kb/s", "megabit": "Mb/s",
}  # fmt: skip
_OTHER_DURATION_UNITS = {
    "sec": "s", "second": "s", "minute": "min", "mn": "min", "hr": "h", "hour": "h", "day": "d",
    "week": "w",
}  # fmt: skip
"""What people write where this program writes another unit; without the plural's s."""

_IN_WORDS = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z/]+)\s*")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d\d)")
_HOURS_AND_MINUTES = re.compile(
    r"\s*(\d{1,4})\s*h[a-z]*\s*(\d{1,2})\s*(?:m[a-z]*)?\s*", re.IGNORECASE
)


class UnitError(ValueError):
    """Text that is not a size, duration, bit rate or share; `hint` says what was likely meant."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_size(text: str) -> int:
    """`"2GiB"` to bytes. Raises UnitError, also for `Gb`, which would be bits."""
    request = "a size such as 700MB or 2GiB"
    found = _NUMBER.match(text)
    if found is not None and _SIZE_IN_BITS.fullmatch(found["unit"]):
        meant = f"{found['number']}{found['unit'][:-1]}B"
        raise UnitError(f"expected {request}, found {text!r}", hint=f"sizes are in bytes: {meant}")
    return round(_parse(text, SIZE_UNITS, "", request, _OTHER_SIZE_UNITS))


def parse_duration(text: str) -> float:
    """`"45s"`, `"1.5h"` to seconds. Raises UnitError."""
    request = "a duration such as 45s, 10min or 2h"
    if (meant := _clock_meant(text)) is not None:
        raise UnitError(f"expected {request}, found {text!r}", hint=f"write {meant}")
    return _parse(text, DURATION_UNITS, "s", request, _OTHER_DURATION_UNITS)


def _clock_meant(text: str) -> str | None:
    """`90min` for `1:30:00` and `1h30`; `1:30` may be either of two."""
    if (clock := _CLOCK.fullmatch(text.strip())) is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if clock[1] is None:
            return f"{minutes * 60 + seconds}s, or {minutes * 60 + seconds}min for hours:minutes"
        return _in_one_unit(hours * 3600 + minutes * 60 + seconds)
    if (both := _HOURS_AND_MINUTES.fullmatch(text)) is not None:
        return _in_one_unit(int(both[1]) * 3600 + int(both[2]) * 60)
    return None


def _in_one_unit(duration_s: int) -> str:
    return f"{duration_s}s" if duration_s % 60 else f"{duration_s // 60}min"


def parse_rate(text: str) -> int:
    """`"15Mb/s"` to bits per second. Raises UnitError, also for `MB/s`, which would be bytes."""
    request = "a bit rate such as 800kb/s or 15Mb/s"
    found = _NUMBER.match(text)
    if found is not None and _RATE_IN_BYTES.fullmatch(found["unit"]):
        prefix = {"k": "k", "m": "M", "g": "G"}.get(found["unit"][0].lower(), "")
        hint = f"bit rates are in bits per second: {found['number']}{prefix}b/s"
        raise UnitError(f"expected {request}, found {text!r}", hint=hint)
    return round(_parse(text, RATE_UNITS, "b/s", request, _OTHER_RATE_UNITS))


def parse_share(text: str) -> float:
    """`"25%"` or `"0.25"` to 0.25. Raises UnitError, also for values outside 0 to 1."""
    request = "a share such as 0.25 or 25%"
    found = _SHARE.fullmatch(text)
    share = math.inf if found is None else float(found["number"]) / (100 if found["sign"] else 1)
    if share <= 1:
        return share
    comma = _DECIMAL_COMMA_SHARE.fullmatch(text)
    hint = f"use a decimal point: {comma[1]}.{comma[2]}" if comma else None
    if found is not None and not found["sign"] and share <= 100:
        hint = f"write {found['number']}%"
    raise UnitError(f"expected {request}, found {text!r}", hint=hint)


def _parse(
    text: str,
    units: dict[str, float] | dict[str, int],
    default: str,
    request: str,
    others: dict[str, str],
) -> float:
    found = _NUMBER.match(text)
    unit = found["unit"].lower() if found else ""
    scale = units.get(unit or default, 1 if not unit else None)
    value = float(found["number"]) * scale if found is not None and scale is not None else math.inf
    if not math.isfinite(value):  # also for numbers of hundreds of digits
        hint = _unit_meant(text, units, others)
        if (comma := _DECIMAL_COMMA.fullmatch(text)) is not None:
            hint = f"use a decimal point: {comma[1]}.{comma[2]}"
        raise UnitError(f"expected {request}, found {text!r}", hint=hint)
    return value


def _unit_meant(
    text: str, units: dict[str, float] | dict[str, int], others: dict[str, str]
) -> str | None:
    """`write 2GB` for `2 gigs`."""
    found = _IN_WORDS.fullmatch(text)
    if found is None:
        return None
    word = found[2].lower()
    for one in (word, word.removesuffix("s")):
        if (unit := others.get(one) or (one if one in units else None)) is not None:
            return f"write {found[1]}{unit}"
    return None


def format_size(size_bytes: float) -> str:
    """Bytes in binary units, three digits: `"1.42 GiB"`."""
    value, sign = abs(float(size_bytes)), "-" if size_bytes < 0 else ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{sign}{value:.0f} B" if unit == "B" else f"{sign}{value:.3g} {unit}"
        value /= 1024
        if 999.5 <= value < 1024:  # .3g would print 1e+03
            return f"{sign}{value:.0f} {_next_unit(unit)}"
    return f"{sign}{value:.3g} TiB"


def _next_unit(unit: str) -> str:
    order = ("B", "KiB", "MiB", "GiB", "TiB")
    return order[order.index(unit) + 1]


def format_time_range(low_s: float, mid_s: float, high_s: float) -> str:
    """`"41 h (28-63)"`, in the unit of the middle value; without bounds that are no other."""
    if mid_s < 90:
        scale, unit = 1.0, "s"
    elif mid_s < 90 * 60:
        scale, unit = 60.0, "min"
    elif mid_s < 14 * 86400:
        scale, unit = 3600.0, "h"
    else:
        scale, unit = 86400.0, "days"
    low, mid, high = (two_digits(value / scale) for value in (low_s, mid_s, high_s))
    return f"{mid} {unit}" if low == mid == high else f"{mid} {unit} ({low}-{high})"


def two_digits(value: float) -> str:
    """An estimate: more would claim too much precision."""
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def format_duration(duration_s: float) -> str:
    """Seconds as `"0.52 s"`, `"45 s"`, `"12:05"` or `"3:02:45"`."""
    if duration_s < 10:
        return f"{duration_s:.2f} s"
    if duration_s < 60:
        return f"{duration_s:.0f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_rate(rate_bps: float) -> str:
    """Bits per second as `"25.5 Mb/s"` or `"128 kb/s"`."""
    if rate_bps >= 999_500:
        return f"{rate_bps / 1e6:.1f} Mb/s"
    return f"{rate_bps / 1e3:.0f} kb/s"

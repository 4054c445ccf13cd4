"""Parses and formats sizes, durations, bit rates and shares. Pure; the one place for units."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime


def now_text() -> str:
    """The current time as the ledger stores it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


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
    return round(_parse(text, SIZE_UNITS, "", request))


def parse_duration(text: str) -> float:
    """`"45s"`, `"1.5h"` to seconds. Raises UnitError."""
    return _parse(text, DURATION_UNITS, "s", "a duration such as 45s, 10min or 2h")


def parse_rate(text: str) -> int:
    """`"15Mb/s"` to bits per second. Raises UnitError, also for `MB/s`, which would be bytes."""
    request = "a bit rate such as 800kb/s or 15Mb/s"
    found = _NUMBER.match(text)
    if found is not None and _RATE_IN_BYTES.fullmatch(found["unit"]):
        prefix = {"k": "k", "m": "M", "g": "G"}.get(found["unit"][0].lower(), "")
        hint = f"bit rates are in bits per second: {found['number']}{prefix}b/s"
        raise UnitError(f"expected {request}, found {text!r}", hint=hint)
    return round(_parse(text, RATE_UNITS, "b/s", request))


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
    text: str, units: dict[str, float] | dict[str, int], default: str, request: str
) -> float:
    found = _NUMBER.match(text)
    unit = found["unit"].lower() if found else ""
    scale = units.get(unit or default, 1 if not unit else None)
    value = float(found["number"]) * scale if found is not None and scale is not None else math.inf
    if not math.isfinite(value):  # also for numbers of hundreds of digits
        comma = _DECIMAL_COMMA.fullmatch(text)
        hint = f"use a decimal point: {comma[1]}.{comma[2]}" if comma else None
        raise UnitError(f"expected {request}, found {text!r}", hint=hint)
    return value


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

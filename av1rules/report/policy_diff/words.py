"""How the difference between two policies is told: sums, reasons and differences as text."""

from __future__ import annotations

from av1rules.base.text import printable
from av1rules.base.units import format_size, two_digits
from av1rules.forecast.difference import Cost, FinishedTarget, Share
from av1rules.ledger.records import Interval
from av1rules.plan.diff.compare import DiffKind, FilmChange
from av1rules.plan.items import Blocked, Held, LeftAlone, PlanItem, coming_encode
from av1rules.report.format import size_text, time_text

CAUSE_WIDTH = 90

NOT_IN_LIBRARY = "not in the library"


def why(change: FilmChange) -> str:
    """What makes the difference, in words that films with the same reason share."""
    parts = [cause.text for cause in change.settings]
    if not parts:
        parts += _reason(change)
    before, after = (None if item is None else item.rule for item in (change.then, change.now))
    if before != after and change.then is not None and change.now is not None:
        parts.append(f"rule {_named(before)} -> {_named(after)}")
    if change.is_reviewed_now and change.kind is not DiffKind.REVIEWED:
        parts.append("its clip is reviewed first")
    return "; ".join(printable(part, limit=CAUSE_WIDTH * 2) for part in parts)


def _named(rule: str | None) -> str:
    return "none" if rule is None else rule


def _reason(change: FilmChange) -> list[str]:
    then, now = change.then, change.now
    if then is None or now is None:
        return [f"{NOT_IN_LIBRARY} {'then' if then is None else 'now'}"]
    match change.kind:
        case DiffKind.OTHER_RULE:
            return []  # the rules say it
        case DiffKind.REDONE | DiffKind.ELSEWHERE if then.target != now.target:
            return ["output or container gives its target another path"]
        case DiffKind.ENCODED | DiffKind.RELEASED | DiffKind.SPARED:
            return [f"then: {_state(then)}"]
        case DiffKind.UNREVIEWED:
            return ["then: its clip was reviewed first"]
        case _:
            return [_state(now)]


def _state(item: PlanItem) -> str:
    if isinstance(item, LeftAlone | Held | Blocked):
        return item.main_reason
    return next(iter(item.causes), item.action.value)


def action_text(item: PlanItem | None) -> str:
    """What a policy does with a film, with its rule."""
    if item is None:
        return NOT_IN_LIBRARY
    rule = "" if item.rule is None else f" ({printable(item.rule, limit=24)})"
    return f"{item.action.value}{rule}"


def share_time(share: Share, item: PlanItem | None) -> str:
    """The time that one side takes for a film."""
    if isinstance(share, FinishedTarget):
        return "done"
    if share is None:
        return "no forecast" if item is not None and coming_encode(item) is not None else "-"
    return time_text(share.seconds)


def share_size(share: Share) -> str:
    """The size of the target of a film on one side."""
    if isinstance(share, FinishedTarget):
        return format_size(share.target_bytes)
    return "-" if share is None else size_text(share.size_bytes)


def cost_time(cost: Cost) -> str:
    if not cost.encodes:
        return "-"
    unknown = f", {cost.unknown} unknown" if cost.unknown else ""
    return f"{time_text(cost.seconds)}{unknown}"


def cost_size(cost: Cost) -> str:
    """Bytes of targets, without brackets where they are known."""
    return sure_size(cost.target_bytes)


def sure_size(size: Interval) -> str:
    """A size without brackets where it is known."""
    if size.low == size.high:
        return format_size(size.mid) if size.mid else "-"
    return size_text(size)


def more_time(seconds: Interval) -> str:
    """A difference in time, in the unit of its largest part: `+4.1 h (+2.0 to +6.2)`."""
    most = max(abs(seconds.low), abs(seconds.mid), abs(seconds.high))
    unit, scale = next((name, scale) for name, scale, limit in _TIME_UNITS if most < limit * scale)
    return _signed(seconds, scale, unit)


_TIME_UNITS = (
    ("s", 1.0, 90.0),
    ("min", 60.0, 90.0),
    ("h", 3600.0, 14 * 24.0),
    ("days", 86400.0, float("inf")),
)
"""Each with its seconds, and up to how many of it are told."""


def more_size(size: Interval) -> str:
    """A difference in bytes: `-5.2 GiB (-8.0 to -2.1)`."""
    most = max(abs(size.low), abs(size.mid), abs(size.high))
    power = next(power for power in range(4, -1, -1) if most >= 1024.0**power or not power)
    return _signed(size, 1024.0**power, ("B", "KiB", "MiB", "GiB", "TiB")[power])


def _signed(found: Interval, scale: float, unit: str) -> str:
    low, mid, high = (_sign(value / scale) for value in (found.low, found.mid, found.high))
    return f"{mid} {unit}" if low == mid == high else f"{mid} {unit} ({low} to {high})"


def _sign(value: float) -> str:
    text = two_digits(value)
    return "0" if float(text) == 0 else f"+{text}" if value > 0 else text

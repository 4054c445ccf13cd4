"""What becomes of each key of a foreign configuration."""

from __future__ import annotations

import json
from enum import StrEnum

import msgspec

_SHOWN = 80  # characters of a value in a table


class KeyFate(StrEnum):
    CARRIED = "carried over"
    REPLACED = "replaced"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class KeyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One key: its value as it was written (None: not there, so its default counts), the key of
    ours that has it or takes its place, and why. `default` is the value that its program takes
    where it is not there. `place` is file:line:column."""

    key: str
    value: str | None
    fate: KeyFate
    ours: str | None
    why: str
    place: str | None = None
    default: str | None = None


def shown_value(value: object) -> str:
    """A value of a foreign file in the words of JSON, cut to what a table can show."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"

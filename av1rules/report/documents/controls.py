"""The documents of `pause`, `resume` and `stop`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.ledger.controls import ControlKind
from av1rules.report.json import JsonDocument


class ControlRecord(Struct, frozen=True, kw_only=True):
    """What a user told a run: of one film, or of all (null). Times are ISO 8601, UTC; at `until` it
    ends by itself. `place` is for `order` alone: films below 0 are begun before all others, films
    above 0 after them."""

    film: str | None
    kind: ControlKind
    since: str
    until: str | None
    reason: str | None
    place: int


class ControlsDocument(JsonDocument, frozen=True, kw_only=True):
    """What a user told a run, or the next one: `changed` by this command, and all that is in force
    now. `holder` is the active run, null if none is."""

    holder: str | None
    changed: tuple[ControlRecord, ...]
    controls: tuple[ControlRecord, ...]

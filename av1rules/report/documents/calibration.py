"""The document of `forecast`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from av1rules.forecast.calibration import Calibration
from av1rules.ledger.records import Interval
from av1rules.report.documents.forecast import ForecastTotals
from av1rules.report.json import JsonDocument


class ForecastOfRule(Struct, frozen=True, kw_only=True):
    """The encodes of one rule within the budget. The bounds of each interval hold in 8 of 10
    cases."""

    rule: str | None
    encodes: int
    source_bytes: int
    seconds: Interval
    saved_bytes: Interval


class ForecastDocument(JsonDocument, frozen=True, kw_only=True):
    """What a run would take: `total` is of all encodes, `rules` of those of each rule.

    With `--check` it has `groups` in place of both: how good the forecasts of past encodes were.
    The first group has all of them; there is none before the first encode.
    """

    total: ForecastTotals | UnsetType = UNSET
    rules: tuple[ForecastOfRule, ...] | UnsetType = UNSET
    groups: tuple[Calibration, ...] | UnsetType = UNSET

"""The forecasts in the document of `plan`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.ledger.records import Interval


class ForecastRecord(Struct, frozen=True, kw_only=True):
    """The forecast of one encode. The bounds of each interval hold in 8 of 10 cases. `basis` says
    what it was made from; `encodes` is how many past encodes it was made from."""

    seconds: Interval
    target_bytes: Interval
    saved_bytes: Interval
    basis: str
    encodes: int


class WaitingForecast(Struct, frozen=True, kw_only=True):
    """The forecast of films that wait for the approval of a clip."""

    encodes: int
    seconds: Interval
    saved_bytes: Interval


class ForecastTotals(Struct, frozen=True, kw_only=True):
    """The forecast of a whole plan, `jobs` encodes at a time. `encodes` are within the budget,
    `beyond_budget` are not, `unknown` have no forecast. `budget_s` and `free_bytes` are the budget
    as it was asked for. `lines` say all of it in words."""

    encodes: int
    unknown: int
    beyond_budget: int
    jobs: int
    seconds: Interval
    saved_bytes: Interval
    waiting: WaitingForecast
    budget_s: float | None
    free_bytes: float | None
    lines: tuple[str, ...]

"""What a plan shows of forecasts, as text and plain data: a plan without work has none of it, and
pays for none of what makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """By path of the source: a cell of the table, cells of a CSV line, a JSON record. `lines` and
    `total` are of the whole plan."""

    cells: Mapping[str, str] = field(default_factory=dict)
    csv_cells: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    records: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    total: dict[str, Any] | None = None

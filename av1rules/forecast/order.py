"""In which order a run starts its work: by the priority of rules, then as the user asks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from av1rules.plan.items import Plan, PlannedFile
from av1rules.policy.model import Order, RuleSet

_File = TypeVar("_File", bound=PlannedFile)

SavingOf = Callable[[str], float | None]
"""The saving per hour of the source at a path; None without a forecast."""


def no_saving(_path: str) -> float | None:
    """Where there are no forecasts."""
    return None


class Ordering(msgspec.Struct, frozen=True, kw_only=True):
    """`priorities` by rule, of rules that have one other than 0. `order` None: that of the walk,
    with a budget that of the saving."""

    order: Order | None = None
    priorities: Mapping[str, int] = {}

    @property
    def is_active(self) -> bool:
        """Whether it can change anything."""
        return self.order is not None or bool(self.priorities)

    def sorted(
        self,
        rows: Iterable[_File],
        saving: SavingOf = no_saving,
        *,
        by_default: Order | None = None,
    ) -> list[_File]:
        """The rows, the first to be done first; those that are equal keep their places."""
        order = self.order or by_default

        def place(row: PlannedFile) -> tuple[int, float, str]:
            priority = -self.priorities.get(row.rule or "", 0)
            if order is Order.SAVING:
                saved = saving(row.file.path)
                return (priority, float("inf") if saved is None else -saved, "")
            if order is Order.SIZE:
                return (priority, -row.size_bytes, "")
            if order is Order.NEWEST:
                return (priority, -row.file.stat.mtime_ns, "")
            return (priority, 0, row.file.library_path if order is Order.NAME else "")

        return sorted(rows, key=place)


def in_order(plan: Plan, ordering: Ordering, saving: SavingOf = no_saving) -> Plan:
    """The plan with what a run acts on in this order; other items are where they were."""
    if not ordering.is_active:
        return plan
    rows = plan.rows.with_in_full(ordering.sorted(plan.rows.in_full, saving))
    return replace(plan, rows=rows)


def ordering_of(ruleset: RuleSet, order: Order | None) -> Ordering:
    """The priorities of the rules, and the order that the user asks for."""
    return Ordering(
        order=order,
        priorities={rule.name: rule.priority for rule in ruleset.rules if rule.priority},
    )

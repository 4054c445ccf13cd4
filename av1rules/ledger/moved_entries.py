"""Entries of the trash at places that the table does not have yet: plans see files that a user
moved as if the ledger had followed them already. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the table of these entries imports this module
    from av1rules.ledger.trash_table import TrashEntry


class MovedEntries:
    """Entries at places that the table does not have yet."""

    def __init__(self, moved: Iterable[TrashEntry]) -> None:
        self.by_id = {entry.id: entry for entry in moved}
        self._by_target: dict[str, list[TrashEntry]] = {}
        for entry in self.by_id.values():
            self._by_target.setdefault(entry.row.target, []).append(entry)

    def at(self, target: str) -> Sequence[TrashEntry]:
        return self._by_target.get(target, ())

    def taken_out(self, entries: Iterable[TrashEntry]) -> Iterator[TrashEntry]:
        return (entry for entry in entries if entry.id not in self.by_id)

"""The ledger's table of finished work that a policy edit left as it was made."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from av1rules.ledger.mapping import RecordMapper, RecordTable
from av1rules.ledger.records import Attempt, AttemptTable


class AsMade(msgspec.Struct, frozen=True, kw_only=True):
    """A target, or a result that gave none, `made` with one fingerprint, is accepted where the
    policy asks for another, `wanted`. Both hold the content. `choice` is what `on_change` or
    `--redo` said, `at` is ISO 8601, UTC."""

    made: str
    wanted: str
    choice: str
    at: str


class AsMadeTable(RecordTable[AsMade]):
    """One row for each fingerprint: the last policy that it was accepted for."""

    name = "as_made"
    mapper = RecordMapper(AsMade)

    def find(self, made: str) -> AsMade | None:
        return next(self.select("WHERE made=?", made), None)

    def accepts(self, made: str, wanted: str) -> bool:
        """Whether what was made so is accepted in place of what the policy wants."""
        found = self.find(made)
        return found is not None and found.wanted == wanted

    def attempts_of(self, content_key: str) -> tuple[Attempt, ...]:
        """All results of this content that gave no target, with whatever settings."""
        return tuple(AttemptTable(self._db).select("WHERE content_key=?", content_key))

    def put(self, records: Sequence[AsMade]) -> None:
        """Record them in one transaction; none if there are none."""
        if not records:
            return
        with self._db.transaction() as write:
            for record in records:
                self.insert(write, record)

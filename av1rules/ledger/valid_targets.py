"""The valid targets of the ledger, in the few columns that a plan compares with the disk.

A plan of a whole library asks for those of some hundred films at a time, so that its memory does
not grow with the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from av1rules.ledger.database import LedgerDb, pages_of
from av1rules.ledger.records import TargetRow


class ValidTarget(NamedTuple):
    """How a target was written. `tools` are those that made it, as canonical JSON."""

    fingerprint: str
    size_bytes: int
    mtime_ns: int
    tools: str


class ValidTargets:
    """Every target in the ledger that is not to be redone. Paths are the bytes of the file
    system."""

    def __init__(
        self,
        db: LedgerDb,
        left: Mapping[str, TargetRow] = MappingProxyType({}),
        came: Mapping[str, TargetRow] = MappingProxyType({}),
    ) -> None:
        """Rows that plans see at another place than the ledger has them: by the place that they
        `left`, and by that to which they `came`."""
        self._db = db
        self._texts: dict[int, str] = {}
        self._left = {os.fsencode(old): row for old, row in left.items()}
        self._came = {os.fsencode(new): row for new, row in came.items()}
        self._was = {os.fsencode(row.target): old for old, row in self._left.items()}

    def of(self, paths: Sequence[bytes]) -> dict[bytes, ValidTarget]:
        """Those among `paths` that are valid targets. Raises LedgerError."""
        if not self._left:
            return self._recorded(paths)
        found = self._recorded([path for path in paths if path not in self._left])
        before = {path: self._was[path] for path in paths if path in self._came}
        recorded = self._recorded([*before.values()])
        for path, old in before.items():
            if old in recorded:
                mtime_ns = self._came[path].target_mtime_ns
                found[path] = recorded[old]._replace(mtime_ns=mtime_ns)
        return found

    def _recorded(self, paths: Sequence[bytes]) -> dict[bytes, ValidTarget]:
        found: dict[bytes, ValidTarget] = {}
        for page in pages_of(paths):
            marks = ", ".join("?" * len(page))
            sql = (
                "SELECT target, fingerprint, target_bytes, target_mtime_ns, tools FROM targets"
                f" WHERE forgotten=0 AND target IN ({marks})"
            )
            for path, fingerprint, size, mtime_ns, tools in self._db.query(sql, *page):
                found[path] = ValidTarget(fingerprint, size, mtime_ns, self._text(tools))
        return found

    def has_any(self) -> bool:
        """Raises LedgerError."""
        return bool(self._db.query("SELECT 1 FROM targets WHERE forgotten=0 LIMIT 1"))

    def count(self) -> int:
        """Raises LedgerError."""
        number: int = self._db.query("SELECT count(*) FROM targets WHERE forgotten=0")[0][0]
        return number

    def paths(self) -> Iterator[bytes]:
        """All of them. Raises LedgerError."""
        sql = "SELECT target FROM targets WHERE forgotten=0 ORDER BY target"
        for (path,) in self._db.stream(sql):
            yield os.fsencode(self._left[path].target) if path in self._left else path

    def has_any_below(self, folder: str) -> bool:
        """Raises LedgerError."""
        first, beyond = os.fsencode(f"{folder}/"), os.fsencode(f"{folder}0")  # "0" follows "/"
        sql = "SELECT 1 FROM targets WHERE forgotten=0 AND target > ? AND target < ? LIMIT 1"
        came = any(first < path < beyond for path in self._came)
        return came or bool(self._db.query(sql, first, beyond))

    def _text(self, number: int) -> str:
        text = self._texts.get(number)
        if text is None:
            text = self._db.query("SELECT text FROM texts WHERE id=?", number)[0][0]
            self._texts[number] = text
        return text

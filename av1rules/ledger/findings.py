"""The findings of runs in the ledger: each is stored once, however many runs meet it again."""

from __future__ import annotations

import os
import zlib
from collections.abc import Container, Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec.structs import replace

from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.text import printable_lines
from av1rules.ledger.database import pages_of
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable, StoredColumn

_OF_PLANS = frozenset({FindingKind.BLOCKED, FindingKind.UNREADABLE})
"""What each plan finds anew, or not."""

LASTING = _OF_PLANS | {
    FindingKind.NO_ACCESS,
    FindingKind.SYSTEM,
    FindingKind.ERROR,
    FindingKind.BUG,
}
"""Failures of a film that stay until something is done. Those of an encode are attempts."""


_BY_WORDS = frozenset({FindingKind.BLOCKED, FindingKind.NO_ACCESS, FindingKind.OUTDATED})
"""Kinds with many causes, each a matter of its own: their words name it, and hold no numbers that
change from run to run. Elsewhere content and settings tell whether it is the same."""


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, and the runs that met it first and last. `fingerprint` is that of the film's
    content and settings, "" if it has none. `is_over`: the film was encoded since, or a user asked
    to try it again, so the same is news once more."""

    id: int
    kind: FindingKind
    source: LedgerPath
    detail: str
    hint: str | None
    fingerprint: str
    first_run: int
    last_run: int
    is_over: bool = False

    def as_finding(self, *, is_new: bool) -> FilmFinding:
        return FilmFinding(
            film=self.source, kind=self.kind, detail=self.detail, hint=self.hint, is_new=is_new
        )


class NumberedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a run, with the number of its record."""

    id: int
    finding: FilmFinding


class FindingTable(RecordTable[FindingRecord]):
    """The findings of all runs."""

    name = "findings"
    mapper = RecordMapper(FindingRecord)

    def add(
        self, run: int, findings: Iterable[tuple[FilmFinding, str]]
    ) -> tuple[NumberedFinding, ...]:
        """Record what a run found, each with the fingerprint of its film (""), in one transaction.
        Returns them with `is_new` as the earlier runs have it."""
        added: list[NumberedFinding] = []
        with self._db.transaction() as write:
            for found, fingerprint in findings:
                finding = _storable(found)
                is_new = not self._is_known(run, finding, fingerprint)
                same = self._same(finding, fingerprint)
                if same is not None:
                    write.execute(
                        "UPDATE findings SET last_run=?, is_over=0 WHERE id=?", (run, same)
                    )
                else:
                    same = write.execute(
                        "INSERT INTO findings (kind, source, detail, hint, fingerprint,"
                        " first_run, last_run) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (*_identity(finding, fingerprint), run, run),
                    ).lastrowid
                assert same is not None
                finding = replace(finding, is_new=is_new)
                added.append(NumberedFinding(id=same, finding=finding))
        return tuple(added)

    def _same(self, finding: FilmFinding, fingerprint: str) -> int | None:
        rows = self._db.query(
            "SELECT id FROM findings WHERE kind=? AND source=? AND detail=? AND hint IS ?"
            " AND fingerprint=?",
            *_identity(finding, fingerprint),
        )
        return rows[0][0] if rows else None

    def _is_known(self, run: int, finding: FilmFinding, fingerprint: str) -> bool:
        """By content and settings, or by file where there are none; and by words, where these are
        the same each time."""
        known: dict[str, object] = {"kind": finding.kind.value}
        if fingerprint:
            known["fingerprint"] = fingerprint
        else:
            known["source"] = os.fsencode(finding.film)
        if not fingerprint or finding.kind in _BY_WORDS:
            known["detail"] = finding.detail
        where = " AND ".join(f"{name}=?" for name in known)
        sql = f"SELECT 1 FROM findings WHERE {where} AND first_run<? AND is_over=0 LIMIT 1"
        return bool(self._db.query(sql, *known.values(), run))

    def of_numbers(self, numbers: Sequence[int]) -> tuple[FindingRecord, ...]:
        """The records of these numbers, in their order."""
        found: dict[int, FindingRecord] = {}
        for page in pages_of(numbers):
            marks = ", ".join("?" * len(page))
            found.update(
                (record.id, record) for record in self.select(f"WHERE id IN ({marks})", *page)
            )
        return tuple(found[number] for number in numbers if number in found)

    def kinds(self, numbers: Sequence[int]) -> dict[int, FindingKind]:
        """The kinds of these records, by number."""
        kinds: dict[int, FindingKind] = {}
        for page in pages_of(numbers):
            marks = ", ".join("?" * len(page))
            rows = self._db.query(f"SELECT id, kind FROM findings WHERE id IN ({marks})", *page)
            kinds.update((number, FindingKind(kind)) for number, kind in rows)
        return kinds

    def open_failures(self) -> tuple[FindingRecord, ...]:
        """Failures that are not over yet, by film; those of encodes are in the attempts."""
        kinds = [one.value for one in FindingKind if one in LASTING]
        marks = ", ".join("?" * len(kinds))
        return tuple(
            self.select(f"WHERE is_over=0 AND kind IN ({marks}) ORDER BY source, id", *kinds)
        )

    def last_met_by(self, run: int) -> tuple[FindingRecord, ...]:
        """What no later run met: all findings of a run, if it is the newest."""
        return tuple(self.select("WHERE last_run=? ORDER BY id", run))

    def end_absent(self, *, met: Iterable[int], films: Container[str]) -> None:
        """After a look at the whole library: what it did not meet again is over, and the same is
        news when it comes back. `met` are the numbers of what it met, `films` those that it still
        works on, whose earlier failures stay open until then."""
        met = set(met)
        over = [
            (one.id,)
            for one in self.open_failures()
            if one.id not in met and (one.kind in _OF_PLANS or one.source not in films)
        ]
        if over:
            with self._db.transaction() as write:
                write.executemany("UPDATE findings SET is_over=1 WHERE id=?", over)


def _storable(finding: FilmFinding) -> FilmFinding:
    """Words may name files whose bytes are no text."""
    hint = None if finding.hint is None else printable_lines(finding.hint)
    return replace(finding, detail=printable_lines(finding.detail), hint=hint)


def _identity(finding: FilmFinding, fingerprint: str) -> tuple[str, bytes, str, str | None, str]:
    source = os.fsencode(finding.film)
    return finding.kind.value, source, finding.detail, finding.hint, fingerprint


def pack_numbers(numbers: Sequence[int]) -> bytes | None:
    """Numbers in a few bytes: the steps between them, compressed. None for none."""
    if not numbers:
        return None
    steps = [number - before for before, number in zip((0, *numbers), numbers, strict=False)]
    return zlib.compress(msgspec.msgpack.encode(steps))


def unpack_numbers(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_numbers`. Raises ValueError."""
    try:
        steps = msgspec.msgpack.decode(zlib.decompress(packed), type=list[int])
    except (zlib.error, msgspec.MsgspecError) as problem:
        raise ValueError(f"no list of numbers: {problem}") from problem
    numbers: list[int] = []
    total = 0
    for step in steps:
        total += step
        numbers.append(total)
    return tuple(numbers)


LedgerNumbers = Annotated[
    tuple[int, ...], StoredColumn(dump=pack_numbers, load=unpack_numbers, is_bytes=True)
]
"""Numbers of other records, packed; NULL if there are none."""

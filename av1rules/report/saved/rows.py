"""The rows of a saved plan: to be shown, and to be rechecked."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from av1rules.plan.items import PlanAction
from av1rules.plan.saved.rows import WORK, SavedRow
from av1rules.policy.match import PassedOver
from av1rules.policy.settings import EncodeSettings
from av1rules.report.documents.common import ShownSettings
from av1rules.report.documents.plan import PlanRow
from av1rules.report.plan_text import SUMMARISED, ShownPlan
from av1rules.report.saved.read import PlanReader
from av1rules.report.saved.text import next_step


def saved_rows(reader: PlanReader) -> list[SavedRow]:
    """The rows that a run would do: those within the budget for which there is work, each once.
    Raises UsageError."""
    work = (row for row in reader.rows() if row.action in WORK and not row.beyond_budget)
    found: dict[str, SavedRow] = {}
    shared: dict[ShownSettings, EncodeSettings] = {}
    for row in work:
        saved = _saved_row(row, shared)
        found.setdefault(saved.path, saved)
    return list(found.values())


def _saved_row(row: PlanRow, shared: dict[ShownSettings, EncodeSettings]) -> SavedRow:
    """`shared` has the settings so far: a library has few and many films."""
    settings = None
    if row.settings is not UNSET and (settings := shared.get(row.settings)) is None:
        settings = shared[row.settings] = EncodeSettings(**asdict(row.settings))
    return SavedRow(
        path=_name(row.path, row.path_base64),
        library_path=row.library_path,
        action=row.action,
        size_bytes=row.size_bytes,
        mtime_ns=row.mtime_ns or 0,
        content_key=row.content_key or "",
        target=None if row.target is None else _name(row.target, row.target_base64),
        fingerprint=row.fingerprint or None,
        encoder=row.encoder or None,
        settings=settings,
        target_file=row.target_file or None,
    )


def _name(text: str, raw: bytes | UnsetType) -> str:
    """A file name as it is on disk."""
    return text if raw is UNSET else os.fsdecode(raw)


class SavedRows:
    """What texts show of the rows of a file. They are counted once; the first ones of each action
    are kept, and the file is read again for more."""

    def __init__(self, reader: PlanReader, *, kept: int) -> None:
        self._reader = reader
        self._most = kept
        self._kept: dict[PlanAction, list[PlanRow]] = defaultdict(list)
        self._counts: Counter[PlanAction] = Counter()
        self._causes: dict[PlanAction, Counter[tuple[str, ...]]] = defaultdict(Counter)
        self._passed_over: Counter[PassedOver] = Counter()
        for row in reader.rows():
            self._counts[row.action] += 1
            if row.action in SUMMARISED:
                self._causes[row.action][row.causes] += 1
            self._passed_over.update(PassedOver(one.rule, one.facts) for one in row.passed_over)
            if len(kept_rows := self._kept[row.action]) < kept:
                kept_rows.append(row)

    def causes(self, action: PlanAction) -> Counter[tuple[str, ...]]:
        return self._causes[action]

    def of_action(self, action: PlanAction) -> Iterator[PlanRow]:
        yield from self._kept[action]
        if self._counts[action] > self._most:
            rows = (row for row in self._reader.rows() if row.action is action)
            for number, row in enumerate(rows):
                if number >= self._most:
                    yield row

    def passed_over(self) -> Counter[PassedOver]:
        return self._passed_over


def saved_plan(path: str, *, every_row: bool, kept: int) -> ShownPlan:
    """A plan in a file as its texts show it. Raises UsageError."""
    reader = PlanReader(path)
    rows = SavedRows(reader, kept=kept)
    return ShownPlan(
        document=reader.document,
        rows=rows,
        every_row=every_row,
        next_step=next_step(path),
    )

"""The ledger's outbox: one row for each neighbour and event, written in the transaction of what it
tells of. Sending happens later, and may fail as often as it likes."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Sequence
from enum import Enum

import msgspec

from av1rules.base.units import now_text
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.ledger.outbox.recipient import Recipient
from av1rules.policy.neighbours.spec import AnnouncedEvent


class OutboxState(Enum):
    PENDING = "pending"
    DONE = "done"
    GIVEN_UP = "given up"


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What is told. `old_path` is the file that was there before, `new_path` the one that is there
    now; both are the same where a target was made anew. Sizes in bytes."""

    event: AnnouncedEvent
    film: LedgerPath | None = None  # library path
    old_path: LedgerPath | None = None
    new_path: LedgerPath | None = None
    source_bytes: int | None = None
    target_bytes: int | None = None
    rule: str | None = None
    run: int | None = None
    detail: str | None = None
    exit_code: int | None = None


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement to one neighbour. `key` stays the same however often it is sent: who takes it
    twice can know. Times are ISO 8601, UTC; `problem` says why it was not taken."""

    id: int
    neighbour: str
    key: str
    event: AnnouncedEvent
    at: str
    film: LedgerPath | None = None
    old_path: LedgerPath | None = None
    new_path: LedgerPath | None = None
    source_bytes: int | None = None
    target_bytes: int | None = None
    rule: str | None = None
    run: int | None = None
    detail: str | None = None
    exit_code: int | None = None
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    next_try: str | None = None  # None: at once
    problem: str | None = None
    ended: str | None = None


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What one neighbour was not told: how much, since when, and why."""

    neighbour: str
    waiting: int
    since: str
    problem: str | None


class OutboxTable(RecordTable[OutboxEntry]):
    """The outbox. What is done stays for a while, to be seen."""

    name = "outbox"
    mapper = RecordMapper(OutboxEntry)

    # --- what is told

    def address(self, recipients: Sequence[Recipient]) -> None:
        """From now on what this connection writes is announced to these."""
        self._db.recipients = tuple(recipients)

    def of_now(self, run: int) -> None:
        """From now on what this connection announces is of this run, whatever rows say: an undo
        handles targets of earlier ones."""
        self._db.run = run

    def announce(self, write: sqlite3.Connection, announcement: Announcement) -> None:
        """Inside the transaction that makes it true."""
        for one in self._db.recipients:
            is_idle_run = (
                announcement.event is AnnouncedEvent.RUN_FINISHED and announcement.run is None
            )
            if announcement.event in one.events and (one.watches_runs or not is_idle_run):
                fields = msgspec.structs.asdict(announcement)
                fields["run"] = announcement.run if self._db.run is None else self._db.run
                entry = OutboxEntry(
                    id=0, neighbour=one.name, key=str(uuid.uuid4()), at=now_text(), **fields
                )
                self.insert(write, entry, {"id": None})

    def add(self, *announcement: Announcement) -> None:
        """Announce in a transaction of its own what has no other: a run begins or ends. Raises
        LedgerError."""
        if self._db.recipients and announcement:
            with self._db.transaction() as write:
                for one in announcement:
                    self.announce(write, one)

    # --- what is sent

    def due(self, neighbour: str, now: str, limit: int) -> tuple[OutboxEntry, ...]:
        """What this neighbour is to be told next, in order; nothing while it is left alone."""
        sql = "WHERE state='pending' AND neighbour=? ORDER BY id LIMIT ?"
        found = tuple(self.select(sql, neighbour, limit))
        is_due = found and all(one.next_try is None or one.next_try <= now for one in found[:1])
        return found if is_due else ()

    def waiting(self) -> frozenset[str]:
        """The neighbours that were not told something."""
        rows = self._db.query("SELECT DISTINCT neighbour FROM outbox WHERE state='pending'")
        return frozenset(name for (name,) in rows)

    def end(
        self,
        entries: Sequence[OutboxEntry],
        now: str,
        *,
        state: OutboxState = OutboxState.DONE,
        problem: str | None = None,
    ) -> None:
        """They were told, or are given up."""
        with self._db.transaction() as write:
            write.executemany(
                "UPDATE outbox SET state=?, ended=?, problem=?, next_try=NULL WHERE id=?",
                [(state.value, now, problem, one.id) for one in entries],
            )

    def postpone(self, entries: Sequence[OutboxEntry], *, next_try: str, problem: str) -> None:
        """They could not be told: the neighbour is left alone until `next_try`."""
        with self._db.transaction() as write:
            write.executemany(
                "UPDATE outbox SET attempts=attempts+1, next_try=?, problem=? WHERE id=?",
                [(next_try, problem, one.id) for one in entries],
            )

    def retry(self, neighbour: str) -> None:
        """Leave it alone no longer: somebody mended it."""
        with self._db.transaction() as write:
            sql = "UPDATE outbox SET next_try=NULL WHERE state='pending' AND neighbour=?"
            write.execute(sql, (neighbour,))

    def prune(self, before: str) -> None:
        """Drop what ended before."""
        with self._db.transaction() as write:
            write.execute("DELETE FROM outbox WHERE ended < ?", (before,))

    # --- what is shown

    def backlogs(self) -> tuple[Backlog, ...]:
        """The neighbours that were not told something, by name."""
        rows = self._db.query(
            "SELECT neighbour, count(*), min(at), max(problem) FROM outbox WHERE state='pending'"
            " GROUP BY neighbour ORDER BY neighbour"
        )
        return tuple(
            Backlog(neighbour=name, waiting=count, since=since, problem=problem)
            for name, count, since, problem in rows
        )

    def count_waiting(self) -> int:
        return sum(one.waiting for one in self.backlogs())

    def of_run(self, run: int) -> tuple[OutboxEntry, ...]:
        """All that was to be told of a run, in order."""
        return tuple(self.select("WHERE run=? ORDER BY id", run))

    def of_path(self, path: str) -> tuple[OutboxEntry, ...]:
        """All that was to be told of a file, in order."""
        raw = os.fsencode(path)
        return tuple(self.select("WHERE old_path=? OR new_path=? ORDER BY id", raw, raw))

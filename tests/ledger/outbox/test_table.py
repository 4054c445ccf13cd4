"""Announcements are written in the transaction of what they tell of: with it, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.moved import MovedFiles, MovedTarget
from av1rules.ledger.outbox.recipient import Recipient, recipients_of
from av1rules.ledger.outbox.table import Announcement, OutboxEntry
from av1rules.ledger.trash_table import PendingReplacement, TrashEntry, TrashKind
from av1rules.policy.neighbours.spec import AnnouncedEvent, Neighbour, NeighbourKind
from av1rules.storage.replace import Replacement
from tests.ledger import sample_records as sample

ALL = Recipient(name="all", events=frozenset(AnnouncedEvent), watches_runs=True)
SOME = Recipient(name="some", events=frozenset({AnnouncedEvent.RENAMED}))
ROW = sample.ROW


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(Ledger.open(tmp_path)) as opened:
        opened.outbox.address((ALL,))
        yield opened


def told(ledger: Ledger) -> list[tuple[AnnouncedEvent, str | None, str | None]]:
    return [(one.event, one.old_path, one.new_path) for one in ledger.outbox.select("ORDER BY id")]


def test_a_target_that_is_new_and_one_that_is_made_anew(ledger: Ledger) -> None:
    ledger.commit(ROW, None)
    ledger.commit(ROW, None)
    assert told(ledger) == [
        (AnnouncedEvent.PUBLISHED, None, ROW.target),
        (AnnouncedEvent.PUBLISHED, ROW.target, ROW.target),
    ]


def test_without_recipients_nothing_is_written(tmp_path: Path) -> None:
    with contextlib.closing(Ledger.open(tmp_path / "other")) as ledger:
        ledger.commit(ROW, None)
        assert told(ledger) == []


def settle(ledger: Ledger, kind: TrashKind, *, is_new: bool, has_row: bool) -> None:
    entry = TrashEntry(id=0, run=1, kind=kind, path="/trash/x", row=ROW, at=sample.AT)
    exchange = Replacement(
        incoming=None, place_in=None, key_in=None, place_out=None, aside=None, key_out=None
    )
    intent = PendingReplacement(exchange=exchange, after=None, is_new=True)
    entry = ledger.kept.begin(entry, intent)
    after = entry if is_new else None
    intent = PendingReplacement(exchange=exchange, after=after, is_new=is_new)
    ledger.kept.settle(entry, intent, row=ROW if has_row else None)


@pytest.mark.parametrize(
    ("kind", "is_new", "has_row", "expected"),
    [
        (
            TrashKind.ORIGINAL, True, True,
            (AnnouncedEvent.PUBLISHED, ROW.source_path, ROW.target),
        ),
        (TrashKind.ORIGINAL, False, False, (AnnouncedEvent.UNDONE, ROW.target, ROW.source_path)),
        (
            TrashKind.RESULT, False, True,
            (AnnouncedEvent.PUBLISHED, ROW.source_path, ROW.target),
        ),
        (TrashKind.ORPHAN, True, False, (AnnouncedEvent.REMOVED, ROW.target, None)),
        (TrashKind.ORPHAN, False, True, (AnnouncedEvent.PUBLISHED, None, ROW.target)),
    ],
)  # fmt: skip
def test_what_goes_to_the_trash_and_comes_back(
    ledger: Ledger,
    kind: TrashKind,
    is_new: bool,
    has_row: bool,
    expected: tuple[AnnouncedEvent, str | None, str | None],
) -> None:
    settle(ledger, kind, is_new=is_new, has_row=has_row)
    assert told(ledger) == [expected]


def test_targets_that_follow_their_films(ledger: Ledger) -> None:
    now = replace(ROW, target="/out/now.mkv")
    ledger.moves.settle({ROW.target: now}, ended=())
    moved = MovedTarget(was=now, now=ROW, film=ROW.source)
    ledger.follow(MovedFiles(targets=(moved,)), ())
    assert told(ledger) == [
        (AnnouncedEvent.RENAMED, ROW.target, "/out/now.mkv"),
        (AnnouncedEvent.RENAMED, "/out/now.mkv", ROW.target),
    ]


def test_what_is_rolled_back_is_not_announced(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.outbox._db.transaction() as write:
            ledger.outbox.announce(write, Announcement(event=AnnouncedEvent.FAILED))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert told(ledger) == []


def test_each_is_told_of_what_it_wants(ledger: Ledger) -> None:
    ledger.outbox.address((ALL, SOME))
    idle = Announcement(event=AnnouncedEvent.RUN_FINISHED)
    ledger.outbox.add(Announcement(event=AnnouncedEvent.RENAMED), idle)
    found = [(one.neighbour, one.event) for one in ledger.outbox.select("ORDER BY id")]
    assert found == [
        ("all", AnnouncedEvent.RENAMED),
        ("some", AnnouncedEvent.RENAMED),
        ("all", AnnouncedEvent.RUN_FINISHED),
    ]
    keys = {one.key for one in ledger.outbox.select()}
    assert len(keys) == 3


def test_idle_runs_are_for_those_who_watch_over_runs(ledger: Ledger) -> None:
    kinds = (NeighbourKind.HEALTHCHECKS, NeighbourKind.WEBHOOK)
    events = frozenset({AnnouncedEvent.RUN_FINISHED})
    neighbours = tuple(Neighbour(name=kind.value, kind=kind, events=events) for kind in kinds)
    ledger.outbox.address(recipients_of(neighbours))
    ledger.outbox.add(Announcement(event=AnnouncedEvent.RUN_FINISHED))
    assert [one.neighbour for one in ledger.outbox.select()] == ["healthchecks"]


def entries(ledger: Ledger, now: str) -> tuple[OutboxEntry, ...]:
    return ledger.outbox.due("all", now, 10)


def test_a_neighbour_is_left_alone_as_a_whole(ledger: Ledger) -> None:
    """In order: what came later waits behind what could not be sent."""
    ledger.commit(ROW, None)
    ledger.outbox.postpone(entries(ledger, "2"), next_try="5", problem="down")
    ledger.commit(ROW, None)
    assert entries(ledger, "4") == ()
    assert [one.attempts for one in entries(ledger, "5")] == [1, 0]
    ledger.outbox.retry("all")
    assert len(entries(ledger, "4")) == 2
    assert ledger.outbox.count_waiting() == 2
    assert [one.event for one in ledger.outbox.of_path(ROW.target)] == [
        AnnouncedEvent.PUBLISHED
    ] * 2
    assert len(ledger.outbox.of_run(ROW.run or 0)) == 2


def test_a_run_that_handles_a_target_of_another_is_told_by_its_own_number(ledger: Ledger) -> None:
    ledger.outbox.of_now(77)
    settle(ledger, TrashKind.ORIGINAL, is_new=False, has_row=False)
    assert [one.event for one in ledger.outbox.of_run(77)] == [AnnouncedEvent.UNDONE]


def test_what_is_done_is_dropped_later(ledger: Ledger) -> None:
    ledger.commit(ROW, None)
    ledger.outbox.end(entries(ledger, "9"), "2026-01-01")
    assert ledger.outbox.waiting() == frozenset()
    ledger.outbox.prune("2025-12-31")
    assert len(told(ledger)) == 1
    ledger.outbox.prune("2026-01-02")
    assert told(ledger) == []

"""The list of all films: each part of the ledger, orders, search, pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import AttemptResult
from tests.ledger import sample_records as sample
from tests.ledger.films.test_queue import ODD, queued


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Two films wait, two are done, one failed, one came out too poor."""
    with closing(Ledger.open(tmp_path)) as opened:
        for number, film in enumerate(("films/Old.mkv", ODD)):
            row = replace(
                sample.BARE_ROW, target=f"/out/{number}.mkv", source=film,
                built_at=f"2026-01-0{number + 1}T00:00:00+00:00", target_bytes=100 + number,
            )  # fmt: skip
            opened.commit(row, None)
        opened.record_attempt(replace(sample.VERDICT, source="films/poor.mkv"))
        opened.record_attempt(
            replace(
                sample.BARE_VERDICT, kind=AttemptResult.FAILED, source="films/bad.mkv",
                detail="FFmpeg ended with 1",
            )
        )  # fmt: skip
        waiting = [queued("films/later.mkv", 2), replace(queued("films/Next.mkv", 1, 9.0))]
        opened.queue.put([replace(one, likely_bytes=50.4) for one in waiting], is_whole=True)
        yield opened


def names(ledger: Ledger, query: FilmQuery, offset: int = 0, count: int = 99) -> list[str]:
    return [one.film for one in ledger.films.page(query, offset=offset, count=count)]


def test_by_date_what_waits_comes_first_and_then_the_newest(ledger: Ledger) -> None:
    assert names(ledger, FilmQuery()) == [
        "films/Next.mkv", "films/later.mkv", "films/bad.mkv", "films/poor.mkv", ODD,
        "films/Old.mkv",
    ]  # fmt: skip
    assert ledger.films.count(FilmQuery()) == 6


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        (FilmSort.SIZE, "films/Old.mkv"),
        (FilmSort.STATUS, "films/bad.mkv"),
        (FilmSort.SAVINGS, "films/Old.mkv"),
        (FilmSort.NAME, "films/Next.mkv"),
    ],
)
def test_other_orders(ledger: Ledger, sort: FilmSort, first: str) -> None:
    assert names(ledger, FilmQuery(sort=sort))[0] == first


def test_each_state_alone(ledger: Ledger) -> None:
    found = {state: names(ledger, FilmQuery(states=frozenset({state}))) for state in FilmState}
    assert found == {
        FilmState.WAITING: ["films/Next.mkv", "films/later.mkv"],
        FilmState.DONE: [ODD, "films/Old.mkv"],
        FilmState.FAILED: ["films/bad.mkv"],
        FilmState.DECIDED: ["films/poor.mkv"],
    }


def test_search_and_pages(ledger: Ledger) -> None:
    assert names(ledger, FilmQuery(text="OLD")) == ["films/Old.mkv"]
    assert names(ledger, FilmQuery(text="100%'")) == []
    assert names(ledger, FilmQuery(films=("films/bad.mkv", "films/none.mkv"))) == ["films/bad.mkv"]
    assert names(ledger, FilmQuery(films=())) == []
    assert names(ledger, FilmQuery(), offset=4, count=1) == [ODD]


def test_what_is_known_of_each(ledger: Ledger) -> None:
    rows = {one.film: one for one in ledger.films.page(FilmQuery(), offset=0, count=99)}
    assert rows["films/Next.mkv"].seconds == 9.0
    assert rows["films/Next.mkv"].result_bytes == 50
    assert rows["films/Next.mkv"].saved_share == 0.5
    assert rows["films/bad.mkv"].detail == "FFmpeg ended with 1"
    assert rows["films/bad.mkv"].saved_share is None
    assert rows[ODD].target == "/out/1.mkv"
    assert ledger.films.encode_seconds() == 2 * (12.5 + 2.25)
    assert ledger.films.saved_shares(1) == pytest.approx((1 - 101 / 900,))


def test_the_sorts_go_round() -> None:
    sort, seen = FilmSort.DATE, []
    for _ in FilmSort:
        seen.append(sort)
        sort = sort.next
    assert (set(seen), sort) == (set(FilmSort), FilmSort.DATE)


def test_what_a_user_moved_stands_where_it_will_be_begun(ledger: Ledger) -> None:
    waiting = FilmQuery(states=frozenset({FilmState.WAITING}))
    ledger.controls.move(["films/later.mkv"], sample.AT, to_front=True)
    assert names(ledger, waiting) == ["films/later.mkv", "films/Next.mkv"]
    ledger.controls.move(["films/later.mkv"], sample.AT, to_front=False)
    assert names(ledger, waiting) == ["films/Next.mkv", "films/later.mkv"]

"""What runs found: stored once, news only the first time, and over once something was done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.findings import LASTING, pack_numbers, unpack_numbers
from av1rules.ledger.ledger import Ledger
from tests.plan.test_freshness import ROW

AT = "2026-01-01T12:00:00+00:00"
NO_ACCESS = FilmFinding(
    film="films/\udcff.mkv", kind=FindingKind.NO_ACCESS, detail="Permission denied", hint="look"
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as ledger:
        yield ledger


def add(
    ledger: Ledger, finding: FilmFinding, fingerprint: str = "", *, run: int | None = None
) -> tuple[int, bool]:
    """The number of its record, and whether it was news."""
    number = ledger.runs.begin(AT) if run is None else run
    (one,) = ledger.findings.add(number, [(finding, fingerprint)])
    return one.id, one.finding.is_new


def count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / LEDGER_NAME)) as db:
        found: int = db.execute("SELECT count(*) FROM findings").fetchone()[0]
    return found


def test_the_same_is_news_once_and_stored_once(ledger: Ledger, tmp_path: Path) -> None:
    assert [add(ledger, NO_ACCESS, "print") for _ in range(3)] == [
        (1, True),
        (1, False),
        (1, False),
    ]
    assert count(tmp_path) == 1
    (record,) = ledger.findings.of_numbers([1])
    assert (record.first_run, record.last_run, record.hint) == (1, 3, "look")
    assert record.as_finding(is_new=False) == replace(NO_ACCESS, is_new=False)


def test_words_that_name_odd_files_are_stored_and_known_again(ledger: Ledger) -> None:
    odd = replace(NO_ACCESS, detail="in the way: /out/\udcff\nlook", hint="move /out/\udcff")
    assert [add(ledger, odd) for _ in range(2)] == [(1, True), (1, False)]
    (record,) = ledger.findings.of_numbers([1])
    assert (record.detail, record.hint) == ("in the way: /out/\\xff\nlook", "move /out/\\xff")


def test_ffmpeg_may_say_it_in_other_words(ledger: Ledger) -> None:
    failed = replace(NO_ACCESS, kind=FindingKind.FAILED)
    add(ledger, failed, "print")
    assert add(ledger, replace(failed, detail="at another packet"), "print")[1] is False


def test_what_one_run_finds_twice_is_news_both_times(ledger: Ledger) -> None:
    run = ledger.runs.begin(AT)
    assert [add(ledger, NO_ACCESS, "print", run=run) for _ in range(2)] == [(1, True), (1, True)]


@pytest.mark.parametrize(
    ("changes", "fingerprint", "is_new"),
    [
        ({"detail": "in another folder"}, "print", True),
        ({"film": "films/renamed.mkv"}, "print", False),
        ({}, "other content or settings", True),
        ({"kind": FindingKind.FAILED}, "print", True),
    ],
)
def test_content_and_settings_decide_what_is_news(
    ledger: Ledger, changes: dict[str, object], fingerprint: str, is_new: bool
) -> None:
    add(ledger, NO_ACCESS, "print")
    assert add(ledger, replace(NO_ACCESS, **changes), fingerprint)[1] is is_new


@pytest.mark.parametrize(
    ("changes", "is_new"),
    [({}, False), ({"hint": None}, False), ({"detail": "x"}, True), ({"film": "b"}, True)],
)
def test_without_a_fingerprint_film_and_words_decide(
    ledger: Ledger, changes: dict[str, object], is_new: bool
) -> None:
    add(ledger, NO_ACCESS)
    assert add(ledger, replace(NO_ACCESS, **changes))[1] is is_new


def test_an_encode_of_the_film_ends_what_was_found(ledger: Ledger) -> None:
    add(ledger, NO_ACCESS, ROW.fingerprint)
    assert len(ledger.findings.open_failures()) == 1
    ledger.commit(ROW, None)
    assert ledger.findings.open_failures() == ()
    assert add(ledger, NO_ACCESS, ROW.fingerprint) == (1, True)
    assert len(ledger.findings.open_failures()) == 1, "it is met again"


@pytest.mark.parametrize("sources", [None, (NO_ACCESS.film,), ("films/other.mkv",)])
def test_a_failure_that_is_freed_is_news_again(
    ledger: Ledger, sources: tuple[str, ...] | None
) -> None:
    failed = replace(NO_ACCESS, kind=FindingKind.FAILED)
    add(ledger, failed, "print")
    ledger.free_failures(sources)
    assert add(ledger, failed, "print")[1] is (sources != ("films/other.mkv",))


def test_only_what_stays_is_open(ledger: Ledger) -> None:
    run = ledger.runs.begin(AT)
    for kind in FindingKind:
        add(ledger, FilmFinding(film=kind.value, kind=kind, detail=""), run=run)
    assert {one.kind for one in ledger.findings.open_failures()} == LASTING
    assert all(kind.is_failure for kind in LASTING)


def test_what_a_whole_library_shows_no_more_is_over(ledger: Ledger) -> None:
    run = ledger.runs.begin(AT)
    names = {
        "met": FindingKind.BLOCKED,
        "mended": FindingKind.BLOCKED,
        "a folder": FindingKind.UNREADABLE,
        "still to do": FindingKind.SYSTEM,
        "done or gone": FindingKind.SYSTEM,
    }
    numbers = {
        name: add(ledger, FilmFinding(film=name, kind=kind, detail=""), run=run)[0]
        for name, kind in names.items()
    }
    ledger.findings.end_absent(met=[numbers["met"]], films={"still to do", "mended"})
    assert [one.source for one in ledger.findings.open_failures()] == ["met", "still to do"]


def test_a_run_that_died_left_what_it_found(ledger: Ledger) -> None:
    add(ledger, NO_ACCESS)
    add(ledger, replace(NO_ACCESS, film="films/b.mkv"))
    assert [one.source for one in ledger.findings.last_met_by(2)] == ["films/b.mkv"]


@pytest.mark.parametrize(
    "numbers", [(), (1,), (7, 3, 3, 900), tuple(range(5, 20_000)), tuple(range(1200))]
)
def test_numbers_are_packed_and_come_back(numbers: tuple[int, ...]) -> None:
    packed = pack_numbers(numbers)
    assert (packed is None) is (not numbers)
    assert packed is None or unpack_numbers(packed) == numbers
    assert len(packed or b"") < 120


@pytest.mark.parametrize("packed", [b"", b"rubbish"])
def test_what_can_not_be_unpacked_is_no_list(packed: bytes) -> None:
    with pytest.raises(ValueError, match="no list of numbers"):
        unpack_numbers(packed)


def test_many_records_are_read_in_their_order(ledger: Ledger) -> None:
    run = ledger.runs.begin(AT)
    many = [(replace(NO_ACCESS, film=f"{number}"), "") for number in range(1100)]
    numbers = [one.id for one in ledger.findings.add(run, many)][::-1]
    assert [one.source for one in ledger.findings.of_numbers(numbers)][:2] == ["1099", "1098"]
    assert ledger.findings.kinds(numbers) == dict.fromkeys(numbers, FindingKind.NO_ACCESS)

"""`runs` as typed, on a ledger as runs would leave it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.runs import RunKind, RunRecord
from tests.cli.test_commands import av1rules
from tests.execute.trash_library import LONG_AGO, TrashLibrary

BLOCKED = FilmFinding(film="films/\x1b.mp4", kind=FindingKind.BLOCKED, detail="in the way")


@pytest.fixture
def library(tmp_path: Path) -> TrashLibrary:
    """Three ended runs, of which the second met a blocked film, and one that did not end."""
    made = TrashLibrary(tmp_path)
    made.ruleset()
    with made.ledger() as ledger:
        for number, kind in enumerate((RunKind.RUN, RunKind.RUN, RunKind.UNDO), 1):
            ledger.runs.begin(LONG_AGO)
            found = ledger.findings.add(number, [(BLOCKED, "")] if number == 2 else [])
            numbers = tuple(one.id for one in found)
            ledger.runs.put(
                RunRecord(
                    id=number, started=LONG_AGO, ended=LONG_AGO, kind=kind, findings=numbers,
                    new_findings=numbers, counts={Outcome.DONE: number}, exit_code=0,
                )
            )  # fmt: skip
        ledger.runs.begin(LONG_AGO)
    return made


def typed(library: TrashLibrary, *arguments: str, code: int = 0) -> str:
    done = av1rules("runs", *arguments, cwd=library.folder, code=code, TZ="UTC")
    return done.stdout + done.stderr


def numbers(library: TrashLibrary, *arguments: str) -> list[int]:
    document = json.loads(typed(library, "--json", *arguments))
    assert document["format"] == 1
    return [run["id"] for run in document["runs"]]


def test_the_newest_come_first(library: TrashLibrary) -> None:
    assert numbers(library) == [4, 3, 2, 1]
    assert numbers(library, "-n", "2") == [4, 3]
    assert numbers(library, "--failed") == [4, 2]
    assert numbers(library, "--failed", "--count", "1") == [4]
    assert numbers(library, "-n", "1", "--all") == [4, 3, 2, 1]
    lines = typed(library).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["4", "3", "2", "1"]
    assert "killed" in lines[2]
    assert "2 done, 1 blocked (new)" in lines[4]


def test_one_at_work_is_no_killed_one(library: TrashLibrary) -> None:
    with run_lock(library.folder / ".av1rules"):
        assert "is running" in typed(library).splitlines()[2]
        assert "run 4      run, is running" in typed(library, "show", "last")
        assert "run 3      undo, done" in typed(library, "show", "3")


def test_one_in_full(library: TrashLibrary) -> None:
    text = typed(library, "show", "2")
    assert "films/\\x1b.mp4: blocked (new)" in text
    assert "in the way" in text
    assert typed(library, "show", "r2") == text
    document = json.loads(typed(library, "show", "2", "--json"))
    assert document["findings"][0]["film"] == BLOCKED.film


@pytest.mark.parametrize("what", ["99", "first", ""])
def test_what_is_no_run_is_refused(library: TrashLibrary, what: str) -> None:
    assert "`av1rules runs` lists the runs" in typed(library, "show", what, code=2)


def test_of_nothing_makes_nothing(tmp_path: Path) -> None:
    library = TrashLibrary(tmp_path)
    library.ruleset()
    assert "no runs recorded yet" in typed(library)
    assert not (tmp_path / ".av1rules").exists()

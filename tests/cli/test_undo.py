"""`undo` as typed: it shows what it will do, and asks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.ledger.trash_table import TrashKind
from tests.cli.terminal import on_a_terminal
from tests.cli.test_commands import av1rules
from tests.execute.trash_library import LONG_AGO, TrashLibrary

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("tools")]


@pytest.fixture
def library(tmp_path: Path) -> TrashLibrary:
    """`a.mp4` was replaced by run 1."""
    made = TrashLibrary(tmp_path)
    made.ruleset()
    made.move_to_trash("a.mp4")
    with made.ledger() as ledger:
        ledger.runs.begin(LONG_AGO)
        ledger.runs.put(RunRecord(id=1, started=LONG_AGO, ended=LONG_AGO, trashed=1))
    return made


def typed(
    library: TrashLibrary, *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    return av1rules("undo", *arguments, cwd=library.folder, code=code)


def is_undone(library: TrashLibrary) -> bool:
    return (library.films / "a.mp4").exists() and not (library.films / "a.mkv").exists()


@pytest.mark.parametrize("arguments", [("-n", "last"), ("--dry-run", "1"), ("-n", "films/a.mp4")])
def test_a_dry_run_says_what_would_come_back(
    library: TrashLibrary, arguments: tuple[str, ...]
) -> None:
    text = typed(library, *arguments).stdout
    place = library.films / "a.mp4"
    assert text == (
        f"{place}: the original comes back, the AV1 file goes to the trash\n"
        "to put back: 1 file (510 B)\n"
    )
    assert not is_undone(library)


def test_without_a_terminal_and_a_yes_it_only_says_so(library: TrashLibrary) -> None:
    done = typed(library, "last", code=2)
    assert "the original comes back" in done.stdout
    assert "give --yes" in done.stderr
    assert not is_undone(library)


def test_a_dry_run_counts_what_can_not_be_put_back(library: TrashLibrary) -> None:
    kept = library.move_to_trash("b.mp4")
    Path(kept.path).write_bytes(b"something else")
    text = typed(library, "-n", "1", code=1).stdout
    first, second, last = text.splitlines()
    assert "can't be undone: it is not what was moved to the trash" in first
    assert "the original comes back" in second
    assert last == "to put back: 1 file (510 B), 1 can't be"


def test_where_nothing_can_be_put_back_nobody_is_asked(library: TrashLibrary) -> None:
    (library.films / "a.mkv").write_bytes(b"changed")
    assert "changed or replaced since" in typed(library, "last", code=1).stdout
    assert "changed or replaced since" in typed(library, "last", "--yes", code=1).stdout


def test_json_of_a_dry_run(library: TrashLibrary) -> None:
    document = json.loads(typed(library, "-n", "last", "--json").stdout)
    assert document["dry_run"] is True
    assert [(one["kind"], one["undone"]) for one in document["files"]] == [("original", False)]


def test_a_long_list_is_cut_with_a_count(library: TrashLibrary) -> None:
    for number in range(24):
        library.move_to_trash(f"{number:02}.mp4")
    lines = typed(library, "-n", "1").stdout.splitlines()
    assert lines[-2:] == ["... and 5 more", "to put back: 25 files (14.8 KiB)"]
    assert len(lines) == 22


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(library: TrashLibrary, answer: str, code: int) -> None:
    got, screen = on_a_terminal(["undo", "last"], cwd=library.folder, answer=answer)
    assert "the original comes back" in screen
    assert "Put this file back? [y/N]" in screen
    assert (got, is_undone(library)) == (code, code == 0)


class TestLast:
    """`last` is the last run that encoded, never an undo."""

    def test_twice_does_not_put_the_av1_back(self, library: TrashLibrary) -> None:
        typed(library, "1", "--yes")
        done = typed(library, "last", "--yes", code=2)
        assert "run 1 is undone already" in done.stderr
        assert "`av1rules undo 2` puts its AV1 files back" in done.stderr
        assert is_undone(library)

    def test_an_undo_can_be_undone_by_its_number(self, library: TrashLibrary) -> None:
        typed(library, "last", "--yes")
        assert "the AV1 file comes back" in typed(library, "2", "-n").stdout
        assert "the AV1 file is back" in typed(library, "2", "--yes").stdout
        assert not is_undone(library)
        with library.ledger() as ledger:
            assert [run.kind for run in ledger.runs.latest()] == [
                RunKind.UNDO, RunKind.UNDO, RunKind.RUN,
            ]  # fmt: skip

    def test_it_is_recorded(self, library: TrashLibrary) -> None:
        kept = library.move_to_trash("b.mp4")
        Path(kept.path).unlink()
        typed(library, "1", "--yes", code=1)
        text = av1rules("runs", "show", "last", cwd=library.folder).stdout
        assert "run 2      undo, failed" in text
        assert "command    av1rules undo 1 --yes" in text
        assert "1 put back, 1 refused (new)" in text
        assert "films/b.mp4: refused (new)" in text


def test_a_run_whose_kind_is_not_recorded_counts_as_one_that_encoded(
    library: TrashLibrary,
) -> None:
    """An adopted trash: the ledger has entries, and no runs."""
    library.move_to_trash("z.mp4", run=7)
    assert f"{os.sep}z.mp4: the original comes back" in typed(library, "last", "-n").stdout


def test_a_result_is_no_last_run(library: TrashLibrary) -> None:
    library.move_to_trash("r.mp4", run=2, kind=TrashKind.RESULT)
    with library.ledger() as ledger:
        ledger.runs.begin(LONG_AGO, kind=RunKind.UNDO)
    assert f"{os.sep}a.mp4: the original comes back" in typed(library, "last", "-n").stdout

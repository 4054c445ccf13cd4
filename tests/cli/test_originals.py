"""`originals list` and `purge` as typed: what they show, what they ask, what they leave alone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.trash_table import TrashKind
from tests.cli.terminal import on_a_terminal
from tests.cli.test_commands import av1rules
from tests.execute.trash_library import TrashLibrary


@pytest.fixture
def aside(tmp_path: Path) -> TrashLibrary:
    library = TrashLibrary(tmp_path)
    library.ruleset("keep for 30d")
    return library


def originals(
    *arguments: str, library: TrashLibrary, code: int = 0
) -> subprocess.CompletedProcess[str]:
    return av1rules("originals", *arguments, cwd=library.folder, code=code, TZ="UTC")


def test_list_shows_all_that_lies_aside_and_changes_nothing(aside: TrashLibrary) -> None:
    first = aside.move_to_trash("a.mp4", run=1)
    aside.move_to_trash("\x1b[31m\udcff.mp4", run=2, kind=TrashKind.RESULT)
    lost = aside.move_to_trash("c.mp4", run=2, kind=TrashKind.ORPHAN)
    os.unlink(lost.path)
    before = sorted(aside.folder.rglob("*"))
    text = originals("list", library=aside).stdout
    assert "\x1b" not in text
    for part in (
        "1      original  510 B    2026-01-01 12:00  2026-01-31", first.path, first.place,
        "\\x1b[31m\\xff.mkv", "missing", "1 original: 510 B", "missing from the trash: 1 file",
    ):  # fmt: skip
        assert part in text
    document = json.loads(originals("list", "--json", library=aside).stdout)
    assert [(item["kind"], item["state"]) for item in document["files"]] == [
        ("original", "there"), ("result", "there"), ("orphan", "missing"),
    ]  # fmt: skip
    output = document["files"][0]
    assert output["until"] == "2026-01-31T12:00:00+00:00"
    assert (output["size_bytes"], output["frees_bytes"], output["path"]) == (510, 510, first.path)
    assert Path(output["mount"]).is_mount()
    assert sorted(aside.folder.rglob("*")) == before


def test_list_of_nothing(aside: TrashLibrary) -> None:
    assert originals("list", library=aside).stdout == "the trash is empty\n"
    assert json.loads(originals("list", "--json", library=aside).stdout)["files"] == []
    assert not (aside.folder / ".av1rules").exists()


def test_purge_wants_to_be_told_what_and_to_be_sure(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    assert "no files chosen" in originals("purge", "--yes", library=aside, code=2).stderr
    assert "give --yes" in originals("purge", "--all", library=aside, code=2).stderr
    bad = originals("purge", "--older-than", "x", "--yes", library=aside, code=2).stderr
    assert "expected a duration" in bad
    assert Path(kept.path).exists()


def test_purge_by_run_leaves_other_runs(aside: TrashLibrary) -> None:
    first, second = aside.move_to_trash("a.mp4", run=1), aside.move_to_trash("b.mp4", run=2)
    text = originals("purge", "2", "--yes", library=aside).stdout
    assert text == "deleted the original of films/b.mp4 (510 B)\n510 B freed\n"
    assert Path(first.path).exists()
    assert not Path(second.path).exists()
    again = originals("purge", "2", "--yes", library=aside).stdout
    assert again == "no file in the trash matches\n"


def test_purge_by_path_age_and_kind(aside: TrashLibrary) -> None:
    first, second = aside.move_to_trash("x/a.mp4"), aside.move_to_trash("y/b.mp4")
    chosen = ("purge", "films/x", "--older-than", "10d", "--kind", "original", "--yes")
    originals(*chosen, library=aside)
    assert not Path(first.path).exists()
    assert Path(second.path).exists()


def test_refusal_is_told_and_counts(aside: TrashLibrary) -> None:
    first, second = aside.move_to_trash("a.mp4"), aside.move_to_trash("b.mp4")
    Path(first.row.target).write_bytes(b"x" * first.row.target_bytes)
    text = originals("purge", "--all", "--yes", library=aside, code=1).stdout
    assert "its target is not what was written" in text
    assert text.endswith("510 B freed, 1 refused\n")
    assert Path(first.path).exists()
    assert not Path(second.path).exists()
    originals("purge", "--all", "--yes", "--unverified", library=aside)
    assert not Path(first.path).exists()


def test_orphans_go_only_by_name(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash(kind=TrashKind.ORPHAN)
    text = originals("purge", "--all", "--yes", library=aside).stdout
    assert text.startswith("orphans stay (only --kind orphan deletes them): 1\n")
    assert Path(kept.path).exists()
    originals("purge", "--kind", "orphan", "--yes", library=aside)
    assert not Path(kept.path).exists()


def test_purge_waits_for_no_run(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    with run_lock(aside.folder / ".av1rules"):
        output = originals("purge", "--all", "--yes", library=aside, code=2).stderr
    assert "another run uses this ledger" in output
    assert Path(kept.path).exists()


@pytest.mark.parametrize(("answer", "is_deleted"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(answer: str, is_deleted: bool, aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    code, screen = on_a_terminal(["originals", "purge", "1"], cwd=aside.folder, answer=answer)
    assert "Delete this file for good (510 B)? [y/N]" in screen
    assert Path(kept.path).exists() is not is_deleted
    assert code == (0 if is_deleted else 130)


def test_purged_entry_is_still_known(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    originals("purge", "--all", "--yes", library=aside)
    known = aside.entry(kept)
    assert known == replace(kept, gone_at=known.gone_at)
    assert known.gone_at is not None

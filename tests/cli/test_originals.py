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
        "1    original  510 B    2026-01-01 12:00  2026-01-31", first.path, first.place,
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


@pytest.mark.parametrize(
    "name",
    [
        "films/x/a.mp4",
        "films/x",
        "a.mp4",
        "*/a.*",
        "the trash",
        "the target",
        "x a",
        "the trash, cut",
        "the place, cut",
    ],
)
def test_purge_by_any_name(name: str, aside: TrashLibrary) -> None:
    first, second = aside.move_to_trash("x/a.mp4"), aside.move_to_trash("y/b.mp4")
    name = {
        "the trash": first.path,
        "the target": first.row.target,
        "the trash, cut": f"{first.path[:5]}…{first.path[-20:]}",
        "the place, cut": f"{first.place[:5]}...{first.place[-9:]}",
    }.get(name, name)
    originals("purge", name, "--yes", library=aside)
    assert not Path(first.path).exists()
    assert Path(second.path).exists()


@pytest.mark.parametrize("more", [(), ("--older-than", "0s"), ("--kind", "original"), ("--all",)])
def test_a_name_of_nothing_never_means_all(more: tuple[str, ...], aside: TrashLibrary) -> None:
    kept = aside.move_to_trash("x/a.mp4")
    (aside.folder / "films" / "empty").mkdir()
    said = originals("purge", "films/empty", *more, "--yes", library=aside)
    assert said.stdout == "no file in the trash matches\n"
    wrong = originals("purge", "a.mp5", *more, "--yes", library=aside, code=2).stderr
    assert "the trash has nothing of this name" in wrong
    assert "films/x/a.mp4" in wrong
    assert Path(kept.path).exists()


def test_dry_run_deletes_nothing(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash("x/a.mp4")
    text = originals("purge", "a.mp4", "-n", library=aside).stdout
    assert kept.path in text
    assert text.endswith(f"would delete 1 file ({kept.size_bytes} B) for good\n")
    document = json.loads(originals("purge", "--all", "--dry-run", "--json", library=aside).stdout)
    assert (document["dry_run"], document["freed_bytes"]) == (True, kept.size_bytes)
    assert Path(kept.path).exists()


def test_dry_run_foresees_refusals_and_last_copies(aside: TrashLibrary) -> None:
    first, second = aside.move_to_trash("a.mp4"), aside.move_to_trash("b.mp4")
    Path(first.row.target).unlink()
    text = originals("purge", "--all", "-n", library=aside).stdout
    assert f"would keep the original of {first.row.source}: its target is not there" in text
    assert "  hint: `av1rules originals restore" in text
    assert text.endswith(f"would delete 1 file ({second.size_bytes} B) for good\n")
    text = originals("purge", "--all", "--last-copy", "-n", library=aside).stdout
    assert f"would give up the last copy of {first.row.source}: its target is not there" in text
    both = first.size_bytes + second.size_bytes
    assert text.endswith(f"would delete 2 files ({both:,} B) for good\n".replace(",", ""))
    document = json.loads(originals("purge", "--all", "-n", "--json", library=aside).stdout)
    assert sorted(one["purged"] for one in document["files"]) == [False, True]
    assert all(Path(one.path).exists() for one in (first, second))


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
        output = originals("purge", "--all", "--yes", library=aside, code=5).stderr
    assert "another run uses this ledger" in output
    assert Path(kept.path).exists()


@pytest.mark.parametrize(("answer", "is_deleted"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(answer: str, is_deleted: bool, aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    code, screen = on_a_terminal(["originals", "purge", "1"], cwd=aside.folder, answer=answer)
    assert "Delete 1 file (510 B) for good? [y/N]" in screen
    assert Path(kept.path).exists() is not is_deleted
    assert code == (0 if is_deleted else 130)


def test_purged_entry_is_still_known(aside: TrashLibrary) -> None:
    kept = aside.move_to_trash()
    originals("purge", "--all", "--yes", library=aside)
    known = aside.entry(kept)
    assert known == replace(kept, gone_at=known.gone_at)
    assert known.gone_at is not None

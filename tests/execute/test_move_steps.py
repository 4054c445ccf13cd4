"""Each step of a move by itself, and what the next start makes of moves that a kill left half done.

Files and ledger are real. The states are those between two steps; that a real kill leaves them is
shown by `tests/faults`, and that they are durable by `tests/powerloss`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.execute import move as move_module
from av1rules.execute.move import (
    place,
    recover_moves,
    roll_back,
    settle,
    stage,
    with_side_files,
)
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.runs import TargetMove
from av1rules.policy.model import OutputMode, OutputSpec
from tests.ledger.sample_records import BARE_ROW


@dataclass(frozen=True)
class Mirror:
    """The folder `out` with targets, and the ledger that knows them."""

    out: Path
    ledger: Ledger

    def target(self, name: str, content: str) -> TargetRow:
        """A target as written, and its row."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        stat = path.stat()
        row = replace(
            BARE_ROW,
            target=str(path),
            source=f"films/{name}",
            source_path=f"/films/{name}",
            target_bytes=stat.st_size,
            target_mtime_ns=stat.st_mtime_ns,
            target_key=content_key(str(path)),
        )
        self.ledger.commit(row, None)
        return row

    def move(self, old: str, new: str, *, side_of: str | None = None) -> TargetMove:
        """From `old` to `new`, with the stage `.av1rules-OLD` in the old folder."""
        here = self.out / old
        return TargetMove(
            old=str(here),
            new=str(self.out / new),
            stage=str(here.with_name(f".av1rules-{here.name}")),
            source="" if side_of else f"films/{new}",
            source_path=str(self.out / side_of) if side_of else f"/films/{new}",
        )

    def killed_with(self, *moves: TargetMove, there: tuple[str, ...] = ("",)) -> list[str]:
        """What the next start tells. Disks are `there` if their path begins so below `out`."""
        self.ledger.moves.begin(moves)
        return self.restarted(there=there)

    def restarted(self, *, there: tuple[str, ...] = ("",)) -> list[str]:
        output = OutputSpec(mode=OutputMode.MIRROR, root=self.out)
        roots = tuple(f"{self.out}/{one}" for one in there)
        return list(recover_moves(self.ledger, output, lambda path: path.startswith(roots)))

    @property
    def files(self) -> dict[str, str]:
        paths = (path for path in sorted(self.out.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.out)): path.read_text() for path in paths}

    @property
    def rows(self) -> dict[str, str]:
        """The source of each target."""
        named = {row.target: row.source for row in self.ledger.rows()}
        return {os.path.relpath(target, self.out): source for target, source in named.items()}


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    (tmp_path / "out").mkdir()
    ledger = Ledger.open(tmp_path / "state")
    yield Mirror(out=tmp_path / "out", ledger=ledger)
    ledger.close()


# --- single steps


def test_a_target_is_staged_in_its_own_folder_and_can_go_back(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    move = mirror.move("a.mkv", "b.mkv")
    stage(move)
    assert mirror.files == {".av1rules-a.mkv": "a"}
    roll_back(move)
    assert mirror.files == {"a.mkv": "a"}
    roll_back(move)
    assert mirror.files == {"a.mkv": "a"}


@pytest.mark.parametrize(("old", "new"), [("a.mkv", "a.mkv"), ("b.mkv", "a.mkv")])
def test_what_is_at_its_new_place_already_is_not_staged(mirror: Mirror, old: str, new: str) -> None:
    """Only its source has another name, or somebody moved it together with its source."""
    mirror.target("a.mkv", "a")
    stage(mirror.move(old, new))
    assert mirror.files == {"a.mkv": "a"}


def test_a_place_that_another_target_still_has_does_not_keep_from_staging(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    mirror.target("b.mkv", "b")
    stage(mirror.move("a.mkv", "b.mkv"))
    assert mirror.files == {".av1rules-a.mkv": "a", "b.mkv": "b"}


def test_a_staged_target_gets_its_new_folder(mirror: Mirror) -> None:
    move = mirror.move("a.mkv", "new/folder/b.mkv")
    Path(move.stage).write_text("a")
    place(move)
    assert mirror.files == {"new/folder/b.mkv": "a"}
    place(move)
    assert mirror.files == {"new/folder/b.mkv": "a"}


def test_nothing_is_placed_over_another_file(mirror: Mirror) -> None:
    move = mirror.move("a.mkv", "b.mkv")
    Path(move.stage).write_text("a")
    Path(move.new).write_text("my own")
    with pytest.raises(FileExistsError):
        place(move)
    assert mirror.files == {".av1rules-a.mkv": "a", "b.mkv": "my own"}


def test_what_a_killed_run_had_placed_only_loses_its_temporary_name(mirror: Mirror) -> None:
    move = mirror.move("a.mkv", "b.mkv")
    Path(move.stage).write_text("a")
    Path(move.new).write_text("a")
    place(move)
    assert mirror.files == {"b.mkv": "a"}


def test_to_another_file_system_it_is_copied_and_then_removed(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = mirror.move("a.mkv", "b.mkv")
    Path(move.stage).write_text("a")
    monkeypatch.setattr(move_module, "rename_new", refuse(errno.EXDEV))
    place(move)
    assert mirror.files == {"b.mkv": "a"}


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EIO])
def test_what_a_disk_refuses_is_raised_and_nothing_is_copied(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    move = mirror.move("a.mkv", "b.mkv")
    Path(move.stage).write_text("a")
    monkeypatch.setattr(move_module, "rename_new", refuse(code))
    with pytest.raises(OSError, match=os.strerror(code)):
        place(move)
    assert mirror.files == {".av1rules-a.mkv": "a"}


def refuse(code: int) -> object:
    def rename(_old: Path, _new: Path) -> None:
        raise OSError(code, os.strerror(code))

    return rename


def test_side_files_go_with_targets_that_change_their_place(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    mirror.target("stays.mkv", "s")
    for name in ("a.en.srt", "a.nfo", "stays.srt", "other.srt"):
        (mirror.out / name).write_text(name)
    moves = [mirror.move("a.mkv", "sub/b.mkv"), mirror.move("stays.mkv", "stays.mkv")]
    found = list(with_side_files({move.old: move for move in moves}, mirror.ledger))
    assert found[:2] == moves
    pairs = {(Path(one.old).name, os.path.relpath(one.new, mirror.out)) for one in found[2:]}
    assert pairs == {("a.en.srt", "sub/b.en.srt"), ("a.nfo", "sub/b.nfo")}
    assert {one.source_path for one in found[2:]} == {str(mirror.out / "a.mkv")}
    assert all(one.is_side_file for one in found[2:])


def test_only_what_arrived_is_settled(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    mirror.target("b.mkv", "b")
    arrived, waiting = mirror.move("a.mkv", "c.mkv"), mirror.move("b.mkv", "d.mkv")
    moves = (arrived, waiting)
    mirror.ledger.moves.begin(moves)
    os.rename(arrived.old, arrived.new)
    os.utime(arrived.new, ns=(5, 5))
    assert settle(mirror.ledger, moves) == (arrived,)
    assert mirror.rows == {"c.mkv": "films/c.mkv", "b.mkv": "films/b.mkv"}
    row = mirror.ledger.find(arrived.new)
    assert row is not None
    assert (row.source_path, row.target_mtime_ns) == ("/films/c.mkv", 5)
    (pending,) = mirror.ledger.moves.in_flight()
    assert (pending.old, pending.is_settled) == (arrived.old, True)


# --- at the next start


def test_a_kill_before_the_first_rename(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    move = mirror.move("a.mkv", "sub/b.mkv")
    assert mirror.killed_with(move) == [f"finished the move of {move.old} to {move.new}"]
    assert mirror.files == {"sub/b.mkv": "a"}
    assert mirror.rows == {"sub/b.mkv": "films/sub/b.mkv"}
    assert mirror.restarted() == []


@pytest.mark.parametrize("staged", [(), ("a",), ("b",), ("a", "b")])
def test_a_kill_while_two_targets_changed_places(mirror: Mirror, staged: tuple[str, ...]) -> None:
    mirror.target("a.mkv", "a")
    mirror.target("b.mkv", "b")
    moves = {"a": mirror.move("a.mkv", "b.mkv"), "b": mirror.move("b.mkv", "a.mkv")}
    for name in staged:
        stage(moves[name])
    assert len(mirror.killed_with(*moves.values())) == 2
    assert mirror.files == {"a.mkv": "b", "b.mkv": "a"}
    assert mirror.ledger.moves.in_flight() == ()


def test_a_kill_between_the_placing_of_two_that_change_places(mirror: Mirror) -> None:
    """The first is where the second was: nothing of it may be staged again."""
    mirror.target("a.mkv", "a")
    mirror.target("b.mkv", "b")
    moves = (mirror.move("a.mkv", "b.mkv"), mirror.move("b.mkv", "a.mkv"))
    for move in moves:
        stage(move)
    place(moves[0])
    assert len(mirror.killed_with(*moves)) == 2
    assert mirror.files == {"a.mkv": "b", "b.mkv": "a"}
    assert mirror.rows == {"a.mkv": "films/a.mkv", "b.mkv": "films/b.mkv"}


def test_a_kill_before_side_files_followed(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    (mirror.out / "a.srt").write_text("words")
    move = mirror.move("a.mkv", "b.mkv")
    side = mirror.move("a.srt", "b.srt", side_of="a.mkv")
    for one in (move, side):
        stage(one)
    place(move)
    assert len(mirror.killed_with(move, side)) == 1, "side files are not told"
    assert mirror.files == {"b.mkv": "a", "b.srt": "words"}
    assert mirror.ledger.moves.in_flight() == ()


def test_a_kill_before_anything_of_target_and_side_file_was_staged(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    (mirror.out / "a.srt").write_text("words")
    side = mirror.move("a.srt", "b.srt", side_of="a.mkv")
    mirror.killed_with(mirror.move("a.mkv", "b.mkv"), side)
    assert mirror.files == {"b.mkv": "a", "b.srt": "words"}


def test_a_side_file_of_a_target_that_arrived_is_not_staged_again(mirror: Mirror) -> None:
    """It came back to its old name since its new one was taken; it is left there."""
    mirror.target("a.mkv", "a")
    (mirror.out / "a.srt").write_text("words")
    (mirror.out / "b.srt").write_text("my own")
    move = mirror.move("a.mkv", "b.mkv")
    stage(move)
    place(move)
    mirror.killed_with(move, mirror.move("a.srt", "b.srt", side_of="a.mkv"))
    assert mirror.files == {"b.mkv": "a", "a.srt": "words", "b.srt": "my own"}


def test_a_target_whose_new_place_was_taken_goes_back_with_its_side_files(mirror: Mirror) -> None:
    row = mirror.target("a.mkv", "a")
    (mirror.out / "a.srt").write_text("words")
    (mirror.out / "b.mkv").write_text("my own")
    moves = (mirror.move("a.mkv", "b.mkv"), mirror.move("a.srt", "b.srt", side_of="a.mkv"))
    for move in moves:
        stage(move)
    assert mirror.killed_with(*moves) == []
    assert mirror.files == {"a.mkv": "a", "a.srt": "words", "b.mkv": "my own"}
    assert mirror.ledger.find(row.target) == row
    assert mirror.ledger.moves.in_flight() == ()


def test_a_target_without_a_free_place_waits_under_its_temporary_name(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    move = mirror.move("a.mkv", "b.mkv")
    stage(move)
    for path in (move.old, move.new):
        Path(path).write_text("my own")
    (line,) = mirror.killed_with(move)
    assert line.startswith(f"{move.stage} waits: neither its old nor its new place is free")
    assert Path(move.stage).read_text() == "a"
    assert mirror.ledger.moves.in_flight() == (move,)
    Path(move.new).unlink()
    assert mirror.restarted() == [f"finished the move of {move.old} to {move.new}"]
    assert mirror.files == {"a.mkv": "my own", "b.mkv": "a"}


def test_another_file_under_the_old_name_is_not_taken_for_the_target(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    (mirror.out / "a.mkv").write_text("my own")
    assert mirror.killed_with(mirror.move("a.mkv", "b.mkv")) == []
    assert mirror.files == {"a.mkv": "my own"}


def test_a_target_that_the_ledger_does_not_know_any_more_stays(mirror: Mirror) -> None:
    (mirror.out / "a.mkv").write_text("a")
    assert mirror.killed_with(mirror.move("a.mkv", "b.mkv")) == []
    assert mirror.files == {"a.mkv": "a"}
    assert mirror.ledger.moves.in_flight() == ()


@pytest.mark.parametrize("there", [("x",), ("y",)])
def test_a_move_waits_for_both_of_its_disks(mirror: Mirror, there: tuple[str, ...]) -> None:
    mirror.target("x/a.mkv", "a")
    move = mirror.move("x/a.mkv", "y/a.mkv")
    stage(move)
    before = mirror.files
    assert mirror.killed_with(move, there=there) == []
    assert (mirror.files, mirror.ledger.moves.in_flight()) == (before, (move,))
    assert len(mirror.restarted()) == 1
    assert mirror.files == {"y/a.mkv": "a"}


def test_half_a_copy_to_another_file_system_goes(mirror: Mirror) -> None:
    mirror.target("a.mkv", "a")
    (mirror.out / "sub").mkdir()
    (mirror.out / "sub" / ".av1rules-a.mkv.part").write_text("ha")
    move = mirror.move("a.mkv", "sub/b.mkv")
    stage(move)
    mirror.killed_with(move)
    assert mirror.files == {"sub/b.mkv": "a"}


def test_a_kill_after_the_rows_were_written_is_told_and_cleaned_up(mirror: Mirror) -> None:
    mirror.target("old/deep/a.mkv", "a")
    move = mirror.move("old/deep/a.mkv", "b.mkv")
    stage(move)
    place(move)
    mirror.ledger.moves.begin((move,))
    settle(mirror.ledger, (move,))
    receipt = Path(f"{move.old}.av1rules.json")
    receipt.write_text("{}")
    assert mirror.restarted() == [f"finished the move of {move.old} to {move.new}"]
    assert mirror.files == {"b.mkv": "a"}
    assert not (mirror.out / "old").exists()
    assert mirror.ledger.moves.in_flight() == ()


def test_folders_with_something_in_them_stay(mirror: Mirror) -> None:
    mirror.target("old/a/a.mkv", "a")
    (mirror.out / "old" / "mine.txt").write_text("my own")
    mirror.killed_with(mirror.move("old/a/a.mkv", "b.mkv"))
    assert mirror.files == {"b.mkv": "a", "old/mine.txt": "my own"}
    assert not (mirror.out / "old" / "a").exists()


def test_folders_that_went_before_a_kill_do_not_keep_those_above_them(mirror: Mirror) -> None:
    mirror.target("old/a/a.mkv", "a")
    move = mirror.move("old/a/a.mkv", "b.mkv")
    stage(move)
    place(move)
    (mirror.out / "old" / "a").rmdir()
    mirror.killed_with(move)
    assert not (mirror.out / "old").exists()
    assert mirror.out.exists(), "the output itself never goes"

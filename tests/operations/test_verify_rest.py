"""What `verify`, `status`, `adopt` and `undo` know of a complete mirror."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.main import cli
from av1rules.ledger.ledger import Ledger
from av1rules.operations.verify_rest import RestCheck, StandInHealth, check_rest
from av1rules.plan.items import PlanAction
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.faults.live import undo_last
from tests.mirror_shelf import Shelf
from tests.sample_library import SampleLibrary

KINDS = ("hardlink", "symlink", "copy")


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(library: SampleLibrary, make_clip: MakeClip) -> Shelf:
    return Shelf(library, make_clip)


def checked(shelf: Shelf, *paths: Path, digest: bool = False) -> RestCheck:
    with contextlib.closing(Ledger.read(shelf.library.state_dir)) as ledger:
        names = tuple(str(path) for path in paths)
        return check_rest(ledger, names, digest=digest, check=lambda: None)


def filled(shelf: Shelf, rest: str) -> None:
    shelf.rules(rest)
    for name in ("kept.mkv", "sub/kept2.mkv"):
        shelf.film(name)
    shelf.side("kept.srt")
    shelf.run()


@pytest.mark.parametrize("rest", KINDS)
def test_a_mirror_that_is_well(rest: str, shelf: Shelf) -> None:
    filled(shelf, rest)
    assert checked(shelf, digest=True) == RestCheck(checked=3)
    assert checked(shelf, shelf.at("sub")).checked == 1
    assert checked(shelf, shelf.source("sub")).checked == 1


def lose(path: Path, _source: Path) -> None:
    path.unlink()


def replace_by_other(path: Path, _source: Path) -> None:
    path.unlink()
    path.write_text("mine")


def lose_source(_path: Path, source: Path) -> None:
    source.unlink()


@pytest.mark.parametrize(
    ("rest", "change", "health"),
    [
        *((rest, lose, StandInHealth.MISSING) for rest in KINDS),
        *((rest, replace_by_other, StandInHealth.CHANGED) for rest in KINDS),
        ("symlink", lose_source, StandInHealth.DANGLING),
    ],
)
def test_what_is_wrong_is_found(
    rest: str, change: Callable[[Path, Path], None], health: StandInHealth, shelf: Shelf
) -> None:
    filled(shelf, rest)
    change(shelf.at("kept.mkv"), shelf.source("kept.mkv"))
    (fault,) = checked(shelf).faults
    assert (fault.health, fault.row.path) == (health, str(shelf.at("kept.mkv")))
    assert fault.hint


def test_bit_rot_of_a_copy(shelf: Shelf) -> None:
    filled(shelf, "copy")
    there = shelf.at("kept.mkv")
    times = there.stat()
    content = bytearray(there.read_bytes())
    content[-1] ^= 1
    with there.open("r+b") as file:
        file.write(content)
    os.utime(there, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert checked(shelf).faults == ()
    (fault,) = checked(shelf, digest=True).faults
    assert fault.health is StandInHealth.DAMAGED


def command(shelf: Shelf, *words: str) -> tuple[int, str]:
    found = CliRunner().invoke(
        cli, [words[0], "-f", str(shelf.library.rules_file), *words[1:]], standalone_mode=False
    )
    assert found.exception is None, found.exception
    return found.return_value, found.stdout


def test_the_commands_say_it(shelf: Shelf) -> None:
    filled(shelf, "symlink")
    assert "2 films, 1 side file (symlink)" in command(shelf, "status")[1]
    code, text = command(shelf, "verify")
    assert (code, "rest of the mirror: 3 files checked, all well" in text) == (0, True)
    shelf.source("kept.mkv").unlink()
    code, text = command(shelf, "verify")
    assert code == 1
    assert "dangling" in text
    assert "1 not as it should be" in text


@pytest.mark.parametrize("rest", KINDS)
def test_adopt_knows_a_mirror_again(rest: str, shelf: Shelf) -> None:
    filled(shelf, rest)
    before = shelf.rows()
    shutil.rmtree(shelf.library.state_dir)
    if rest == "copy":  # a link that leads to the source needs no more
        assert shelf.plan().problems
    code, text = command(shelf, "adopt", "--dry-run")
    assert (code, "3 links or copies of a mirror; nothing was written" in text) == (0, True)
    assert shelf.rows() == []
    code, text = command(shelf, "adopt")
    assert (code, "3 links or copies of a mirror" in text) == (0, True)
    assert shelf.rows() == before
    assert not shelf.library.plan().has_work
    assert "nothing to adopt" in command(shelf, "adopt")[1]


def test_adopt_takes_nothing_else(shelf: Shelf) -> None:
    filled(shelf, "symlink")
    shutil.rmtree(shelf.library.state_dir)
    shelf.at("kept.mkv").unlink()
    shelf.at("kept.mkv").symlink_to(shelf.source("sub/kept2.mkv"))
    shelf.at("kept.srt").unlink()
    shelf.at("kept.srt").write_text("mine")
    command(shelf, "adopt")
    assert [Path(row.path).name for row in shelf.rows()] == ["kept2.mkv"]


def test_an_orphan_that_is_put_back_takes_the_place_of_a_link(shelf: Shelf) -> None:
    shelf.rules("hardlink", output=", orphans: trash")
    source = shelf.film("a.mkv")
    shelf.film("b.mkv")
    shelf.run()
    aside = source.rename(shelf.library.folder / "aside.mkv")
    shelf.run()
    assert shelf.names() == {"b.mkv"}
    aside.rename(source)
    shelf.library.rules(shelf.library.rules_file.read_text().replace("**/kept*", "**/a*"))
    shelf.run()
    assert shelf.stands("a.mkv")
    undo_last(shelf.library)
    assert not shelf.at("a.mkv").samefile(source)
    assert shelf.library.row("b.mkv").action is PlanAction.FRESH
    assert shelf.names() == {"a.mkv", "b.mkv"}
    assert shelf.plan().to_place == ()

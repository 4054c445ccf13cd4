"""Temporary names that no ledger knows: told, removed once they are old, never without need."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.execute.leftovers import MOST_TOLD, OLD_S, sweep_leftovers
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.runs import TargetMove
from tests.sample_library import SampleLibrary

NAME = ".av1rules-0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path) -> SampleLibrary:
    """A library whose last run did not end."""
    library = SampleLibrary(folder=tmp_path, clip=tmp_path / "none")
    library.rules()
    for name in ("films", "out/films/deep"):
        (tmp_path / name).mkdir(parents=True)
    ledger = Ledger.open(library.state_dir)
    ledger.runs.begin("2026-01-01T00:00:00+00:00")
    ledger.close()
    return library


def leave(folder: Path, *, age_s: float, name: str = NAME) -> Path:
    private = folder / name
    private.mkdir()
    (private / "part.mkv").write_bytes(b"half")
    for path in (private / "part.mkv", private):
        os.utime(path, (time.time() - age_s,) * 2)
    return private


def swept(library: SampleLibrary) -> list[str]:
    ledger = Ledger.open(library.state_dir)
    try:
        return list(sweep_leftovers(ledger, library.ruleset()))
    finally:
        ledger.close()


@pytest.mark.parametrize("where", ["out", "out/films/deep"])
def test_an_old_private_folder_goes(place: SampleLibrary, where: str) -> None:
    private = leave(place.folder / where, age_s=OLD_S + 60)
    assert swept(place) == [f"removed {private}: no run has written there for a week"]
    assert not private.exists()


def test_a_young_one_is_told(place: SampleLibrary) -> None:
    private = leave(place.folder / "out", age_s=OLD_S - 60)
    (line,) = swept(place)
    assert line.startswith(f"{private} is of a run that this ledger does not know")
    assert (private / "part.mkv").exists()


def test_one_that_is_written_to_is_young(place: SampleLibrary) -> None:
    private = leave(place.folder / "out", age_s=OLD_S + 60)
    (private / "part.mkv").write_bytes(b"more")
    os.utime(private, (time.time() - 2 * OLD_S,) * 2)
    (line,) = swept(place)
    assert "does not know" in line
    assert private.exists()


def test_a_file_is_told_however_old(place: SampleLibrary) -> None:
    """A run with another ledger may have been moving the only copy of a target."""
    staged = place.folder / "out" / f"{NAME}.mkv"
    staged.write_bytes(b"target")
    os.utime(staged, (0, 0))
    (line,) = swept(place)
    assert "look what it is" in line
    assert staged.read_bytes() == b"target"


@pytest.mark.parametrize(
    "name", [".av1rules-kept", ".av1rules-notes", "film.av1rules-0123456789abcdef", f"{NAME}0"]
)
def test_other_names_are_not_ours_to_judge(place: SampleLibrary, name: str) -> None:
    other = leave(place.folder / "out", age_s=2 * OLD_S, name=name)
    assert swept(place) == []
    assert other.exists()


def test_sources_of_a_mirror_are_not_looked_through(place: SampleLibrary) -> None:
    other = leave(place.folder / "films", age_s=2 * OLD_S)
    assert swept(place) == []
    assert other.exists()


def test_a_link_is_not_followed(place: SampleLibrary, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "film.mkv").write_bytes(b"film")
    os.utime(precious / "film.mkv", (0, 0))
    (place.folder / "out" / NAME).symlink_to(precious)
    assert len(swept(place)) == 1
    assert (precious / "film.mkv").exists()


def test_temp_dir_and_the_roots_of_replace_are_looked_through(place: SampleLibrary) -> None:
    (place.folder / "temp").mkdir()
    place.rules(
        place.rules_file.read_text().replace(
            "{mode: mirror, root: out, copies: encode}", "{mode: replace, temp_dir: temp}"
        )
    )
    left = [leave(place.folder / name, age_s=2 * OLD_S) for name in ("temp", "films")]
    assert len(swept(place)) == 2
    assert not any(path.exists() for path in left)


def test_what_the_ledger_knows_is_left_to_its_own_repair(place: SampleLibrary) -> None:
    private = leave(place.folder / "out", age_s=2 * OLD_S)
    staged = place.folder / "out" / ".av1rules-fedcba9876543210.mkv"
    staged.write_bytes(b"target")
    ledger = Ledger.open(place.state_dir)
    ledger.begin(str(private), "films/film.mkv")
    move = TargetMove(
        old="/out/a.mkv", new="/out/b.mkv", stage=str(staged), source="b", source_path="/b"
    )
    ledger.moves.begin((move,))
    ledger.close()
    assert swept(place) == []
    assert private.exists()


def test_after_a_run_that_ended_nothing_is_looked_through(place: SampleLibrary) -> None:
    ledger = Ledger.open(place.state_dir)
    (record,) = ledger.runs.latest(1)
    ledger.runs.put(replace(record, ended="2026-01-01T01:00:00+00:00"))
    ledger.close()
    private = leave(place.folder / "out", age_s=2 * OLD_S)
    assert swept(place) == []
    assert private.exists()


def test_many_are_counted(place: SampleLibrary) -> None:
    for number in range(MOST_TOLD + 2):
        leave(place.folder / "out", age_s=0, name=f".av1rules-{number:016x}")
    lines = swept(place)
    assert len(lines) == MOST_TOLD + 1
    assert lines[-1] == "2 more temporary names of that kind"

"""The brake: too much is gone to act on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.plan.safety_stop import check_root, known_files, missing_files, take_inventory
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, RULES, SampleLibrary

MARKS = {f"film {number}.mkv": (number, number) for number in range(20)}


def lost_of(found: dict[str, tuple[int, int]], there: tuple[str, ...] = ()) -> list[str]:
    marks = found.values()
    return missing_files(
        MARKS.items(), found.items(), elsewhere=marks, is_there=lambda path: path in there
    )


def safety_stop(lost: list[str], *, found: int = 10, max_lost: float = 0.25) -> str | None:
    judged = check_root("/films", known=len(MARKS), found=found, lost=lost, max_lost=max_lost)
    return None if judged is None else judged.message


def test_renamed_files_are_not_lost() -> None:
    assert lost_of({f"other/{path}": mark for path, mark in MARKS.items()}) == []


def test_files_no_longer_looked_at_are_not_lost() -> None:
    assert lost_of({}, there=tuple(MARKS)) == []


def test_gone_files_are_lost() -> None:
    assert lost_of(dict(list(MARKS.items())[3:])) == [f"film {n}.mkv" for n in range(3)]


def test_touched_and_changed_files_are_not_lost() -> None:
    assert lost_of(dict.fromkeys(MARKS, (9, 9))) == []


@pytest.mark.parametrize(
    ("lost", "max_lost", "stops"),
    [
        (4, 0.1, False),
        (5, 0.25, False),
        (5, 0.2, True),
        (6, 0.25, True),
        (20, 1.0, False),
        (1, 0.0, True),
    ],
)
def test_share_and_number_decide(lost: int, max_lost: float, stops: bool) -> None:
    message = safety_stop([f"film {n}.mkv" for n in range(lost)], max_lost=max_lost)
    assert (message is not None) is stops


@pytest.mark.parametrize("known", [0, 20])
def test_an_empty_root_that_lost_nothing_stops_nothing(known: int) -> None:
    assert check_root("/films", known=known, found=0, lost=[], max_lost=0.25) is None


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        (1, "1 of 20 known files are gone (5%, library.max_lost allows 0%): film 0.mkv"),
        (3, ("3 of 20 known files are gone (15%, library.max_lost allows 0%): "
            "film 0.mkv, film 1.mkv, film 2.mkv")),
        (4, ("4 of 20 known files are gone (20%, library.max_lost allows 0%): "
            "film 0.mkv, film 1.mkv, film 2.mkv and 1 more")),
    ],
)  # fmt: skip
def test_message_has_the_figures_and_says_when_there_are_more(lost: int, says: str) -> None:
    assert safety_stop([f"film {n}.mkv" for n in range(lost)], max_lost=0.0) == says


def test_emptied_root_stops_whatever_its_size() -> None:
    assert safety_stop(["film 1.mkv"], found=0, max_lost=1.0) == (
        "the root is empty, but held 20 files at the last run"
    )


def test_census_survives_odd_names_and_damage() -> None:
    files = [("a\udcff\x00b.mkv", (1, 2)), ("b", (3, 4))]
    assert list(known_files(take_inventory("/r", files).packed)) == files
    assert list(known_files(b"damaged")) == []


# --- in a run


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def full(library: SampleLibrary) -> SampleLibrary:
    """Eight films that are held by the rules: nothing is encoded, all is known."""
    library.rules(
        "version: 1\nlibrary: {roots: [films, more], settle: 0}\n"
        "output: {mode: mirror, root: out}\nrun: {reserve: 0}\n"
        "rules: [{name: all, hold: later}]\n"
    )
    for number in range(8):
        library.add(f"{number}.mkv")
    (library.folder / "more").mkdir()
    library.run()
    return library


def test_missing_root_refuses_the_run_and_is_told_by_the_plan(full: SampleLibrary) -> None:
    (full.folder / "more").rmdir()
    (output,) = full.plan().safety_stops
    assert "is its disk mounted?" in output.text
    with pytest.raises(UsageError, match="does not exist"):
        full.run()
    assert full.run(accept_missing=True).failed == 0


def test_a_root_that_never_was_there_may_be_misspelt(full: SampleLibrary) -> None:
    """There is nothing to accept: neither the hint nor a mounted disk would help."""
    text = full.rules_file.read_text()
    full.rules_file.write_text(text.replace("[films, more]", "[flims, more]"))
    (stop,) = full.plan().safety_stops
    assert stop.message == f"there is no such folder; the nearest that exists is {full.folder}"
    assert f"did you mean {full.folder}/films?" in stop.hint
    full.rules_file.write_text(text.replace("[films, more]", "[no/such/place, more]"))
    (stop,) = full.plan().safety_stops
    assert str(full.folder) in stop.message
    assert stop.hint == "correct library.roots, or create it"
    assert "--accept-missing" not in stop.text
    assert full.plan().problems == ()


def test_a_root_whose_targets_are_known_was_there(
    library: SampleLibrary, fake_clips: FakeClips
) -> None:
    library.add("a.mkv", fake_clips("a.mkv"))
    library.run()
    text = library.rules_file.read_text()
    library.rules_file.write_text(text.replace("roots: [films]", "roots: [elsewhere/films]"))
    (stop,) = library.plan().safety_stops
    assert "--accept-missing" in stop.hint


def test_emptied_root_refuses_until_it_is_accepted_once(full: SampleLibrary) -> None:
    shutil.rmtree(full.folder / "films")
    (full.folder / "films").mkdir()
    with pytest.raises(UsageError, match="empty, but held 8 files"):
        full.run()
    full.run(accept_missing=True)
    full.run()


@pytest.mark.parametrize(("count", "stops"), [(4, False), (5, True), (6, True)])
def test_an_output_without_one_of_its_targets_stops_from_five_on(
    library: SampleLibrary, fake_clips: FakeClips, count: int, *, stops: bool
) -> None:
    """The folder itself is there, with something in it: the mount point of another disk."""
    for number in range(count):
        library.add(f"{number}.mkv", fake_clips(f"{number}.mkv"))
    assert library.run().done == count
    for number in range(count):
        library.target(f"{number}.mkv").unlink()
    (library.folder / "out" / "lost+found").mkdir()
    found = library.plan().safety_stops
    assert bool(found) is stops
    if stops:
        assert f"the ledger has {count} targets there" in found[0].text
    library.target("0.mkv").write_bytes(b"one is there")
    assert library.plan().safety_stops == ()


def test_lost_share_refuses_and_acts_on_nothing(library: SampleLibrary) -> None:
    text = RULES.format(settings=FAST).replace("copies: encode", "orphans: trash")
    library.rules(text)
    for number in range(8):
        library.add(f"{number}.mkv")
    library.run()
    before = sorted(path.name for path in (library.folder / "out" / "films").iterdir())
    for number in range(6):
        Path(library.folder, "films", f"{number}.mkv").unlink()
    with pytest.raises(UsageError, match="6 of 8 known files are gone"):
        library.run()
    assert sorted(path.name for path in (library.folder / "out" / "films").iterdir()) == before
    assert library.plan().orphans == ()


def test_renaming_the_whole_library_is_no_loss(full: SampleLibrary) -> None:
    (full.folder / "films" / "sorted").mkdir()
    for number in range(8):
        path = full.folder / "films" / f"{number}.mkv"
        path.rename(full.folder / "films" / "sorted" / f"Film {number}.mkv")
    assert full.plan().safety_stops == ()
    full.run()


def test_other_extensions_in_the_rules_are_no_loss(full: SampleLibrary) -> None:
    text = full.rules_file.read_text().replace("settle: 0", "settle: 0, extensions: [mp4]")
    full.rules(text)
    assert full.plan().safety_stops == ()


def test_root_with_targets_in_it_is_not_empty(library: SampleLibrary) -> None:
    library.rules(RULES.format(settings=FAST).replace("mode: mirror, root: out", "mode: beside"))
    film = library.add("a.mkv")
    library.run()
    film.unlink()
    assert library.plan().safety_stops == ()
    assert (library.folder / "films" / "a.av1.mkv").exists()


def test_max_lost_of_zero_stops_at_the_first_unless_another_file_could_be_it(
    library: SampleLibrary, other_clip: Path
) -> None:
    """As docs/rules.md has it: size and time of change tell a renamed file from a lost one."""
    library.rules(RULES.replace("settle: 0", "settle: 0, max_lost: 0").format(settings=FAST))
    twins = [library.add("one.mkv"), library.add("two.mkv")]
    single = library.add("three.mkv", other_clip)
    for number, path in enumerate((*twins, single)):
        os.utime(path, (1_700_000_000 + number // 2, 1_700_000_000 + number // 2))
    library.run()
    twins[0].unlink()
    assert library.plan().safety_stops == ()
    single.unlink()
    (stop,) = library.plan().safety_stops
    assert "1 of 3 known files are gone" in stop.text


@pytest.mark.parametrize("is_there", [True, False])
def test_an_output_that_is_empty_or_gone_stops_whatever_the_number(
    library: SampleLibrary, *, is_there: bool
) -> None:
    library.add("a.mkv")
    assert library.run().done == 1
    shutil.rmtree(library.folder / "out")
    if is_there:
        (library.folder / "out").mkdir()
    (stop,) = library.plan().safety_stops
    assert "all of output.root is missing, but the ledger has 1 target there" in stop.text
    assert library.run(accept_missing=True).done == 1

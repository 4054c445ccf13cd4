"""Sources that change, grow or vanish while they are encoded; clocks that go back."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from av1rules.base.events import JobStarted
from av1rules.base.hashing import file_digest
from av1rules.execute.trash import purge_expired
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import PlanAction
from tests.faults.live import drops, rules, run_with
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

MODES = ("mode: mirror, root: out", "mode: replace")


class Grower(threading.Thread):
    """Appends to a file until it is told to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.01):
            with open(self.path, "ab") as file:
                file.write(b"more of the film")


@pytest.mark.parametrize("output", MODES)
def test_source_that_grows_while_it_is_encoded(
    library: SampleLibrary, tiny_clips: Mapping[str, Path], output: str
) -> None:
    rules(library, output)
    film = library.add("a.mkv", tiny_clips["a.mkv"])
    grower = Grower(film)
    try:
        finished = run_with(library, on=JobStarted, do=grower.start)
    finally:
        grower.done.set()
        grower.join()
    assert finished.done == 0
    assert film.read_bytes().startswith(tiny_clips["a.mkv"].read_bytes() + b"more")
    assert not library.target("a.mkv").exists()
    assert library.kept() == ()
    assert library.leftovers() == []
    shutil.copy(tiny_clips["a.mkv"], film)
    assert library.run().done == 1, "once it is at rest"


def _truncate(film: Path, _other: Path) -> None:
    os.truncate(film, 1000)


def _delete(film: Path, _other: Path) -> None:
    film.unlink()


def _overwrite(film: Path, other: Path) -> None:
    shutil.copy(other, film)


def _replace(film: Path, other: Path) -> None:
    shutil.copy(other, film.with_suffix(".part"))
    os.replace(film.with_suffix(".part"), film)


@pytest.mark.parametrize("at", ["source read", "encoded", "verified", "final check", "kept aside"])
@pytest.mark.parametrize("change", [_truncate, _delete, _overwrite, _replace])
@pytest.mark.parametrize("output", MODES)
def test_source_that_changes_on_the_way(
    library: SampleLibrary,
    tiny_clips: Mapping[str, Path],
    output: str,
    change: Callable[[Path, Path], None],
    at: str,
) -> None:
    is_replacing = output == "mode: replace"
    if at == "kept aside" and not is_replacing:
        pytest.skip("only in mode replace is anything moved to the trash")
    rules(library, output)
    film = library.add("a.mkv", tiny_clips["a.mkv"])
    original = film.with_suffix(".keep")
    shutil.copy(film, original)
    finished = run_with(library, at=at, do=lambda: change(film, tiny_clips["b.mkv"]))
    is_too_late = at == "final check" and not is_replacing
    if is_replacing and at == "kept aside" and change in (_delete, _replace):
        _require_both_there(library, change, tiny_clips)
        return
    assert finished.done == int(is_too_late), "nothing is checked after the final check"
    if change is _delete:
        assert not film.exists()
    elif change in (_overwrite, _replace):
        assert file_digest(film) == file_digest(tiny_clips["b.mkv"]), "the newer one stays"
    assert library.leftovers() == []
    assert library.target("a.mkv").exists() == is_too_late
    if film.exists() and change is not _truncate:
        assert library.run().failed == 0
        assert library.plan().work == ()
    with closing(Ledger.read(library.state_dir)) as ledger:
        assert ledger.kept.in_flight() == ()


def _require_both_there(
    library: SampleLibrary, change: Callable[[Path, Path], None], clips: Mapping[str, Path]
) -> None:
    """The film was renamed when it was in the trash already: both contents are kept, and the user
    is told where another film is in its place."""
    there = {file_digest(path) for path in (library.folder / "films").rglob("*.mkv")}
    assert file_digest(clips["a.mkv"]) in there
    if change is _replace:
        assert file_digest(library.folder / "films" / "a.mkv") == file_digest(clips["b.mkv"])
        assert library.run().done == 1
        assert {file_digest(clips[name]) for name in ("a.mkv", "b.mkv")} <= {
            file_digest(path) for path in (library.folder / "films").rglob("*.mkv")
        }


def test_source_still_open_for_writing_is_left(
    near_library: SampleLibrary, tiny_clips: Mapping[str, Path]
) -> None:
    rules(near_library, "mode: mirror, root: out")
    film = near_library.add("a.mkv", tiny_clips["a.mkv"])
    with open(film, "ab"):
        assert near_library.run().dropped == 1
    assert drops(near_library) == {
        "films/a.mkv": "the source is being written to by another program"
    }
    assert near_library.run().done == 1


# --- clocks


@pytest.mark.parametrize("days", [-20_000, 3000])
def test_times_far_off_are_no_obstacle(
    library: SampleLibrary, tiny_clips: Mapping[str, Path], days: int
) -> None:
    rules(library, "mode: mirror, root: out")
    film = library.add("a.mkv", tiny_clips["a.mkv"])
    when = (datetime.now(UTC) + timedelta(days=days)).timestamp()
    os.utime(film, (when, when))
    assert library.run().done == 1
    assert library.plan().work == ()
    os.utime(film, (when - 86400, when - 86400))
    assert library.plan().work == (), "the time alone says nothing"
    shutil.copy(tiny_clips["b.mkv"], film)
    os.utime(film, (when - 90000, when - 90000))
    assert library.causes("a.mkv") == ("source changed",), "an older file may be the newer content"
    assert library.run().done == 1


@pytest.mark.parametrize(
    ("now_days", "is_gone"), [(-400, False), (0, False), (29, False), (31, True)]
)
def test_keep_for_purges_nothing_early(
    library: SampleLibrary, tiny_clips: Mapping[str, Path], now_days: int, is_gone: bool
) -> None:
    """What was replaced "in the future", before the clock was set back, waits for its time."""
    rules(library, "mode: replace, originals: keep for 30d")
    library.add("a.mkv", tiny_clips["a.mkv"])
    library.run()
    now = datetime.now(UTC) + timedelta(days=now_days)
    with closing(Ledger.open(library.state_dir)) as ledger:
        lines = list(purge_expired(ledger, library.ruleset(), now=now))
    assert len(lines) == int(is_gone)
    assert len(library.kept()) == 1 - int(is_gone)
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]

"""The films that the names of a plan mean: found by the walk, on disk, or known to the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import WalkProblem
from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.context import PlanRequest
from av1rules.plan.names.find import wanted_name
from av1rules.plan.names.of_plan import with_films, with_places
from tests.ledger.sample_records import ROW

STAT = FileStat(device=1, inode=1, size_bytes=1, mtime_ns=1, ctime_ns=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "state")
    yield opened
    opened.close()


class Films:
    """A root `m` with some films on disk, of which some are in the ledger."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.root = folder / "films"
        self.root.mkdir()
        self.ledger = ledger
        self.found: list[LibraryFile] = []

    def add(self, name: str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        file = LibraryFile(root_name="m", root=str(self.root), relative_path=name, stat=STAT)
        self.found.append(file)
        return file.path

    def record(self, name: str, target: str) -> None:
        path = f"{self.root}/{name}"
        row = replace(ROW, source=f"m/{name}", source_path=path, target=target)
        self.ledger.commit(row, None)

    def paths(
        self, *words: str, takes_one: bool = False, problems: Sequence[WalkProblem] = ()
    ) -> set[str]:
        names = tuple(map(wanted_name, words))
        request = PlanRequest(names=names, takes_one=takes_one)
        roots = {"m": str(self.root)}
        request = with_places(request, roots=roots, ledger=self.ledger)
        if request.names:
            request = with_films(request, self.found, problems, roots=roots, ledger=self.ledger)
        assert not request.is_whole
        return set(request.paths or ())


@pytest.fixture
def films(tmp_path: Path, ledger: Ledger) -> Films:
    return Films(tmp_path, ledger)


def test_without_names_it_stays_about_the_whole_library(films: Films) -> None:
    request = PlanRequest()
    assert with_places(request, roots={}, ledger=films.ledger) is request


def test_a_target_means_its_source(films: Films) -> None:
    heat = films.add("heat.mkv")
    films.record("heat.mkv", "/av1/m/heat.mkv")
    assert films.paths("/av1/m/heat.mkv") == {heat}


def test_a_replaced_film_is_found_by_its_former_name(films: Films) -> None:
    target = films.add("heat.mkv")
    films.record("heat.avi", target)
    for word in ("m/heat.avi", f"{films.root}/heat.avi", "heat.av"):
        assert films.paths(word) == {target}


def test_a_file_on_disk_that_is_no_film_is_not_taken_for_a_part(films: Films) -> None:
    films.add("heat/a.mkv")
    films.add("heat.txt.mkv")
    (films.root / "heat.txt").touch()
    assert films.paths("m/heat.txt") == {f"{films.root}/heat.txt"}


def test_a_film_that_is_gone_says_so(films: Films) -> None:
    films.add("other.mkv")
    films.record("heat.mkv", "/av1/m/heat.mkv")
    with pytest.raises(UsageError, match="no longer in the library"):
        films.paths("heat")


def test_a_film_that_an_unreadable_root_may_hold_is_no_fault(films: Films) -> None:
    films.record("heat.mkv", "/av1/m/heat.mkv")
    problem = WalkProblem(root_name="m", path="/films", message="not mounted", is_root=True)
    assert films.paths("heat", problems=[problem]) == set()
    with pytest.raises(UsageError, match="not mounted"):
        films.paths("alien", problems=[problem])


def test_a_path_elsewhere_names_the_roots(films: Films, tmp_path: Path) -> None:
    films.add("heat.mkv")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UsageError, match="not below any root") as caught:
        films.paths(f"{tmp_path}/elsewhere")
    assert str(films.root) in str(caught.value)


def test_one_film(films: Films) -> None:
    heat = films.add("heat.mkv")
    films.add("heat 2.mkv")
    assert films.paths("heat.mkv", takes_one=True) == {heat}
    with pytest.raises(UsageError, match="2 films are meant"):
        films.paths("heat", takes_one=True)


def test_requests_cover_what_is_at_or_below_their_paths(films: Films) -> None:
    films.add("a/b/c.mkv")
    films.add("a/bc.mkv")
    (below, beside) = films.found
    for path in (below.path, f"{films.root}/a/b", str(films.root), "/"):
        assert PlanRequest(paths=frozenset({path})).covers(below)
    request = PlanRequest(paths=(f"{films.root}/a/b",))
    assert not request.covers(beside)
    assert not PlanRequest(names=(wanted_name("gone"),)).covers(beside)

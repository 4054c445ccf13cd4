"""What av1d left beside films, as the walk of its roots finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.operations.migrate.av1d.beside import LibraryFinds, look_beside_films
from av1rules.operations.migrate.av1d.jobs import Av1dJob, JobStatus


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


def put(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def look(folder: Path, *jobs: Av1dJob) -> LibraryFinds:
    return look_beside_films([("movies", str(folder))], jobs)


def size_gate(path: Path) -> Av1dJob:
    return Av1dJob(source_path=str(path), status=JobStatus.SKIPPED, reason="size gate")


def test_markers_of_the_size_gate_and_of_users_are_told_apart(films: Path) -> None:
    put(films, "a.mkv", "b.mkv", "c.mkv", "d.mkv", "a.av1skip", "b.av1skip", "c.mkv.av1skip")
    put(films, "b.why.txt", text="Size Gate: 98 % of the original\nmore")
    put(films, "c.why.txt", text="skip marker (.av1skip) exists\n")
    found = look(films, size_gate(films / "a.mkv"))
    assert [(one.library_path, one.by_size_gate, one.why) for one in found.marked] == [
        ("movies/a.mkv", True, None),
        ("movies/b.mkv", True, "Size Gate: 98 % of the original"),
        ("movies/c.mkv", False, "skip marker (.av1skip) exists"),
    ]
    assert [Path(one.marker).name for one in found.marked] == [
        "a.av1skip", "b.av1skip", "c.mkv.av1skip",
    ]  # fmt: skip
    assert (found.films, found.notes) == (4, 2)


def test_a_marked_folder_is_ours_and_not_av1ds(films: Path) -> None:
    put(films, "x/.av1skip", "x/a.mkv")
    assert look(films).marked == ()


def test_unfinished_results_reports_and_originals_are_no_films(films: Path) -> None:
    put(films, "a.mp4", "a.orig.mkv", "b.tmp.av1.mkv", "c.av1-tmp.7.mkv", "d.orig.mkv", "d.txt")
    put(films, "a.av1-conversion-report.txt", "E.MP4", "E.orig.mkv", "a.ts")
    found = look(films)
    assert [Path(path).name for path in found.unfinished] == ["b.tmp.av1.mkv", "c.av1-tmp.7.mkv"]
    assert [Path(path).name for path in found.reports] == ["a.av1-conversion-report.txt"]
    assert {
        Path(one.path).name: [Path(path).name for path in one.results] for one in found.originals
    } == {"a.orig.mkv": ["a.mp4"], "d.orig.mkv": [], "E.orig.mkv": ["E.MP4"]}
    assert found.films == 3


def test_an_original_has_the_name_that_its_job_gives(films: Path) -> None:
    put(films, "a.orig.mkv", "b.orig.mkv")
    found = look(films, Av1dJob(source_path=f"{films}/a.avi", status=JobStatus.RUNNING))
    assert [one.former for one in found.originals] == [f"{films}/a.avi", None]


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = look(tmp_path / "gone")
    assert len(found.problems) == 1
    assert "does not exist" in found.problems[0]


def test_notes_are_read_in_part_and_made_safe(films: Path) -> None:
    put(films, "a.mkv", "a.av1skip")
    put(films, "a.why.txt", text="\x1b[31m" + "x" * 10_000)
    (one,) = look(films).marked
    assert one.why is not None
    assert one.why.startswith("\\x1b[31mx")
    assert len(one.why) <= 200

"""Which files go with a film, and that none is overwritten, lost or taken from another film."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.storage.sidecars import carry, renamed_for_extension, side_files_of

OURS = (
    "film.srt", "film.en.srt", "film.en.forced.ass", "film.pt-BR.srt", "film.zh-Hans.srt",
    "film.English.sdh.vtt", "film.eng.2.srt", "film.idx", "film.sub", "film.sup", "film.nfo",
    "film-poster.jpg", "film-thumb.jpg", "film-fanart3.webp", "film.jpg", "film.poster.png",
    "film.tbn", "film-320-10.bif", "film.edl", "film.chapters.xml", "film.de.ac3", "film.mka",
    "film.mkv.nfo", "film.mkv.jpg", "film.mkv-thumb.jpg", "film.EN.SRT", "film.nl.srt",
)  # fmt: skip

NOT_OURS = (
    "film.mkv", "film.mp4", "film.av1.mkv", "film-trailer.mp4", "film 2.srt", "film2.srt",
    "film-2.jpg", "film-2.nfo", "film.director's cut.srt", "film.exe", "film.mkv.av1rules.json",
    "film.av1rules.txt", "film.mkv.av1skip", ".av1rules-0123.srt", "poster.jpg", "movie.nfo",
    "Film.srt", "film", "film.mkv.part", "film..srt",
)  # fmt: skip


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return fill(tmp_path / "films", "film.mkv") / "film.mkv"


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def names_of(film: Path) -> list[str]:
    return [os.path.basename(path) for path in side_files_of(str(film))]


@pytest.mark.parametrize("name", OURS)
def test_belongs_to_the_film(name: str, film: Path) -> None:
    fill(film.parent, name)
    assert names_of(film) == [name]


@pytest.mark.parametrize("name", NOT_OURS)
def test_does_not_belong_to_the_film(name: str, film: Path) -> None:
    fill(film.parent, name)
    assert names_of(film) == []


def test_links_folders_and_pipes_are_none(film: Path) -> None:
    (film.parent / "film.srt").symlink_to(film)
    (film.parent / "film.nfo").mkdir()
    os.mkfifo(film.parent / "film.jpg")
    assert names_of(film) == []


@pytest.mark.parametrize(
    ("other", "side"),
    [
        ("film-poster.mkv", "film-poster.jpg"),
        ("film.en.mkv", "film.en.srt"),
        ("film.en.mkv", "film.en.forced.srt"),
        ("film.en.mkv", "film.en.mkv.srt"),
        ("film.mkv.mp4", "film.mkv.nfo"),
    ],
)
def test_the_longer_name_has_it(other: str, side: str, film: Path) -> None:
    fill(film.parent, other, side, "film.srt")
    assert names_of(film) == ["film.srt"]
    assert names_of(film.parent / other) == [side]


def test_two_films_of_one_stem_share_what_has_it(film: Path) -> None:
    fill(film.parent, "film.mp4", "film.srt", "film.mp4.nfo")
    assert names_of(film) == ["film.srt"]
    assert names_of(film.with_suffix(".mp4")) == ["film.mp4.nfo", "film.srt"]


def test_odd_bytes_in_names_survive(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"\xff[x].mkv", b"\xff[x].en.srt"):
        with open(os.path.join(folder, name), "wb"):
            pass
    (side,) = side_files_of(os.fsdecode(os.path.join(folder, b"\xff[x].mkv")))
    assert os.fsencode(side).endswith(b"/\xff[x].en.srt")


def test_new_extension_renames_only_what_has_the_whole_name(tmp_path: Path) -> None:
    folder = fill(
        tmp_path, "film.mp4", "film.srt", "film.mp4.nfo", "film.mp4-thumb.jpg", "film.mp4.jpg",
        "film.mkv.jpg",
    )  # fmt: skip
    pairs = renamed_for_extension(str(folder / "film.mp4"), str(folder / "film.mkv"))
    assert pairs == (
        (str(folder / "film.mp4-thumb.jpg"), str(folder / "film.mkv-thumb.jpg")),
        (str(folder / "film.mp4.nfo"), str(folder / "film.mkv.nfo")),
    )


def test_carry_links_under_the_name_of_the_target(film: Path, tmp_path: Path) -> None:
    fill(film.parent, "film.en.srt", "film-poster.jpg", "film.mkv.nfo")
    goal = fill(tmp_path / "out", "film.av1.mkv", "film.av1-poster.jpg")
    carried = carry(str(film), str(goal / "film.av1.mkv"))
    assert carried == (str(goal / "film.av1.en.srt"), str(goal / "film.av1.mkv.nfo"))
    assert (goal / "film.av1.en.srt").samefile(film.parent / "film.en.srt")
    assert (goal / "film.av1-poster.jpg").read_text() == "film.av1-poster.jpg", "it was there"
    assert carry(str(film), str(goal / "film.av1.mkv")) == ()


def test_carry_to_the_same_folder_is_not_carried_again(film: Path) -> None:
    """The target's own side files are no further ones of the source."""
    fill(film.parent, "film.av1.mkv", "film.en.srt")
    target = str(film.parent / "film.av1.mkv")
    assert carry(str(film), target) == (str(film.parent / "film.av1.en.srt"),)
    assert carry(str(film), target) == ()
    assert names_of(film) == ["film.en.srt"]


def test_carry_copies_where_there_are_no_links(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(film.parent, "film.srt")
    os.utime(film.parent / "film.srt", ns=(1, 2_000_000_000))
    goal = fill(tmp_path / "out", "film.mkv")

    def far_away(*_paths: object, **_options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", far_away)
    assert carry(str(film), str(goal / "film.mkv")) == (str(goal / "film.srt"),)
    copy = goal / "film.srt"
    assert copy.read_text() == "film.srt"
    assert copy.stat().st_mtime_ns == 2_000_000_000
    assert not copy.samefile(film.parent / "film.srt")
    assert sorted(os.listdir(goal)) == ["film.mkv", "film.srt"]


def test_carry_across_real_file_systems(film: Path) -> None:
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == film.stat().st_dev:
        pytest.skip("no second file system to write to")
    fill(film.parent, "film.srt")
    goal = other / f"av1rules-test-{os.getpid()}.mkv"
    carried = carry(str(film), str(goal))
    try:
        assert [Path(path).read_text() for path in carried] == ["film.srt"]
    finally:
        for path in carried:
            os.unlink(path)

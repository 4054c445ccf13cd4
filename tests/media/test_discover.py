"""The walk finds films, sets aside with a reason, follows no link, and tells its troubles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from av1rules.base.files import temp_name
from av1rules.media.discover import Candidate, SkipReason, WalkProblem, walk

NOW_S = 2_000_000_000.0
"""Far after every test file's own times, so that all are settled."""

SETTLING = SkipReason.SETTLING


def _make(root: Path, *names: str, size: int = 100) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)


def _walk(
    *roots: Path,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    min_size: int = 0,
    settle_s: float = 60,
    now_s: float = NOW_S,
    excluded_folders: Iterable[str] = (),
    excluded_files: frozenset[str] = frozenset(),
) -> list[Candidate | WalkProblem]:
    return list(
        walk(
            [(root.name, str(root)) for root in roots],
            include=tuple(include),
            exclude=tuple(exclude),
            min_size=min_size,
            settle_s=settle_s,
            now_s=now_s,
            excluded_folders=tuple(excluded_folders),
            excluded_files=excluded_files,
        )
    )


def _told(found: list[Candidate | WalkProblem]) -> dict[str, SkipReason | None]:
    assert not [one for one in found if isinstance(one, WalkProblem)]
    return {one.file.library_path: one.skip_reason for one in found if isinstance(one, Candidate)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


def test_videos_are_found_by_extension_in_any_case(root: Path) -> None:
    _make(root, "a.mkv", "b.MP4", "c/d.M2ts", "e.srt", "mkv", "f.mkv.part", "g.nfo", "h.m3u8")
    assert list(_told(_walk(root))) == ["films/a.mkv", "films/b.MP4", "films/c/d.M2ts"]


def test_order_is_files_first_then_folders_each_sorted(root: Path) -> None:
    _make(root, "z.mkv", "b/2.mkv", "b/1.mkv", "a/9.mkv", "a/b/0.mkv", "B.mkv")
    names = [name.removeprefix("films/") for name in _told(_walk(root))]
    assert names == ["B.mkv", "z.mkv", "a/9.mkv", "a/b/0.mkv", "b/1.mkv", "b/2.mkv"]


def test_a_file_knows_its_paths_and_stat(root: Path) -> None:
    _make(root, "a/b.mkv", size=123)
    os.link(root / "a/b.mkv", root / "other.txt")
    (one,) = _walk(root)
    assert isinstance(one, Candidate)
    assert one.file.path == str(root / "a/b.mkv")
    seen = (root / "a/b.mkv").stat()
    assert one.file.stat.size_bytes == 123
    assert (one.file.stat.inode, one.file.stat.mtime_ns) == (seen.st_ino, seen.st_mtime_ns)
    assert one.file.stat.links == 2


@pytest.mark.parametrize(
    "name",
    [
        b"a b 'c' \"d\".mkv",
        b"new\nline.mkv",
        b"-dash.mkv",
        b"100%:x.mkv",
        "film \U0001f3ac.mkv".encode(),
        b"bytes \xff\xfe.mkv",
        b"*[?]{a,b}.mkv",
    ],
)
def test_odd_names_come_through_unchanged(root: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(root), name)
    with open(path, "wb") as file:
        file.write(b"x")
    (one,) = _walk(root)
    assert isinstance(one, Candidate)
    assert os.fsencode(one.file.path) == path
    assert one.skip_reason is None


def test_links_are_not_followed_and_not_taken(root: Path, tmp_path: Path) -> None:
    _make(tmp_path, "outside/film.mkv")
    _make(root, "real.mkv")
    (root / "link.mkv").symlink_to(root / "real.mkv")
    (root / "out.mkv").symlink_to(tmp_path / "outside/film.mkv")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "dangling.mkv").symlink_to(root / "nothing")
    assert list(_told(_walk(root))) == ["films/real.mkv"]


def test_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    _make(root, "a.mkv")
    link = tmp_path / "link"
    link.symlink_to(root)
    (one,) = _walk(link)
    assert isinstance(one, Candidate)
    assert one.file.library_path == "link/a.mkv"
    assert one.file.path == str(root / "a.mkv")


def test_pipes_sockets_and_folders_named_as_films_are_no_films(root: Path) -> None:
    os.mkfifo(root / "pipe.mkv")
    (root / "folder.mkv").mkdir()
    _make(root, "folder.mkv/inside.mp4")
    assert list(_told(_walk(root))) == ["films/folder.mkv/inside.mp4"]


def test_our_temp_files_and_kept_folders_are_never_seen(root: Path) -> None:
    _make(root, temp_name(root / "a.mkv").name, ".av1rules/x.mkv", "@eaDir/x.mkv")
    _make(root, ".Trash-1000/files/x.mkv", "lost+found/x.mkv", "$RECYCLE.BIN/x.mkv")
    _make(root, ".hidden/seen.mkv")
    assert list(_told(_walk(root))) == ["films/.hidden/seen.mkv"]


def test_resource_forks_of_macos_are_no_films_but_hidden_files_are(root: Path) -> None:
    _make(root, "a.mkv", "._a.mkv", "x/._b.mp4", ".hidden.mkv", "..mkv")
    assert list(_told(_walk(root))) == ["films/..mkv", "films/.hidden.mkv", "films/a.mkv"]


def test_excluded_folders_and_files_are_not_reported(root: Path, tmp_path: Path) -> None:
    _make(root, "a.mkv", "mirror/a.mkv", "a.av1.mkv")
    link = tmp_path / "link"
    link.symlink_to(root)
    found = _walk(
        root,
        excluded_folders=[str(link / "mirror")],
        excluded_files=frozenset({str(root / "a.av1.mkv")}),
    )
    assert list(_told(found)) == ["films/a.mkv"]


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("**/*sample*", ["a.mkv", "x/Extras/c.mkv", "x/d.mp4"]),
        ("**/Extras/**", ["a.mkv", "x/b-sample.mkv", "x/d.mp4"]),
        ("x/**", ["a.mkv"]),
        ("films/x/**", ["a.mkv"]),
        ("*.mkv", ["x/Extras/c.mkv", "x/b-sample.mkv", "x/d.mp4"]),
        ("**/*.{mp4,avi}", ["a.mkv", "x/Extras/c.mkv", "x/b-sample.mkv"]),
    ],
)
def test_exclude_globs(root: Path, pattern: str, taken: list[str]) -> None:
    _make(root, "a.mkv", "x/b-sample.mkv", "x/Extras/c.mkv", "x/d.mp4")
    output = _told(_walk(root, exclude=[pattern]))
    assert len(output) == 4
    kept = [name.removeprefix("films/") for name, reason in output.items() if reason is None]
    assert sorted(kept) == sorted(taken)
    assert {reason for reason in output.values() if reason} == {SkipReason.EXCLUDED}


def test_include_takes_only_what_it_names_and_exclude_wins(root: Path) -> None:
    _make(root, "tv/a.mkv", "tv/b.mkv", "movies/c.mkv")
    output = _told(_walk(root, include=["tv/**"], exclude=["**/b.*"]))
    assert [name for name, reason in output.items() if reason is None] == ["films/tv/a.mkv"]


def test_small_files_are_set_aside(root: Path) -> None:
    _make(root, "small.mkv", size=99)
    _make(root, "enough.mkv", size=100)
    output = _told(_walk(root, min_size=100))
    assert output == {"films/enough.mkv": None, "films/small.mkv": SkipReason.TOO_SMALL}


@pytest.mark.parametrize(
    ("age_s", "expected"), [(10, SETTLING), (59, SETTLING), (61, None), (-3600, SETTLING)]
)
def test_files_changed_a_moment_ago_are_left_to_settle(
    root: Path, age_s: float, expected: SkipReason | None
) -> None:
    _make(root, "a.mkv")
    changed_s = (root / "a.mkv").stat().st_ctime
    os.utime(root / "a.mkv", (1, 1))  # a copy tool set an old mtime: ctime still tells
    output = _told(_walk(root, now_s=changed_s + age_s))
    assert output == {"films/a.mkv": expected}


def test_time_days_ahead_counts_as_settled(root: Path) -> None:
    _make(root, "a.mkv")
    os.utime(root / "a.mkv", (NOW_S + 200_000, NOW_S + 200_000))
    assert _told(_walk(root)) == {"films/a.mkv": None}


@pytest.mark.parametrize("marker", ["film.mkv.av1skip", "film.av1skip", ".av1skip", "../.av1skip"])
def test_markers_beside_in_and_above(root: Path, marker: str) -> None:
    _make(root, "x/film.mkv", f"x/{marker}", "other.mkv/film.mkv")
    assert _told(_walk(root))["films/x/film.mkv"] is SkipReason.MARKED


def test_marker_of_one_file_leaves_the_others(root: Path) -> None:
    _make(root, "film.mkv", "film.av1skip", "film2.mkv", "x/film.mkv")
    output = _told(_walk(root))
    assert [name for name, reason in output.items() if reason] == ["films/film.mkv"]


def test_missing_root_is_told_as_a_root(root: Path, tmp_path: Path) -> None:
    _make(root, "a.mkv")
    found = _walk(tmp_path / "absent", root)
    assert found[0] == WalkProblem(
        root_name="absent",
        path=str(tmp_path / "absent"),
        message="the root does not exist or is not a folder (is its disk mounted?)",
        is_root=True,
    )
    assert len(found) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_told_and_the_rest_found(root: Path) -> None:
    _make(root, "a/x.mkv", "b/y.mkv")
    (root / "a").chmod(0)
    try:
        found = _walk(root)
    finally:
        (root / "a").chmod(0o755)
    problems = [one for one in found if isinstance(one, WalkProblem)]
    assert [(one.path, one.is_root) for one in problems] == [(str(root / "a"), False)]
    assert len(found) == 2


def test_folder_that_can_not_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(root, "a/x.mkv", "b/y.mkv")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = _walk(root)
    assert (
        WalkProblem(
            root_name="films",
            path=str(root / "a"),
            message="cannot read the folder: Permission denied",
        )
        in found
    )
    assert len(found) == 2


def test_overlapping_roots_give_each_file_once(root: Path) -> None:
    _make(root, "a.mkv", "tv/b.mkv")
    assert list(_told(_walk(root, root / "tv"))) == ["films/a.mkv", "films/tv/b.mkv"]
    assert list(_told(_walk(root / "tv", root))) == ["tv/b.mkv", "films/a.mkv"]

"""Things in the place of films: pipes, devices, loops, unreadable folders, very long names."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import ProbeError
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import LibraryCache, content_key_of
from av1rules.media.discover import Candidate, WalkProblem, walk
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import library_file
from tests.hostile import forge
from tests.hostile.conftest import av1rules
from tests.runs import RunCounts, run_plan
from tests.sample_library import SampleLibrary


def walk_names(root: Path) -> tuple[list[str], list[WalkProblem]]:
    steps = list(
        walk([("films", str(root))], include=[], exclude=[], min_size=0, settle_s=0,
             now_s=time.time())
    )  # fmt: skip
    names = [step.file.relative_path for step in steps if isinstance(step, Candidate)]
    return names, [step for step in steps if isinstance(step, WalkProblem)]


def make_special(path: Path, kind: str) -> None:
    """Create something at `path` that is not a regular file."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(path))  # names of sockets must be short
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "outward":
        path.symlink_to("/etc/passwd")
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
        except PermissionError:
            pytest.skip("device nodes need root")


SPECIAL = ("fifo", "socket", "folder", "device", "dangling", "loop", "outward")
NOT_REGULAR = "it is not a regular file, but a folder, pipe, socket or device"


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_no_film(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_special(tmp_path / "film.mkv", kind)
    (tmp_path / "good.mkv").touch()
    assert walk_names(tmp_path) == (["good.mkv"], [])


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "device"])
def test_what_took_a_films_place_is_neither_waited_for_nor_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "film.mkv"
    path.write_bytes(b"\0film")
    file = library_file(path)
    path.unlink()
    make_special(path, kind)
    nowhere = Tools(
        ffmpeg="ffmpeg", ffprobe="ffprobe-is-not-started", ffmpeg_version="8", ffprobe_version="8",
        version=(8, 0), encoders=(),
    )  # fmt: skip
    started = time.monotonic()
    for read in (content_key, head_key, file_digest):
        with pytest.raises(OSError, match=r"it is not a regular file|No such device"):
            read(path)
    with (
        LibraryCache(None) as cache,
        pytest.raises(OSError, match=r"not a regular file|No such device"),
    ):
        content_key_of(file, cache)
    with pytest.raises(ProbeError, match="can't be read: "):
        probe_file(file, nowhere)
    assert time.monotonic() - started < 20


@pytest.mark.real
def test_film_that_becomes_a_pipe_between_plan_and_run_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(forge.matroska())
    library = SampleLibrary(folder=tmp_path / "shelf", clip=film)
    (library.folder / "films").mkdir(parents=True)
    library.rules()
    pipe, _ = library.add("pipe.mkv"), library.add("good.mkv")
    pipe.write_bytes(film.read_bytes() + bytes(9))  # different content, not a copy

    def swap_and_run(*given: Any, **named: Any) -> RunCounts:
        pipe.unlink()
        os.mkfifo(pipe)
        return run_plan(*given, **named)

    monkeypatch.setattr("tests.sample_library.run_plan", swap_and_run)
    started = time.monotonic()
    finished = library.run()
    assert (finished.done, finished.dropped) == (1, 1), library.events
    assert time.monotonic() - started < 30


def test_loops_of_folders_and_links_out_are_not_entered(tmp_path: Path) -> None:
    root = tmp_path / "films"
    (root / "a" / "b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.mkv").touch()
    (root / "a" / "b" / "up").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "dots").symlink_to("../..")
    (root / "a" / "film.mkv").touch()
    assert walk_names(root) == (["a/film.mkv"], [])


def test_deepest_folders_are_told_and_the_rest_is_found(tmp_path: Path) -> None:
    """A tree deeper than the longest path: the walk neither aborts nor recurses."""
    root = tmp_path / "films"
    root.mkdir()
    (root / "z.mkv").touch()
    here = os.open(root, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("folder", dir_fd=here)
            below = os.open("folder", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("deep.mkv", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        names, problems = walk_names(root)
        assert "z.mkv" in names
        assert [problem.message for problem in problems] == [
            "cannot read the folder: File name too long"
        ]
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", str(root)], check=True)  # shutil.rmtree recurses too deep


@pytest.mark.real
def test_deepest_names_are_planned_and_run(workdir: Path) -> None:
    """Names of 255 bytes and a path of nearly maximum length don't stop other films."""
    film = forge.matroska()
    folder = workdir / "films"
    while len(os.fsencode(folder)) < 3600:
        folder /= "d" * 200
    folder.mkdir(parents=True)
    rest = 4095 - len(os.fsencode(folder)) - 1
    for name in ("short.mkv", f"{'l' * (min(rest, 255) - 4)}.mkv"):
        (folder / name).write_bytes(film)
    (workdir / "films" / "good.mkv").write_bytes(film)
    done = av1rules("run", cwd=workdir)
    assert b"bug in av1rules" not in done.stderr, done.stderr.decode()
    assert (workdir / "out" / "films" / "good.mkv").is_file(), done.stderr.decode()


def test_names_alike_but_for_case_or_accent_are_different_films(tmp_path: Path) -> None:
    names = [
        "Film.mkv",
        "film.mkv",
        "FILM.MKV",
        "\u00e9.mkv",
        "e\u0301.mkv",
        "\u212b.mkv",
        "\u00c5.mkv",
    ]
    for name in names:
        (tmp_path / name).touch()
    if len(os.listdir(tmp_path)) < len(names):
        pytest.skip("this file system treats some of these names as equal")
    assert walk_names(tmp_path)[0] == sorted(names)


def test_100_000_entries_in_one_folder_are_walked_soon(tmp_path: Path) -> None:
    for number in range(100_000):
        os.symlink("x", f"{tmp_path}/{number}.mkv")
    (tmp_path / "film.mkv").touch()
    started = time.monotonic()
    assert walk_names(tmp_path) == (["film.mkv"], [])
    assert time.monotonic() - started < 20


UNREADABLE = """
import json, os, sys
sys.path[:] = json.loads(sys.argv[2])
from pathlib import Path
from tests.hostile.test_places import walk_names
from tests.conftest import library_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.ffmpeg.tools import Tools
from av1rules.base.errors import UnansweredProbeError
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
names, problems = walk_names(Path(sys.argv[1]))
tools = Tools(ffmpeg="", ffprobe="not-started", ffmpeg_version="8", ffprobe_version="8",
              version=(8, 0), encoders=())
try:
    probe_file(library_file(Path(sys.argv[1]) / "secret.mkv"), tools)
except UnansweredProbeError as problem:
    print(json.dumps([names, [p.message for p in problems], problem.message]))
"""


def test_what_may_not_be_read_is_told_and_the_rest_found() -> None:
    """As an unprivileged user, even if the tests run as root, who can read everything."""
    with tempfile.TemporaryDirectory() as folder:  # other users can't enter pytest's folders
        root = Path(folder) / "films"
        (root / "closed").mkdir(parents=True)
        (root / "closed" / "film.mkv").touch()
        (root / "good.mkv").touch()
        (root / "secret.mkv").write_bytes(b"\0film")
        (root / "secret.mkv").chmod(0)
        (root / "closed").chmod(0)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", UNREADABLE, str(root), json.dumps(sys.path)],
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        (root / "closed").chmod(0o755)
    assert done.returncode == 0, done.stderr.decode()
    names, problems, message = json.loads(done.stdout)
    assert names == ["good.mkv", "secret.mkv"]
    assert problems == ["cannot read the folder: Permission denied"]
    assert message == "can't be read: Permission denied"

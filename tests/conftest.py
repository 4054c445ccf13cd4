"""Fixtures shared by all tests: tools, real clips, clip maker, stub programs, a private home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from av1rules.base.errors import ToolError
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import FileStat, LibraryFile
from tests.fakes import fake_ffmpeg
from tests.fakes.stub import Stub
from tests.fakes.worker import FakeClips, FakeWorker, without_ffmpeg
from tests.sample_library import Disk, SampleLibrary

# A busy machine is no fault of the code: time is measured by the benchmarks.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")

MIN_VERSION = (8, 0)

Golden = Callable[[str, str], None]
Fake = Callable[[str], str]
MakeClip = Callable[..., Path]
"""`make_clip("name.mkv", "-f", "lavfi", "-i", ...)`: FFmpeg's arguments without the output."""


@pytest.fixture(autouse=True)
def _private_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test reads or writes the user's own settings, caches or state."""
    home = tmp_path_factory.getbasetemp() / "home"
    for name, folder in (
        ("HOME", home),
        ("XDG_CONFIG_HOME", home / "config"),
        ("XDG_CACHE_HOME", home / "cache"),
        ("XDG_STATE_HOME", home / "state"),
        ("XDG_DATA_HOME", home / "data"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Real FFmpeg and ffprobe, from PATH or embedded; the test is skipped where there are none."""
    try:
        return find_tools(ffmpeg=None, ffprobe=None, min_version=MIN_VERSION, self_tests=SELF_TESTS)
    except ToolError as problem:
        pytest.skip(f"no usable FFmpeg: {problem.message}")


@pytest.fixture(scope="session")
def media_dir() -> Path:
    """The folder of real clips: AV1RULES_MEDIA, else `shared/media` beside the checkout."""
    folder = Path(
        os.environ.get("AV1RULES_MEDIA") or Path(__file__).parents[2] / "shared" / "media"
    )
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"no real clips at {folder}")
    return folder


@pytest.fixture(scope="session")
def make_clip(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> MakeClip:
    """Makes a clip with FFmpeg, once per session for each name and arguments: never write to it."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *arguments: str) -> Path:
        key = (name, *arguments)
        if key not in made:
            path = folder / str(len(made)) / name
            path.parent.mkdir()
            subprocess.run(
                [tools.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments, str(path)],
                check=True,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "SVT_LOG": "1"},
                timeout=120,
            )
            made[key] = path
        return made[key]

    return make


FULL_SETS = ("faults", "powerloss", "claims", "soak", "container")
"""Marks of what takes long and runs only where its mark is selected."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever asks for FFmpeg, or for a clip that it makes, belongs to the ring `real`."""
    for item in items:
        if "tools" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)
    left_out = [mark for mark in FULL_SETS if mark not in config.option.markexpr]
    full = [item for item in items if any(map(item.get_closest_marker, left_out))]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what came out as what is expected"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a whole text with the file of that name under `golden/` beside the test."""
    folder = request.path.parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """A maker of stub programs that run as real processes."""
    return Stub(tmp_path / "stubs")


@pytest.fixture
def fake_worker(monkeypatch: pytest.MonkeyPatch) -> FakeWorker:
    """No FFmpeg in this test: see `tests.fakes.worker`."""
    return without_ffmpeg(monkeypatch)


@pytest.fixture
def fake_clips(fake_worker: FakeWorker, tmp_path_factory: pytest.TempPathFactory) -> FakeClips:
    """In place of `make_clip`, for a module whose tests need no FFmpeg."""
    return FakeClips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def clip(make_clip: MakeClip) -> Path:
    """One second, 128x72, H.264 or what the build has, with a sine tone."""
    return make_clip(
        "clip.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=1", "-f", "lavfi", "-i",
        "sine=d=1", "-c:v", "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p", "-c:a", "ac3",
    )  # fmt: skip


@pytest.fixture
def other_clip(make_clip: MakeClip) -> Path:
    return make_clip(
        "other.mkv", "-f", "lavfi", "-i", "mandelbrot=s=128x72:r=24", "-t", "1", "-c:v",
        "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p",
    )  # fmt: skip


@pytest.fixture
def library(tmp_path: Path, clip: Path) -> SampleLibrary:
    made = SampleLibrary(folder=tmp_path / "shelf", clip=clip)
    (made.folder / "films").mkdir(parents=True)
    made.rules()
    return made


@pytest.fixture
def snapshot() -> Callable[[Path], Disk]:
    """Every file below a folder: mtime, size and bytes."""

    def take(folder: Path) -> Disk:
        return {
            str(path.relative_to(folder)): (
                path.stat().st_mtime_ns,
                path.stat().st_size,
                path.read_bytes(),
            )
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return take


def library_file(path: Path, *, root_name: str = "films") -> LibraryFile:
    """The `LibraryFile` that a walk of the file's own folder would give."""
    return LibraryFile(
        root_name=root_name,
        root=str(path.parent),
        relative_path=path.name,
        stat=FileStat.of(path.stat()),
    )


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The path of a fake FFmpeg that ends as it is told: "ok", "hang", "crash", "full" ..."""

    def make(how: str) -> str:
        monkeypatch.setenv("AV1RULES_FAKE", how)
        program = tmp_path / "fake-ffmpeg"
        program.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -ISs "{fake_ffmpeg.__file__}" "$@"\n'
        )
        program.chmod(0o755)
        return str(program)

    return make

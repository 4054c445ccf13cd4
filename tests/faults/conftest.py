"""Fixtures of the fault tests: a library in memory if possible, and a folder on another disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.faults.harness")

from tests.conftest import MakeClip  # noqa: E402
from tests.faults.harness import KILLS, CrashHarness, WorkerProcess  # noqa: E402
from tests.faults.scenarios import SCENARIOS, Stage  # noqa: E402
from tests.sample_library import SampleLibrary  # noqa: E402

GetHarness = Callable[[str], CrashHarness]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if KILLS:
        kills = ", ".join(f"{count} {kind}" for kind, count in KILLS.items())
        terminalreporter.write_line(f"faults: {KILLS.total()} runs killed: {kills}")


@pytest.fixture(scope="session")
def tiny_clips(make_clip: MakeClip) -> Mapping[str, Path]:
    """Clips of ten frames, all different."""
    source = ("-f", "lavfi", "-i")
    return {
        f"{name}{suffix}": make_clip(
            f"tiny-{name}{suffix}", *source, f"testsrc2=s=64x64:r=10:d=1,hue=h={number * 40}",
            "-c:v", "mpeg4", "-b:v", "300k",
        )
        for number, (name, suffix) in enumerate(
            [("a", ".mkv"), ("b", ".mkv"), ("c", ".mkv"), ("a", ".mp4")]
        )
    }  # fmt: skip


@pytest.fixture(scope="session")
def near_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory: thousands of syncs cost nothing, and it is on another file system."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path_factory.mktemp("near")
        return
    folder = Path(tempfile.mkdtemp(prefix="av1rules-faults-", dir=memory))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def get_harness(
    near_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_clips: Mapping[str, Path],
) -> Iterator[GetHarness]:
    """A harness for each scenario, made once."""
    worker = WorkerProcess()
    made: dict[str, CrashHarness] = {}

    def get(name: str) -> CrashHarness:
        if name not in made:
            place = f"{len(made)}"
            near, far = near_folder / place, tmp_path_factory.mktemp(f"far-{place}")
            library = SampleLibrary(folder=near / "library", clip=tiny_clips["a.mkv"])
            (library.folder / "films").mkdir(parents=True)
            (far / "disk").mkdir()
            stage = Stage(library=library, far=far / "disk", clips=tiny_clips)
            made[name] = CrashHarness(
                stage=stage,
                scenario=SCENARIOS[name],
                worker=worker,
                store=near / "store",
                far_store=far / "store",
            )
        return made[name]

    yield get
    worker.close()


MakeDisk = Callable[..., Path]


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Mounts small file systems in memory, at a given folder or a new one. Skips the test if
    mounting is not allowed."""
    made: list[Path] = []

    def make(folder: Path | None = None, *, size: str = "4m") -> Path:
        folder = folder or tmp_path / f"disk{len(made)}"
        folder.mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")


@pytest.fixture
def near_library(near_folder: Path, tiny_clips: Mapping[str, Path]) -> Iterator[SampleLibrary]:
    """A library in memory that every user may read."""
    folder = Path(tempfile.mkdtemp(dir=near_folder))
    for path in (near_folder, folder):
        path.chmod(0o755)
    (folder / "films").mkdir()
    yield SampleLibrary(folder=folder, clip=tiny_clips["a.mkv"])
    shutil.rmtree(folder, ignore_errors=True)

"""A real FFmpeg that is stopped in its tracks, or may use too little memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, DiskFullError, EncodeError
from av1rules.base.events import JobProgress
from av1rules.base.priority import Priority
from av1rules.base.process import Children
from av1rules.encode.encode import encode
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.measure import decode_fully
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import Fake, MakeClip, library_file
from tests.encode.make import TOOLS
from tests.encode.real import FAST


def job_of(path: Path, out: Path, tools: Tools) -> EncodeJob:
    return EncodeJob(
        source_path=str(path),
        source=probe_file(library_file(path), tools),
        settings=structs.replace(FAST, preset=4),
        encoder=choose_encoder(FAST, tools, None),
        target=str(out / "film.mkv"),
        provenance='{"av1rules":1}',
        threads=1,
    )


def running(program: str) -> list[psutil.Process]:
    """The children of this process that run `program`; other tests leave servers of their own."""
    wanted, found = os.path.realpath(program), []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            if child.exe() == wanted:
                found.append(child)
    return found


@pytest.fixture
def long_clip(make_clip: MakeClip) -> Path:
    return make_clip(
        "long.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=60", "-c:v", "mpeg2video",
        "-b:v", "900k", "-pix_fmt", "yuv420p",
    )  # fmt: skip


@pytest.mark.real
def test_an_ffmpeg_that_was_stopped_becomes_an_error(
    tools: Tools, long_clip: Path, tmp_path: Path
) -> None:
    stopped: list[psutil.Process] = []

    def stop(event: JobProgress) -> None:
        if event.frame and not stopped:
            stopped.extend(running(tools.ffmpeg))
            for child in stopped:
                os.kill(child.pid, signal.SIGSTOP)

    made = replace(job_of(long_clip, tmp_path / "out", tools), stall_timeout_s=6.0)
    started = time.monotonic()
    with pytest.raises(EncodeError, match=r"made no progress for 6\.00 s \(at frame \d+\)"):
        encode(made, tools=tools, children=Children(), on_progress=stop)
    assert time.monotonic() - started < 60
    assert stopped
    assert not any(child.is_running() for child in stopped)
    assert list((tmp_path / "out").rglob("*")) == []


@pytest.mark.real
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="memory limits need Linux")
def test_too_little_memory_names_the_setting(tools: Tools, clip: Path, tmp_path: Path) -> None:
    made = replace(job_of(clip, tmp_path / "out", tools), memory_bytes=250 * 1024**2, threads=2)
    with pytest.raises(Av1rulesError, match=r"failed: out of memory: more than 250 MiB") as caught:
        encode(made, tools=tools, children=Children(), on_progress=lambda event: None)
    assert not isinstance(caught.value, EncodeError)
    assert (caught.value.hint or "").startswith("raise run.memory_per_job")


@pytest.mark.real
def test_a_disk_that_runs_full_is_named(tools: Tools, make_clip: MakeClip, tmp_path: Path) -> None:
    noise = make_clip(
        "noise.mkv", "-f", "lavfi", "-i", "nullsrc=s=320x180:r=24:d=4,geq=random(1)*255:128:128",
        "-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    try:
        made = job_of(noise, tmp_path / "out", tools)
        made = replace(
            made, temp_dir=str(small), settings=structs.replace(made.settings, preset=12, crf=10)
        )
        with pytest.raises(DiskFullError, match="the disk is full") as caught:
            encode(made, tools=tools, children=Children(), on_progress=lambda event: None)
        assert caught.value.place == str(small)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.real
def test_priority_and_memory_reach_the_encode(
    tools: Tools, long_clip: Path, tmp_path: Path
) -> None:
    seen: set[tuple[int, int]] = set()

    def note_limits(_event: JobProgress) -> None:
        for child in running(tools.ffmpeg):
            limit = child.rlimit(psutil.RLIMIT_AS)[0]
            seen.add((int(child.nice()), limit))

    made = replace(
        job_of(long_clip, tmp_path / "out", tools),
        priority=Priority(nice=12),
        memory_bytes=4 * 1024**3,
    )
    encode(made, tools=tools, children=Children(), on_progress=note_limits)
    assert seen == {(max(12, os.nice(0)), 4 * 1024**3)}


def test_a_decoder_that_hangs_is_stopped(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the fake writes a file named after its last argument
    decoded = decode_fully(
        str(tmp_path / "film.mkv"),
        video=0,
        tracks=(0,),
        tools=replace(TOOLS, ffmpeg=fake("motionless")),
        children=Children(),
        limits=RunLimits(stall_s=0.5),
    )
    assert decoded.completed.stopped == "stall"
    assert decoded.hang is not None
    assert "made no progress" in decoded.hang.reason

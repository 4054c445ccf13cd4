"""The engine against programs that misbehave: real processes, a fake FFmpeg."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base import process
from av1rules.base.errors import (
    Av1rulesError,
    DiskFullError,
    EncodeError,
    RunInterruptedError,
    ToolError,
)
from av1rules.base.events import JobProgress
from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome, encode, expected_frames
from av1rules.encode.job import EncodeJob
from av1rules.ffmpeg import run as ffmpeg_run
from av1rules.policy.settings import Loss
from tests.conftest import Fake
from tests.encode.make import TOOLS, job, settings, source, video


def film(tmp_path: Path, **changes: Any) -> EncodeJob:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"source")
    made = job(source_path=str(path), target=str(tmp_path / "out" / "film.mkv"))
    return replace(made, **changes)


def run(made: EncodeJob, ffmpeg: str, **more: Any) -> EncodeOutcome:
    return encode(
        made,
        tools=replace(TOOLS, ffmpeg=ffmpeg),
        children=more.get("children") or Children(),
        on_progress=more.get("on_progress") or (lambda event: None),
    )


def left_behind(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "out").rglob("*")]


def test_a_good_encode_gives_its_file_and_counts(tmp_path: Path, fake: Fake) -> None:
    events: list[JobProgress] = []
    made = film(tmp_path, library_path="films/film.mkv")
    outcome = run(made, fake("ok"), on_progress=events.append)
    assert left_behind(tmp_path) == [Path(outcome.path).name]
    assert outcome.size_bytes == 1000
    assert outcome.frames == 250
    count = outcome.count("in", 0)
    assert count is not None
    assert (count.packets, count.frames) == (250, 250)
    assert {event.source for event in events} == {"films/film.mkv"}
    assert events[-1].frames == 2398
    assert outcome.command.endswith("part.mkv")


@pytest.mark.parametrize(
    ("how", "reason", "hint"),
    [
        ("crash", "the encoder crashed (killed by SIGSEGV)", "a bug of the encoder"),
        ("refused", "libsvtav1 refused: Tune IQ only supports all-intra", "correct `params`"),
        ("chatty", "FFmpeg refused a parameter or stream (exit code 234)", "see its last lines"),
    ],
)
def test_a_failure_says_what_and_leaves_nothing(
    how: str, reason: str, hint: str, tmp_path: Path, fake: Fake
) -> None:
    ffmpeg = fake(how)
    with pytest.raises(EncodeError) as caught:
        run(film(tmp_path), ffmpeg)
    first, command, _, *last = caught.value.message.splitlines()
    assert first == f"encoding film.mkv failed: {reason}"
    assert command.startswith(f"  command: {ffmpeg} -nostdin")
    assert last
    assert len(last) <= 40
    assert "\x1b" not in caught.value.message
    assert (caught.value.hint or "").startswith(hint)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "reason", "hint"),
    [
        ("full", "the disk is full (exit code 228)", "free some space in"),
        ("killed", "FFmpeg was killed (killed by SIGKILL)", "often the system was out of memory"),
    ],
)
def test_what_the_surroundings_did_is_no_verdict_on_the_source(
    how: str, reason: str, hint: str, tmp_path: Path, fake: Fake
) -> None:
    with pytest.raises(Av1rulesError) as caught:
        run(film(tmp_path), fake(how))
    assert not isinstance(caught.value, EncodeError)
    assert caught.value.message.startswith(f"encoding film.mkv failed: {reason}\n")
    assert (caught.value.hint or "").startswith(hint)
    assert left_behind(tmp_path) == []


def test_the_folder_of_a_job_is_used_as_it_is(tmp_path: Path, fake: Fake) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    made = film(tmp_path, temp_dir=str(folder))
    outcome = run(made, fake("ok"))
    assert outcome.path == str(folder / "part.mkv")
    assert [path.name for path in folder.iterdir()] == ["part.mkv"]
    with pytest.raises(EncodeError):
        run(made, fake("crash"))
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_hanging_encoder_is_stopped(tmp_path: Path, fake: Fake) -> None:
    started = time.monotonic()
    with pytest.raises(EncodeError, match=r"no progress for 2\.00 s \(at frame 10\)"):
        run(film(tmp_path, stall_timeout_s=2.0), fake("hang"))
    assert time.monotonic() - started < 30
    assert left_behind(tmp_path) == []


def test_a_hung_encoder_that_goes_on_talking_is_stopped(tmp_path: Path, fake: Fake) -> None:
    started = time.monotonic()
    with pytest.raises(EncodeError) as caught:
        run(film(tmp_path, stall_timeout_s=2.0), fake("motionless"))
    assert caught.value.message.startswith(
        "encoding film.mkv failed: FFmpeg made no progress for 2.00 s (at frame 10) "
        "and was stopped\n"
    )
    assert "run.stall_timeout" in (caught.value.hint or "")
    assert time.monotonic() - started < 30
    assert left_behind(tmp_path) == []


def test_an_encoder_that_ignores_sigterm_is_killed(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.5)
    started = time.monotonic()
    with pytest.raises(EncodeError, match="made no progress"):
        run(film(tmp_path, stall_timeout_s=2.0), fake("deaf"))
    assert time.monotonic() - started < 30
    assert left_behind(tmp_path) == []


def test_somebody_who_keeps_the_pipes_open_is_not_waited_for(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.5)
    mark = tmp_path / "pid"
    monkeypatch.setenv("AV1RULES_FAKE_PID", str(mark))
    started = time.monotonic()
    try:
        with pytest.raises(EncodeError, match="made no progress"):
            run(film(tmp_path, stall_timeout_s=2.0), fake("runaway"))
        assert time.monotonic() - started < 30
    finally:
        os.kill(int(mark.read_text()), signal.SIGKILL)
    assert left_behind(tmp_path) == []


def test_an_encode_beyond_its_longest_time_is_stopped(tmp_path: Path, fake: Fake) -> None:
    with pytest.raises(EncodeError, match=r"ran longer than 1\.00 s \(at frame \d+\)") as caught:
        run(film(tmp_path, max_duration_s=1.0, stall_timeout_s=20), fake("crawling"))
    assert "run.max_duration" in (caught.value.hint or "")
    assert left_behind(tmp_path) == []


def test_a_file_that_does_not_grow_is_given_up(tmp_path: Path, fake: Fake) -> None:
    with pytest.raises(EncodeError, match="but its file did not grow"):
        run(film(tmp_path, stall_timeout_s=1.5), fake("writes nothing"))
    assert left_behind(tmp_path) == []


def test_the_end_of_a_file_may_be_written_in_silence(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg_run, "SILENCE_S", 0.1)
    outcome = run(film(tmp_path, stall_timeout_s=1.2), fake("finishing"))
    assert outcome.frames == 250


def test_a_full_disk_names_the_place(tmp_path: Path, fake: Fake) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    with pytest.raises(DiskFullError, match="the disk is full") as caught:
        run(film(tmp_path, temp_dir=str(folder)), fake("full"))
    assert caught.value.place == str(folder)
    assert not isinstance(caught.value, EncodeError)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, fake: Fake) -> None:
    children = Children()
    threading.Timer(0.5, children.stop).start()
    with pytest.raises(RunInterruptedError):
        run(film(tmp_path), fake("hang"), children=children)
    assert left_behind(tmp_path) == []


def test_a_hopeless_encode_is_stopped_early(tmp_path: Path, fake: Fake) -> None:
    made = film(tmp_path, source=source(main=video(duration_s=40.0), size_bytes=10_000_000))
    outcome = run(made, fake("huge"))
    assert outcome.is_projected
    assert outcome.size_bytes > 1.5 * 0.9 * 10_000_000
    assert outcome.path == ""
    assert left_behind(tmp_path) == []


def test_the_gate_lets_a_large_source_pass(tmp_path: Path, fake: Fake) -> None:
    made = film(tmp_path, source=source(main=video(duration_s=40.0), size_bytes=10**9))
    with pytest.raises(EncodeError, match="no progress"):  # it went on until it hung
        run(replace(made, stall_timeout_s=2.0), fake("huge"))


@pytest.mark.parametrize(
    ("length_s", "claimed_s", "is_stopped"),
    [
        (80.0, 80.0, True),  # 1900 frames of 0.1 MB: twice the source
        (40.0, 240.0, False),  # a subtitle goes on for three minutes
        (None, 240.0, False),  # nobody knows how long the pictures last
    ],
)
def test_a_projection_goes_by_the_length_of_the_pictures_alone(
    length_s: float | None, claimed_s: float, is_stopped: bool, tmp_path: Path, fake: Fake
) -> None:
    film_of = source(main=video(duration_s=length_s), duration_s=claimed_s, size_bytes=100_000_000)
    made = replace(film(tmp_path, source=film_of), stall_timeout_s=2.0)
    if is_stopped:
        assert run(made, fake("huge")).is_projected
        return
    with pytest.raises(EncodeError, match="no progress"):  # it went on until it hung
        run(made, fake("huge"))


def test_a_damaged_source_fails_though_the_exit_code_is_zero(tmp_path: Path, fake: Fake) -> None:
    ffmpeg = fake("damaged")
    with pytest.raises(EncodeError) as caught:
        run(film(tmp_path), ffmpeg)
    assert caught.value.message == (
        "the source is damaged: File ended prematurely\n"
        "  FFmpeg reached its end, but said\n"
        "    [in#0/matroska,webm] [error] File ended prematurely"
    )
    assert "accept: [damage]" in (caught.value.hint or "")
    assert left_behind(tmp_path) == []


def test_accepted_damage_is_reported(tmp_path: Path, fake: Fake) -> None:
    made = film(tmp_path, settings=settings(accept=frozenset({Loss.DAMAGE})))
    outcome = run(made, fake("damaged"))
    assert outcome.damage == ("[in#0/matroska,webm] [error] File ended prematurely",)


def test_a_missing_program_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="can't be started"):
        run(film(tmp_path), str(tmp_path / "nowhere"))
    assert left_behind(tmp_path) == []


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path, fake: Fake) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Av1rulesError, match="no temporary folder can be made") as caught:
        run(film(tmp_path), fake("ok"))
    assert not isinstance(caught.value, EncodeError)


def test_expected_frames() -> None:
    assert expected_frames(source()) == 2398
    assert expected_frames(source(main=video(frame_rate=None, frames=7))) == 7
    assert expected_frames(replace(source(), main_index=None)) is None

"""The runner against shell scripts that report what FFmpeg would."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import RunInterruptedError
from av1rules.base.process import Children
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ffmpeg.run import FfmpegResult, run_ffmpeg
from av1rules.ffmpeg.watchdog import RunLimits

BLOCKS = (
    "frame=7\nout_time_us=2000000\nprogress=continue\nframe=9\nout_time_us=1000000\nprogress=end"
)
COUNTS = (
    "[in#0/x @ 0x1] [verbose]   Input stream #0:0 (video): "
    "10 packets read (9 bytes); 9 frames decoded; "
)


def script(text: str, **options: object) -> FfmpegResult:
    return run_ffmpeg(["sh", "-c", text], children=Children(), **options)  # type: ignore[arg-type]


def test_progress_and_counts_come_back() -> None:
    samples: list[ProgressSample] = []
    result = script(f"echo '{BLOCKS}'; echo '{COUNTS}' >&2", on_sample=samples.append)
    assert result.ok
    assert [sample.frame for sample in samples] == [7, 9]
    assert (result.frames, result.film_s, result.hang) == (9, 2.0, None)
    assert (result.packets_read(0), result.frames_read(0)) == (10, 9)
    assert (result.packets_read(1), result.frames_read(1)) == (None, None)


def test_a_failure_is_a_result_and_keeps_the_last_lines() -> None:
    result = script("echo '[error] no such thing' >&2; exit 3")
    assert (result.ok, result.completed.returncode) == (False, 3)
    assert list(result.log.last) == ["[error] no such thing"]


def test_the_own_lines_of_an_encoder_are_no_damage() -> None:
    line = "echo '[libnew @ 0x1] [error] out of sorts' >&2"
    assert script(line).log.damage
    assert not script(line, encoders=("libnew",)).log.damage


def test_what_makes_no_progress_is_stopped_and_reported_as_hung() -> None:
    result = script("sleep 30", limits=RunLimits(stall_s=0.3))
    assert result.completed.stopped == "stall"
    assert result.hang is not None
    assert not result.ok


def test_a_timeout_is_no_hang() -> None:
    result = script("sleep 30", limits=RunLimits(timeout_s=0.3))
    assert (result.completed.stopped, result.hang) == ("timeout", None)


def test_an_output_that_is_written_to_is_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av1rules.ffmpeg.run.SILENCE_S", 0.0)
    output = tmp_path / "film.mkv"
    busy = f"for n in 1 2 3 4 5 6 7 8; do echo x >> '{output}'; sleep 0.3; done"
    assert script(busy, limits=RunLimits(stall_s=1.5), output=str(output)).ok


def test_what_the_caller_raises_ends_the_program() -> None:
    def stop(_sample: ProgressSample) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        script(f"echo '{BLOCKS}'; sleep 30", on_sample=stop)


def test_a_run_that_is_being_stopped_starts_nothing() -> None:
    children = Children()
    children.stop()
    with pytest.raises(RunInterruptedError):
        run_ffmpeg(["sh", "-c", "true"], children=children)

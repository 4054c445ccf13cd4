from __future__ import annotations

import pytest

from av1rules.base.process import Completed
from av1rules.encode.failures import Failure, encoder_words, explain


def failure(code: int, *said: str, stopped: str | None = None) -> Failure:
    completed = Completed(argv=("ffmpeg",), returncode=code, stopped=stopped)
    return explain(completed, said, place="/tmp", codec="libsvtav1", stall_s=5)


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (228, "", "the disk is full (exit code 228)"),
        (1, "[out#0] [error] Error writing trailer: No space left on device", "the disk is full"),
        (134, "[out#0] [error] Disk quota exceeded", "the disk quota is used up"),
        (243, "", "permission denied"),
        (226, "", "the file system is read-only"),
        (244, "", "out of memory"),
        (254, "", "a file is gone"),
        (-9, "", "FFmpeg was killed (killed by SIGKILL)"),
        (137, "", "FFmpeg was killed (killed by SIGKILL)"),
        (255, "", "FFmpeg was stopped from outside (exit code 255)"),
        (-15, "", "FFmpeg was stopped from outside (killed by SIGTERM)"),
    ],
)
def test_the_surroundings_are_to_blame(code: int, said: str, reason: str) -> None:
    found = failure(code, said)
    assert found.is_surroundings
    assert found.reason.startswith(reason)
    assert found.hint


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (-11, "", "the encoder crashed (killed by SIGSEGV)"),
        (134, "", "the encoder crashed (exit code 134)"),
        (183, "", "the source can't be read (exit code 183)"),
        (234, "", "FFmpeg refused a parameter or stream (exit code 234)"),
        (
            234,
            "[libsvtav1] [error] Error parsing option bogus: 1.",
            "libsvtav1 refused: Error parsing option bogus: 1",
        ),
        (7, "", "exit code 7"),
    ],
)
def test_source_or_settings_are_to_blame(code: int, said: str, reason: str) -> None:
    found = failure(code, said)
    assert not found.is_surroundings
    assert found.reason == reason


def test_a_stall_counts_against_the_encode() -> None:
    found = failure(-15, stopped="stall")
    assert not found.is_surroundings
    assert found.reason == "FFmpeg gave no sign of life for 5 s and was stopped"


def test_the_encoders_own_words_come_before_general_ones() -> None:
    general = "[libsvtav1] [error] Error setting encoder parameters: bad parameter"
    lines = ("Svt[error]: Tune IQ only supports all-intra", general, "[vf#0:0] [error] Invalid")
    assert encoder_words(lines, "libsvtav1") == "Tune IQ only supports all-intra"
    assert encoder_words(lines[1:], "libsvtav1") == (
        "Error setting encoder parameters: bad parameter"
    )
    assert encoder_words(lines[2:], "libsvtav1") is None
    assert encoder_words(["[librav1e] [warning] Invalid value for x: 1."], "librav1e") == (
        "Invalid value for x: 1"
    )
    assert encoder_words(["[librav1e] [warning] something else"], "librav1e") is None

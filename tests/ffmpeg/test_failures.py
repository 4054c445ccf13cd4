from __future__ import annotations

import pytest

from av1rules.base.process import Completed
from av1rules.encode.encoders.aom import AOM
from av1rules.encode.encoders.description import Encoder
from av1rules.encode.encoders.rav1e import RAV1E
from av1rules.encode.encoders.svt import SVT
from av1rules.ffmpeg.failures import Failure, encoder_message, explain
from av1rules.ffmpeg.watchdog import StallReport


def failure(
    code: int, *said: str, encoder: Encoder = SVT, memory_bytes: int | None = None
) -> Failure:
    completed = Completed(argv=("ffmpeg",), returncode=code)
    return explain(
        completed, said, place="/tmp", encoder=encoder.messages, memory_bytes=memory_bytes
    )


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
    assert found.is_system_failure
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
        (
            234,
            "[out#0/matroska] [fatal] Output file is empty, nothing was encoded(check -ss)",
            "none of its pictures could be decoded (exit code 234)",
        ),
        (7, "", "exit code 7"),
    ],
)
def test_source_or_settings_are_to_blame(code: int, said: str, reason: str) -> None:
    found = failure(code, said)
    assert not found.is_system_failure
    assert found.reason == reason


def test_what_the_watchdog_stopped_counts_against_the_encode() -> None:
    verdict = StallReport(cause="stall", reason="FFmpeg made no progress", hint="wait longer")
    completed = Completed(argv=("ffmpeg",), returncode=-15, stopped="stall")
    found = explain(completed, (), verdict=verdict)
    assert found == Failure(reason="FFmpeg made no progress", hint="wait longer")


def test_what_ran_out_of_time_counts_against_the_encode() -> None:
    completed = Completed(argv=("ffmpeg",), returncode=-15, stopped="timeout")
    found = explain(completed)
    assert not found.is_system_failure
    assert found.reason == "FFmpeg came to no end and was stopped by av1rules (timeout)"


@pytest.mark.parametrize(
    ("code", "said", "is_full"),
    [
        (228, "", True),
        (1, "[out#0] [error] Error writing trailer: No space left on device", True),
        (134, "[out#0] [error] Disk quota exceeded", True),
        (226, "", False),
        (244, "", False),
        (183, "", False),
    ],
)
def test_a_full_disk_is_told_apart(code: int, said: str, *, is_full: bool) -> None:
    assert failure(code, said).is_disk_full is is_full


@pytest.mark.parametrize(
    ("encoder", "code", "said"),
    [
        (
            SVT,
            244,
            "[libsvtav1] [error] Error initializing encoder: insufficient resources (0x80001000)",
        ),
        (SVT, 244, "SvtMalloc[fatal]: allocate memory failed, at enc_handle.c:2267"),
        (SVT, 245, "[vost#0:0] [error] pthread_create() failed: Resource temporarily unavailable"),
        (AOM, 183, "[libaom-av1] [error] Error encoding frame: Memory allocation error"),
        (RAV1E, -6, "memory allocation of 1036800 bytes failed"),
    ],
)
def test_lack_of_memory_is_no_fault_of_the_source_and_names_the_cap(
    encoder: Encoder, code: int, said: str
) -> None:
    free = failure(code, said, encoder=encoder)
    assert free.is_system_failure
    assert free.reason.startswith("out of memory (")
    assert free.hint == "run fewer jobs at a time, or set run.memory"
    capped = failure(code, said, encoder=encoder, memory_bytes=2 * 1024**3)
    assert capped.is_system_failure
    assert capped.reason.startswith("out of memory: more than 2 GiB (")
    assert (capped.hint or "").startswith("raise run.memory_per_job")


def test_a_mute_crash_is_lack_of_memory_only_under_a_cap() -> None:
    assert failure(-11, memory_bytes=10**8).is_system_failure
    assert not failure(-11).is_system_failure
    assert not failure(-11, "[libsvtav1] [error] bad", memory_bytes=10**8).is_system_failure


def test_the_encoders_own_words_come_before_general_ones() -> None:
    general = "[libsvtav1] [error] Error setting encoder parameters: bad parameter"
    lines = ("Svt[error]: Tune IQ only supports all-intra", general, "[vf#0:0] [error] Invalid")
    assert encoder_message(lines, SVT.messages) == "Tune IQ only supports all-intra"
    assert encoder_message(lines[1:], SVT.messages) == (
        "Error setting encoder parameters: bad parameter"
    )
    assert encoder_message(lines[2:], SVT.messages) is None
    assert encoder_message(["[librav1e] [warning] Invalid value for x: 1."], RAV1E.messages) == (
        "Invalid value for x: 1"
    )
    assert encoder_message(["[librav1e] [warning] something else"], RAV1E.messages) is None

"""av1rules as a program of its own whose encodes are fake, started as a module with its words.

AV1RULES_TEST_ENCODE_S says how long each encode takes: a real child that sleeps, with progress.
AV1RULES_TEST_HASTE: neighbours are told, and tried again, every half second.
"""

from __future__ import annotations

import os
import time

import pytest

from av1rules.base.events import JobProgress
from av1rules.base.process import run
from av1rules.cli.main import run as command_line
from av1rules.encode.job import EncodeJob
from av1rules.execute.worker import EncodeResult, WorkerContext
from av1rules.ffmpeg.tools import Tools
from av1rules.graph.runner import DoitBackend
from av1rules.integrations import send
from av1rules.integrations.sender import Sender
from av1rules.service.idle_sender import IdleSender
from tests.fakes.worker import FakeWorker, without_ffmpeg

ENCODE_S = "AV1RULES_TEST_ENCODE_S"
HASTE = "AV1RULES_TEST_HASTE"
HASTE_S = 0.5


class SlowWorker(FakeWorker):
    """Takes its time in a child, as FFmpeg would."""

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        seconds = float(os.environ.get(ENCODE_S, "0"))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            run(["sleep", "0.1"], children=context.children)
            context.children.check()
            context.on_progress(JobProgress(source=job.event_name, phase="encode"))
        return super().encode_and_verify(job, tools, context)


def _make_haste() -> None:
    send.FIRST_PAUSE_S = send.LONGEST_PAUSE_S = HASTE_S
    haste = {"every_s": HASTE_S}
    IdleSender.__init__.__kwdefaults__ = haste
    Sender.__init__.__kwdefaults__ = haste


def main() -> None:
    if HASTE in os.environ:
        _make_haste()
    without_ffmpeg(pytest.MonkeyPatch())
    DoitBackend.__init__.__kwdefaults__ = {"worker": SlowWorker()}
    command_line()


if __name__ == "__main__":
    main()

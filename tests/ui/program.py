"""av1rules as a program whose encodes are the fake worker's: `python -m tests.ui.program plan`.

All else is real: the command line, the rules, the plan, the ledger, the terminal. AV1RULES_FAKE_S
is how long each encode takes, in seconds; with AV1RULES_FAKE_DEAF it hears of no stop.
AV1RULES_FAKE_FAILS names a film whose encode fails. Several commands stand one after another,
with `NEXT` between them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

import pytest

from av1rules.base.errors import EncodeError
from av1rules.base.events import JobProgress
from av1rules.cli.main import run
from av1rules.encode.job import EncodeJob
from av1rules.execute import job_guard, worker
from av1rules.execute.worker import EncodeResult, WorkerContext
from av1rules.ffmpeg.tools import Tools
from av1rules.graph import runner
from tests.fakes.worker import FakeWorker, without_ffmpeg

STEP_S = 0.05

NEXT = "=== next ==="


class SlowWorker(FakeWorker):
    """Takes its time, tells how far it is, and ends when the run is stopped."""

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        steps = round(float(os.environ.get("AV1RULES_FAKE_S", "0")) / STEP_S)
        for step in range(steps):
            if "AV1RULES_FAKE_DEAF" not in os.environ:
                context.children.check()
            time.sleep(STEP_S)
            context.on_progress(
                JobProgress(
                    source=job.event_name,
                    phase="encode",
                    frame=step,
                    frames=steps,
                    fps=24.0,
                    speed=1.0,
                    eta_s=(steps - step) * STEP_S,
                    projected_bytes=16_384,
                )
            )
        failing = os.environ.get("AV1RULES_FAKE_FAILS")
        if failing and job.source_path.endswith(failing):
            raise EncodeError("FFmpeg ended with 183: invalid data found", hint="is it damaged?")
        return super().encode_and_verify(job, tools, context)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        without_ffmpeg(patch)
        slow = SlowWorker()
        for module in (worker, job_guard, runner):
            patch.setattr(module, "LOCAL_WORKER", slow)
        patch.setattr(runner.DoitBackend.__init__, "__kwdefaults__", {"worker": slow})
        program, *words = sys.argv
        while NEXT in words:
            at = words.index(NEXT)
            sys.argv, words = [program, *words[:at]], words[at + 1 :]
            with contextlib.suppress(SystemExit):
                run()
            print(NEXT, flush=True)
        sys.argv = [program, *words]
        run()

"""One encode through av1rules against the same FFmpeg command typed by hand.

`python -m tests.bench.bench_encode [SECONDS]` prints the ratio of wall times, pair by pair, with
verification counted apart; nothing is asserted. The command is the one of the receipt.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from av1rules.base.events import Event, JobDone
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.runs import run_plan

PAIRS = 5

RULES = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out}
run: {reserve: 0}
rules:
  - {name: all, encode: {crf: 40, preset: 8, film_grain: 0, max_size_ratio: 9}, review: never}
"""


def make_film(folder: Path, seconds: int) -> None:
    (folder / "films").mkdir()
    (folder / "rules.yaml").write_text(RULES)
    with open_workspace(folder / "rules.yaml", write=False) as workspace:
        ffmpeg = workspace.tools.ffmpeg
    command = [
        ffmpeg, "-v", "error", "-f", "lavfi", "-i", "mandelbrot=s=960x540:r=24", "-t", str(seconds),
        "-c:v", "mpeg2video", "-b:v", "8M", "-pix_fmt", "yuv420p", str(folder / "films/film.mkv"),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def build(rules: Path) -> tuple[float, JobDone]:
    """Wall time of one build without its verification, in seconds, and its last event."""
    events: list[Event] = []
    with (
        open_workspace(rules, write=False) as workspace,
        start_session(workspace, events.append) as session,
    ):
        plan = build_plan(session.workspace, PlanRequest(force=True))
        started = time.perf_counter()
        run_plan(plan, session, jobs=1)
        elapsed = time.perf_counter() - started
    done = next(event for event in events if isinstance(event, JobDone))
    return elapsed - done.verify_s, done


def receipt_command(folder: Path, target: str) -> list[str]:
    ledger = Ledger.read(folder / ".av1rules")
    try:
        receipt = ledger.receipt(target)
    finally:
        ledger.close()
    assert receipt is not None
    return shlex.split(json.loads(receipt)["command"])


def by_hand(command: list[str], output: Path) -> float:
    output.unlink(missing_ok=True)  # the command does not overwrite
    started = time.perf_counter()
    subprocess.run(
        [*command[:-1], str(output)],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "SVT_LOG": "1"},
    )
    return time.perf_counter() - started


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_film(folder, seconds)
        _, done = build(folder / "rules.yaml")
        command = receipt_command(folder, done.target)
        ratios, ours, hands, checks = [], [], [], []
        for _ in range(PAIRS):
            hand_s = by_hand(command, folder / "hand.mkv")
            our_s, done = build(folder / "rules.yaml")
            ours.append(our_s)
            hands.append(hand_s)
            ratios.append(our_s / hand_s)
            checks.append(done.verify_s / done.encode_s)
        sys.stdout.write(
            f"one encode of {seconds} s at 960x540, preset 8, {PAIRS} pairs\n"
            f"  by hand {statistics.median(hands):.2f} s, av1rules {statistics.median(ours):.2f} s "
            "(all but verification: digests, publishing, ledger)\n"
            f"  ratio {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f}-{max(ratios):.3f}; goal: 1.03)\n"
            f"  verification beside it: {statistics.median(checks):.1%} of the encode\n"
        )


if __name__ == "__main__":
    main()

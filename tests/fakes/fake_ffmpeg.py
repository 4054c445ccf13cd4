"""An FFmpeg that behaves as AV1RULES_FAKE says; the last argument is the output, `file:PATH`.

Run as a program by the tests of the engine: real processes, real pipes, no codec.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

COUNTS = (
    "[out#0/matroska @ 0x5555] [verbose]   Output stream #0:0 (video): "
    "{frames} frames encoded; {frames} packets muxed (1000 bytes); \n"
    "[in#0/matroska,webm @ 0x5555] [verbose]   Input stream #0:0 (video): "
    "{frames} packets read (2000 bytes); {frames} frames decoded; 0 decode errors; \n"
)


def progress(frame: int, size: int, *, film_s: float | None = None, end: bool = False) -> None:
    state = "end" if end else "continue"
    film = "N/A" if film_s is None else str(round(film_s * 1e6))
    text = (
        f"frame={frame}\nfps=25.0\ntotal_size={size}\nout_time_us={film}\nspeed=1.5x\n"
        f"progress={state}\n"
    )
    sys.stdout.write(text)
    sys.stdout.flush()


def motionless(output: Path) -> None:
    """Alive by its lines, but nothing moves."""
    while True:
        progress(10, 400)
        time.sleep(0.05)


def deaf(output: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    motionless(output)


def runaway(output: Path) -> None:
    """Leaves somebody behind, in a session of its own, who keeps the pipes open."""
    if os.fork() == 0:
        os.setsid()
        Path(os.environ["AV1RULES_FAKE_PID"]).write_text(str(os.getpid()))
        time.sleep(60)
        os._exit(0)
    motionless(output)


def writes_nothing(output: Path) -> None:
    """Films by, the file stays as it is."""
    frame = 0
    while True:
        frame += 2400
        progress(frame, 400, film_s=frame / 24)
        time.sleep(0.05)


def crawling(output: Path) -> None:
    """Moves all the time, and comes to no end."""
    frame = 0
    while True:
        frame += 1
        progress(frame, frame * 40, film_s=frame / 24)
        time.sleep(0.05)


def finishing(output: Path) -> None:
    """Says nothing while it writes the end of the file."""
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        with output.open("ab") as file:
            file.write(b"x")
        time.sleep(0.05)


STUCK = {
    "motionless": motionless,
    "deaf": deaf,
    "runaway": runaway,
    "writes nothing": writes_nothing,
    "crawling": crawling,
    "finishing": finishing,
}


def main() -> int:
    how = os.environ["AV1RULES_FAKE"]
    output = Path(sys.argv[-1].removeprefix("file:"))
    output.write_bytes(b"x" * 1000)
    progress(10, 400)
    if how == "hang":
        time.sleep(60)
    elif how in STUCK:
        STUCK[how](output)
    elif how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "full":
        sys.stderr.write("[out#0 @ 0x5555] [error] Error closing file: No space left on device\n")
        return 228
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "refused":
        sys.stderr.write("Svt[error]: Tune IQ only supports all-intra\n")
        sys.stderr.write(
            "[libsvtav1 @ 0x5555] [error] Error setting encoder parameters: bad parameter\n"
        )
        return 234
    elif how == "huge":
        for frame in range(0, 1000, 50):
            progress(frame, frame * 100_000, film_s=frame / 24)
            time.sleep(0.02)
        time.sleep(60)
    elif how == "damaged":
        sys.stderr.write("[in#0/matroska,webm @ 0x5555] [error] File ended prematurely\n")
    elif how == "chatty":
        for number in range(100):
            sys.stderr.write(f"[warning] line {number} \x1b[31mred\n")
        return 234
    sys.stderr.write(COUNTS.format(frames=250))
    progress(250, 1000, end=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

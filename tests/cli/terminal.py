"""The program on a real (pseudo) terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path


def on_a_terminal(arguments: list[str], *, cwd: Path, answer: str = "") -> tuple[int, str]:
    """Exit code, and all that the program wrote to a terminal of 120 columns. `answer` is typed
    as soon as a line ends in a question."""
    main, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "av1rules", *arguments],
        cwd=cwd,
        stdin=other,
        stdout=other,
        stderr=other,
        env={
            **os.environ,
            "TERM": "xterm-256color",
            "COLUMNS": "120",
            "LINES": "30",
            "PAGER": "cat",
        },
    )
    os.close(other)
    seen = bytearray()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 0.2)
        try:
            chunk = os.read(main, 65536) if ready else b""
        except OSError:  # the other side is closed
            break
        seen += chunk
        if answer and seen.endswith(b"]: "):
            os.write(main, answer.encode())
            answer = ""
        if not chunk and child.poll() is not None:
            break
    os.close(main)
    return child.wait(timeout=10), seen.decode("utf-8", "replace")

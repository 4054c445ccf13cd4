"""A child and all that it starts, signalled as one: a group of processes, or its descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

TERMINATE = int(signal.SIGTERM)
KILL = int(getattr(signal, "SIGKILL", 9))
PAUSE = int(getattr(signal, "SIGSTOP", 19))
RESUME = int(getattr(signal, "SIGCONT", 18))
"""The numbers of Linux stand for what Windows has no signals for."""


def group_options() -> dict[str, Any]:
    """Of `subprocess.Popen`: the child leads a group of its own, so that Ctrl-C reaches only us."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    else:
        return {"start_new_session": True}


def signal_group(child: subprocess.Popen[bytes], signum: int) -> None:
    """Signal a child's whole process group; a child that has ended is not an error.

    TERMINATE also resumes a paused child, which could not end gently otherwise.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
        if sys.platform == "win32":
            signal_tree(child.pid, signum)
        else:
            os.killpg(child.pid, signum)
            if signum == TERMINATE:
                os.killpg(child.pid, RESUME)


def signal_tree(process: int, signum: int) -> None:
    """The same by looking for the descendants, as Windows needs it: what a descendant that has
    ended left behind is not found. TERMINATE kills there, since programs without a window can't be
    asked."""
    import psutil  # noqa: PLC0415 - 25 ms, and for Windows alone

    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(process)
        for one in (*leader.children(recursive=True), leader):
            with contextlib.suppress(psutil.Error):
                if signum == PAUSE:
                    one.suspend()
                elif signum == RESUME:
                    one.resume()
                elif signum == TERMINATE:
                    one.terminate()
                    one.resume()
                else:
                    one.kill()

"""A film that is being played is not replaced: its finished result waits for the end."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from av1rules.base.children import Children
from av1rules.base.events import Paused, Resumed, Sink
from av1rules.execute.control.hold import HoldCause
from av1rules.execute.control.viewers import find_viewers
from av1rules.policy.neighbours.spec import Neighbour

LOOK_S = 15.0
"""How often it is looked at: a film lasts hours, and nobody waits for the exchange."""


def wait_while_played(
    path: str,
    *,
    name: str,
    neighbours: Sequence[Neighbour],
    children: Children,
    sink: Sink,
) -> None:
    """Return once nobody plays the file, in a pause or not: no player of this machine has it open,
    and no media server streams it. A server that does not answer streams nothing. Raises
    RunInterruptedError if the run is stopped."""
    if not _is_played(path, neighbours):
        return
    started = children.clock()
    reason = "somebody watches this film: its result is done, and replaces it afterwards"
    sink(Paused(source=name, cause=HoldCause.VIEWERS.value, reason=reason))
    while _is_played(path, neighbours):
        _wait(children)
    sink(Resumed(source=name, paused_s=children.clock() - started))


def _is_played(path: str, neighbours: Sequence[Neighbour]) -> bool:
    # psutil is needed only here, where a source is about to be replaced.
    from av1rules.execute.control.machine import own_processes  # noqa: PLC0415

    real = os.path.realpath(path)
    return real in find_viewers((os.path.dirname(real),), neighbours, own_processes()).films


def _wait(children: Children) -> None:
    end = time.monotonic() + LOOK_S
    while time.monotonic() < end:
        children.check_stop()
        time.sleep(min(0.5, LOOK_S))

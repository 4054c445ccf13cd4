"""A film that is being played is not replaced: its finished result waits for the end."""

from __future__ import annotations

import os
import time

from av1rules.base.children import Children
from av1rules.base.events import Paused, Resumed, Sink
from av1rules.execute.control.hold import HoldCause
from av1rules.execute.control.players import watched_films

LOOK_S = 10.0
"""How often it is looked at: a film lasts hours, and nobody waits for the exchange."""


def wait_while_played(path: str, *, name: str, children: Children, sink: Sink) -> None:
    """Return once no player has the file open. What this system does not show is taken as not
    played. Raises RunInterruptedError if the run is stopped."""
    if not _is_played(path):
        return
    started = children.clock()
    reason = "somebody watches this film: its result is done, and replaces it afterwards"
    sink(Paused(source=name, cause=HoldCause.VIEWERS.value, reason=reason, is_finishing=True))
    while _is_played(path):
        _wait(children)
    sink(Resumed(source=name, paused_s=children.clock() - started))


def _is_played(path: str) -> bool:
    # psutil is needed only here, where a source is about to be replaced.
    from av1rules.execute.control.machine import own_processes  # noqa: PLC0415

    real = os.path.realpath(path)
    films = watched_films((os.path.dirname(real),), own_processes())
    return films is not None and real in films


def _wait(children: Children) -> None:
    end = time.monotonic() + LOOK_S
    while time.monotonic() < end:
        children.check_stop()
        time.sleep(min(0.5, LOOK_S))

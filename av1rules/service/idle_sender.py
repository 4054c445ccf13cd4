"""Tells neighbours between rounds what they were not told yet: a server that was off during a round
is told soon after it is back, and not by the next round, which may be hours away."""

from __future__ import annotations

import threading
from collections.abc import Callable

from av1rules.base.children import Children
from av1rules.integrations.outbox_look import EVERY_S, send_waiting
from av1rules.policy.model import RuleSet

CLOSE_S = 0.5
"""What the end of the watcher waits for a neighbour that does not answer."""


class IdleSender:
    """A thread that looks while the watcher waits: after `go_on`, until `rest`. `ruleset` is the
    one in force; `tell` gets what is news, in words, and whether a user may have to act."""

    def __init__(
        self,
        ruleset: Callable[[], RuleSet],
        tell: Callable[[str, bool], None],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._ruleset = ruleset
        self._tell = tell
        self._every_s = every_s
        self._children = Children()
        self._may, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def go_on(self) -> None:
        """The watcher waits."""
        self._may.set()
        if self._thread is None and self._ruleset().neighbours:
            self._thread = threading.Thread(target=self._work, daemon=True, name="idle sender")
            self._thread.start()

    def rest(self) -> None:
        """A round begins, which tells neighbours itself. Returns at once: the call at work comes to
        its end, is recorded, and is the last."""
        self._may.clear()

    def close(self) -> None:
        """For good. A call that is answered by then is recorded, a program is ended."""
        self._may.clear()
        self._ended.set()
        self._children.stop()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _work(self) -> None:
        while not self._ended.wait(self._every_s):
            if self._may.is_set():
                self._look(self._ruleset())

    def _look(self, ruleset: RuleSet) -> None:
        results = send_waiting(
            ruleset.run.state_dir,
            ruleset.neighbours,
            children=self._children,
            is_stopping=lambda: not self._may.is_set(),
        )
        for result in results:
            if result.events:
                self._tell(f"neighbours told: {result.neighbour} of {result.events}", False)  # noqa: FBT003
            if result.problem is not None and not result.is_known and self._may.is_set():
                self._tell(result.text, True)  # noqa: FBT003

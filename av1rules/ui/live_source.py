"""The live state of a library, kept up to date from its event log and its ledger: what the monitor
and the page show."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.base.units import now_text
from av1rules.execute.resources.run_lock import seen_holder
from av1rules.ledger.controls import ALL_FILMS, ControlKind
from av1rules.ledger.records import AttemptResult
from av1rules.operations.monitor.figures import LedgerReader, MonitorFigures, read_figures
from av1rules.plan.controlled.hold import control_text
from av1rules.policy.model import RuleSet
from av1rules.report.live.fold import after_event, at_rest
from av1rules.report.live.model import LibraryFigures, LiveState
from av1rules.ui.event_tail import EventTail

FIGURES_EVERY_S = 5.0
"""Seconds between two reads of the figures while nothing tells of a change."""


class LiveSource:
    """One reader: not for several threads at a time."""

    def __init__(self, ruleset: RuleSet, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ruleset = ruleset
        self._tail = EventTail(ruleset.run.state_dir)
        self._clock = clock
        self._read_at = float("-inf")
        self._seen: object = None
        self.reader = LedgerReader(ruleset)
        self.figures: MonitorFigures | None = None
        self.state = LiveState()

    def refresh(self) -> LiveState:
        """The state as of now. A ledger that can't be read is told in it."""
        state = reduce(after_event, self._tail.read(), self.state)
        holder = seen_holder(self._ruleset.run.state_dir)
        is_its = state.run is not None and holder is not None and holder.pid == state.run.pid
        state = state if is_its else at_rest(state)
        state = replace(state, holder=None if holder is None else holder.text)
        self.state = replace(state, library=self._library(state))
        return self.state

    def forget_figures(self) -> None:
        """The next refresh reads them, whenever the last one was: a user changed something."""
        self._read_at = float("-inf")

    def close(self) -> None:
        self._tail.close()
        self.reader.close()

    def _library(self, state: LiveState) -> LibraryFigures:
        ended = len(state.results), state.results[:1], state.run and state.run.phase
        now = self._clock()
        is_due = now - self._read_at >= FIGURES_EVERY_S
        if ended == self._seen and not is_due:
            return self.state.library
        self._seen, self._read_at = ended, now
        try:
            self.figures = read_figures(self.reader.ledger(), self._ruleset)
        except Av1rulesError as problem:
            self.reader.close()
            return replace(self.state.library, problem=str(problem))
        return library_figures(self.figures, state, now_text())


def library_figures(figures: MonitorFigures, state: LiveState, now: str) -> LibraryFigures:
    """The figures as the live state has them. Pure."""
    holding = figures.holding(ALL_FILMS, now)
    speeds = (one.fps for one in reversed(state.results) if one.fps is not None)
    return LibraryFigures(
        targets=figures.totals.count,
        source_bytes=figures.totals.source_bytes,
        target_bytes=figures.totals.target_bytes,
        encode_s=figures.encode_s,
        waiting=figures.queue.films,
        waiting_bytes=figures.queue.size_bytes,
        waiting_s=figures.queue.seconds,
        expected_saving=_rounded(figures.queue.saving_bytes),
        failed=figures.attempts.get(AttemptResult.FAILED, 0),
        clips_waiting=figures.clips_waiting,
        skipped=figures.skipped(now),
        pause=None if holding is None else control_text(holding),
        is_stopped=holding is not None and holding.kind is ControlKind.STOP,
        saved_shares=figures.saved_shares,
        speeds=tuple(speeds),
        forecast_errors=figures.forecast_errors,
        neighbours_untold=figures.neighbours_untold,
        schedules=tuple(one.text for one in figures.schedules),
        is_closed=any(one.rule is None and not one.is_open for one in figures.schedules),
    )


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)

"""`av1rules watch`: runs again and again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click
from msgspec.structs import replace

from av1rules.base.children import Children
from av1rules.base.events import Event, Sink
from av1rules.base.signals import watch_signals
from av1rules.base.system.hang_up import on_hang_up
from av1rules.base.units import parse_duration
from av1rules.cli.backend import plan_of_now, recorded_session, run_round
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_INTERRUPTED
from av1rules.cli.options import json_option, rules_option, with_unit
from av1rules.cli.progress import event_sink, plain_sink
from av1rules.execute.resources.run_lock import watch_lock
from av1rules.plan.context import PlanRequest
from av1rules.plan.found import has_settling
from av1rules.plan.workspace import opened
from av1rules.policy.model import Order
from av1rules.policy.schema import jobs_bounds
from av1rules.service.loop import Watcher
from av1rules.service.policy_files import PolicyFiles, PolicyInForce
from av1rules.service.quiet import QuietRounds
from av1rules.service.round import RoundAtWork, RoundEnd
from av1rules.service.sd_notify import ServiceManager
from av1rules.ui.sinks import both


@click.command(
    "watch",
    epilog=examples(
        ("av1rules watch", "until Ctrl-C or SIGTERM"),
        ("av1rules watch --interval 1h -j 2", "two encodes at a time"),
    ),
)
@rules_option
@click.option(
    "--interval",
    "interval_s",
    metavar="TIME",
    callback=with_unit(parse_duration),
    help="Look at least this often, such as 15min; in place of watch.interval.",
)
@click.option("--no-events", is_flag=True, help="Don't look when files change: only each interval.")
@click.option(
    "--order",
    type=click.Choice(Order, case_sensitive=False),
    help="What comes first: the most saved per hour, the largest, the newest, or by name.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="Number of encodes at a time."
)
@json_option("Print events as JSON, one per line.")
def command(
    rules_file: Path,
    interval_s: float | None,
    no_events: bool,  # noqa: FBT001 - click passes flags so
    order: Order | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Plan and run again and again: when files change, when `av1rules notify` says so, at SIGHUP,
    and each interval.

    Edited rules take effect at the next film; broken ones are told, and the former go on. One
    watcher a ledger; `run`, `plan` and `clips` work beside it. With systemd as Type=notify.

    Ctrl-C or SIGTERM once: stop the encodes, keep finished work, end. Twice: kill them.
    """
    manager = ServiceManager.of(os.environ)
    children = Children()
    policy = PolicyFiles(rules_file)
    rounds = _Rounds(children, order=order, jobs=jobs, as_json=as_json)
    with watch_lock(policy.in_force.ruleset.run.state_dir):
        watcher = Watcher(
            policy,
            rounds,
            sink=rounds.say,
            children=children,
            manager=manager,
            interval_s=interval_s,
            is_listening=not no_events,
        )
        signals = _Signals(children, watcher.hang_up)
        try:
            watcher.run()
        finally:
            signals.restore()
    return EXIT_DONE if signals.is_terminated else EXIT_INTERRUPTED


class _Rounds:
    """Does the rounds as `run` does, and takes what the watcher says to where their events go."""

    def __init__(
        self, children: Children, *, order: Order | None, jobs: int | None, as_json: bool
    ) -> None:
        self._children = children
        self._order = order
        self._jobs = jobs
        self._as_json = as_json
        self._quiet = QuietRounds()
        self._between = self._shown = plain_sink(as_json=as_json)

    def say(self, event: Event) -> None:
        """What the watcher says, at any time."""
        self._shown(event)

    def __call__(self, policy: PolicyInForce, at_work: RoundAtWork) -> RoundEnd:
        """See `DoRound`."""
        with (
            opened(policy.ruleset, policy.approvals, write=False) as found,
            event_sink(children=self._children, as_json=self._as_json) as shown,
            self._saying(shown if self._as_json else self._quiet.over(shown)) as sink,
        ):
            # Those of one round: a user who stops all ends it, and not the watcher.
            workspace = replace(found, children=Children(parent=self._children))
            with recorded_session(workspace, both(at_work.see, sink)) as session:
                jobs = self._jobs or policy.ruleset.run.jobs
                started = time.monotonic()
                # A first plan of a large library takes hours: systemd is told meanwhile, too.
                with at_work.attending(session):
                    plan = plan_of_now(session, PlanRequest(), jobs=jobs)
                    plan_s = time.monotonic() - started
                    finished = run_round(plan, session, jobs=jobs, order=self._order)
                is_settling = has_settling(plan.rows)
                return at_work.end(plan_s=plan_s, is_settling=is_settling, finished=finished)

    @contextlib.contextmanager
    def _saying(self, shown: Sink) -> Iterator[Sink]:
        self._shown = shown
        try:
            yield shown
        finally:
            self._shown = self._between


class _Signals:
    """SIGTERM and Ctrl-C end the watcher, SIGHUP has it read the policy again."""

    def __init__(self, children: Children, hang_up: Callable[[], None]) -> None:
        self.is_terminated = False
        self._restore = watch_signals(children, is_busy=lambda: True)
        self._stop = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self._terminated)
        self._restore_hang_up = on_hang_up(hang_up)

    def restore(self) -> None:
        self._restore_hang_up()
        self._restore()

    def _terminated(self, signum: int, frame: FrameType | None) -> None:
        self.is_terminated = True
        if callable(self._stop):
            self._stop(signum, frame)

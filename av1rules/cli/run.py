"""`av1rules run`: encode what is stale."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from av1rules.base.events import Note, RunFinished, Sink
from av1rules.base.signals import stop_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.options import (
    absolute_paths,
    accept_missing_option,
    budget_options,
    force_option,
    paths_argument,
    rules_option,
)
from av1rules.graph.open_session import open_session
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import Plan, PlanAction
from av1rules.graph.run import measure_first, run_plan
from av1rules.graph.scope import Wish
from av1rules.graph.steward import steward_of
from av1rules.graph.workspace import open_workspace
from av1rules.ui.sinks import json_sink, line_sink


@click.command("run")
@rules_option
@paths_argument
@force_option
@accept_missing_option
@budget_options
@click.option("-j", "--jobs", type=click.IntRange(1, 64), help="Encodes at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
def command(
    rules_file: Path,
    paths: tuple[str, ...],
    force: bool,  # noqa: FBT001 - click passes flags so
    accept_missing: bool,  # noqa: FBT001
    budget_s: float | None,
    free_bytes: int | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Encode the stale targets of the library, or of PATHS of it; verify and publish each.

    Ctrl-C or SIGTERM once: stop the encodes, keep what is done. Twice: kill them.
    """
    wish = Wish(paths=absolute_paths(paths), force=force, accept_missing=accept_missing)
    with (
        open_workspace(rules_file, write=False) as space,
        stop_on_signals(space.children),
        event_sink(as_json=as_json) as sink,
        open_session(space, sink) as session,
    ):
        jobs = jobs or space.ruleset.run.jobs
        plan = build_plan(session.space, wish, sink=sink)
        plan = measure_first(plan, session, wish, jobs=jobs)
        for warning in space.warnings:
            sink(Note(message=f"warning: {warning}"))
        for row in plan.of(PlanAction.BLOCKED):
            sink(Note(source=row.file.library_path, message=f"blocked: {'; '.join(row.causes)}"))
        for problem in plan.problems:
            sink(Note(message=problem))
        steward = steward_of(plan, session, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes)
        finished = run_plan(plan, session, jobs=jobs, steward=steward)
        interrupted = space.children.is_stopping
    return _exit_code(finished, plan, interrupted=interrupted)


def _exit_code(finished: RunFinished, plan: Plan, *, interrupted: bool) -> int:
    if interrupted:
        return EXIT_INTERRUPTED
    if finished.failed or plan.of(PlanAction.BLOCKED) or plan.problems:
        return EXIT_FAILED
    return EXIT_DONE


@contextlib.contextmanager
def event_sink(*, as_json: bool) -> Iterator[Sink]:
    """Where the events of a command that works go: NDJSON, the screen, or log lines."""
    if as_json:
        yield json_sink(sys.stdout)
    elif sys.stderr.isatty():
        # rich takes 50 ms to import: only where there is a screen to draw on.
        from rich.console import Console  # noqa: PLC0415

        from av1rules.ui.live import live_sink  # noqa: PLC0415

        with live_sink(Console(stderr=True)) as sink:
            yield sink
    else:
        yield line_sink(sys.stderr)

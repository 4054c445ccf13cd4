"""`av1rules run`: encodes stale targets."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.events import Note, Outcome, RunFinished
from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import DoitOnDemand, backend_for
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.options import (
    absolute_paths,
    accept_missing_option,
    budget_options,
    force_option,
    paths_argument,
    rules_option,
)
from av1rules.cli.progress import event_sink
from av1rules.execute.run import measure_grain_first, run_plan
from av1rules.execute.startup import start_session
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.policy.schema import jobs_bounds


@click.command("run")
@rules_option
@paths_argument
@force_option
@accept_missing_option
@budget_options
@click.option(
    "-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="Number of encodes at a time."
)
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
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

    Ctrl-C or SIGTERM once: stop the encodes, keep finished work. Twice: kill them.
    """
    request = PlanRequest(paths=absolute_paths(paths), force=force, accept_missing=accept_missing)
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(as_json=as_json) as sink,
        start_session(workspace, sink) as session,
    ):
        jobs = jobs or workspace.ruleset.run.jobs
        plan = build_plan(session.workspace, request, sink=sink)
        plan = measure_grain_first(plan, session, request, DoitOnDemand(), jobs=jobs)
        for warning in workspace.warnings:
            sink(Note(message=f"warning: {warning}"))
        for row in plan.of(PlanAction.BLOCKED):
            sink(Note(source=row.file.library_path, message=f"blocked: {'; '.join(row.causes)}"))
        for problem in plan.problems:
            sink(Note(message=problem))
        backend = backend_for(plan, session, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes)
        finished = run_plan(plan, session, backend, jobs=jobs)
        interrupted = workspace.children.is_stopping
    return _exit_code(finished, plan, interrupted=interrupted)


def _exit_code(finished: RunFinished, plan: Plan, *, interrupted: bool) -> int:
    if interrupted:
        return EXIT_INTERRUPTED
    if finished.counts[Outcome.FAILED] or plan.of(PlanAction.BLOCKED) or plan.problems:
        return EXIT_FAILED
    return EXIT_DONE

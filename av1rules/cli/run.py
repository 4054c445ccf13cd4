"""`av1rules run`: encodes stale targets."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.events import Outcome, RunFinished
from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import plan_of_now, recorded_session, run_round
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_or_plan_argument
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_KNOWN
from av1rules.cli.options import (
    accept_missing_option,
    budget_options,
    dry_run_option,
    force_option,
    json_option,
    order_options,
    plan_request,
    redo_option,
    rules_option,
)
from av1rules.cli.progress import event_sink
from av1rules.plan.items import Plan
from av1rules.plan.workspace import open_workspace
from av1rules.policy.model import Order
from av1rules.policy.redo.choice import Redo
from av1rules.policy.schema import jobs_bounds
from av1rules.report.saved.forms import plan_named
from av1rules.ui.run_end import end_lines
from av1rules.ui.terminal import view_of

if TYPE_CHECKING:
    from av1rules.cli.saved.run import SavedPlan


class FailOn(Enum):
    """Which failures a run ends with exit code 1 for."""

    NEW = "new"
    ANY = "any"
    NONE = "none"


class _Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the options say."""

    strict: bool
    force: bool
    redo: Redo | None
    accept_missing: bool
    budget_s: float | None
    free_bytes: int | None
    only: tuple[str, ...]
    order: Order | None
    jobs: int | None
    dry_run: bool
    fail_on: str
    as_json: bool


@click.command(
    "run",
    epilog=examples(
        ("av1rules run", "whatever is stale"),
        ("av1rules run -j 2 movies", "one folder, two encodes at a time"),
        ("av1rules run --budget 8h", "for one night"),
        ("av1rules run --force movies/Short.mkv", "one film anew"),
        ("av1rules run plan.json", "the rows of a plan that `plan -o` saved"),
    ),
)
@rules_option
@names_or_plan_argument
@click.option(
    "--strict", is_flag=True, help="Refuse a saved plan as a whole if any row of it is outdated."
)
@force_option
@redo_option
@accept_missing_option
@budget_options
@order_options
@click.option(
    "-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="Number of encodes at a time."
)
@dry_run_option("Do nothing; show the plan of this run.")
@click.option(
    "--fail-on",
    type=click.Choice([one.value for one in FailOn]),
    default=FailOn.ANY.value,
    show_default=True,
    help="Which failures make the exit code 1: those that no earlier run told, any "
    f"({EXIT_KNOWN} if all of them are known), or none.",
)
@json_option("Print events as JSON, one per line; with --dry-run, the plan.")
def command(rules_file: Path, names: tuple[str, ...], **given: Any) -> int:
    """Encode the stale targets of the library, or of the films NAMEd; verify and publish each.

    NAME may be a plan that `av1rules plan -o FILE.json` saved: its rows that still hold are done,
    and nothing else.

    Ctrl-C or SIGTERM once: stop the encodes, keep finished work. Twice: kill them.
    """
    choices = _Choices(**given)
    saved = _saved_plan(rules_file, names, choices)
    if choices.dry_run:
        return _dry_run(rules_file, names, choices, saved)
    request = plan_request(
        () if saved else names,
        choices.only,
        choices.force,
        choices.accept_missing,
        choices.redo,
    )
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children, as_json=choices.as_json) as sink,
        recorded_session(workspace, sink) as session,
    ):
        jobs = choices.jobs or workspace.ruleset.run.jobs
        if saved is None:
            plan = plan_of_now(session, request, jobs=jobs)
        else:
            plan = saved.plan_of_now(session, accept_missing=choices.accept_missing, jobs=jobs)
        finished = run_round(
            plan,
            session,
            jobs=jobs,
            budget_s=choices.budget_s,
            free_bytes=choices.free_bytes,
            order=choices.order,
        )
        is_stopped = workspace.children.is_stopping
        code = _exit_code(finished, plan, FailOn(choices.fail_on))
        session.recorder.exit_code = code = EXIT_INTERRUPTED if is_stopped else code
    if not (choices.as_json or conventions().is_quiet):
        _show_end(finished)
    return code


def _saved_plan(rules_file: Path, names: tuple[str, ...], choices: _Choices) -> SavedPlan | None:
    """The saved plan that is named in place of films. Raises UsageError."""
    path = plan_named(names)
    if path is None:
        if choices.strict:
            raise UsageError(
                "--strict is for a saved plan", hint="`av1rules plan -o FILE.json` saves one"
            )
        return None
    # All that reads and compares a saved plan: most runs name none.
    from av1rules.cli.saved.run import open_saved_plan, require_no_choice  # noqa: PLC0415

    require_no_choice(path, force=choices.force, redo=choices.redo, only=choices.only)
    return open_saved_plan(path, rules_file, is_strict=choices.strict)


def _dry_run(
    rules_file: Path, names: tuple[str, ...], choices: _Choices, saved: SavedPlan | None
) -> int:
    budget: dict[str, Any] = {
        "accept_missing": choices.accept_missing,
        "budget_s": choices.budget_s,
        "free_bytes": choices.free_bytes,
        "order": choices.order,
        "jobs": choices.jobs,
    }
    if saved is not None:
        return saved.show(rules_file, as_json=choices.as_json, **budget)
    # Only here: a run draws no plan.
    from av1rules.cli.plan import command as plan_command  # noqa: PLC0415

    code: int = click.get_current_context().invoke(
        plan_command,
        rules_file=rules_file,
        names=names,
        force=choices.force,
        redo=choices.redo,
        only=choices.only,
        form="json" if choices.as_json else None,
        **budget,
    )
    return code


def _show_end(finished: RunFinished) -> None:
    view = view_of(sys.stderr, colours=conventions().color)
    for line in end_lines(finished.findings, view):
        click.echo(line, err=True, color=True)


def _exit_code(finished: RunFinished, plan: Plan, fail_on: FailOn) -> int:
    is_incomplete = finished.counts[Outcome.NOT_PLACED] or plan.rest.is_out_of_reach
    if is_incomplete and fail_on is FailOn.ANY:  # not the mirror that the rules want
        return EXIT_FAILED
    failures = [one for one in finished.findings if one.kind.is_failure]
    if fail_on is not FailOn.NONE and any(one.is_new for one in failures):
        return EXIT_FAILED
    return EXIT_KNOWN if failures and fail_on is FailOn.ANY else EXIT_DONE

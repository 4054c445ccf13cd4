"""`av1rules migrate av1d`: configurations, units, jobs and originals of the predecessor."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from av1rules.base.errors import ToolError, UsageError
from av1rules.base.own_files import STATE_FOLDER
from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import recorded_session
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import Screen, dry_run_option, json_option, screen_options
from av1rules.cli.progress import event_sink
from av1rules.ledger.ledger import LEDGER_NAME
from av1rules.ledger.runs import RunKind
from av1rules.operations.migrate.av1d.prepare import (
    Av1dPlan,
    Av1dRequest,
    PolicyPlan,
    prepare_av1d,
)
from av1rules.operations.migrate.av1d.state import (
    StateOptions,
    StateOutcome,
    plan_state,
    write_state,
)
from av1rules.operations.migrate.files import MigrationFile, put_file
from av1rules.plan.workspace import open_workspace
from av1rules.report.migration.av1d_json import is_well, migration_json
from av1rules.report.migration.av1d_markdown import MIGRATION_NAME, migration_markdown
from av1rules.report.migration.av1d_screen import migration_lines
from av1rules.report.migration.tables import MigratedPolicy

_FILE = click.Path(dir_okay=False)


@click.command(
    "av1d",
    epilog=examples(
        ("av1rules migrate av1d /etc/av1d/config.json -o av1 -n", "what would come of it"),
        (
            "av1rules migrate av1d /etc/av1d/config.json --systemd av1d.service -o av1",
            "with the limits of its unit",
        ),
        (
            "av1rules migrate av1d config.json -o av1 --adopt-originals",
            "and move the originals that it left to the trash",
        ),
    ),
)
@click.argument("configs", nargs=-1, required=True, metavar="CONFIG...", type=_FILE)
@click.option(
    "--jobs",
    multiple=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="The job files.  [default: the folders that the configurations name]",
)
@click.option(
    "--systemd",
    "units",
    multiple=True,
    type=_FILE,
    metavar="UNIT",
    help="A unit that starts av1d, or a drop-in of it; those beside a unit are read too.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="The folder of the policy: rules, tests, units, MIGRATION.md, ledger.",
)
@click.option(
    "--adopt-originals",
    is_flag=True,
    help="Move the originals that av1d left beside its results to the trash.",
)
@click.option(
    "--decode",
    is_flag=True,
    help="Decode the AV1 file of each adopted original to its end, so that a purge may take it.",
)
@dry_run_option("Write nothing and move nothing; show what would be.")
@json_option("Print all of it as JSON.")
@screen_options
def av1d(
    configs: tuple[str, ...],
    jobs: tuple[str, ...],
    units: tuple[str, ...],
    folder: str,
    adopt_originals: bool,  # noqa: FBT001 - click passes flags so
    decode: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Make a policy from one or more CONFIGs of av1d, JSON or TOML, with Docker or native.

    Configurations that agree in all but their roots become one policy, others one each in a folder
    of its own. Failed and too large results go into the ledger. Nothing that exists is overwritten,
    no film is changed, and a second time changes nothing.
    """
    request = Av1dRequest(
        configs=configs,
        folder=os.path.abspath(folder),
        program=_program(),
        jobs=jobs,
        units=units,
    )
    plan = prepare_av1d(request)
    options = StateOptions(adopt=adopt_originals, decode=decode)
    policies = [_migrate(policy, options, is_dry=dry_run) for policy in plan.policies]
    report = _put_report(plan, policies, request.folder, is_dry=dry_run)
    policies[0] = _with_file(policies[0], report)
    if as_json:
        click.echo(migration_json(plan, policies, is_dry=dry_run))
    else:
        screen.show(migration_lines(plan, policies, is_dry=dry_run, view=screen.view))
    return EXIT_DONE if is_well(policies) else EXIT_FAILED


def _program() -> tuple[str, ...]:
    """The command that starts av1rules, for a unit: as it was started now, if that is a program."""
    started = os.path.abspath(sys.argv[0])
    if os.path.basename(started) == "av1rules" and os.access(started, os.X_OK):
        return (started,)
    found = shutil.which("av1rules")
    return (found,) if found else (sys.executable, "-m", "av1rules")


def _migrate(policy: PolicyPlan, options: StateOptions, *, is_dry: bool) -> MigratedPolicy:
    try:
        files = tuple(
            put_file(f"{policy.folder}/{name}", text, is_dry=is_dry) for name, text in policy.files
        )
    except OSError as problem:
        raise UsageError(
            f"a file can't be written: {problem.strerror}", where=problem.filename or policy.folder
        ) from problem
    return MigratedPolicy(plan=policy, state=_state(policy, options, is_dry=is_dry), files=files)


def _state(policy: PolicyPlan, options: StateOptions, *, is_dry: bool) -> StateOutcome:
    """Jobs and originals; nothing is opened where there are none, and no ledger."""
    has_ledger = os.path.exists(f"{policy.folder}/{STATE_FOLDER}/{LEDGER_NAME}")
    if not (policy.jobs or policy.finds.originals or has_ledger):
        return StateOutcome()
    try:
        with (
            _rules_file(policy) as rules_file,
            open_workspace(rules_file, write=False) as workspace,
            stop_on_signals(workspace.children),
            event_sink(children=workspace.children) as sink,
        ):
            found = plan_state(workspace, policy, options, sink)
            if is_dry or not found.has_work:
                return found.outcome
            with recorded_session(workspace, sink, RunKind.MIGRATE) as session:
                return write_state(session, options, found)
    except ToolError as problem:
        return StateOutcome(problem=f"{problem.message}; migrate again once that is mended")


@contextmanager
def _rules_file(policy: PolicyPlan) -> Iterator[Path]:
    """The rules file, for a dry run without one in a folder that goes again."""
    path = Path(policy.rules_file)
    if path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, path.name)
        place.write_text(dict(policy.files)[path.name], encoding="utf-8")
        yield place


def _put_report(
    plan: Av1dPlan, policies: list[MigratedPolicy], folder: str, *, is_dry: bool
) -> MigrationFile:
    text = migration_markdown(plan, policies)
    return put_file(f"{folder}/{MIGRATION_NAME}", text, is_dry=is_dry)


def _with_file(policy: MigratedPolicy, file: MigrationFile) -> MigratedPolicy:
    return MigratedPolicy(plan=policy.plan, state=policy.state, files=(*policy.files, file))

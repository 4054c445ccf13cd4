"""`av1rules facts`: writes all that a plan reads of a library into one file, and shows such one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.signals import end_on_signals
from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.options import json_option, rules_option
from av1rules.forecast.of_plan import LEARNED_FROM
from av1rules.plan.context import PlanRequest
from av1rules.plan.facts.export import ExportOptions, export_facts
from av1rules.plan.facts.lines import FactsHeader
from av1rules.plan.facts.private import PrivateExport
from av1rules.plan.facts.read import read_header
from av1rules.plan.facts.some_films import SomeFilms
from av1rules.plan.facts.write import write_facts
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.report.documents.facts import facts_json
from av1rules.ui.sinks import counter_sink

DEFAULT_NAME = "facts.jsonl.gz"


@click.group(
    "facts",
    cls=CommandGroup,
    epilog=examples(
        ("av1rules facts export", f"the whole library, into {DEFAULT_NAME}"),
        ("av1rules facts show facts.jsonl.gz", "of when it is, and of what"),
    ),
)
def command() -> None:
    """What is known of every film, in one file: `plan`, `explain` and `test` take it with `--facts`
    in place of the library, and need neither films nor FFmpeg then."""


@command.command(
    "export",
    epilog=examples(
        ("av1rules facts export", f"the whole library, into {DEFAULT_NAME}"),
        ("av1rules facts export --private -o report.jsonl.gz", "for a bug report"),
        ("av1rules facts export --known-only -o known.jsonl.gz", "reads no film"),
    ),
)
@rules_option
@names_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_NAME,
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--known-only",
    is_flag=True,
    help="Write only what is known already: no film is probed or read.",
)
@click.option(
    "--private",
    is_flag=True,
    help="Hide names of files and folders, titles, tags and texts of programs: for a bug report.",
)
@json_option("Print what was written as JSON.")
def export_command(
    rules_file: Path,
    names: tuple[str, ...],
    output: Path,
    known_only: bool,  # noqa: FBT001 - click passes flags so
    private: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write all that a plan reads of the library, or of the films NAMEd: what is in each film, what
    was measured of it, what the ledger knows, and what stands where targets are or would be.

    Films that are new are probed, and the content of those that were never planned is read, as by
    a plan.
    """
    options = ExportOptions(is_complete=not known_only, history=LEARNED_FROM)
    with (
        open_workspace(rules_file, write=False) as workspace,
        end_on_signals(workspace.children),
        counter_sink(sys.stderr) as sink,
    ):
        try:
            lines = export_facts(workspace, options, sink=sink)
            if names:
                request = PlanRequest(names=wanted_names(names))
                rows = build_plan(workspace, request, sink=sink).rows
                wanted = frozenset(row.file.path for row in rows)
                lines = SomeFilms(wanted, workspace.ledger).lines(lines)
            hidden = PrivateExport(workspace) if private else None
            lines = lines if hidden is None else hidden.lines(lines)
            written = write_facts(lines, output)
        except OSError as problem:
            raise _unwritten(output, problem) from problem
    header = read_header(output)
    otherwise = None if hidden is None else hidden.planned_otherwise
    if as_json:
        click.echo(facts_json(output, written, header, planned_otherwise=otherwise))
        return
    click.echo(f"wrote {_text(output, written, header)}")
    if hidden is not None:
        click.echo(f"names are hidden; {_otherwise_text(hidden.planned_otherwise)}")


@command.command(
    "show",
    epilog=examples(("av1rules facts show facts.jsonl.gz", "of when it is, and of what")),
)
@click.argument("file", type=click.Path(path_type=Path))
@json_option("Print it as JSON.")
def show_command(file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Show what a FILE of facts says of itself: when it was written, by which version, of how many
    films, and whether its names are hidden."""
    header = read_header(file)
    size_bytes = file.stat().st_size
    if as_json:
        click.echo(facts_json(file, size_bytes, header))
        return
    click.echo(_text(file, size_bytes, header))
    click.echo(
        f"exported {header.exported_at} by av1rules {header.av1rules}, version {header.facts}"
    )
    if not header.is_complete:
        click.echo("only what was known: no film was probed or read for it")
    if header.is_private:
        click.echo("names are hidden")


def _text(path: Path, size_bytes: int, header: FactsHeader) -> str:
    films, targets = counted(header.films, "film"), counted(header.targets, "target")
    return f"{printable(str(path))}: {films}, {targets}, {format_size(size_bytes)}"


def _otherwise_text(count: int) -> str:
    if not count:
        return "the policy sees every film as it is"
    return f"under them the policy sees {counted(count, 'film')} otherwise"


def _unwritten(goal: Path, problem: OSError) -> Av1rulesError:
    return UsageError(
        f"the facts could not be written: {problem.strerror}",
        where=printable(str(goal)),
        hint="name another file with -o",
    )

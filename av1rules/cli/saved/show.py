"""`av1rules show PLAN`: a saved plan, as `plan` showed it."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.cli.complete.values import complete_plans
from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import Screen, screen_options
from av1rules.report.json import json_stream
from av1rules.report.plan_text import plan_lines
from av1rules.report.saved.read import PlanReader
from av1rules.report.saved.rows import saved_plan
from av1rules.report.saved.text import origin_lines
from av1rules.report.view import ROWS_IN_A_PIPE, fit, in_batches


@click.command(
    "show",
    epilog=examples(
        ("av1rules show plan.json", "as `av1rules plan` showed it"),
        ("av1rules show plan.json --markdown", "for a pull request"),
    ),
)
@click.argument(
    "plan", metavar="PLAN", type=click.Path(path_type=Path), shell_complete=complete_plans
)
@click.option("--json", "form", flag_value="json", help="Print the plan as JSON.")
@click.option("--markdown", "form", flag_value="markdown", help="Print the plan as Markdown.")
@click.option(
    "--all", "every_row", is_flag=True, help="List every file, fresh and left-alone ones too."
)
@screen_options
def command(
    plan: Path,
    form: str | None,
    every_row: bool,  # noqa: FBT001 - click passes flags so
    screen: Screen,
) -> None:
    """Show the PLAN that `av1rules plan -o FILE.json` saved: when, by which rules, and what it
    does.

    Needs neither films nor FFmpeg, nor the rules file.
    """
    if form == "json":
        reader = PlanReader(plan)
        document = reader.document
        for piece in in_batches(json_stream(document, "rows", reader.rows())):
            click.echo(piece, nl=False)
        click.echo()
        return
    if form == "markdown":
        # Takes tens of ms to import.
        from av1rules.report.saved.markdown import plan_markdown  # noqa: PLC0415

        shown = saved_plan(str(plan), every_row=every_row, kept=ROWS_IN_A_PIPE)
        for piece in in_batches(plan_markdown(shown)):
            click.echo(piece, nl=False)
        return
    shown = saved_plan(str(plan), every_row=every_row, kept=ROWS_IN_A_PIPE)
    head = (
        view_line
        for line in origin_lines(shown.document.origin)
        for view_line in fit([line], screen.view)
    )
    screen.show(line for lines in (head, ("",), plan_lines(shown, screen.view)) for line in lines)

"""`av1rules explain NAME`: explains the plan for one film."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import name_argument, one_wanted_name
from av1rules.cli.options import Screen, facts_option, json_option, rules_option, screen_options
from av1rules.execute.telecine import has_looked_for_telecine
from av1rules.forecast.decided import decided_plan
from av1rules.plan.explain import explain_film
from av1rules.plan.facts.workspace import open_library
from av1rules.report.documents.explain import explain_json
from av1rules.report.explain import explain_lines


@click.command(
    "explain",
    epilog=examples(
        ("av1rules explain movies/Film.mkv", "a film by its library name"),
        ("av1rules explain movies/Film.mkv --json", "the same for programs"),
    ),
)
@rules_option
@name_argument
@facts_option
@json_option("Print the explanation as JSON.")
@screen_options
def command(
    rules_file: Path,
    name: str,
    facts_file: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
    screen: Screen,
) -> None:
    """Show the probed facts of a film, its source tier and why, every rule with each condition, the
    settings with the line that set them, and the FFmpeg command."""
    wanted = one_wanted_name(name)
    with open_library(rules_file, facts_file) as workspace:
        explanation = explain_film(workspace, wanted, decided_plan)
        if facts_file is None and has_looked_for_telecine(workspace, explanation):
            explanation = explain_film(workspace, wanted, decided_plan)
    if as_json:
        click.echo(explain_json(explanation))
    else:
        screen.show(explain_lines(explanation, screen.view))

"""`av1rules explain FILE`: explains the plan for one file."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.cli.options import absolute_paths, rules_option
from av1rules.execute.telecine import has_looked_for_telecine
from av1rules.plan.explain import explain_file
from av1rules.plan.workspace import open_workspace
from av1rules.report.explain import explain_text


@click.command("explain")
@rules_option
@click.argument("file", type=click.Path())
def command(rules_file: Path, file: str) -> None:
    """Show the probed facts of FILE, its source tier and why, every rule with each condition, the
    settings with the line that set them, and the FFmpeg command."""
    (path,) = absolute_paths((file,))
    with open_workspace(rules_file, write=False) as workspace:
        explanation = explain_file(workspace, path)
        if has_looked_for_telecine(workspace, explanation):
            explanation = explain_file(workspace, path)
        click.echo(explain_text(explanation))

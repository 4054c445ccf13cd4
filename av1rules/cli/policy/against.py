"""`av1rules plan --against`: the policy of now beside that of another revision."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from av1rules.base.signals import end_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_WORK
from av1rules.cli.plan import DiffOptions
from av1rules.operations.against.comparison import PolicyComparison, compare_with
from av1rules.plan.context import PlanRequest
from av1rules.plan.facts.workspace import open_library
from av1rules.report.documents.policy_diff import policy_diff_json
from av1rules.report.policy_diff.markdown import policy_diff_markdown
from av1rules.report.policy_diff.text import policy_diff_lines
from av1rules.report.view import in_batches
from av1rules.ui.sinks import counter_sink


def show_difference(
    against: str,
    rules_file: Path,
    facts_file: Path | None,
    request: PlanRequest,
    how: DiffOptions,
) -> int:
    """Print the comparison, and return the exit code. Raises Av1rulesError."""
    with (
        open_library(rules_file, facts_file) as workspace,
        end_on_signals(workspace.children),
        counter_sink(sys.stderr) as sink,
    ):
        found = compare_with(
            against, workspace, request, rules_file=rules_file, jobs=how.jobs, sink=sink
        )
    _show(found, how)
    if not found.is_whole:
        return EXIT_FAILED
    return EXIT_WORK if how.detailed_exitcode and found.differs else EXIT_DONE


def _show(found: PolicyComparison, how: DiffOptions) -> None:
    if how.form == "json":
        for piece in in_batches(policy_diff_json(found)):
            click.echo(piece, nl=False)
        click.echo()
    elif how.form == "markdown":
        click.echo(policy_diff_markdown(found), nl=False)
    else:
        lines = policy_diff_lines(found, every_row=how.every_row, view=how.screen.view)
        how.screen.show(lines, is_well=not found.differs and found.is_whole)

"""`av1rules validate`: reports every problem of a rules file at once."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.approvals.file import approvals_path, load_approvals
from av1rules.base.text import counted, printable
from av1rules.cli.exit_codes import EXIT_USAGE
from av1rules.cli.options import rules_option
from av1rules.policy.load import check_rules
from av1rules.policy.model import Severity
from av1rules.policy.ownership import writable_by_others
from av1rules.policy.problems import render_all


@click.command("validate")
@rules_option
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def command(rules_file: Path, strict: bool) -> int:  # noqa: FBT001 - click passes flags so
    """Check a rules file: syntax, names, units, ranges, globs; dead and shadowed rules; who else
    can write to it. Also checks approvals.yaml beside it.

    Exit code 0 if it is valid, 2 if not.
    """
    ruleset, problems = check_rules(rules_file)
    if problems:
        click.echo(render_all(problems))
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    if (exposed := writable_by_others(rules_file)) is not None:
        click.echo(f"{printable(str(rules_file))}: warning: {exposed}")
        warnings += 1
    if ruleset is not None:
        counts = (
            counted(len(ruleset.rules), "rule"),
            counted(len(ruleset.profiles), "profile"),
            counted(warnings, "warning"),
        )
        click.echo(f"{rules_file}: {', '.join(counts)}: valid")
        approvals = approvals_path(rules_file)
        if decisions := load_approvals(approvals).decisions:
            click.echo(f"{approvals}: {counted(len(decisions), 'decision')} on clips")
    return EXIT_USAGE if errors or (strict and warnings) else 0

"""`av1rules validate`: reports every problem of a rules file at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from av1rules import __version__
from av1rules.approvals.file import approvals_path, load_approvals
from av1rules.base.text import counted, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_USAGE
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.cli.policy.ci_format import ci_format_option
from av1rules.policy.load import check_rules
from av1rules.policy.model import Problem, RuleSet, Severity
from av1rules.policy.ownership import writable_by_others
from av1rules.policy.problems import RulesError
from av1rules.report.documents.ci import CiForm, problems_for
from av1rules.report.documents.rules import validate_json
from av1rules.report.problems import problem_lines
from av1rules.report.view import fit


@click.command(
    "validate",
    epilog=examples(
        ("av1rules validate", "the rules file of this folder"),
        ("av1rules validate -f rules.yaml --strict", "warnings are errors"),
    ),
)
@rules_option
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@ci_format_option("How problems are shown.")
@json_option("Print the problems as JSON.")
@screen_options
def command(
    rules_file: Path,
    strict: bool,  # noqa: FBT001 - click passes flags so
    form: CiForm,
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Check a rules file: syntax, names, units, ranges, globs; dead and shadowed rules; who else
    can write to it. Also checks approvals.yaml beside it.

    Exit code 0 if it is valid, 2 if not.
    """
    ruleset, problems = check_rules(rules_file)
    exposed = writable_by_others(rules_file)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors + (exposed is not None)
    if as_json:
        decisions = None if ruleset is None else _decisions(rules_file)
        click.echo(
            validate_json(rules_file, ruleset, problems, decisions=decisions, exposed=exposed)
        )
        return EXIT_USAGE if errors or (strict and warnings) else EXIT_DONE
    if form is not CiForm.TEXT:
        shown = _problems(rules_file, ruleset, problems)
        click.echo(problems_for(form, shown, version=__version__), nl=False)
        is_bad = any(problem.severity is Severity.ERROR for problem in shown)
        return EXIT_USAGE if is_bad or (strict and shown) else EXIT_DONE
    lines = list(problem_lines(problems, screen.view))
    if exposed is not None:
        lines += fit([f"{printable(str(rules_file))}: warning: {exposed}"], screen.view)
    if ruleset is not None:
        counts = (
            counted(len(ruleset.rules), "rule"),
            counted(len(ruleset.profiles), "profile"),
            counted(warnings, "warning"),
        )
        lines.append(f"{printable(str(rules_file))}: {', '.join(counts)}: valid")
        if decisions := _decisions(rules_file):
            count = counted(decisions, "decision")
            lines.append(f"{printable(str(approvals_path(rules_file)))}: {count} on clips")
    screen.show(lines)
    return EXIT_USAGE if errors or (strict and warnings) else EXIT_DONE


def _decisions(rules_file: Path) -> int:
    """How many decisions approvals.yaml has. Raises RulesError, Av1rulesError."""
    return len(load_approvals(approvals_path(rules_file)).decisions)


def _problems(
    rules_file: Path, ruleset: RuleSet | None, found: Sequence[Problem]
) -> tuple[Problem, ...]:
    """Those of approvals.yaml too. Who else can write to the rules does not count in CI: nothing
    runs there, and some services check out with all rights for everybody."""
    problems = tuple(found)
    if ruleset is None:
        return problems
    try:
        load_approvals(approvals_path(rules_file))
    except RulesError as problem:
        return (*problems, *problem.problems)
    return problems

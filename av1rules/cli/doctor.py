"""`av1rules doctor`: problems of this set-up, and how to fix them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.core import ParameterSource

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import counted, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.operations.doctor import (
    Finding,
    Grade,
    check_output,
    check_programs,
    check_python,
    check_roots,
    check_state,
    has_wrong,
)
from av1rules.policy.load import check_rules
from av1rules.policy.model import RuleSet, Severity, ToolsSpec
from av1rules.policy.ownership import writable_by_others
from av1rules.report.checks import doctor_json, doctor_text
from av1rules.ui.sinks import status_line


@click.command(
    "doctor",
    epilog=examples(
        ("av1rules doctor", "all checks"),
        ("av1rules doctor -f rules.yaml", "those of one rules file"),
    ),
)
@rules_option
@json_option("Print the findings as JSON.")
@screen_options
@click.pass_context
def command(ctx: click.Context, rules_file: Path, as_json: bool, screen: Screen) -> int:  # noqa: FBT001
    """Check Python, FFmpeg, encoders (by a trial encode) and metrics, and with a rules file also
    the rules, the library's folders, space and the ledger. Exit code 1 if anything is wrong.

    Changes nothing.
    """
    asked_for = ctx.get_parameter_source("rules_file") is not ParameterSource.DEFAULT
    findings = []
    with status_line(sys.stderr) as tell:
        tell("checking Python and the programs ...")
        for finding in diagnose(rules_file, must_exist=asked_for):
            findings.append(finding)
            tell(f"{counted(len(findings), 'check')} done, the last: {printable(finding.subject)}")
    if as_json:
        click.echo(doctor_json(findings))
    else:
        is_well = not any(finding.grade in (Grade.WRONG, Grade.WARNING) for finding in findings)
        screen.show(doctor_text(findings, screen.view).splitlines(), is_well=is_well)
    return EXIT_FAILED if has_wrong(findings) else EXIT_DONE


def diagnose(rules_file: Path, *, must_exist: bool) -> Iterator[Finding]:
    """Every finding, section by section. A broken set-up is a finding, never an exception."""
    ruleset, by_rules = _read_rules(rules_file, must_exist=must_exist)
    spec = ruleset.tools if ruleset else ToolsSpec()
    yield from _guarded("Python", check_python)
    yield from _guarded("programs", lambda: check_programs(spec))
    yield from by_rules
    if ruleset is not None and (exposed := writable_by_others(rules_file)) is not None:
        subject = str(rules_file)
        yield Finding(section="rules", grade=Grade.WARNING, subject=subject, detail=exposed)
    if ruleset is not None:
        yield from _guarded("library", lambda: check_roots(ruleset))
        yield from _guarded("output", lambda: check_output(ruleset))
        yield from _guarded("state", lambda: check_state(ruleset))


def _guarded(section: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Av1rulesError as problem:
        yield _wrong(section, problem.where or section, problem.message, problem.hint)
    except OSError as problem:
        subject = str(problem.filename or section)
        yield _wrong(section, subject, problem.strerror or str(problem))


def _wrong(section: str, subject: str, detail: str, hint: str | None = None) -> Finding:
    return Finding(section=section, grade=Grade.WRONG, subject=subject, detail=detail, hint=hint)


def _read_rules(path: Path, *, must_exist: bool) -> tuple[RuleSet | None, tuple[Finding, ...]]:
    if not must_exist and not path.exists():
        detail = "not found, so only the programs were checked"
        hint = "av1rules init ROOT writes one; -f names another"
        note = Finding(
            section="rules", grade=Grade.NOTE, subject=str(path), detail=detail, hint=hint
        )
        return None, (note,)
    try:
        ruleset, problems = check_rules(path)
    except Av1rulesError as problem:
        return None, (_wrong("rules", problem.where or str(path), problem.message, problem.hint),)
    if ruleset is not None and not problems:
        count = len(ruleset.rules)
        detail = f"{counted(count, 'rule')}, no problem"
        return ruleset, (
            Finding(section="rules", grade=Grade.OK, subject=str(path), detail=detail),
        )
    findings = tuple(
        Finding(
            section="rules",
            grade=Grade.WRONG if problem.severity is Severity.ERROR else Grade.WARNING,
            subject=str(problem.place),
            detail=": ".join(filter(None, (problem.path, problem.message))),
            hint=problem.hint,
        )
        for problem in problems
    )
    return ruleset, findings

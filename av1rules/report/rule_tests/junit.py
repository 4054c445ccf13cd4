"""Results of rules tests as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from av1rules.base.text import printable
from av1rules.operations.rule_tests.files import FileResult
from av1rules.policy.model import Problem
from av1rules.report.rule_tests.results import mismatch_problem


def results_junit(files: Sequence[FileResult]) -> str:
    """JUnit XML: a suite for each file."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for one in files:
        failures, errors = len(one.failed), len(one.tests.problems)
        lines.append(
            f'<testsuite name={_attribute(str(one.path))} tests="{len(one.results) + errors}" '
            f'failures="{failures}" errors="{errors}">'
        )
        for problem in one.tests.problems:
            name = _attribute(problem.path or "file")
            lines += [f"<testcase name={name}>", _element("error", problem), "</testcase>"]
        for result in one.results:
            problems = [
                mismatch_problem(one.tests, result, mismatch) for mismatch in result.mismatches
            ]
            lines.append(f"<testcase name={_attribute(result.case.name)}>")
            lines += [_element("failure", problem) for problem in problems]
            lines.append("</testcase>")
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _element(kind: str, problem: Problem) -> str:
    message = printable(problem.message)
    text = escape(printable(str(problem.place)))
    return f"<{kind} message={_attribute(message)}>{text}</{kind}>"


def _attribute(text: str) -> str:
    return quoteattr(printable(text))

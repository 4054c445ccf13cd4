"""Problems of a policy in the forms of CI services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from av1rules.base.text import text_digest
from av1rules.policy.model import Problem, Severity
from av1rules.report.json import json_of_others


class CiForm(Enum):
    """How a command tells problems: to a person, or to a CI service."""

    TEXT = "text"
    GITHUB = "github"
    GITLAB = "gitlab"
    SARIF = "sarif"


def problems_for(form: CiForm, problems: Sequence[Problem], *, version: str) -> str:
    """The problems in the form of a CI service, each line ended; text is the business of each
    command."""
    if form is CiForm.GITHUB:
        return problems_github(problems)
    if form is CiForm.GITLAB:
        return f"{problems_gitlab(problems)}\n"
    return f"{problems_sarif(problems, version=version)}\n"


def problems_github(problems: Iterable[Problem]) -> str:
    """Workflow commands of GitHub Actions, which it shows beside the lines of a pull request."""
    return "".join(
        f"::{_level(problem)} file={_property(problem.place.file)},line={problem.place.line},"
        f"col={problem.place.column},title={_property(problem.path or 'av1rules')}::"
        f"{_data(_with_hint(problem))}\n"
        for problem in problems
    )


def _level(problem: Problem) -> str:
    return "warning" if problem.severity is Severity.WARNING else "error"


def _data(text: str) -> str:
    """GitHub's escapes: whatever a rules file says, it is one message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _with_hint(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _described(problem: Problem) -> str:
    return f"{problem.path}: {_with_hint(problem)}" if problem.path else _with_hint(problem)


def problems_gitlab(problems: Iterable[Problem]) -> str:
    """GitLab's code quality report."""
    found = [
        {
            "description": _described(problem),
            "check_name": "av1rules",
            "fingerprint": text_digest(f"{problem.place} {problem.path} {problem.message}"),
            "severity": "minor" if problem.severity is Severity.WARNING else "major",
            "location": {"path": problem.place.file, "lines": {"begin": problem.place.line}},
        }
        for problem in problems
    ]
    return json_of_others(found)


def problems_sarif(problems: Iterable[Problem], *, version: str) -> str:
    """SARIF 2.1.0."""
    results = [
        {
            "ruleId": "av1rules",
            "level": _level(problem),
            "message": {"text": _described(problem)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": problem.place.file},
                        "region": {
                            "startLine": problem.place.line,
                            "startColumn": problem.place.column,
                        },
                    }
                }
            ],
        }
        for problem in problems
    ]
    driver = {"name": "av1rules", "version": version, "rules": [{"id": "av1rules"}]}
    run = {"tool": {"driver": driver}, "results": results}
    return json_of_others({"version": "2.1.0", "runs": [run]})

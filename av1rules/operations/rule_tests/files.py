"""Runs the files of rules tests, and writes what was found into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import write_text
from av1rules.base.text import printable
from av1rules.operations.rule_tests.judge import Coverage, TestResult, coverage, run_rule_tests
from av1rules.policy.find_rules import TESTS_BESIDE, find_rules
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.policy.rule_tests.cases import RuleTestFile, named_rules, parse_rule_tests
from av1rules.policy.rule_tests.given import RecordedFilm
from av1rules.policy.yaml.document import parse_document, read_bytes
from av1rules.policy.yaml.layout import with_values
from av1rules.policy.yaml.nodes import Document

PATTERNS = (*TESTS_BESIDE, "tests/*.yaml", "tests/*.yml")
"""Where test files are, from the folder of the rules file on."""


class FileResult(msgspec.Struct, frozen=True, kw_only=True):
    """A test file with the rules that it is about, and the results of its cases."""

    path: Path
    ruleset: RuleSet
    tests: RuleTestFile
    results: tuple[TestResult, ...]

    @property
    def failed(self) -> tuple[TestResult, ...]:
        return tuple(result for result in self.results if result.mismatches)


def find_test_files(folder: Path) -> tuple[Path, ...]:
    """The test files beside a rules file. Raises UsageError if there are none."""
    found = tuple(path for pattern in PATTERNS for path in sorted(folder.glob(pattern)))
    if not found:
        raise UsageError(
            "there are no tests of these rules",
            where=printable(str(folder)),
            hint=f"name a file, or write one of {', '.join(PATTERNS[::2])}; docs/rules.md has one",
        )
    return found


def run_test_files(
    files: Iterable[Path],
    rules_file: Path,
    facts_file: Path | None = None,
    *,
    is_named: bool = True,
) -> tuple[FileResult, ...]:
    """The results of each file; `facts_file` has the films of cases that name no file. Unless the
    user named the rules, those beside or above the cases come before `rules_file`. Raises
    Av1rulesError for a file that can't be read, and RulesError for rules with mistakes."""
    known: dict[Path, RuleSet] = {}
    results = []
    for path in files:
        raw = read_bytes(path)
        document = parse_document(raw, file=str(path))
        rules = named_rules(document)
        about = path.parent / rules if rules else None
        if about is None and not is_named:
            about = rules_beside(path)
        about = (about or rules_file).resolve()
        if about not in known:
            known[about] = load_rules(about)
        films = films_of(document, path.parent, facts_file)
        tests = parse_rule_tests(raw, file=str(path), ruleset=known[about], films=films)
        found = run_rule_tests(known[about], tests.cases)
        results.append(FileResult(path=path, ruleset=known[about], tests=tests, results=found))
    return tuple(results)


def rules_beside(tests: Path) -> Path | None:
    """The rules file of the folder of these tests, or of the nearest one above. Raises
    UsageError."""
    folder = tests.parent.absolute()
    found = find_rules(folder)
    return None if found is None else folder / found


def films_of(
    document: Document, folder: Path, facts_file: Path | None
) -> dict[str, RecordedFilm | None]:
    """The films that cases take from files of facts. Raises UsageError."""
    if "from" not in document.text:
        return {}
    # Reads probes and measurements: only for cases of recorded films.
    from av1rules.operations.rule_tests.recorded import recorded_films  # noqa: PLC0415

    return recorded_films(document.plain(), folder, facts_file)


def coverage_of(files: Iterable[FileResult]) -> Iterator[tuple[RuleSet, Coverage]]:
    """What the cases of all files reached, for each rules file."""
    together: dict[Path, list[FileResult]] = {}
    for one in files:
        together.setdefault(one.ruleset.file, []).append(one)
    for found in together.values():
        results = [result for one in found for result in one.results]
        yield found[0].ruleset, coverage(found[0].ruleset, results)


def update(result: FileResult, *, is_dry: bool = False) -> bool:
    """Write what was found into the expectations that do not hold, unless it is a dry run, and say
    whether the file changes. What a user wrote besides stays."""
    values = {
        (*test.case.at, "expect", *one.at): "null" if one.is_no_rule else _as_yaml(one.found)
        for test in result.results
        for one in test.mismatches
        if isinstance(one.found, _WRITABLE)
    }
    if values and not is_dry:
        write_text(result.path, with_values(result.tests.document.text, values))
    return bool(values)


_WRITABLE = (str, int, float, bool, frozenset, tuple, type(None), Enum)
"""Not a quality target or gate, whose short form a user chose."""


def _as_yaml(value: Any) -> Any:
    """As a user writes it; scalars as text, which the layout leaves unquoted. None: not at all."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, frozenset):
        return sorted(_as_yaml(item) for item in value)
    if isinstance(value, tuple):
        return dict(value)
    return None if value is None else str(value)

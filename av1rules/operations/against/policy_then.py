"""The policy that the one of now is compared with: of a git revision, a rules file or a folder."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from av1rules.approvals.file import approvals_path
from av1rules.approvals.model import FILE_NAME
from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.text import printable
from av1rules.operations.against.git import GitRevision, find_revision
from av1rules.operations.rule_tests.files import PATTERNS
from av1rules.plan.workspace import ApprovalsFile
from av1rules.policy.find_rules import RULES_NAMES
from av1rules.policy.load import rules_of
from av1rules.policy.model import RuleSet
from av1rules.policy.problems import RulesError
from av1rules.policy.yaml.document import read_bytes


class TestText(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rules tests as it stood there. `name` is its path beside the rules file."""

    __test__ = False  # for pytest: no test

    name: str
    shown_as: str
    raw: bytes


class PolicyThen(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is what the user gave, `place` what it turned out to be: `main (3f2a1bc)`, or a
    path."""

    name: str
    place: str
    ruleset: RuleSet
    approvals: ApprovalsFile
    tests: tuple[TestText, ...]


def find_policy(against: str, rules_file: Path) -> PolicyThen:
    """The policy that a user means by REV, FILE or FOLDER. What is both, a revision and a path, is
    the revision; `./NAME` is the path. Relative paths in its rules begin where those of now do.

    Raises UsageError if there is none, RulesError if this version can't use it, ToolError.
    """
    if against.startswith(("/", "./", "../")) or against in (".", ".."):
        return _of_path(Path(against), against, rules_file)
    real = Path(os.path.realpath(rules_file))
    try:
        revision = find_revision(real.parent, against)
    except Av1rulesError:
        if against and os.path.exists(against):
            return _of_path(Path(against), against, rules_file)
        raise
    return _of_revision(revision, real.name, rules_file)


def _of_revision(revision: GitRevision, name: str, rules_file: Path) -> PolicyThen:
    raw = revision.read(name)
    if raw is None:
        others = ", ".join(printable(path) for path in revision.places_of(name)[:3])
        raise UsageError(
            f"the revision {printable(revision.name)} has no {printable(name)} in this folder",
            where=printable(revision.shown(name)),
            hint=f"it has {others}: `git show {revision.short}:PATH > then.yaml`, then --against "
            "./then.yaml"
            if others
            else "the rules file was added later; name an older or newer revision",
        )
    return _policy(
        name=revision.name,
        place=f"{printable(revision.name)} ({revision.short})",
        raw=raw,
        shown_as=revision.shown(name),
        rules_file=rules_file,
        approvals=ApprovalsFile.of(revision.read(FILE_NAME) or b"", revision.shown(FILE_NAME)),
        tests=tuple(_tests_of(revision)),
    )


def _tests_of(revision: GitRevision) -> Iterator[TestText]:
    listed = {"": revision.files(), "tests": revision.files("tests")}
    for pattern in PATTERNS:
        folder, _, form = pattern.rpartition("/")
        for name in sorted(fnmatch.filter(listed[folder], form)):
            path = f"{folder}/{name}" if folder else name
            raw = revision.read(path)
            if raw is not None:
                yield TestText(name=path, shown_as=revision.shown(path), raw=raw)


def _of_path(path: Path, name: str, rules_file: Path) -> PolicyThen:
    file = _file_in(path, rules_file) if path.is_dir() else path
    return _policy(
        name=name,
        place=printable(str(file)),
        raw=read_bytes(file),
        shown_as=str(file),
        rules_file=rules_file,
        approvals=ApprovalsFile.at(approvals_path(file)),
        tests=tuple(tests_beside(file)),
    )


def _file_in(folder: Path, rules_file: Path) -> Path:
    """The rules file in a folder, above all the one with the name of that of now."""
    for name in (rules_file.name, *RULES_NAMES):
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"the folder has no {printable(rules_file.name)}",
        where=printable(str(folder)),
        hint="name the rules file in it: --against FILE",
    )


def tests_beside(rules_file: Path) -> Iterator[TestText]:
    """The files of rules tests beside a rules file."""
    folder = rules_file.parent
    for pattern in PATTERNS:
        for path in sorted(folder.glob(pattern)):
            name = str(path.relative_to(folder))
            yield TestText(name=name, shown_as=str(path), raw=read_bytes(path))


def _policy(
    *,
    name: str,
    place: str,
    raw: bytes,
    shown_as: str,
    rules_file: Path,
    approvals: ApprovalsFile,
    tests: tuple[TestText, ...],
) -> PolicyThen:
    try:
        ruleset = rules_of(raw, rules_file, shown_as=shown_as)
    except RulesError as problem:
        raise RulesError(
            problem.problems, what=f"the rules of {place}, as this version of av1rules reads them"
        ) from problem
    return PolicyThen(name=name, place=place, ruleset=ruleset, approvals=approvals, tests=tests)

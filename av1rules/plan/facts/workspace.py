"""A workspace of recorded facts: what a plan needs, without films, FFmpeg or a state folder."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from av1rules.approvals.file import approvals_path
from av1rules.plan.facts.lines import FactsHeader, path_of_text
from av1rules.plan.facts.read import RecordedLibrary, read_facts
from av1rules.plan.workspace import ApprovalsFile, Workspace, open_workspace, walk_roots
from av1rules.policy.load import load_rules
from av1rules.policy.model import Root, RuleSet


def open_library(
    rules_file: Path, facts_file: Path | None
) -> contextlib.AbstractContextManager[Workspace]:
    """The workspace of a command that only reads: of the library, or of recorded facts."""
    if facts_file is None:
        return open_workspace(rules_file, write=False)
    return open_facts_workspace(facts_file, rules_file)


@contextlib.contextmanager
def open_facts_workspace(path: Path, rules_file: Path) -> Iterator[Workspace]:
    """The workspace of a command with `--facts`: the rules of here, the library as it was recorded.

    Raises RulesError, UsageError. Nothing is written.
    """
    approvals = ApprovalsFile.at(approvals_path(rules_file))
    with opened_facts(path, load_rules(rules_file), approvals) as workspace:
        yield workspace


@contextlib.contextmanager
def opened_facts(
    path: Path, ruleset: RuleSet, approvals: ApprovalsFile | None = None
) -> Iterator[Workspace]:
    """The same for rules that are loaded. Raises UsageError."""
    with read_facts(path) as facts:
        yield facts_workspace(facts, ruleset, approvals)


def facts_workspace(
    facts: RecordedLibrary, ruleset: RuleSet, approvals: ApprovalsFile | None = None
) -> Workspace:
    """A workspace of facts that were read; they may serve several rule sets."""
    return Workspace(
        ruleset=at_recorded_places(ruleset, facts.header),
        ledger=facts.ledger,
        cache=facts.cache,
        tools=facts.header.tools,
        approvals=ApprovalsFile() if approvals is None else approvals,
        walk=functools.partial(walk_roots, disk=facts.disk),
        disk=facts.disk,
        placed=functools.partial(at_recorded_places, header=facts.header),
        cores=facts.header.cores,
    )


def at_recorded_places(ruleset: RuleSet, header: FactsHeader) -> RuleSet:
    """The rules as if they stood where the facts were recorded: relative paths count from the
    folder of then. A root whose path was not recorded is the recorded one of its name. A private
    file hides paths: its roots and its output are those of the rules, in their order."""
    output, run = ruleset.output, ruleset.run
    root, temp_dir = output.root, output.temp_dir
    if header.is_private:
        root = None if root is None or header.output is None else _path(header.output.path)
        temp_dir = None
    state_dir = _path(header.state_dir)
    return replace(
        ruleset,
        library=replace(
            ruleset.library,
            roots=(
                tuple(_hidden(ruleset.library.roots, header))
                if header.is_private
                else tuple(_recorded(root, ruleset, header) for root in ruleset.library.roots)
            ),
        ),
        output=replace(
            output,
            root=None if root is None else _moved(root, ruleset, header),
            temp_dir=None if temp_dir is None else _moved(temp_dir, ruleset, header),
        ),
        run=replace(run, state_dir=state_dir),
    )


def _hidden(roots: Sequence[Root], header: FactsHeader) -> Iterator[Root]:
    for root, recorded in itertools.zip_longest(roots, header.roots[: len(roots)]):
        if recorded is None:
            yield root
        else:
            name = path_of_text(recorded.name)
            yield replace(root, name=name, path=_path(recorded.path))


def _recorded(root: Root, ruleset: RuleSet, header: FactsHeader) -> Root:
    paths = {path_of_text(one.path) for one in header.roots}
    moved = _moved(root.path, ruleset, header)
    for path in (str(root.path), str(moved)):
        if path in paths:
            return replace(root, path=Path(path))
    of_name = [one for one in header.roots if path_of_text(one.name) == root.name]
    return replace(root, path=_path(of_name[0].path) if of_name else moved)


def _moved(path: Path, ruleset: RuleSet, header: FactsHeader) -> Path:
    """A path below the folder of the rules as one below their folder of then."""
    here = ruleset.file.parent
    return (
        _path(header.rules_folder) / path.relative_to(here) if path.is_relative_to(here) else path
    )


def _path(text: str) -> Path:
    return Path(path_of_text(text))

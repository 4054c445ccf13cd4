"""Names of films, rules, profiles and runs for completion: read fast, and nothing is ever said.

Films are those that the last run found, from the ledger, and what lies in one folder right now.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from av1rules.base.errors import Av1rulesError
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.runs import RunRecord
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.plan.safety_stop import known_files
from av1rules.policy.load import load_rules_cached
from av1rules.policy.model import Root, RuleSet
from av1rules.report.saved.forms import PlanForm, is_plan

SHOWN_RUNS = 20

LOOKED_INTO = 100
"""JSON files of a folder that may be plans; opening more takes as long as a user notices."""


def film_names(rules_file: Path, incomplete: str) -> list[str]:
    """The library names that begin so, up to the slash after which they differ: a folder ends with
    one. If none does, the one name that contains it."""
    ruleset = _rules(rules_file)
    if ruleset is None:
        return []
    known = list(_known(ruleset))
    found = _next(ruleset, known, incomplete)
    while len(found) == 1 and found[0].endswith("/"):  # nothing to choose yet
        below = _next(ruleset, known, found[0])
        if not below:
            break
        found = below
    if found:
        return found
    part = incomplete.casefold()
    with_part = [name for name in known if part in name.casefold()]
    return with_part if len(with_part) == 1 else []


def _next(ruleset: RuleSet, known: list[str], typed: str) -> list[str]:
    """The names that begin so, up to the next slash."""
    extensions = ruleset.library.extensions or VIDEO_EXTENSIONS
    found = {_step(name, typed) for name in known if name.startswith(typed)}
    for root in ruleset.library.roots:
        if f"{root.name}/".startswith(typed) and f"{root.name}/" != typed:
            found.add(f"{root.name}/")
        found.update(_on_disk(root, typed, extensions))
    return sorted(found)


def plan_names(incomplete: str) -> list[str]:
    """The saved plans whose paths begin so."""
    folder, beginning = os.path.split(incomplete)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return []
    suffix = PlanForm.JSON.value
    paths = [
        os.path.join(folder, name)
        for name in names
        if name.startswith(beginning) and name.lower().endswith(suffix)
    ]
    return [path for path in paths[:LOOKED_INTO] if _is_plan(path)]


def _is_plan(path: str) -> bool:
    try:
        return is_plan(path, PlanForm.JSON)
    except OSError:
        return False


def _step(name: str, typed: str) -> str:
    head, slash, _ = name[len(typed) :].partition("/")
    return f"{typed}{head}{slash}"


def _known(ruleset: RuleSet) -> Iterator[str]:
    with contextlib.suppress(Av1rulesError), closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        for root in ruleset.library.roots:
            packed = ledger.inventories.of_root(str(root.path))
            for path, _mark in known_files(packed) if packed is not None else ():
                yield f"{root.name}/{path}"


def _on_disk(root: Root, typed: str, extensions: Collection[str]) -> Iterator[str]:
    """What lies in the folder that is typed so far: films that no run has seen yet."""
    if not typed.startswith(f"{root.name}/"):
        return
    folder = typed[len(root.name) + 1 :].rpartition("/")[0]
    shown = f"{root.name}/{folder}/" if folder else f"{root.name}/"
    with contextlib.suppress(OSError), os.scandir(os.path.join(root.path, folder)) as entries:
        for entry in entries:
            name = f"{shown}{entry.name}"
            if entry.name.startswith(".") or not name.startswith(typed):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{name}/"
            elif os.path.splitext(entry.name)[1].removeprefix(".").lower() in extensions:
                yield name


def run_numbers(rules_file: Path) -> list[tuple[str, str]]:
    """`last`, and the last runs, each with its result."""
    ruleset = _rules(rules_file)
    if ruleset is None:
        return []
    with contextlib.suppress(Av1rulesError), closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        runs = ledger.runs.latest(SHOWN_RUNS)
        numbers = [(str(run.id), f"{run.started[:16]} {_result(run)}") for run in runs]
        return [("last", "the last run"), *numbers] if numbers else []
    return []


def rule_names(rules_file: Path) -> tuple[str, ...]:
    ruleset = _rules(rules_file)
    return () if ruleset is None else tuple(dict.fromkeys(rule.name for rule in ruleset.rules))


def _rules(rules_file: Path) -> RuleSet | None:
    try:
        return load_rules_cached(rules_file)
    except (Av1rulesError, OSError):
        return None


def _result(run: RunRecord) -> str:
    counts = ", ".join(outcome.counted(count) for outcome, count in run.counts.items())
    return f"{run.kind.value}: {counts}" if counts else run.summary or run.kind.value

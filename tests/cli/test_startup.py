"""What a command does not import: the cost of its start-up, guarded without a clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.cli.main import COMMANDS

RULES = """\
version: 1
library: {roots: [films]}
rules:
  - name: everything
    encode: {}
"""

PROBE = """\
import sys
from av1rules.cli.main import run
try:
    run()
except SystemExit as end:
    code = end.code
print("LOADED", code, *sorted(sys.modules), file=sys.stderr)
"""

NEVER = {"asyncio", "attr", "hypothesis", "jinja2", "pygal", "referencing"}
"""No command on an empty library needs these."""

WITHOUT_WORK = NEVER | {"doit", "jsonschema", "psutil", "rich"}
"""Needed only where something is encoded or drawn, or the rules have changed."""

SCHEMA = {"attr", "jsonschema", "referencing"}
"""The check against the schema."""

RULES_ONLY = {"concurrent.futures", "sqlite3", "subprocess"}
"""Beyond a rules file: the ledger, programs, threads."""

SCREEN = {
    "av1rules.report", "av1rules.report.problems", "av1rules.report.view",
    "av1rules.report.documents", "av1rules.report.documents.ci", "av1rules.report.documents.rules",
    "av1rules.report.json",
    "av1rules.ui", "av1rules.ui.pager", "av1rules.ui.terminal",
}  # fmt: skip
"""What it takes to show text that fits."""

ENCODING = {"argv", "encode", "excerpt_argv", "measure", "trial", "verify", "contract"}
"""Modules of `av1rules.encode` that only a job needs."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """An empty library with the notes and caches that runs leave behind."""
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    for _ in range(2):  # the first makes the state folder, the second notes the checked rules
        loaded_by(["run"], tmp_path)
    return tmp_path


def loaded_by(arguments: list[str], folder: Path) -> set[str]:
    """The modules in memory at the end of `av1rules ARGUMENTS`, which must exit with 0."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    mark, code, *names = done.stderr.splitlines()[-1].split()
    assert (mark, code) == ("LOADED", "0"), done.stderr
    return set(names)


def own(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("av1rules.")}


def test_help_loads_no_command(tmp_path: Path) -> None:
    loaded = loaded_by(["--help"], tmp_path)
    assert not loaded & (WITHOUT_WORK | RULES_ONLY | {"msgspec", "ruamel.yaml", "wcmatch"})
    assert not loaded & {f"av1rules.cli.{name}" for name in COMMANDS}


def test_validate_loads_policy_and_approvals_only(library: Path) -> None:
    loaded = loaded_by(["validate"], library)
    assert not loaded & (WITHOUT_WORK | RULES_ONLY) - SCHEMA
    packages = {name.split(".")[1] for name in own(loaded)}
    assert packages <= {"approvals", "base", "cli", "media", "policy", "report", "schema", "ui"}
    shown_by = {name for name in own(loaded) if name.split(".")[1] in ("report", "ui")}
    assert shown_by <= SCREEN


@pytest.mark.parametrize("command", ["plan", "run"])
def test_without_work_no_heavy_library_is_loaded(command: str, library: Path) -> None:
    assert not loaded_by([command], library) & WITHOUT_WORK


@pytest.mark.parametrize("command", ["plan", "run"])
def test_without_work_nothing_that_encodes_is_loaded(command: str, library: Path) -> None:
    assert not own(loaded_by([command], library)) & {f"av1rules.encode.{name}" for name in ENCODING}


def test_plan_does_not_load_what_executes(library: Path) -> None:
    packages = {name.split(".")[1] for name in own(loaded_by(["plan"], library))}
    assert not packages & {"execute", "forecast", "graph", "operations"}


def test_a_trusted_rules_file_is_not_checked_against_the_schema_again(library: Path) -> None:
    assert "jsonschema" not in loaded_by(["run"], library)
    with (library / "rules.yaml").open("a") as file:
        file.write("# changed\n")
    assert "jsonschema" in loaded_by(["run"], library)

"""`av1rules show PLAN`: on a machine that has neither films nor FFmpeg, nor the rules."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from av1rules.plan.items import Plan
from av1rules.plan.rows import PlanRows
from av1rules.plan.saved.origin import LedgerOrigin, PlanOrigin, RulesOrigin
from av1rules.report.documents.plan import plan_json
from av1rules.report.view import ROWS_IN_A_PIPE
from tests.cli.terminal import on_a_terminal
from tests.cli.test_commands import av1rules
from tests.cli.test_startup import loaded_by
from tests.plan_items import copy, encode, fresh

ORIGIN = PlanOrigin(
    at="2026-11-25T14:02:00+00:00",
    version="9.9",
    rules=RulesOrigin(
        file="/media/rules\x1b.yaml",
        digest="d",
        git_revision="0123456789abcdef0123",
        git_is_clean=False,
    ),
    ledger=LedgerOrigin(folder="/media/.av1rules", last_run=7),
    forced=False,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nothing but a plan, of more encodes than a pipe shows."""
    rows = PlanRows.of(
        (*(encode(f"{at}.mkv") for at in range(ROWS_IN_A_PIPE + 30)), copy("c"), fresh("f"))
    )
    (tmp_path / "plan.json").write_text("".join(plan_json(Plan(rows=rows), origin=ORIGIN)))
    return tmp_path


def show(folder: Path, *words: str, code: int = 0) -> str:
    done = av1rules("show", "plan.json", *words, cwd=folder, code=code, TZ="UTC", PATH=os.devnull)
    return done.stdout + done.stderr


def test_since_when_by_which_rules_and_what(folder: Path) -> None:
    lines = show(folder).splitlines()
    assert lines[:3] == [
        (
            "Saved 2026-11-25 14:02 by av1rules 9.9, rules /media/rules\\x1b.yaml "
            "(git 0123456789ab, changed since)"
        ),
        "",
        "Plan: 232 files, 216 GiB",
    ]
    assert "To encode (230 files)" in lines
    assert "... and 30 more: --all" in lines
    assert lines[-1] == "next: av1rules run plan.json"


def test_every_row_on_request(folder: Path) -> None:
    text = show(folder, "--all")
    assert text.count("libsvtav1") == ROWS_IN_A_PIPE + 30
    assert "Fresh (1 file)" in text


def test_as_it_is(folder: Path) -> None:
    assert json.loads(show(folder, "--json")) == json.loads((folder / "plan.json").read_text())


def test_as_markdown(folder: Path) -> None:
    text = show(folder, "--markdown")
    assert text.startswith("<!-- av1rules plan -->\n# Plan: 232 files, 216 GiB\n\nSaved 2026-11-25")
    assert "| films/0.mkv" in text


def test_it_fits_a_terminal(folder: Path) -> None:
    code, shown = on_a_terminal(["show", "plan.json"], cwd=folder)
    assert code == 0
    assert "... and 220 more: --all" in shown
    plain = re.sub("\x1b\\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 120


def test_it_loads_little(folder: Path) -> None:
    loaded = loaded_by(["show", "plan.json"], folder)
    assert not loaded & {"doit", "rich", "jsonschema", "tabulate", "av1rules.plan.plan"}
    packages = {name.split(".")[1] for name in loaded if name.startswith("av1rules.")}
    assert not packages & {"execute", "operations", "graph", "forecast"}


def test_what_is_no_plan(tmp_path: Path) -> None:
    assert "can't be read: No such file or directory" in show(tmp_path, code=2)
    (tmp_path / "plan.json").write_text('{"format": 1}')
    assert "this JSON is no plan" in show(tmp_path, code=2)

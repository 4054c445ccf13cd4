"""Each sync in the code is missed if it is left out: some loss of power is then not clean."""

from __future__ import annotations

import re

import pytest

from tests.faults.harness import CHECKOUT
from tests.faults.scenarios import SCENARIOS
from tests.powerloss.conftest import GetRecorded
from tests.powerloss.disk import SQLITE
from tests.powerloss.harness import PowerLossHarness
from tests.powerloss.lines import MISSED, failures_without, sync_lines

AFTER_A_KILL = (
    "replace, new extension", "move of a folder", "encode, temp_dir elsewhere", "replace",
    "encode", "undo, new extension", "moves in a chain",
)  # fmt: skip
"""Scenarios that are also recorded with a kill before, where no other shows a line."""


def test_the_document_has_a_row_for_each_sync() -> None:
    text = (CHECKOUT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = [*sync_lines().values(), *(f"{SQLITE}: {one}" for one in SQLITE_SYNCS.values())]
    assert [one for one in rows if f"| {one} |" not in text] == []


SQLITE_SYNCS = {
    "ledger.sqlite3-wal": "the ledger's log at each commit (`synchronous=FULL`)",
    "ledger.sqlite3": "the ledger itself, before its log is emptied",
    ".av1rules": "the folder of the ledger",
}


@pytest.mark.real
@pytest.mark.powerloss
@pytest.mark.parametrize("name", SQLITE_SYNCS)
def test_no_sync_of_the_ledger_can_be_left_out(get_recorded: GetRecorded, name: str) -> None:
    failures = failures_without(get_recorded("encode"), f"{SQLITE}: {name}")
    failure = next(failures, None)
    assert failure is not None, f"nothing changes without {SQLITE_SYNCS[name]}"
    _note(f"{SQLITE}: {SQLITE_SYNCS[name]}", "encode", failure)


@pytest.mark.real
@pytest.mark.powerloss
@pytest.mark.parametrize("line", sync_lines(), ids=str)
def test_no_sync_can_be_left_out(get_recorded: GetRecorded, line: str) -> None:
    for name in SCENARIOS:
        harness = get_recorded(name)
        if line not in harness.lines():
            continue
        for failure in failures_without(harness, line):
            _note(line, name, failure)
            return
    for name in AFTER_A_KILL:
        for at in _kills(get_recorded(name)):
            harness = get_recorded(name, at)
            if line not in harness.lines():
                continue
            for failure in failures_without(harness, line):
                _note(line, f"{name}, after a kill", failure)
                return
    pytest.fail(f"nothing changes without {sync_lines()[line]}")


def _kills(harness: PowerLossHarness) -> list[str]:
    """Before each sync, and before each name of a film or side file goes."""
    removals = [
        str(at)
        for at, point in enumerate(harness.base.points, 1)
        if point.startswith("os.remove: a.")
    ]
    return removals + [f"s{at}" for at in range(1, harness.own_syncs() + 1)]


def _note(line: str, scenario: str, failure: str) -> None:
    short = re.sub(r"\.av1rules-[0-9a-f]{16}", "`.av1rules-…`", failure)
    short = re.sub(
        r"\(strict, |step \d+, ", lambda found: found[0][: found[0] == "(strict, "], short
    )
    MISSED[line] = f"| {sync_lines().get(line, line)} | {scenario} | {short} |"
    print(MISSED[line])

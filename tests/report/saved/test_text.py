"""Saved plans in words."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from av1rules.plan.items import Plan
from av1rules.plan.rows import PlanRows
from av1rules.plan.saved.judge import DoneAlready
from av1rules.plan.saved.recheck import Recheck
from av1rules.plan.saved.rows import OutdatedCause, OutdatedRow
from av1rules.report.saved.text import (
    done_lines,
    origin_lines,
    outdated_line,
    recheck_line,
    refusal,
    unlike_rules,
)
from tests.cli.saved.test_show import ORIGIN

ROWS = tuple(
    OutdatedRow(library_path=f"films/{name}\x1b.mkv", path=f"/{name}", cause=cause, detail=detail)
    for name, cause, detail in (
        ("a", OutdatedCause.SETTINGS_CHANGED, "crf 26 -> 28 (rules.yaml:41)"),
        ("b", OutdatedCause.SOURCE_CHANGED, None),
        ("c", OutdatedCause.DECIDED_OTHERWISE, "blocked: it is \x1b in the way"),
        ("d", OutdatedCause.SOURCE_CHANGED, None),
    )
)
CHECKED = Recheck(
    plan=Plan(rows=PlanRows.of(())),
    outdated=ROWS,
    done=(DoneAlready(library_path="films/e"), DoneAlready(library_path="f", result="too large")),
    count=1412,
)


def test_each_row_with_its_reason() -> None:
    assert list(map(outdated_line, ROWS)) == [
        "films/a\\x1b.mkv: settings changed: crf 26 -> 28 (rules.yaml:41)",
        "films/b\\x1b.mkv: source changed",
        "films/c\\x1b.mkv: blocked: it is \\x1b in the way",
        "films/d\\x1b.mkv: source changed",
    ]


def test_the_sum_by_cause() -> None:
    line = recheck_line(CHECKED, UNSET)
    assert line == (
        "4 of 1412 rows are outdated since the plan was saved: "
        "source changed 2, settings changed 1, decided otherwise 1"
    )
    assert "outdated since 2026-11-25" in (recheck_line(CHECKED, ORIGIN) or "")
    odd = replace(ORIGIN, at="\x1byesterday")
    assert "outdated since \\x1byesterday" in (recheck_line(CHECKED, odd) or "")
    assert recheck_line(replace(CHECKED, outdated=()), ORIGIN) is None
    assert refusal(CHECKED, UNSET).count("\n  films/") == 4


def test_what_is_done_already() -> None:
    assert list(done_lines(CHECKED)) == ["2 rows were done already", "f: too large"]
    assert list(done_lines(replace(CHECKED, done=()))) == []


def test_where_it_comes_from() -> None:
    assert list(origin_lines(UNSET)) == []
    clean = replace(ORIGIN, rules=replace(ORIGIN.rules, git_is_clean=True))
    (line,) = origin_lines(clean)
    assert line.endswith("rules /media/rules\\x1b.yaml (git 0123456789ab)")
    plain = replace(ORIGIN, rules=replace(ORIGIN.rules, git_revision=None))
    (line,) = origin_lines(plain)
    assert "git" not in line


def test_other_rules_are_told() -> None:
    assert unlike_rules(UNSET, "/rules.yaml") is None
    assert unlike_rules(ORIGIN, ORIGIN.rules.file) is None
    assert unlike_rules(ORIGIN, "/rules.yaml") == (
        "it was made by /media/rules\\x1b.yaml, and the rules here are /rules.yaml"
    )

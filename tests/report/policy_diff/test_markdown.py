"""The difference between two policies as text and Markdown: short, escaped, in a steady order."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import replace

from av1rules.forecast.difference import FinishedTarget, cost_of, difference_of
from av1rules.forecast.model import Model
from av1rules.ledger.records import Interval
from av1rules.operations.against.comparison import FilmCost, KindCost, PolicyComparison
from av1rules.operations.against.policy_then import PolicyThen
from av1rules.operations.against.rule_tests import CaseOutcome, Passes, TestsDiff
from av1rules.plan.diff.compare import DiffKind, PlanDiff, compare_plans
from av1rules.plan.items import Fresh, LeftAlone, PlanItem
from av1rules.plan.workspace import ApprovalsFile
from av1rules.policy.load import rules_of
from av1rules.report.documents.policy_diff import policy_diff_json
from av1rules.report.policy_diff.markdown import FILMS, REASONS, policy_diff_markdown
from av1rules.report.policy_diff.text import policy_diff_lines
from av1rules.report.policy_diff.words import more_size, more_time
from tests.encode.make import settings
from tests.forecast.past_encodes import traits_of_kind
from tests.plan_items import encode, fresh, library_file

EVIL = "<img src=x>|`@everyone`\x1b[31m [a](http://b) é.mkv"

RULES = b"""\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules: [{name: all, encode: {}}]
"""


def policy() -> PolicyThen:
    return PolicyThen(
        name="main",
        place="main (3f2a1bc)",
        ruleset=rules_of(RULES, Path("/p/rules.yaml"), shown_as="rules.yaml"),
        approvals=ApprovalsFile(),
        tests=(),
    )


def compared(diff: PlanDiff, tests: TestsDiff = TestsDiff()) -> PolicyComparison:
    forecast = Model(cores=2).forecast(traits_of_kind(2))
    made = FinishedTarget(source_bytes=10**9, target_bytes=10**8)
    costs = {
        change.file.path: FilmCost(
            then=made if isinstance(change.then, Fresh) else None,
            now=None if isinstance(change.now, LeftAlone) else forecast,
        )
        for change in diff.changes
    }

    def total(kind: DiffKind | None) -> KindCost:
        films = [one for one in diff.changes if kind in (None, one.kind)]
        pairs = [(costs[one.file.path].then, costs[one.file.path].now) for one in films]
        return KindCost(
            films=len(films),
            source_bytes=sum(one.file.stat.size_bytes for one in films),
            then=cost_of([then for then, _ in pairs]),
            now=cost_of([now for _, now in pairs]),
            difference=difference_of(pairs),
        )

    return PolicyComparison(
        then=policy(),
        diff=diff,
        costs=costs,
        by_kind={kind: total(kind) for kind in DiffKind if diff.of(kind)},
        total=total(None),
        tests=tests,
        safety_stops=(),
        problems=(),
        jobs=2,
    )


def many(count: int) -> PlanDiff:
    """So many films, each with a reason of its own."""
    then: list[PlanItem] = [fresh(f"{number:04}{EVIL}") for number in range(count)]
    now: list[PlanItem] = [
        LeftAlone(file=library_file(f"{number:04}{EVIL}"), causes=(f"{number:04} {EVIL}",))
        for number in range(count)
    ]
    return compare_plans(then, now, finished=lambda _target: None)


def test_markdown_of_many_films_stays_short_and_says_what_is_cut() -> None:
    page = policy_diff_markdown(compared(many(2000)))
    assert len(page) < 60_000
    assert page.startswith("## Policy of now against main (3f2a1bc): 2,000 of 2,000 films differ")


def test_markdown_escapes_what_films_and_rules_are_named() -> None:
    page = policy_diff_markdown(compared(many(2)))
    assert "<img" not in page.replace(r"\<", "")
    assert "`@" not in page
    assert "\x1b" not in page
    assert "http://" not in page
    assert r"\<img src=x\>\|" in page


def test_both_are_the_same_each_time() -> None:
    pages = {policy_diff_markdown(compared(many(30))) for _ in range(3)}
    assert len(pages) == 1
    page = pages.pop()
    assert f"... and {30 - REASONS} more" in page
    assert f"... and {30 - FILMS} more" in page


def test_text_lists_all_only_if_asked() -> None:
    found = compared(many(300))
    short, whole = (list(policy_diff_lines(found, every_row=every)) for every in (False, True))
    assert len(whole) > 600 > len(short)
    assert any(line.startswith("... and ") and "--all" in line for line in short)
    assert not any("\x1b" in line for line in whole)


def test_nothing_differs() -> None:
    same = compare_plans([fresh("a.mkv")], [fresh("a.mkv")], finished=lambda _target: None)
    assert list(policy_diff_lines(compared(same))) == [
        "Policy of now against main (3f2a1bc): 0 of 1 film differ"
    ]
    assert json.loads("".join(policy_diff_json(compared(same))))["differs"] is False


def test_redoing_is_told_with_its_price() -> None:
    item = encode("a.mkv")
    item = replace(
        item, work=replace(item.work, recipe=replace(item.work.recipe, settings=settings(crf=28)))
    )
    diff = compare_plans([fresh("a.mkv")], [item], finished=lambda _target: settings(crf=26))
    found = compared(diff)
    text = "\n".join(policy_diff_lines(found))
    assert "To redo what is finished: 1 film, " in text
    assert "95.4 MiB of targets become " in text
    assert "now: 1 encode, " in text
    assert ", 2 at a time" in text
    document = json.loads("".join(policy_diff_json(found)))
    (row,) = document["rows"]
    assert row["settings"] == [{"setting": "crf", "then": "26", "now": "28", "place": None}]
    assert row["then"]["target_bytes"]["mid"] == 10**8


def test_rules_tests_that_do_not_pass_with_both_are_named() -> None:
    cases = (
        CaseOutcome(name="a", where="rules.tests.yaml:3", passes=Passes.BOTH),
        CaseOutcome(name="b", where="rules.tests.yaml:4", passes=Passes.NOW),
        CaseOutcome(name="c|", where="3f2a1bc:rules.tests.yaml:5", passes=Passes.THEN,
                    is_of_then=True),
    )  # fmt: skip
    found = compared(many(0), TestsDiff(cases=cases, unread=("x.tests.yaml",)))
    text = "\n".join(policy_diff_lines(found))
    assert "Rules tests: of 2 cases 2 pass with the policy of now, 1 with that of then" in text
    assert "not run in full: x.tests.yaml" in text
    assert "rules.tests.yaml:3" not in text
    page = policy_diff_markdown(found)
    assert r"| c\|" in page
    assert "only with the policy of then" in page


def test_differences_have_a_sign_and_the_unit_of_their_largest_part() -> None:
    assert more_time(Interval(low=7200, mid=14400, high=21600)) == "+4.0 h (+2.0 to +6.0)"
    assert more_time(Interval(low=-30, mid=0, high=30)) == "0 s (-30 to +30)"
    assert more_time(Interval(low=60, mid=60, high=60)) == "+60 s"
    assert more_time(Interval(low=-40 * 86400, mid=-30 * 86400, high=-1)) == (
        "-30 days (-40 to 0)"
    )  # fmt: skip
    assert more_size(Interval(low=-8 * 2**30, mid=-5 * 2**30, high=2**29)) == (
        "-5.0 GiB (-8.0 to +0.5)"
    )  # fmt: skip
    assert more_size(Interval(low=0, mid=0, high=0)) == "0 B"

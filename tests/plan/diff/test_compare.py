"""Which films come out otherwise under another policy, and what kind of change that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.approvals.model import ReviewState, ReviewStatus
from av1rules.plan.diff.compare import DiffKind, FilmChange, PlanDiff, compare_plans
from av1rules.plan.freshness import StaleReason
from av1rules.plan.items import (
    AwaitsMeasurement,
    Blocked,
    ClipState,
    Encode,
    Fresh,
    Held,
    LeftAlone,
    MakeClip,
    MeasureGrain,
    PlanItem,
    PlannedEncode,
)
from av1rules.policy.model import Review
from av1rules.policy.resolve import Origin
from av1rules.policy.settings import EncodeSettings
from tests.encode.make import settings
from tests.encode.make import source as source_of
from tests.plan_items import library_file, planned_encode

FILE = library_file("a.mkv")


def work(crf: float) -> PlannedEncode:
    made = planned_encode(FILE)
    origins = (("crf", Origin("rules.yaml:41", "rule all")),)
    return replace(made, recipe=replace(made.recipe, settings=settings(crf=crf), origins=origins))


def encode(crf: float, *, rule: str = "all", target: str = "/out/a.mkv") -> Encode:
    return Encode(file=FILE, causes=("new",), rule=rule, target=target, work=work(crf))


def clip(crf: float) -> MakeClip:
    state = ClipState(
        path="/clip.mkv",
        review_state=ReviewState(kind=ReviewStatus.WAITING, reason="due"),
        review=Review(),
        content_key="key",
        digest="digest",
        is_made=False,
    )
    return MakeClip(
        file=FILE,
        causes=("review: each",),
        rule="all",
        target="/out/a.mkv",
        work=work(crf),
        clip=state,
        after_review=work(crf),
    )


def fresh(*, rule: str = "all", target: str = "/out/a.mkv") -> Fresh:
    return Fresh(file=FILE, causes=("up to date",), rule=rule, target=target)


LEFT = LeftAlone(file=FILE, causes=("fine as it is",), rule="web")
HELD = Held(file=FILE, causes=("look first",), rule="hold")
BLOCKED = Blocked(file=FILE, causes=("no encoder",), rule="all")
WAITING = Held(file=FILE, causes=("clip",), rule="all", target="/out/a.mkv", after_review=work(26))
MEASURED = MeasureGrain(
    file=FILE,
    causes=("grain",),
    unmeasured=AwaitsMeasurement(path=FILE.path, source=source_of(), content_key="key"),
)


def finished(target: str) -> EncodeSettings | None:
    return settings(crf=26) if target == "/out/a.mkv" else None


def compared(then: PlanItem | None, now: PlanItem | None) -> FilmChange | None:
    found = compare_plans(
        [] if then is None else [then], [] if now is None else [now], finished=finished
    )
    assert found.unchanged + len(found.changes) == 1
    return found.changes[0] if found.changes else None


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        (fresh(), encode(28), DiffKind.REDONE),
        (fresh(), clip(28), DiffKind.REDONE),
        (LEFT, encode(28), DiffKind.ENCODED),
        (None, encode(28), DiffKind.ENCODED),
        (encode(26), encode(28), DiffKind.OTHERWISE),
        (clip(26), encode(28), DiffKind.OTHERWISE),
        (encode(28), fresh(), DiffKind.SPARED),
        (LEFT, fresh(), DiffKind.SPARED),
        (encode(26), LEFT, DiffKind.LEFT_ALONE),
        (fresh(), LEFT, DiffKind.LEFT_ALONE),
        (fresh(), None, DiffKind.LEFT_ALONE),
        (HELD, LEFT, DiffKind.LEFT_ALONE),
        (encode(26), HELD, DiffKind.HELD),
        (LEFT, BLOCKED, DiffKind.HELD),
        (HELD, encode(26), DiffKind.RELEASED),
        (BLOCKED, fresh(), DiffKind.RELEASED),
        (encode(26), clip(26), DiffKind.REVIEWED),
        (encode(26), WAITING, DiffKind.REVIEWED),
        (WAITING, encode(26), DiffKind.UNREVIEWED),
        (fresh(), MEASURED, DiffKind.MEASURED),
        (MEASURED, encode(26), DiffKind.ENCODED),
        (fresh(), fresh(target="/out/a.mp4"), DiffKind.ELSEWHERE),
        (encode(26), encode(26, target="/b/a.mkv"), DiffKind.ELSEWHERE),
        (fresh(), fresh(rule="other"), DiffKind.OTHER_RULE),
        (encode(26), encode(26, rule="other"), DiffKind.OTHER_RULE),
        (LEFT, replace(LEFT, rule="other"), DiffKind.OTHER_RULE),
        (LEFT, None, None),
        (HELD, BLOCKED, DiffKind.OTHER_RULE),
        (fresh(), fresh(), None),
        (encode(26), encode(26), None),
        (clip(26), WAITING, None),
        (MEASURED, MEASURED, None),
    ],
)
def test_each_pair_of_items_is_one_kind_of_change(
    then: PlanItem | None, now: PlanItem | None, kind: DiffKind | None
) -> None:
    change = compared(then, now)
    assert (None if change is None else change.kind) is kind


def test_a_redone_film_names_settings_values_and_the_line_that_decides_now() -> None:
    change = compared(fresh(), encode(28))
    assert change is not None
    (cause,) = change.settings
    assert cause.reason is StaleReason.SETTING_CHANGED
    assert (cause.setting, cause.before, cause.after) == ("crf", "26", "28")
    assert cause.origin == "rules.yaml:41"
    assert cause.text == "crf 26 -> 28 (rules.yaml:41)"


def test_a_film_that_would_be_redone_after_a_review_says_so() -> None:
    change = compared(fresh(), clip(28))
    assert change is not None
    assert change.is_reviewed_now
    again = compared(clip(26), clip(28))
    assert again is not None
    assert not again.is_reviewed_now


def item(name: str, *, rule: str) -> PlanItem:
    return LeftAlone(file=library_file(name), causes=("x",), rule=rule)


def diff(then: list[str], now: list[str]) -> PlanDiff:
    return compare_plans(
        [item(name, rule="then") for name in then],
        [item(name, rule="now") for name in now],
        finished=finished,
    )


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.lists(st.sampled_from("abcdefgh"), unique=True),
)
def test_films_are_paired_in_whatever_order_and_number_they_come(
    then: list[str], now: list[str]
) -> None:
    found = diff(then, now)
    both = {f"films/{name}" for name in set(then) & set(now)}
    assert {one.file.library_path for one in found.of(DiffKind.OTHER_RULE)} == both
    assert len(found.changes) == len(both), "left alone and absent are the same"
    assert found.unchanged == len(set(then) ^ set(now))


def test_films_of_other_rules_are_left_out() -> None:
    found = compare_plans(
        [fresh()], [encode(28, rule="other")], finished=finished,
        is_wanted=lambda one: one.rule == "all",
    )  # fmt: skip
    assert len(found.changes) == 1, "it was of this rule then"
    none = compare_plans(
        [fresh()], [encode(28)], finished=finished, is_wanted=lambda one: one.rule == "else"
    )
    assert (none.changes, none.unchanged) == ((), 0)

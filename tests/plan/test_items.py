"""Items of a plan: each action is one kind, and what is known of a file is carried along."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from av1rules.plan.items import (
    Blocked,
    Encode,
    Held,
    LeftAlone,
    Plan,
    PlanAction,
    PlanItem,
    RunItem,
    coming_encode,
    with_note,
    work_of,
)
from tests.plan_items import copy, encode, fresh


def test_each_action_is_one_kind() -> None:
    assert [kind.action for kind in get_args(PlanItem)] == list(PlanAction)
    assert set(get_args(RunItem)) < set(get_args(PlanItem))


def test_another_decision_keeps_what_is_known_of_the_file() -> None:
    first = replace(with_note(encode("a"), "slow"), rule="all", fingerprint="print")
    held = Held.of(first, "a user must see it", after_review=first.work)
    assert (held.file, held.target, held.rule, held.notes) == (
        first.file,
        "/out/a",
        "all",
        ("slow",),
    )
    assert held.causes == ("a user must see it",)
    assert not Blocked.of(replace(held, is_lasting=True), "no").is_lasting, "decided anew"


def test_a_note_is_said_once() -> None:
    item = with_note(with_note(encode("a"), "slow"), "slow")
    assert item.notes == ("slow",)


def test_what_is_encoded_now_or_after_a_review() -> None:
    item = encode("a")
    held = Held.of(item, "waits", after_review=item.work)
    assert coming_encode(item) is coming_encode(held) is work_of(held) is item.work
    assert coming_encode(copy("b")) is None
    assert work_of(fresh("c")) is None


def test_the_reason_of_many_files_is_without_what_is_about_one() -> None:
    assert LeftAlone.of(encode("a"), "no gain", "more").main_reason == "no gain"
    held = Held.of(encode("a"), "waits: av1rules clips show a", reason="waits")
    assert held.main_reason == "waits"


def test_an_encode_without_its_recipe_is_no_item() -> None:
    with pytest.raises(TypeError):
        Encode.of(fresh("a"), "new")


def test_a_run_acts_on_what_is_active() -> None:
    items = (encode("a"), fresh("b"), copy("c"))
    assert Plan(rows=items).work == (items[0], items[2])
    assert Plan(rows=items).of(PlanAction.FRESH) == (items[1],)

"""Items of a plan: each action is one kind, and what is known of a file is carried along."""

from __future__ import annotations

import os
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
from av1rules.plan.rows import PlanRows
from av1rules.plan.task_names import source_of_task, task_name
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
    assert Plan(rows=PlanRows.of(items)).work == (items[0], items[2])
    assert Plan(rows=PlanRows.of(items)).of(PlanAction.FRESH) == (items[1],)


def test_ordinary_names_stay_as_they_are() -> None:
    name = "films/Amélie (2001)/Amélie - 1080p.mkv"
    assert task_name(name) == name


def test_escapes_what_doit_or_a_terminal_would_take_otherwise() -> None:
    assert task_name("films/a=b*[c]?.mkv") == "films/a%3Db%2A%5Bc%5D%3F.mkv"
    assert task_name("films/a\nb\udcff.mkv") == "films/a%0Ab%FF.mkv"


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_reversible_for_any_bytes(name: bytes) -> None:
    path = os.fsdecode(name)
    escaped = task_name(path)
    assert source_of_task(f"encode:{escaped}") == path
    assert not set("=*?[]\n") & set(escaped)
    assert escaped.isprintable()


def test_other_tasks_have_no_source() -> None:
    assert source_of_task("lint") is None
    assert source_of_task("lint:films/a.mkv") is None

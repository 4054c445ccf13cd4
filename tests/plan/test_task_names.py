"""Task names are readable, unique, reversible, and nothing doit takes for a pattern."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from av1rules.plan.task_names import source_of_task, task_name


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

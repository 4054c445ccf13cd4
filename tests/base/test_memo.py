"""Results of pure functions, remembered by the identity of their arguments."""

from __future__ import annotations

import gc

import pytest

from av1rules.base import memo
from av1rules.base.memo import by_identity


class Thing:
    """Equal to all of its kind, but never the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)

    def __hash__(self) -> int:
        return 1


def test_the_same_objects_are_worked_on_once() -> None:
    calls: list[tuple[object, ...]] = []
    one, other = Thing(), Thing()

    @by_identity
    def joined(first: Thing, second: Thing) -> str:
        calls.append((first, second))
        return f"result {len(calls)}"

    assert joined(one, other) == joined(one, other) == "result 1"
    assert joined(other, one) == "result 2"
    assert joined(one, one) == "result 3"
    assert len(calls) == 3


def test_an_object_that_is_gone_never_answers_for_a_new_one() -> None:
    @by_identity
    def number(thing: list[int]) -> int:
        return thing[0]

    for wanted in range(1000):  # without being kept alive, the next list would get the same id
        assert number([wanted]) == wanted
        gc.collect(0)


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "MOST", 3)
    calls: list[Thing] = []

    @by_identity
    def seen(thing: Thing) -> int:
        calls.append(thing)
        return len(calls)

    things = [Thing() for _ in range(4)]
    assert [seen(thing) for thing in things] == [1, 2, 3, 4]
    assert seen(things[0]) == 5  # forgotten with the first three
    assert seen(things[3]) == 4

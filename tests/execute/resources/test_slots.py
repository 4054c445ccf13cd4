"""Slots that no film needs are for segments."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from av1rules.execute.resources.slots import Slots


def test_films_come_before_segments() -> None:
    slots = Slots()
    slots.begin(3, ["a", "b", "c", "d"])
    assert (slots.spare, slots.try_take()) == (0, False)
    slots.film_is_done("a")
    assert not slots.try_take()
    slots.film_is_done("b")
    slots.film_is_done("b")
    assert slots.spare == 1
    assert slots.try_take()
    assert not slots.try_take()
    slots.give_back()
    assert slots.try_take()


def test_nothing_is_spare_before_a_round() -> None:
    assert not Slots().try_take()


def test_many_threads_never_take_more_than_there_are() -> None:
    slots = Slots()
    slots.begin(8, ["film"])
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _number: slots.try_take(), range(200)))
    assert taken.count(True) == 7

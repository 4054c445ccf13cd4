"""The keys: those of av1top keep their sense, each has an action, the help has all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from av1rules.ui.monitor.acting import FilmActions
from av1rules.ui.monitor.app import MonitorApp
from av1rules.ui.monitor.keys import KEYS, KeyPlace, help_rows, keys_markdown

OF_AV1TOP = {
    "q": "leave", "r": "refresh", "R": "requeue", "1": "filter('all')", "2": "filter('pending')",
    "3": "filter('running')", "4": "filter('success')", "5": "filter('failed')", "s": "sort",
    "enter": "details", "escape": "clear",
}  # fmt: skip

ROOT = Path(__file__).parents[3]


def test_the_keys_of_av1top_keep_their_sense() -> None:
    found = {one.key: one.action for one in KEYS if one.place in (KeyPlace.LIST, KeyPlace.ALWAYS)}
    assert OF_AV1TOP.items() <= found.items()


@pytest.mark.parametrize("place", list(KeyPlace))
def test_no_key_means_two_things_in_one_place(place: KeyPlace) -> None:
    counts = Counter(one.key for one in KEYS if one.place in (place, KeyPlace.ALWAYS))
    assert max(counts.values()) == 1


def test_each_has_its_action() -> None:
    for one in KEYS:
        if one.place in (KeyPlace.LIST, KeyPlace.ALWAYS):
            assert hasattr(MonitorApp, f"action_{one.action.partition('(')[0]}"), one.key
    assert issubclass(MonitorApp, FilmActions)


def test_the_help_and_the_documentation_have_all_of_them() -> None:
    shown = {key for _, rows in help_rows() for key, _ in rows}
    assert {one.shown for one in KEYS} <= shown
    assert keys_markdown() in (ROOT / "docs" / "top.md").read_text(encoding="utf-8")

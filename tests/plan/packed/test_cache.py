"""The plan cache gives back what it was given under the same policy, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.plan.packed.cache import CACHE_NAME, PlanCache
from av1rules.plan.packed.item import PackedItem, StoredItems, pack_item, stored_items
from av1rules.policy.digests import DecisionDigests
from tests.plan_items import fresh

POLICY = DecisionDigests(base="base", rules={"one": "1", "two": "2"}, no_rule="0")
EDITED = DecisionDigests(base="base", rules={"one": "1", "two": "3"}, no_rule="0")
FOLDERS = (b"/films/a", b"/films/b", b"/films/\xff")


def item(name: str, rule: str) -> PackedItem:
    packed = pack_item(replace(fresh(name), rule=rule))
    assert packed is not None
    return packed


def stored() -> dict[bytes, StoredItems]:
    return {folder: stored_items([item("1", "one"), item("2", "two")]) for folder in FOLDERS}


def names(cache: PlanCache, folders: Iterable[bytes] = FOLDERS) -> list[list[str | None]]:
    return [
        [one.rule for one in cache.holding(cache.of_folder(folder)).values()] for folder in folders
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    PlanCache.load(tmp_path, POLICY).keep(stored().items(), whole=True)
    return tmp_path


def test_what_was_kept_is_found_under_the_same_policy(folder: Path) -> None:
    assert names(PlanCache.load(folder, POLICY)) == [["one", "two"]] * 3
    assert names(PlanCache.load(folder, EDITED)) == [["one"]] * 3
    assert PlanCache.load(folder, POLICY).of_folder(b"/films/c") is None


def test_a_plan_of_the_library_drops_other_folders_and_one_of_paths_keeps_them(
    folder: Path,
) -> None:
    now = {FOLDERS[0]: stored_items([item("3", "one")])}
    PlanCache.load(folder, POLICY).keep(now.items(), whole=False)
    assert names(PlanCache.load(folder, POLICY)) == [["one"], ["one", "two"], ["one", "two"]]
    PlanCache.load(folder, EDITED).keep(now.items(), whole=False)
    assert names(PlanCache.load(folder, EDITED)) == [["one"]] * 3, "what held is kept, no more"
    PlanCache.load(folder, EDITED).keep(now.items(), whole=True)
    assert names(PlanCache.load(folder, EDITED)) == [["one"], [], []]


def test_an_unchanged_cache_is_not_written_again(folder: Path) -> None:
    before = (folder / CACHE_NAME).stat().st_ino
    PlanCache.load(folder, POLICY).keep(stored().items(), whole=True)
    cache = PlanCache.load(folder, POLICY)
    found = {name: one for name in FOLDERS if (one := cache.of_folder(name)) is not None}
    cache.keep(found.items(), whole=True)
    assert (folder / CACHE_NAME).stat().st_ino == before
    cache.keep([*found.items()][1:], whole=True)
    assert (folder / CACHE_NAME).stat().st_ino != before


def test_an_open_cache_is_not_touched_by_a_plan_that_replaces_it(folder: Path) -> None:
    open_before = PlanCache.load(folder, POLICY)
    PlanCache.load(folder, POLICY).keep([], whole=True)
    assert names(PlanCache.load(folder, POLICY)) == [[], [], []]
    assert names(open_before) == [["one", "two"]] * 3


@pytest.mark.parametrize("cut", [0, 1, 17, 60, -1, -9, -30])
def test_a_damaged_cache_knows_nothing_that_is_wrong(folder: Path, cut: int) -> None:
    path = folder / CACHE_NAME
    whole = path.read_bytes()
    for damaged in (whole[:cut], whole[:cut] + b"\xff" + whole[cut:][1:], b"x" * cut):
        path.write_bytes(damaged)
        for found in names(PlanCache.load(folder, POLICY)):
            assert found in ([], ["one", "two"])

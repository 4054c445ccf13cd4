"""Rows that are packed in part read like the list of all items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.plan.items import LeftAlone, Plan, PlanAction, PlanItem
from av1rules.plan.rows import FolderRows, PlanRows, Tallies, count_in, kind_of
from tests.plan_items import encode, fresh


class Packed:
    def __init__(self, items: list[PlanItem]) -> None:
        self._items = items

    @property
    def count(self) -> int:
        return len(self._items)

    def unpacked(self) -> Iterator[PlanItem]:
        return iter(self._items)

    def unpacked_but(self, action: PlanAction) -> Iterator[PlanItem]:
        return (item for item in self._items if item.action is not action)


def rows_of(folders: list[list[str]]) -> tuple[PlanRows, list[PlanItem]]:
    """Rows with a folder for each list of kinds, and the same items as a list."""
    made: list[FolderRows] = []
    items: list[PlanItem] = []
    tallies: Tallies = {}
    for kinds in folders:
        packed: list[PlanItem] = []
        in_full: dict[int, PlanItem] = {}
        for place, kind in enumerate(kinds):
            name = f"{len(made)}-{place}"
            item: PlanItem = encode(name) if kind == "encode" else fresh(name)
            if kind == "other":
                item = replace(fresh(name), has_other_tools=True)
            if kind == "alone":
                item = LeftAlone.of(encode(name), "fine", "as it is")
            items.append(item)
            if kind in ("encode", "full"):
                in_full[place] = item
            else:
                packed.append(item)
                count_in(tallies, kind_of(item), item.size_bytes)
        made.append(FolderRows(in_full=in_full, packed=Packed(packed) if packed else None))
    return PlanRows(made, tallies), items


FOLDERS = st.lists(
    st.lists(st.sampled_from(["encode", "full", "fresh", "other", "alone"]), max_size=5), max_size=5
)


@given(FOLDERS)
def test_packed_rows_read_like_all_items(folders: list[list[str]]) -> None:
    rows, items = rows_of(folders)
    assert list(rows) == items
    assert len(rows) == len(items)
    assert rows == PlanRows.of(items) == tuple(items)
    for action in PlanAction:
        of_action = [item for item in items if item.action is action]
        assert list(rows.of_action(action)) == of_action
        others = sorted(map(repr, (item for item in items if item.action is not action)))
        assert sorted(map(repr, rows.other_than(action))) == others
        assert rows.causes(action) == Counter(item.causes for item in of_action)
        total = rows.totals().get(action)
        assert (total.files if total else 0) == len(of_action)
        assert (total.size_bytes if total else 0) == sum(item.size_bytes for item in of_action)
    assert rows.tallies == PlanRows.of(items).tallies
    plan = Plan(rows=rows)
    assert plan.other_tools == sum(getattr(item, "has_other_tools", False) for item in items)
    assert plan.work == Plan(rows=PlanRows.of(items)).work


@given(FOLDERS)
def test_items_in_full_are_replaced_in_their_places(folders: list[list[str]]) -> None:
    rows, items = rows_of(folders)
    noted = rows.with_in_full(replace(item, notes=("new",)) for item in rows.in_full)
    in_full = set(map(id, rows.in_full))
    assert list(noted) == [
        replace(item, notes=("new",)) if id(item) in in_full else item for item in items
    ]


def test_only_some_items_are_left_where_none_is_packed() -> None:
    rows, items = rows_of([["encode", "full", "encode"], ["fresh", "encode"]])
    assert list(rows.only(lambda item: item is items[1])) == [items[1], *items[3:]]


@pytest.mark.parametrize("place", [0, -1, slice(1, 3)])
def test_rows_are_found_by_place(place: int | slice) -> None:
    rows, items = rows_of([["fresh", "encode"], ["alone"]])
    found, wanted = rows[place], items[place]
    assert found == (tuple(wanted) if isinstance(wanted, list) else wanted)

"""Items that are packed at different times come in the order of the walk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.source import LibraryFile
from av1rules.plan.draft import Draft
from av1rules.plan.items import PlanItem
from av1rules.plan.packed.item import LibraryFolder, PackedItem, pack_item, stored_items
from tests.plan_items import encode, fresh

KINDS = ("known", "replaced", "evaluated", "work")


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), max_size=8),
    st.booleans(),
)
def test_items_keep_the_order_of_the_walk(
    films: list[tuple[str, bool]], has_last_plan: bool
) -> None:
    items: list[PlanItem] = [
        encode(str(number)) if kind == "work" else fresh(str(number))
        for number, (kind, _) in enumerate(films)
    ]
    known = {n: pack_item(items[n]) for n, (kind, _) in enumerate(films) if kind == "known"}
    found: list[PackedItem | LibraryFile] = [
        known.get(number) or item.file for number, item in enumerate(items)
    ]
    packed = [one for one in known.values() if one is not None]
    rivals = frozenset(number for number, (_, is_rival) in enumerate(films) if is_rival)
    file = encode("0").file
    draft = Draft()
    draft.add(
        LibraryFolder(root_name=file.root_name, root=file.root, below=""),
        found,
        rivals=rivals,
        before=stored_items(packed) if has_last_plan else None,
        known=packed,
    )
    (folder,) = draft.folders
    assert list(draft) == [item.file for n, item in enumerate(items) if n not in known]
    for part in (("replaced",), ("evaluated", "work")):
        draft.settle(folder, {n: items[n] for n in folder.unknown.places if films[n][0] in part})
    assert folder.unknown_files() == {}
    assert list(draft) == []
    rows = draft.rows()
    assert list(rows) == items
    in_full = {number for number, (kind, rival) in enumerate(films) if rival or kind == "work"}
    assert [*rows.in_full] == [items[number] for number in sorted(in_full)]
    assert rows.tallies == type(rows).of(items).tallies
    assert len(draft.claims) == len(films) - len(in_full)
    assert draft.confirmed == sum(kind == "known" and not rival for kind, rival in films)

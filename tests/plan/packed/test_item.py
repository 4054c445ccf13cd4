"""An item is the same after it was packed, or it is not packed at all."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.items import Blocked, Fresh, Held, LeftAlone, PlanItem
from av1rules.plan.packed.item import (
    LibraryFolder,
    PackedFolder,
    file_name,
    pack_item,
    stored_items,
    unpack_item,
)
from av1rules.policy.match import PassedOver
from tests.plan_items import encode, fresh

NUMBERS = st.integers(0, (1 << 64) - 1)
TEXTS = st.text(max_size=9)
NAMES = st.binary(min_size=1, max_size=9).filter(
    lambda name: b"/" not in name and b"\0" not in name
)


@st.composite
def items(draw: st.DrawFn) -> PlanItem:
    name = os.fsdecode(draw(NAMES))
    below = draw(st.sampled_from(["", "a", "a/b \udcff"]))
    file = LibraryFile(
        root_name="films", root="/films", relative_path=f"{below}/{name}" if below else name,
        stat=FileStat(**{field: draw(NUMBERS) for field in FileStat.__struct_fields__}),
    )  # fmt: skip
    kind = draw(st.sampled_from([Fresh, Held, LeftAlone]))
    common: dict[str, Any] = {
        "file": file,
        "causes": draw(st.tuples(TEXTS, TEXTS)),
        "rule": draw(st.none() | TEXTS),
        "source_tier": draw(st.none() | TEXTS),
        "target": f"/out/{name}" if kind is Fresh or draw(st.booleans()) else None,
        "fingerprint": draw(st.none() | TEXTS),
        "notes": draw(st.tuples(TEXTS)),
        "is_lasting": draw(st.booleans()),
        "passed_over": draw(
            st.just(()) | st.tuples(st.builds(PassedOver, TEXTS, st.tuples(TEXTS)))
        ),
    }
    if kind is Fresh:
        return Fresh(**common, has_other_tools=draw(st.booleans()))
    idle: dict[str, Any] = {
        "is_settled_by_attempt": draw(st.booleans()),
        "reason": draw(st.none() | TEXTS),
    }
    return Held(**common, **idle) if kind is Held else LeftAlone(**common, **idle)


def folder_of(item: PlanItem) -> LibraryFolder:
    file = item.file
    return LibraryFolder(
        root_name=file.root_name, root=file.root, below=file.relative_path.rpartition("/")[0]
    )


@given(items())
def test_an_item_is_the_same_once_unpacked(item: PlanItem) -> None:
    packed = pack_item(item)
    assert packed is not None
    assert packed.is_of(item.file.stat)
    assert packed.name == file_name(item.file)
    folder = PackedFolder(folder=folder_of(item), stored=stored_items([packed]))
    assert list(folder.unpacked()) == [unpack_item(folder.folder, packed)] == [item]


def test_items_with_more_than_a_decision_are_not_packed() -> None:
    work = encode("a").work
    for item in (
        encode("a"),
        Blocked.of(encode("a"), "no"),
        replace(fresh("a"), touched_ns=1),
        Held.of(encode("a"), "waits", after_review=work),
    ):
        assert pack_item(item) is None


def test_a_change_of_any_part_of_the_stat_is_seen() -> None:
    packed, stat = pack_item(fresh("a")), fresh("a").file.stat
    assert packed is not None
    for field in FileStat.__struct_fields__:
        assert not packed.is_of(replace(stat, **{field: getattr(stat, field) + 1})), field

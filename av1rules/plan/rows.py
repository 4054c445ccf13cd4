"""The items of a plan in the order of the walk. Pure.

Most items of a large library are up to date or left alone, and are only counted: these stay packed,
folder by folder, and are unpacked when they are asked for. The others are held in full.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, overload

import msgspec

if TYPE_CHECKING:
    from av1rules.plan.items import PlanAction, PlanItem
    from av1rules.policy.match import PassedOver


class PackedItems(Protocol):
    """The packed items of one folder."""

    @property
    def count(self) -> int: ...

    def unpacked(self) -> Iterator[PlanItem]: ...

    def unpacked_but(self, action: PlanAction) -> Iterator[PlanItem]: ...


class ItemTotal(msgspec.Struct, kw_only=True):
    """How many items there are of a kind, and what their sources measure together in bytes."""

    files: int = 0
    size_bytes: int = 0

    def add(self, other: ItemTotal) -> None:
        self.files += other.files
        self.size_bytes += other.size_bytes


class ItemKind(msgspec.Struct, frozen=True):
    """What items have in common that a plan only counts."""

    action: PlanAction
    causes: tuple[str, ...]
    has_other_tools: bool = False
    passed_over: tuple[PassedOver, ...] = ()
    is_unrecorded: bool = False
    is_as_made: bool = False


Tallies = dict[ItemKind, ItemTotal]


def kind_of(item: PlanItem) -> ItemKind:
    has_other_tools = getattr(item, "has_other_tools", False)
    is_unrecorded = getattr(item, "is_unrecorded", False)
    return ItemKind(
        item.action,
        item.causes,
        has_other_tools,
        item.passed_over,
        is_unrecorded,
        item.as_made is not None,
    )


def count_in(tallies: Tallies, kind: ItemKind, size_bytes: int) -> None:
    """Count one more item."""
    tally = tallies.get(kind)
    if tally is None:
        tally = tallies[kind] = ItemTotal()
    tally.files += 1
    tally.size_bytes += size_bytes


class FolderRows(msgspec.Struct, frozen=True, kw_only=True):
    """The items of one folder: some `packed`, the others in full by their place among all."""

    in_full: dict[int, PlanItem]
    packed: PackedItems | None = None

    @property
    def count(self) -> int:
        return len(self.in_full) + (self.packed.count if self.packed is not None else 0)

    def __iter__(self) -> Iterator[PlanItem]:
        if self.packed is None:
            return iter(self.in_full.values())
        return self._merged(self.packed.unpacked()) if self.in_full else self.packed.unpacked()

    def _merged(self, packed: Iterator[PlanItem]) -> Iterator[PlanItem]:
        for place in range(self.count):
            item = self.in_full.get(place)
            yield next(packed) if item is None else item


class PlanRows(Sequence["PlanItem"]):
    """All items. `in_full` are those that are not packed: all that a run acts on, and all that
    differ in more than their file. To iterate over all unpacks each."""

    def __init__(self, folders: Sequence[FolderRows], tallies: Tallies) -> None:
        """`tallies` are of the packed items."""
        self._folders = folders
        self._packed = tallies

    @classmethod
    def of(cls, items: Iterable[PlanItem]) -> PlanRows:
        """These items, all in full."""
        return cls((FolderRows(in_full=dict(enumerate(items))),), {})

    def __iter__(self) -> Iterator[PlanItem]:
        return itertools.chain.from_iterable(self._folders)

    def __len__(self) -> int:
        return sum(folder.count for folder in self._folders)

    @overload
    def __getitem__(self, place: int) -> PlanItem: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[PlanItem, ...]: ...

    def __getitem__(self, place: int | slice) -> PlanItem | tuple[PlanItem, ...]:
        """By unpacking all: for a few items, iterate."""
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlanRows | tuple):
            return NotImplemented
        return tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def in_full(self) -> Iterator[PlanItem]:
        return itertools.chain.from_iterable(folder.in_full.values() for folder in self._folders)

    def of_action(self, action: PlanAction) -> Iterator[PlanItem]:
        is_packed = any(kind.action is action for kind in self._packed)
        return (item for item in (self if is_packed else self.in_full) if item.action is action)

    def other_than(self, action: PlanAction) -> Iterator[PlanItem]:
        """All items but those of one action, folder by folder; in a folder those in full first."""
        is_packed = any(kind.action is not action for kind in self._packed)
        for folder in self._folders:
            yield from (item for item in folder.in_full.values() if item.action is not action)
            if is_packed and folder.packed is not None:
                yield from folder.packed.unpacked_but(action)

    @functools.cached_property
    def tallies(self) -> Tallies:
        """All items, counted by kind."""
        found = {kind: msgspec.structs.replace(tally) for kind, tally in self._packed.items()}
        for item in self.in_full:
            count_in(found, kind_of(item), item.size_bytes)
        return found

    def totals(self) -> dict[PlanAction, ItemTotal]:
        """All items, counted by action."""
        found: dict[PlanAction, ItemTotal] = {}
        for kind, tally in self.tallies.items():
            found.setdefault(kind.action, ItemTotal()).add(tally)
        return found

    def causes(self, action: PlanAction) -> Counter[tuple[str, ...]]:
        """How many items of an action have the same causes."""
        found: Counter[tuple[str, ...]] = Counter()
        for kind, tally in self.tallies.items():
            if kind.action is action:
                found[kind.causes] += tally.files
        return found

    def unrecorded(self) -> int:
        """How many files av1rules made that the ledger does not know: it is not theirs."""
        return self.count_kinds(lambda kind: kind.is_unrecorded)

    def as_made(self) -> int:
        """How much finished work stays as it was made though the policy asks for other settings."""
        return self.count_kinds(lambda kind: kind.is_as_made)

    def count_kinds(self, is_meant: Callable[[ItemKind], bool]) -> int:
        """How many items are of these kinds."""
        return sum(tally.files for kind, tally in self.tallies.items() if is_meant(kind))

    def passed_over(self) -> Counter[PassedOver]:
        """For how many items each rule was passed over."""
        found: Counter[PassedOver] = Counter()
        for kind, tally in self.tallies.items():
            found.update(dict.fromkeys(kind.passed_over, tally.files))
        return found

    def with_in_full(self, items: Iterable[PlanItem]) -> PlanRows:
        """The same rows with these items, in their order, in place of those in full."""
        following = iter(items)
        folders = [
            FolderRows(
                packed=folder.packed, in_full=dict(zip(folder.in_full, following, strict=False))
            )
            if folder.in_full
            else folder
            for folder in self._folders
        ]
        return PlanRows(folders, self._packed)

    def only(self, is_wanted: Callable[[PlanItem], bool]) -> PlanRows:
        """Without those that are not wanted, in folders that have no packed items."""
        folders = [
            folder
            if folder.packed is not None
            else FolderRows(in_full=dict(enumerate(filter(is_wanted, folder))))
            for folder in self._folders
        ]
        return PlanRows(folders, self._packed)

"""The items of a plan while it is made: folder by folder, packed as soon as that is possible."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from av1rules.media.source import LibraryFile
from av1rules.plan.items import PlanAction, PlanItem
from av1rules.plan.packed.cache import PlanCache
from av1rules.plan.packed.item import (
    LibraryFolder,
    PackedFile,
    PackedFolder,
    PackedItem,
    StoredItems,
    UnknownFiles,
    file_name,
    pack_file,
    pack_item,
    stored_items,
    unpack_item,
)
from av1rules.plan.rows import FolderRows, ItemKind, ItemTotal, PlanRows, Tallies


class DraftFolder(msgspec.Struct, kw_only=True):
    """The items of one folder. `unknown` are the files that have none yet, by their place among
    all. `rivals` are the places of those that may have to be compared with another: they are held
    in full."""

    folder: LibraryFolder
    stored: StoredItems | None
    in_full: dict[int, PlanItem]
    unknown: UnknownFiles
    rivals: frozenset[int]

    def unknown_files(self) -> dict[int, LibraryFile]:
        return {place: self.folder.file(one) for place, one in self.unknown.files().items()}


class Draft:
    """The items of a plan, with what is counted on the way: `tallies` of packed items, `claims`
    (hashes of the targets of packed items), and how many of those are `confirmed`: the ledger
    has them, each for one item only."""

    def __init__(self) -> None:
        self.folders: list[DraftFolder] = []
        self.tallies: Tallies = {}
        self._last_kind = ItemKind(PlanAction.FRESH, ())  # of no item: each has a cause
        self._last_total = ItemTotal()
        self.claims = array("q")
        self.confirmed = 0

    def count(self, packed: PackedItem) -> None:
        """Count an item that is packed for good."""
        kind = self._last_kind  # most are like the one before
        if (
            packed.causes != kind.causes
            or packed.action is not kind.action
            or packed.has_other_tools is not kind.has_other_tools
            or packed.passed_over != kind.passed_over
            or packed.is_unrecorded is not kind.is_unrecorded
            or (packed.as_made is not None) is not kind.is_as_made
        ):
            kind = ItemKind(
                packed.action,
                packed.causes,
                packed.has_other_tools,
                packed.passed_over,
                packed.is_unrecorded,
                packed.as_made is not None,
            )
            self._last_kind, self._last_total = kind, self.tallies.setdefault(kind, ItemTotal())
        self._last_total.files += 1
        self._last_total.size_bytes += packed.size_bytes
        if packed.target is not None:
            self.claims.append(hash(packed.target))

    def add(
        self,
        folder: LibraryFolder,
        found: Iterable[PackedItem | LibraryFile],
        *,
        rivals: frozenset[int],
        before: StoredItems | None,
        known: Collection[PackedItem],
    ) -> None:
        """The files of one folder, those that are decided as packed items. `before` are the items
        of the last plan, `known` the same unpacked: they need no packing if they are all that is
        found."""
        packed: list[PackedItem] = []
        in_full: dict[int, PlanItem] = {}
        unknown: dict[int, PackedFile] = {}
        for place, one in enumerate(found):
            if isinstance(one, LibraryFile):
                unknown[place] = pack_file(one)
            elif place in rivals:
                in_full[place] = unpack_item(folder, one)
            else:
                packed.append(one)
                self.count(one)
                self.confirmed += one.action is PlanAction.FRESH
        is_as_before = (
            before is not None
            and before.count == len(known) == len(packed)
            and all(map(operator.is_, packed, known))
        )
        self.folders.append(
            DraftFolder(
                folder=folder,
                stored=before if is_as_before else stored_items(packed) if packed else None,
                in_full=in_full,
                unknown=UnknownFiles.of(unknown),
                rivals=rivals,
            )
        )

    def settle(self, draft: DraftFolder, items: Mapping[int, PlanItem]) -> None:
        """Items of files that were unknown, by their place."""
        if not items:
            return
        added: dict[int, PackedItem] = {}
        unknown = draft.unknown.files()
        for place, item in items.items():
            del unknown[place]
            packed = None if place in draft.rivals else pack_item(item)
            if packed is None:
                draft.in_full[place] = item
            else:
                added[place] = packed
                self.count(packed)
        draft.unknown = UnknownFiles.of(unknown)
        draft.in_full = dict(sorted(draft.in_full.items()))
        if added:
            before = [] if draft.stored is None else draft.stored.items()
            others = draft.in_full.keys() | unknown.keys()
            count = len(before) + len(added) + len(others)
            draft.stored = stored_items(list(_merged(before, added, others, count)))

    def __iter__(self) -> Iterator[LibraryFile]:
        """All files that have no item yet; unpacked as they come."""
        for draft in self.folders:
            yield from draft.unknown_files().values()

    def rows(self) -> PlanRows:
        return PlanRows(
            [
                FolderRows(
                    in_full=draft.in_full,
                    packed=None
                    if draft.stored is None
                    else PackedFolder(folder=draft.folder, stored=draft.stored),
                )
                for draft in self.folders
            ],
            self.tallies,
        )

    def keep(self, cache: PlanCache, rows: PlanRows, *, whole: bool) -> None:
        """Cache all lasting items: those of the draft, and those that `rows` have in full."""
        cache.keep(self._lasting(rows, cache, whole=whole), whole=whole)

    def _lasting(
        self, rows: PlanRows, cache: PlanCache, *, whole: bool
    ) -> Iterator[tuple[bytes, StoredItems]]:
        in_full = rows.in_full
        for draft in self.folders:
            now = [next(in_full) for _ in draft.in_full]
            more = [packed for item in now if item.is_lasting and (packed := pack_item(item))]
            key = draft.folder.key
            stored = draft.stored or StoredItems(0)
            if more or not whole:
                known = {} if whole else cache.holding(cache.of_folder(key))
                for item in now:
                    known.pop(file_name(item.file), None)
                known |= {one.name: one for one in _items(draft.stored)}
                known |= {one.name: one for one in more}
                if list(known.values()) != _items(draft.stored):
                    stored = stored_items(list(known.values()))
            yield key, stored


def _items(stored: StoredItems | None) -> list[PackedItem]:
    return [] if stored is None else stored.items()


def _merged(
    before: Iterable[PackedItem],
    added: Mapping[int, PackedItem],
    others: Collection[int],
    count: int,
) -> Iterator[PackedItem]:
    """Packed items and those added to them by place; `others` are the places of neither."""
    following = iter(before)
    for place in range(count):
        if place in added:
            yield added[place]
        elif place not in others:
            yield next(following)

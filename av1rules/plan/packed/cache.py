"""The plan cache: what the last plan decided on files that have not changed since.

It is only a cache: without it, the plan evaluates each file and comes to the same answer. With
it, a no-change run costs little more than the walk. One file holds the packed items of each folder,
in the order of the walk, and after them where each folder begins: a plan reads a folder when it
comes to it.
"""

from __future__ import annotations

import contextlib
import os
import weakref
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from av1rules.base.own_files import open_own, replacing_own
from av1rules.base.system.opening import pread
from av1rules.plan.packed.item import PackedItem, StoredItems, stored_items
from av1rules.policy.digests import DecisionDigests

CACHE_NAME = "glance.msgpack"

_FORM = b"av1rules plan 2\n"
"""The first bytes: which form of the file this is. Any other is as good as none."""

_PLACE_BYTES = 8
"""The last bytes of the file say where its index begins."""

_DAMAGED = (OSError, msgspec.MsgspecError, zlib.error)

_NONE: tuple[int, int, int] = (0, 0, 0)


class _Index(msgspec.Struct, array_like=True):
    """`folders` by path: place and length in the file, and the number of items."""

    policy: DecisionDigests
    folders: dict[bytes, tuple[int, int, int]]


class _OpenFile:
    """The cache file as a plan found it: another plan that replaces it changes nothing here."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.close = weakref.finalize(self, os.close, descriptor)

    def read(self, place: int, length: int) -> bytes:
        return pread(self._descriptor, length, place)

    def index(self) -> _Index:
        end = os.fstat(self._descriptor).st_size - _PLACE_BYTES
        if end < len(_FORM) or self.read(0, len(_FORM)) != _FORM:
            raise msgspec.DecodeError("of another form")
        begin = int.from_bytes(self.read(end, _PLACE_BYTES), "big")
        if not len(_FORM) <= begin <= end:
            raise msgspec.DecodeError("its index is damaged")
        packed = self.read(begin, end - begin)
        return msgspec.msgpack.decode(zlib.decompress(packed), type=_Index)


class _InFile(StoredItems, frozen=True, kw_only=True):
    """Items that stay in the cache file until they are asked for."""

    file: _OpenFile
    place: int
    length: int

    def data(self) -> bytes:
        return self.file.read(self.place, self.length)


class PlanCache:
    """The cached decisions of one state folder that hold under the policy of today."""

    def __init__(self, path: Path | None, policy: DecisionDigests) -> None:
        """`path`: None for a cache that knows nothing and keeps nothing."""
        self._path = path
        self._policy = policy
        self._before = policy
        self._file: _OpenFile | None = None
        self._folders: dict[bytes, tuple[int, int, int]] = {}
        self._holding: dict[str | None, bool] = {}

    @classmethod
    def load(cls, state_dir: Path, policy: DecisionDigests) -> Self:
        """The cached decisions that no change of the policy since can have touched."""
        cache = cls(state_dir / CACHE_NAME, policy)
        with contextlib.suppress(*_DAMAGED):
            file = _OpenFile(open_own(state_dir / CACHE_NAME))
            index = file.index()
            cache._file, cache._before, cache._folders = file, index.policy, index.folders
        return cache

    def of_folder(self, folder: bytes) -> StoredItems | None:
        """What the last plan decided in this folder, whether it still holds or not."""
        place, length, count = self._folders.get(folder, _NONE)
        if not count or self._file is None:
            return None
        return _InFile(count, file=self._file, place=place, length=length)

    def holding(self, stored: StoredItems | None) -> dict[bytes, PackedItem]:
        """The items that hold today, by the names of their files."""
        if stored is None:
            return {}
        with contextlib.suppress(*_DAMAGED):
            return {item.name: item for item in stored.items() if self._still_holds(item.rule)}
        return {}

    def _still_holds(self, rule: str | None) -> bool:
        holds = self._holding.get(rule)
        if holds is None:
            holds = self._holding[rule] = self._policy.still_holds(rule, self._before)
        return holds

    def keep(self, folders: Iterable[tuple[bytes, StoredItems]], *, whole: bool) -> None:
        """Cache these items of each folder. `whole`: they are all of the library, so all other
        folders are dropped.

        A failed write is not an error: it only makes the next plan slower.
        """
        if self._path is None:
            return
        now = dict(folders)
        if not whole:
            now = dict(self._others(now)) | now
        now = {folder: stored for folder, stored in now.items() if stored.count}
        if self._is_on_disk(now):
            return
        with contextlib.suppress(*_DAMAGED):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing_own(self._path) as file:
                _write(file, self._policy, now)

    def _others(self, now: dict[bytes, StoredItems]) -> Iterator[tuple[bytes, StoredItems]]:
        """What is cached of other folders, as far as it holds."""
        for folder in self._folders.keys() - now.keys():
            stored = self.of_folder(folder)
            if stored is not None and self._policy != self._before:
                stored = stored_items(list(self.holding(stored).values()))
            if stored is not None:
                yield folder, stored

    def _is_on_disk(self, now: dict[bytes, StoredItems]) -> bool:
        if self._policy != self._before or now.keys() != self._folders.keys():
            return False
        return all(
            isinstance(stored, _InFile) or stored.data() == self._data(folder)
            for folder, stored in now.items()
        )

    def _data(self, folder: bytes) -> bytes | None:
        stored = self.of_folder(folder)
        return None if stored is None else stored.data()


def _write(file: BinaryIO, policy: DecisionDigests, folders: dict[bytes, StoredItems]) -> None:
    place = file.write(_FORM)
    index: dict[bytes, tuple[int, int, int]] = {}
    for folder, stored in folders.items():
        data = stored.data()
        index[folder] = (place, len(data), stored.count)
        place += file.write(data)
    file.write(zlib.compress(msgspec.msgpack.encode(_Index(policy, index)), 1))
    file.write(place.to_bytes(_PLACE_BYTES, "big"))

"""An item that a plan only counts, in its packed form: a decision on a file, and no work. Pure."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.as_made.model import LeftAsMade
from av1rules.plan.items import Fresh, Held, LeftAlone, PlanAction, PlanItem
from av1rules.policy.match import PassedOver

_LEVEL = 1
"""Of zlib. A higher one saves a tenth of the bytes for twice the time."""


class PackedFile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file of a folder; `name` is its name there."""

    name: bytes
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    links: int

    def is_of(self, stat: FileStat) -> bool:
        """Whether the file is as it was."""
        return (
            self.ctime_ns == stat.ctime_ns
            and self.mtime_ns == stat.mtime_ns
            and self.size_bytes == stat.size_bytes
            and self.inode == stat.inode
            and self.device == stat.device
            and self.links == stat.links
        )


class PackedItem(PackedFile, frozen=True, array_like=True, gc=False):
    """The decision on one file."""

    action: PlanAction
    causes: tuple[str, ...]
    rule: str | None = None
    source_tier: str | None = None
    target: bytes | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    is_lasting: bool = False
    has_other_tools: bool = False
    is_settled_by_attempt: bool = False
    reason: str | None = None
    passed_over: tuple[PassedOver, ...] = ()
    is_unrecorded: bool = False
    as_made: str | None = None  # the choice that leaves it so


class LibraryFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of the library; `below` is its path below the root, "" for the root itself."""

    root_name: str
    root: str
    below: str

    @property
    def key(self) -> bytes:
        """Its path."""
        return os.fsencode(f"{self.root}/{self.below}")

    def file(self, packed: PackedFile) -> LibraryFile:
        name = os.fsdecode(packed.name)
        return LibraryFile(
            root_name=self.root_name,
            root=self.root,
            relative_path=f"{self.below}/{name}" if self.below else name,
            stat=FileStat(
                device=packed.device,
                inode=packed.inode,
                size_bytes=packed.size_bytes,
                mtime_ns=packed.mtime_ns,
                ctime_ns=packed.ctime_ns,
                links=packed.links,
            ),
        )


class UnknownFiles(msgspec.Struct, frozen=True):
    """Files of one folder that no item is known of yet, by their `places` among all files there."""

    places: tuple[int, ...] = ()
    packed: bytes = b""

    @classmethod
    def of(cls, files: Mapping[int, PackedFile]) -> Self:
        return cls(tuple(files), _ENCODER.encode(list(files.values()))) if files else cls()

    def files(self) -> dict[int, PackedFile]:
        if not self.places:
            return {}
        return dict(zip(self.places, _FILE_DECODER.decode(self.packed), strict=True))


class PackedFolder(msgspec.Struct, frozen=True, kw_only=True):
    """The packed items of one folder, in the order of the walk."""

    folder: LibraryFolder
    stored: StoredItems

    @property
    def count(self) -> int:
        return self.stored.count

    def unpacked(self) -> Iterator[PlanItem]:
        return (unpack_item(self.folder, packed) for packed in self.stored.items())

    def unpacked_but(self, action: PlanAction) -> Iterator[PlanItem]:
        """Those of any other action."""
        packed = (one for one in self.stored.items() if one.action is not action)
        return (unpack_item(self.folder, one) for one in packed)


class StoredItems(msgspec.Struct, frozen=True):
    """Packed items as bytes, which a subclass may have elsewhere than in memory."""

    count: int
    packed: bytes = b""

    def data(self) -> bytes:
        return self.packed

    def items(self) -> list[PackedItem]:
        """Raises msgspec.MsgspecError, zlib.error or OSError for what is damaged."""
        return _DECODER.decode(zlib.decompress(self.data()))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[PackedItem])
_FILE_DECODER = msgspec.msgpack.Decoder(list[PackedFile])


def stored_items(items: Sequence[PackedItem]) -> StoredItems:
    return StoredItems(len(items), zlib.compress(_ENCODER.encode(items), _LEVEL))


def pack_item(item: PlanItem) -> PackedItem | None:
    """None for an item that has more than a packed one can hold."""
    if not isinstance(item, Fresh | Held | LeftAlone) or item.released is not None:
        return None
    if item.as_made is not None and item.as_made.record is not None:
        return None
    idle: dict[str, Any] = {}
    if isinstance(item, Fresh):
        if item.touched_ns is not None:
            return None
        idle["has_other_tools"] = item.has_other_tools
    else:
        if isinstance(item, Held) and not (item.clip is None is item.after_review):
            return None
        idle["is_settled_by_attempt"], idle["reason"] = item.is_settled_by_attempt, item.reason
        idle["is_unrecorded"] = item.is_unrecorded
    return packed_of(
        item.file,
        item.action,
        item.causes,
        rule=item.rule,
        source_tier=item.source_tier,
        target=None if item.target is None else os.fsencode(item.target),
        fingerprint=item.fingerprint,
        notes=item.notes,
        passed_over=item.passed_over,
        is_lasting=item.is_lasting,
        as_made=None if item.as_made is None else item.as_made.choice,
        **idle,
    )


def file_name(file: LibraryFile) -> bytes:
    """Its name in its folder."""
    return os.fsencode(file.relative_path.rpartition("/")[2])


def packed_of(
    file: LibraryFile, action: PlanAction, causes: tuple[str, ...], **more: Any
) -> PackedItem:
    """The packed decision on a file; `more` are its other fields."""
    return PackedItem(*_file_fields(file), action, causes, **more)


def pack_file(file: LibraryFile) -> PackedFile:
    return PackedFile(*_file_fields(file))


def _file_fields(file: LibraryFile) -> tuple[bytes, int, int, int, int, int, int]:
    stat = file.stat
    return (
        file_name(file),
        stat.device,
        stat.inode,
        stat.size_bytes,
        stat.mtime_ns,
        stat.ctime_ns,
        stat.links,
    )


def unpack_item(folder: LibraryFolder, packed: PackedItem) -> PlanItem:
    """The inverse of `pack_item`."""
    known: dict[str, Any] = {
        "file": folder.file(packed),
        "causes": packed.causes,
        "rule": packed.rule,
        "source_tier": packed.source_tier,
        "target": None if packed.target is None else os.fsdecode(packed.target),
        "fingerprint": packed.fingerprint,
        "notes": packed.notes,
        "passed_over": packed.passed_over,
        "is_lasting": packed.is_lasting,
        "as_made": None if packed.as_made is None else LeftAsMade(choice=packed.as_made),
    }
    if packed.action is PlanAction.FRESH:
        return Fresh(**known, has_other_tools=packed.has_other_tools)
    known["is_settled_by_attempt"] = packed.is_settled_by_attempt
    known["reason"] = packed.reason
    known["is_unrecorded"] = packed.is_unrecorded
    return Held(**known) if packed.action is PlanAction.HELD else LeftAlone(**known)

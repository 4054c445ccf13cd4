"""Reads EBML, the binary tree below Matroska, within bounds: sizes, counts and depth are limited,
and whatever is broken raises `EbmlError`. It knows no element; a schema names them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from av1rules.base.system.opening import pread

MAX_ELEMENTS = 65_536
"""Of one file. A film with 100 tracks, their statistics and 100 chapters has some 3,000."""

MAX_DEPTH = 24
"""Chapters and tags may be nested in themselves; real ones are by two or three."""

MAX_READS = 5_000
"""Of one file: the texts of 1,000 attached files take three each."""

MAX_CONTENTS = 32 * 1024**2
"""Bytes of all elements that are read whole, in one file; a schema's limits are of each."""

BLOCK_BYTES = 64 * 1024
"""One read mostly shows all that a muxer writes before the pictures."""

_HEADER_BYTES = 12  # an identity of 4 bytes and a size of 8


class EbmlError(Exception):
    """The data is no EBML, is damaged, or goes beyond a limit."""


class Kind(Enum):
    MASTER = "master"
    UINT = "uint"
    INT = "int"
    FLOAT = "float"
    TEXT = "text"
    BINARY = "binary"


class Named(msgspec.Struct, frozen=True):
    """What a schema says of one identity."""

    name: str
    kind: Kind


Schema = Mapping[int, Named]
Value = int | float | str | bytes


class Element(msgspec.Struct, frozen=True):
    """One element: a value, or children in their order. Unknown identities are bytes under the
    name `0x...`."""

    name: str
    value: Value | None = None
    children: tuple[Element, ...] = ()

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def number(self, name: str, default: int | None = None) -> int | None:
        child = self.first(name)
        return child.value if child is not None and isinstance(child.value, int) else default

    def text(self, name: str) -> str | None:
        child = self.first(name)
        return child.value if child is not None and isinstance(child.value, str) else None

    def hex(self, name: str) -> str | None:
        child = self.first(name)
        is_there = child is not None and isinstance(child.value, bytes) and child.value
        return child.value.hex() if is_there else None  # type: ignore[union-attr]


class Head(msgspec.Struct, frozen=True):
    """Where an element lies in its file. `end` None: of unknown size, as in a live recording."""

    identity: int
    start: int  # of the content
    end: int | None


class EbmlFile:
    """A file read in few, bounded pieces."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self._reads = self._heads = self._contents = 0
        self._block_at, self._block = 0, b""

    def read(self, at: int, length: int) -> bytes:
        """Exactly these bytes. Raises EbmlError beyond the end, OSError."""
        if at < 0 or at + length > self.size:
            raise EbmlError("an element reaches beyond the end of the file")
        inside = at - self._block_at
        if not 0 <= inside <= len(self._block) - length:
            self._reads += 1
            if self._reads > MAX_READS:
                raise EbmlError("its elements are too far apart")
            block = pread(self._descriptor, max(length, BLOCK_BYTES), at)
            if len(block) < length:
                raise EbmlError("the file ends early")
            self._block_at, self._block, inside = at, block, 0
        return self._block[inside : inside + length]

    def head(self, at: int) -> Head:
        """The element that begins at `at`. Raises EbmlError, OSError."""
        self._heads += 1
        if self._heads > MAX_ELEMENTS:
            raise EbmlError("too many elements")
        data = self.read(at, min(_HEADER_BYTES, max(self.size - at, 0)))
        identity, place = read_identity(data, 0)
        size, place = read_size(data, place)
        start = at + place
        return Head(identity, start, None if size is None else start + size)

    def heads(self, start: int, end: int) -> Iterator[Head]:
        """The elements between two places, without their content. Raises EbmlError, OSError."""
        at = start
        while at < end:
            head = self.head(at)
            if head.end is None or head.end > end:
                raise EbmlError("an element reaches beyond its parent")
            yield head
            at = head.end

    def content(self, head: Head, *, limit: int) -> bytes:
        """The bytes of an element of at most `limit`. Raises EbmlError, OSError."""
        if head.end is None or head.end - head.start > limit:
            raise EbmlError("an element is larger than any real one")
        self._contents += head.end - head.start
        if self._contents > MAX_CONTENTS:
            raise EbmlError("its elements are larger together than any real ones")
        return self.read(head.start, head.end - head.start)


def read_identity(data: bytes, at: int) -> tuple[int, int]:
    """An element's identity with its length marks, and where it ends. Raises EbmlError."""
    if at >= len(data) or data[at] < 0x10:
        raise EbmlError("no element begins here")
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        raise EbmlError("an element is cut off")
    return int.from_bytes(data[at : at + length], "big"), at + length


def read_size(data: bytes, at: int) -> tuple[int | None, int]:
    """A size, None if it is unknown, and where it ends. Raises EbmlError."""
    if at >= len(data) or data[at] == 0:
        raise EbmlError("an element has no size")
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        raise EbmlError("an element is cut off")
    mask = (1 << (7 * length)) - 1
    value = int.from_bytes(data[at : at + length], "big") & mask
    return (None if value == mask else value), at + length


class TreeReader:
    """Turns the bytes of masters into elements; the limit on their number holds for all of one
    file."""

    def __init__(self, schema: Schema, ignored: frozenset[int]) -> None:
        self._schema = schema
        self._ignored = ignored
        self._left = MAX_ELEMENTS

    def children(self, data: bytes, depth: int = 0) -> tuple[Element, ...]:
        """Raises EbmlError."""
        if depth > MAX_DEPTH:
            raise EbmlError("elements are nested deeper than any real ones")
        found, at = [], 0
        while at < len(data):
            identity, at = read_identity(data, at)
            size, at = read_size(data, at)
            if size is None or at + size > len(data):
                raise EbmlError("an element reaches beyond its parent")
            self._left -= 1
            if self._left < 0:
                raise EbmlError("too many elements")
            if identity not in self._ignored:
                found.append(self._element(identity, data[at : at + size], depth))
            at += size
        return tuple(found)

    def _element(self, identity: int, content: bytes, depth: int) -> Element:
        named = self._schema.get(identity)
        if named is None:
            return Element(f"0x{identity:X}", content)
        if named.kind is Kind.MASTER:
            return Element(named.name, None, self.children(content, depth + 1))
        return Element(named.name, _value(named.kind, content))


def _value(kind: Kind, content: bytes) -> Value:
    if kind is Kind.BINARY:
        return content
    if kind is Kind.TEXT:
        return content.partition(b"\0")[0].decode("utf-8", "replace")
    if len(content) > 8:
        raise EbmlError("a number has more than 8 bytes")
    if kind is Kind.FLOAT:
        if len(content) not in (0, 4, 8):
            raise EbmlError("a float has neither 4 nor 8 bytes")
        form = {0: "", 4: ">f", 8: ">d"}[len(content)]
        return float(struct.unpack(form, content)[0]) if form else 0.0
    return int.from_bytes(content, "big", signed=kind is Kind.INT)

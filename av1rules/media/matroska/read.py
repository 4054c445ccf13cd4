"""Reads the structure of a Matroska or WebM file without its pictures: a few bounded reads.

FFmpeg shows one title a chapter, one list of chapters, flat tags and no links between files. This
shows what is there: segment, tracks, editions, tags and attached files, as trees of elements.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from av1rules.base.files import open_regular
from av1rules.media.matroska import schema as ids
from av1rules.media.matroska.ebml import EbmlError, EbmlFile, Element, Head, TreeReader

MAX_HEADS = 512
"""Elements looked at before the first pictures and through seek heads; real files have ten."""

LIMITS = {
    ids.SEEK_HEAD: 64 * 1024,
    ids.INFO: 64 * 1024,
    ids.TRACKS: 8 * 1024**2,  # fonts of old subtitles and codec headers lie in them
    ids.CHAPTERS: 4 * 1024**2,
    ids.TAGS: 4 * 1024**2,
}
"""Bytes of one element of each kind; larger ones are not read, and the structure is unknown."""

MAX_ATTACHMENTS = 1000
_ATTACHMENT_TEXT_BYTES = 64 * 1024

SHOWN_TRACK_TYPES = {1: "video", 2: "audio", 17: "subtitle", 33: "data"}
"""Track types that FFmpeg makes streams of, and their kinds."""


class AttachedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file inside a Matroska file, without its bytes."""

    name: str
    mimetype: str
    size_bytes: int
    uid: int | None = None
    description: str = ""


class MatroskaFile(msgspec.Struct, frozen=True, kw_only=True):
    """The structure of one file. `tracks`, `editions` and `tags` are `TrackEntry`, `EditionEntry`
    and `Tag` elements in their order."""

    info: Element
    tracks: tuple[Element, ...] = ()
    editions: tuple[Element, ...] = ()
    tags: tuple[Element, ...] = ()
    attachments: tuple[AttachedFile, ...] = ()

    @property
    def shown_tracks(self) -> tuple[Element, ...]:
        """The tracks that FFmpeg makes streams of, in the order of its streams."""
        return tuple(
            track
            for track in self.tracks
            if track.number("TrackType") in SHOWN_TRACK_TYPES and track.text("CodecID")
        )


def read_matroska(path: str) -> MatroskaFile | None:
    """The structure of a file; None if it is no Matroska, damaged or beyond all limits.

    Raises OSError if the file can't be read.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        data = EbmlFile(file.fileno(), size)
        try:
            return _read(data)
        except EbmlError:
            return None


def _read(file: EbmlFile) -> MatroskaFile:
    header = file.head(0)
    if header.identity != ids.EBML or header.end is None:
        raise EbmlError("no EBML file")
    segment = file.head(header.end)
    if segment.identity != ids.SEGMENT:
        raise EbmlError("no segment")
    reader = TreeReader(ids.SCHEMA, ids.IGNORED)
    found = _top_level(file, segment, reader)

    def children(identity: int) -> tuple[Element, ...]:
        heads = found.get(identity, ())
        contents = (file.content(head, limit=LIMITS[identity]) for head in heads)
        return tuple(child for content in contents for child in reader.children(content))

    tracks = _named(children(ids.TRACKS), "TrackEntry")
    if not tracks:
        raise EbmlError("no tracks")
    return MatroskaFile(
        info=Element("Info", None, children(ids.INFO)),
        tracks=tracks,
        editions=_named(children(ids.CHAPTERS), "EditionEntry"),
        tags=_named(children(ids.TAGS), "Tag"),
        attachments=tuple(
            _attached(file, head, reader)
            for parent in found.get(ids.ATTACHMENTS, ())
            for head in _bounded(file, parent)
        ),
    )


def _named(elements: tuple[Element, ...], name: str) -> tuple[Element, ...]:
    return tuple(element for element in elements if element.name == name)


def _top_level(file: EbmlFile, segment: Head, reader: TreeReader) -> dict[int, list[Head]]:
    """The elements of the segment up to the first pictures, and those that seek heads lead to."""
    end = min(segment.end or file.size, file.size)
    found: dict[int, dict[int, Head]] = {}
    pending: list[tuple[int, int | None]] = [(segment.start, None)]
    for _ in range(MAX_HEADS):
        if not pending:
            break
        at, wanted = pending.pop()
        head = _head_at(file, at, wanted) if segment.start <= at < end else None
        if head is None or at in found.get(head.identity, {}):
            continue
        found.setdefault(head.identity, {})[at] = head
        if head.identity == ids.SEEK_HEAD:
            content = file.content(head, limit=LIMITS[ids.SEEK_HEAD])
            pending[:0] = _seeks(reader.children(content), segment.start)
        if wanted is None and head.identity != ids.CLUSTER and head.end is not None:
            pending.append((head.end, None))
    return {kind: [heads[at] for at in sorted(heads)] for kind, heads in found.items()}


def _head_at(file: EbmlFile, at: int, wanted: int | None) -> Head | None:
    """The element at a place; None where a seek head leads to nothing of the kind it promises."""
    if wanted is None:
        return file.head(at)
    try:
        head = file.head(at)
    except EbmlError:
        return None
    return head if head.identity == wanted else None


def _seeks(children: tuple[Element, ...], origin: int) -> list[tuple[int, int | None]]:
    """Where a seek head leads to, and to what, of all that is read here."""
    known = {*LIMITS, ids.ATTACHMENTS}
    places: list[tuple[int, int | None]] = []
    for seek in children:
        position, identity = seek.number("SeekPosition"), int(seek.hex("SeekID") or "0", 16)
        if position is not None and identity in known:
            places.append((origin + position, identity))
    return places


def _bounded(file: EbmlFile, parent: Head) -> Iterator[Head]:
    if parent.end is None:
        raise EbmlError("attachments of unknown size")
    for count, head in enumerate(file.heads(parent.start, parent.end)):
        if count >= MAX_ATTACHMENTS:
            raise EbmlError("more attachments than any real file has")
        if head.identity == ids.ATTACHED_FILE:
            yield head


def _attached(file: EbmlFile, parent: Head, reader: TreeReader) -> AttachedFile:
    """An attached file by its fields; the bytes of the file itself are passed over."""
    assert parent.end is not None
    texts, size_bytes = bytearray(), 0
    for head in file.heads(parent.start, parent.end):
        assert head.end is not None
        if head.identity == ids.FILE_DATA:
            size_bytes = head.end - head.start
            continue
        if head.end - head.start + len(texts) > _ATTACHMENT_TEXT_BYTES:
            raise EbmlError("an attachment's text is larger than any real one")
        texts += _whole(head, file.content(head, limit=_ATTACHMENT_TEXT_BYTES))
    fields = Element("AttachedFile", None, reader.children(bytes(texts)))
    return AttachedFile(
        name=fields.text("FileName") or "",
        mimetype=fields.text("FileMimeType") or "",
        size_bytes=size_bytes,
        uid=fields.number("FileUID"),
        description=fields.text("FileDescription") or "",
    )


def _whole(head: Head, content: bytes) -> bytes:
    """An element with its identity and a size of 8 bytes."""
    identity = head.identity.to_bytes((head.identity.bit_length() + 7) // 8, "big")
    length = len(content) | 1 << 56
    return identity + length.to_bytes(8, "big") + content

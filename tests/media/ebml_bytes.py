"""Writes EBML for tests: elements by the names of the schema, and whole small Matroska files."""

from __future__ import annotations

from av1rules.media.matroska import schema as ids

IDENTITIES = {named.name: identity for identity, named in ids.SCHEMA.items()}
"""Names that several identities share (`EditionUID`) give the one of tags."""

Content = bytes | str | int


def element(kind: str | int, *content: Content) -> bytes:
    """One element with a size of 8 bytes; several contents are joined."""
    identity = IDENTITIES[kind] if isinstance(kind, str) else kind
    body = b"".join(_body(part) for part in content)
    return _identity(identity) + (len(body) | 1 << 56).to_bytes(8, "big") + body


def unsized(identity: int, body: bytes) -> bytes:
    """An element of unknown size, as live recorders write."""
    return _identity(identity) + b"\x01" + b"\xff" * 7 + body


def _identity(identity: int) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big")


def _body(part: Content) -> bytes:
    if isinstance(part, int):
        return part.to_bytes((part.bit_length() + 7) // 8 or 1, "big")
    return part.encode() if isinstance(part, str) else part


def track(number: int, kind: int = 1, codec: str = "V_AV1", *more: bytes) -> bytes:
    return element(
        "TrackEntry",
        element("TrackNumber", number),
        element(0x73C5, 1000 + number),
        element("TrackType", kind),
        element("CodecID", codec),
        *more,
    )


def matroska(*parts: bytes, tracks: bytes = track(1), live: bool = False) -> bytes:
    """A file with these elements of its segment before the first pictures."""
    body = b"".join((element(ids.TRACKS, tracks), *parts, element(ids.CLUSTER, b"\0" * 64)))
    segment = unsized(ids.SEGMENT, body) if live else element(ids.SEGMENT, body)
    return element(ids.EBML, b"") + segment

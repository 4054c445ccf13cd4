"""Closed captions (CEA-608 in A53 user data) put into the pictures of an MPEG-2 stream."""

from __future__ import annotations

FIRST_SLICE = b"\x00\x00\x01\x01"
USER_DATA = b"\x00\x00\x01\xb2GA94\x03"
WORDS = (b"\x94\x20", b"\x94\x70", b"\xc8\xe5", b"\xec\xec", b"\xef\x80", b"\x94\x2f")
"""Load a caption, its row, "Hello", show it; with odd parity."""


def with_captions(stream: bytes, *, first_picture: int) -> bytes:
    """The elementary stream with captions in all pictures from that one on."""
    pictures = stream.split(FIRST_SLICE)
    made = [pictures[0]]
    for number, rest in enumerate(pictures[1:]):
        if number >= first_picture:
            made.append(_user_data(WORDS[number % len(WORDS)]))
        made += [FIRST_SLICE, rest]
    return b"".join(made)


def _user_data(word: bytes) -> bytes:
    one_pair = b"\xfc" + word  # valid, field 1
    return USER_DATA + bytes([0x40 | 1]) + b"\xff" + one_pair + b"\xff"

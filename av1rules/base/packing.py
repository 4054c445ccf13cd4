"""Packs short texts that resemble each other: zlib with a preset dictionary.

Zlib alone packs 2 KB of JSON to 600 bytes, most of which are names that every other text has too.
With a dictionary of typical texts 150 bytes are left, and it unpacks faster. What is packed names
its dictionary and has a checksum (RFC 1950), so a damaged text is noticed.
"""

from __future__ import annotations

import functools
import importlib.resources
import zlib

MAX_BYTES = 64 * 1024 * 1024
"""Of a text, unpacked. The largest known are receipts of some 100 KB; more is damage."""

_HAS_DICTIONARY = 0x20
"""A bit of zlib's second byte: four bytes follow that name the dictionary."""


class Packer:
    """Packs with the first of `dictionaries`. The others are those of earlier versions: a
    dictionary that anything was packed with may not change, nor go."""

    def __init__(self, *dictionaries: bytes) -> None:
        self._current = dictionaries[0]
        self._by_name = {zlib.adler32(one).to_bytes(4, "big"): one for one in dictionaries}

    def pack(self, text: bytes, *, level: int = 9) -> bytes:
        """`level` is zlib's: 1 takes a fraction of the time of 9."""
        packer = zlib.compressobj(
            level, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, self._current
        )
        return packer.compress(text) + packer.flush()

    def unpack(self, packed: bytes) -> bytes:
        """The inverse of `pack`; takes also what zlib packed without a dictionary. Raises
        ValueError for anything else."""
        try:
            unpacker = (
                zlib.decompressobj(zdict=self._by_name[packed[2:6]])
                if packed[1] & _HAS_DICTIONARY
                else zlib.decompressobj()
            )
            text = unpacker.decompress(packed, MAX_BYTES)
        except (zlib.error, LookupError, TypeError) as problem:
            raise ValueError(f"not packed by this version: {problem}") from problem
        if not unpacker.eof:
            raise ValueError("its end is missing")
        return text


@functools.cache
def packer_of(package: str, *names: str) -> Packer:
    """The packer with these files of a package as dictionaries, the current one first.

    What is packed needs the file it was packed with, byte for byte: for better compression add a
    file, change none.
    """
    folder = importlib.resources.files(package)
    return Packer(*(folder.joinpath(name).read_bytes() for name in names))

"""Digests of files: a quick content key from samples, and the digest of all bytes.

xxh3-128 is not a cryptographic hash: it detects change and bit rot, not forgery.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import xxhash

from av1rules.base.files import open_regular

SAMPLE_BYTES = 64 * 1024
"""Size of one sampled block: each takes one read, which is short next to a disk's seek."""


INNER_SAMPLES = 6
"""Evenly spread blocks between head and tail: they detect files rewritten in the middle."""


HEAD_BYTES = 4096


_CHUNK = 4 * 1024 * 1024


def content_key(path: str | Path) -> str:
    """Size plus xxh3-128 over head, tail and evenly spread inner blocks: `"<size>-<hex>"`.

    Reads at most 512 KiB. Files up to that size are read whole. Raises OSError.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        hasher = xxhash.xxh3_128(str(size).encode())
        for offset in _sample_offsets(size):
            file.seek(offset)
            hasher.update(file.read(SAMPLE_BYTES))
    return f"{size}-{hasher.hexdigest()}"


def head_key(path: str | Path) -> str:
    """xxh3-128 of the first 4 KiB. It stays the same if a file is truncated or rots further on; it
    changes after a remux or a tag edit, which rewrite the head. Raises OSError."""
    with open_regular(path) as file:
        return xxhash.xxh3_128_hexdigest(file.read(HEAD_BYTES))


def _sample_offsets(size: int) -> list[int]:
    blocks = INNER_SAMPLES + 2
    if size <= blocks * SAMPLE_BYTES:
        return list(range(0, size, SAMPLE_BYTES))
    last = size - SAMPLE_BYTES
    return [last * step // (blocks - 1) for step in range(blocks)]


def file_digest(path: str | Path, *, check: Callable[[], None] | None = None) -> str:
    """xxh3-128 of all bytes, as `"xxh3-128:<hex>"`; `check` runs between chunks and may raise."""
    hasher = xxhash.xxh3_128()
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            if check is not None:
                check()
            hasher.update(chunk)
    return f"xxh3-128:{hasher.hexdigest()}"

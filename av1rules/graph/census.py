"""The brake: which files a root held before and holds now, and whether too much is gone. Pure.

An unmounted disk looks like a library that somebody emptied. Acting on that would move, trash or
encode things for no reason, so a run refuses instead.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from av1rules.base.text import printable

MANY_LOST = 5
"""From so many on nobody removes them one by one: then their share decides."""

_SHOWN = 3

Mark = tuple[int, int]
"""Size in bytes and mtime in ns: what a renamed or moved file keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """Why a run must not act: `where`, what is wrong with the figures, and what to do."""

    where: str
    message: str
    hint: str

    @property
    def text(self) -> str:
        return f"{self.where}: {self.message} ({self.hint})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The files of one root as the walk found them: `packed` is what the ledger keeps of it."""

    root: str
    packed: bytes


def take_census(root: str, files: Iterable[tuple[str, Mark]]) -> Census:
    """`files` are paths below the root with their marks, in the order of the walk."""
    listed = [(os.fsencode(path), mark) for path, mark in files]
    return Census(root=root, packed=zlib.compress(msgspec.msgpack.encode(listed), 1))


def known_files(packed: bytes) -> dict[str, Mark]:
    """What a census says; nothing if it can't be read, since it is only a memory."""
    try:
        listed = msgspec.msgpack.decode(
            zlib.decompress(packed), type=list[tuple[bytes, tuple[int, int]]]
        )
    except (zlib.error, msgspec.MsgspecError):
        return {}
    return {os.fsdecode(path): mark for path, mark in listed}


def find_lost(
    known: dict[str, Mark],
    found: Iterable[tuple[str, Mark]],
    *,
    elsewhere: frozenset[Mark],
    is_there: Callable[[str], bool],
) -> list[str]:
    """Known files of a root that are gone: neither under their name, nor as a file of the same
    size and time under another (`elsewhere`: the marks of all roots), nor there but not looked at
    (`is_there`: other extensions in the rules now, replaced by us)."""
    here = dict(found)
    missing = (path for path in known if path not in here)
    return [path for path in missing if known[path] not in elsewhere and not is_there(path)]


def judge_root(
    where: str, *, known: int, found: int, lost: Sequence[str], max_lost: float
) -> Brake | None:
    """The brake for one root that is there, if one is needed."""
    if not lost or not known:
        return None
    if found == 0:
        return Brake(
            where=where,
            message=f"the root is empty, but held {known} files when a run last looked",
            hint="is its disk mounted? If they are really gone: --accept-missing",
        )
    share = len(lost) / known
    if share <= max_lost or (max_lost > 0 and len(lost) < MANY_LOST):
        return None
    some = ", ".join(printable(path, limit=60) for path in sorted(lost)[:_SHOWN])
    return Brake(
        where=where,
        message=(
            f"{len(lost)} of {known} known files are gone ({share:.0%}, "
            f"library.max_lost allows {max_lost:.0%}): {some}, ..."
        ),
        hint="is a disk below it not mounted? If they are really gone: --accept-missing",
    )

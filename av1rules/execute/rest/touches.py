"""Hard links change the time of the inode of a source (ctime), and nothing else of it.

Each such change is recorded, so that the source counts as unchanged: for the cache of probes, for
`library.settle`, and for the check before a result is put in place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from av1rules.execute.session import Session
from av1rules.ledger.stand_ins import OwnTouch, signed_inode
from av1rules.media.source import FileStat

_KEPT = timedelta(days=7)
"""Longer than any encode: a job compares its source with what the plan saw."""


@contextlib.contextmanager
def own_touches(session: Session, sources: Iterable[str]) -> Iterator[None]:
    """Inside, hard links to these sources are made, renamed or removed. Raises LedgerError."""
    before = {path: found for path in sources if (found := _stat(path)) is not None}
    try:
        yield
    finally:
        touches: list[OwnTouch] = []
        now = datetime.now(UTC)
        for path, was in before.items():
            found = _stat(path)
            if found is None or not _is_only_touched(was, found):
                continue
            touches.append(
                OwnTouch(
                    inode=signed_inode(found.inode),
                    before_ns=was.ctime_ns,
                    after_ns=found.ctime_ns,
                    at=now.isoformat(timespec="seconds"),
                )
            )
            session.workspace.cache.retouch(was, found)
        if touches:
            oldest = (now - _KEPT).isoformat(timespec="seconds")
            session.workspace.ledger.own_touches.add(touches, keep_since=oldest)


def _stat(path: str) -> FileStat | None:
    try:
        return FileStat.of(os.lstat(path))
    except OSError:
        return None


def _is_only_touched(was: FileStat, found: FileStat) -> bool:
    is_same = (was.device, was.inode, was.size_bytes, was.mtime_ns) == (
        found.device,
        found.inode,
        found.size_bytes,
        found.mtime_ns,
    )
    return is_same and was.ctime_ns != found.ctime_ns

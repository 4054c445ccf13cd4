"""Who a file is by its content: the sampled content key, cached by stat."""

from __future__ import annotations

import os
from pathlib import Path

from av1rules.base.digest import content_key
from av1rules.library.cache import LibraryCache, stat_key
from av1rules.library.source import FileStat, LibraryFile


def lone_file(path: str) -> LibraryFile:
    """A file that belongs to no library, in the form that the probe takes. Raises OSError."""
    found = os.stat(path)
    return LibraryFile(
        root_name="",
        root=os.path.dirname(path) or ".",
        relative_path=os.path.basename(path),
        stat=FileStat.of(found),
    )


def content_key_of(file: LibraryFile, cache: LibraryCache) -> str:
    """The content key of `file`, read from disk if not cached. Raises OSError."""
    known = cache.content_keys((file.stat,)).get(stat_key(file.stat))
    if known is None:
        known = content_key(Path(file.path))
        cache.put_content_key(file.stat, known)
    return known

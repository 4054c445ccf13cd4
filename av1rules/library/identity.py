"""Who a file is by its content: the sampled content key, cached by stat."""

from __future__ import annotations

from pathlib import Path

from av1rules.base.digest import content_key
from av1rules.library.cache import LibraryCache, stat_key
from av1rules.library.source import LibraryFile


def content_key_of(file: LibraryFile, cache: LibraryCache) -> str:
    """The content key of `file`, read from disk if not cached. Raises OSError."""
    known = cache.content_keys((file.stat,)).get(stat_key(file.stat))
    if known is None:
        known = content_key(Path(file.path))
        cache.put_content_key(file.stat, known)
    return known

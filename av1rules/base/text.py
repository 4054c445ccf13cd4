"""Text that comes from strangers (file names, tags, titles) made safe for a terminal."""

from __future__ import annotations

import unicodedata

_KEPT_FORMAT_CHARACTERS = frozenset("\u200c\u200d")
"""Joiners that emoji and several scripts need; other format characters can reorder text."""


def printable(text: str, *, limit: int | None = None) -> str:
    """`text` with control, surrogate and direction-changing characters shown as escapes.

    Bytes of file names that are not UTF-8 appear as `\\xNN`. At most `limit` characters.
    """
    if text.isascii() and text.isprintable():
        shown = text
    else:
        kept = text if limit is None else text[: limit + 1]  # one more tells that it was cut
        shown = "".join(_shown(character) for character in kept)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        if character in _KEPT_FORMAT_CHARACTERS:
            return character
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or (
            f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
        )
    return character

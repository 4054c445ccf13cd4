"""Plurals, and untrusted text (file names, tags, titles) made safe for a terminal."""

from __future__ import annotations

import re
import unicodedata

import xxhash


def text_digest(text: str) -> str:
    """xxh3-128 of a text, 32 hex digits; for fingerprints and policy digests."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogateescape"))


def plural(count: int, one: str, many: str | None = None) -> str:
    """`one` if `count` is 1, else `many` (default: `one` with an s)."""
    return one if count == 1 else many or f"{one}s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`"1 film"`, `"3 films"`."""
    return f"{count} {plural(count, one, many)}"


_KEPT_FORMAT_CHARACTERS = frozenset("\u200c\u200d")
"""Joiners that emoji and several scripts need; other format characters can reorder text."""


_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of control, format, surrogate, private and unassigned characters, line separators."""


_BEYOND_ASCII = re.compile(r"[^\n -~]")


def printable(text: str, *, limit: int | None = None) -> str:
    """`text` with control, surrogate and direction-changing characters escaped.

    Bytes of file names that are not UTF-8 appear as `\\xNN`. The result has at most `limit`
    characters.
    """
    if text.isascii() and text.isprintable():
        shown = text
    else:
        kept = text if limit is None else text[: limit + 1]  # one more shows that it was cut
        shown = "".join(_shown(character) for character in kept)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def printable_lines(text: str) -> str:
    """`printable` for text of several lines, which stay lines."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(document: str) -> str:
    """The same JSON with all characters that `printable` hides as `\\u` escapes: equal for every
    parser and safe on a terminal. JSON writers escape only the ASCII control characters."""
    return _BEYOND_ASCII.sub(_json_shown, document)


def _json_shown(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _HARMFUL or character in _KEPT_FORMAT_CHARACTERS:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in _HARMFUL:
        if character in _KEPT_FORMAT_CHARACTERS:
            return character
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or (
            f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
        )
    return character

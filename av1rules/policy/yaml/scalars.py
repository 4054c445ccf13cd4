"""Text as a scalar of YAML, for rules files that a command writes. Pure."""

from __future__ import annotations

from av1rules.base.errors import UsageError
from av1rules.base.text import printable


def quoted(text: str) -> str:
    """A text, such as a path, as a double-quoted scalar. Raises UsageError for bytes that YAML
    can't hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise UsageError(
            "a rules file can't name a folder whose name is not UTF-8",
            where=printable(text),
            hint="name a folder above it, or rename it",
        ) from problem
    return f'"{"".join(_escape(character) for character in text)}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


_GLOB_CHARACTERS = frozenset("*?[]{}\\!")


def literal_glob(path: str) -> str:
    """A glob that matches just this path."""
    return "".join(f"\\{one}" if one in _GLOB_CHARACTERS else one for one in path)

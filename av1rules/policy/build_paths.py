"""Folders, programs and extensions of a rules file: made absolute, and what can't be meant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from av1rules.base.text import printable
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.policy.model import Root
from av1rules.policy.problems import is_in_typographic_quotes
from av1rules.policy.reader import Cursor
from av1rules.policy.vocabulary import nearest

_COMMON = ("mkv", "mp4", "m2ts", "webm", "mpg", "wmv", "mov", "avi")

_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\})")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def folder_of(cursor: Cursor | None, base: Path) -> Path | None:
    """A path of the file made absolute; `~` is the home folder, no variable is replaced."""
    text = cursor.text() if cursor is not None else None
    if cursor is None or text is None:
        return None
    if (fault := _path_fault(text)) is not None:
        cursor.fault(fault[0], hint=fault[1])
        return None
    return Path(os.path.normpath(base / os.path.expanduser(text)))


def _path_fault(text: str) -> tuple[str, str | None] | None:
    if "\0" in text or not text.strip():
        return "expected a path", None
    if found := _VARIABLE.search(text):
        message = f"environment variables are not read: {printable(found[0], limit=40)}"
        return message, "write the path itself; ~ is the home folder"
    if text.startswith("~") and os.path.expanduser(text) == text:
        owner = printable(text.partition("/")[0], limit=40)
        return f"there is no home folder {owner}", "write the path itself"
    if is_in_typographic_quotes(text):
        return "typographic quotes are taken as part of the name", 'write " or no quotes at all'
    if _WINDOWS.match(text):
        return "expected a path such as /media/movies", "folders are parted by /"
    return None


def program_of(cursor: Cursor, base: Path) -> str | None:
    """A bare name is looked up in PATH; anything with a / is a path."""
    text = cursor.text()
    if text is None or not ("/" in text or text.startswith(("~", "$"))):
        return text
    path = folder_of(cursor, base)
    return None if path is None else str(path)


def extensions_of(cursor: Cursor) -> tuple[str, ...]:
    """Extensions without a dot, in lower case."""
    found: dict[str, None] = {}
    for item in cursor.items():
        text = item.text()
        if text is None:
            continue
        plain = text.lower()
        bare = plain.rpartition(".")[2].strip()
        if not plain.isalnum():
            hint = f"write {bare}" if bare.isalnum() else None
            if "," in plain or " " in plain.strip():
                hint = "write a list: [mkv, mp4]"
            shown = printable(text, limit=60)
            item.fault(f"expected an extension such as mkv, found {shown}", hint=hint)
        elif plain not in VIDEO_EXTENSIONS and (hint := nearest("extensions", plain, _COMMON)):
            item.warn(f"{plain} is no extension of a video that is known", hint=hint)
        found[plain] = None
    return tuple(found)


def refuse_above_roots(cursor: Cursor | None, path: Path | None, roots: Iterable[Root]) -> None:
    """A fault if a folder that we write to is a root of the library or holds one: what is written
    there could take the place of a source."""
    if cursor is None or path is None:
        return
    held = next((root for root in roots if root.path == path or path in root.path.parents), None)
    if held is None:
        return
    shown = printable(str(held.path))
    if held.path == path:
        message = f"{shown} is a root of the library"
    else:
        message = f"the library's root {shown} lies inside this folder"
    cursor.fault(message, hint="take a folder of its own, which holds no sources")

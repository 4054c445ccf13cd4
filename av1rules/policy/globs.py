"""Compiles path globs and explains invalid ones. Pure.

`*` stays in one folder, `**` crosses folders, `{a,b}` are alternatives, `[...]` one character.
Case-sensitive, as file names are; names with newlines and odd bytes match like any other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterator

from wcmatch import glob
from wcmatch._wcparse import PatternLimitException  # has no public name

from av1rules.base.text import printable
from av1rules.policy.problems import is_in_typographic_quotes

MAX_BRACE_EXPANSIONS = 256
"""Patterns that one glob may expand to; `{1..9999}` is a mistake that slows down every file."""

_FLAGS = glob.GLOBSTAR | glob.BRACE | glob.DOTGLOB | glob.FORCEUNIX | glob.CASE

_NEVER_DOTS = ("(?!(?:[/]|^)(?:\\.{1,2})(?:$|[/]))", "(?!\\.{1,2}(?:$|[/]))")
"""Guards that wcmatch puts before every character so that `.` and `..` match nothing. Paths of a
walk contain neither, and `**` is several times faster without the guards."""

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_FOLDER_BACKSLASH = re.compile(r"^[A-Za-z]:\\|\\(?:[\w .-]|\*\*|$)")
"""A backslash escapes the next character, which is useful only before `*?[]{}()|!+@\\`."""

Matcher = Callable[[str], object]


@functools.lru_cache(maxsize=1024)
def compile_globs(patterns: tuple[str, ...]) -> Matcher:
    """A function that is truthy for each path that any of `patterns` matches."""
    expressions, _ = glob.translate(list(patterns), flags=_FLAGS, limit=MAX_BRACE_EXPANSIONS)
    for guard in _NEVER_DOTS:
        expressions = [text.replace(guard, "").replace("(?:.)*?", ".*?") for text in expressions]
    # fullmatch: `$` would also match before a newline at the end of a name.
    return re.compile("|".join(f"(?:{text})" for text in expressions)).fullmatch


@functools.lru_cache(maxsize=1024)
def path_matcher(patterns: tuple[str, ...]) -> Callable[[tuple[str, str]], object]:
    """Truthy for a pair of paths (below the root, with the root's name) if either matches."""
    matches = compile_globs(patterns)
    if all(pattern == "**" or pattern.startswith("**/") for pattern in patterns):
        return lambda path: matches(path[1])  # `**/` also matches the root's name
    return lambda path: matches(path[0]) or matches(path[1])


def glob_doubts(pattern: str, roots: Collection[str]) -> Iterator[tuple[str, str]]:
    """Message and hint for each part of a valid glob that can hardly be meant. `roots` are the
    names of the library's roots."""
    for doubt in (
        _miscased_root(pattern, roots),
        _name_in_brackets(pattern, roots),
        _matches_no_film(pattern, roots),
        _only_top_level(pattern),
    ):
        if doubt is not None:
            yield doubt


def _miscased_root(pattern: str, roots: Collection[str]) -> tuple[str, str] | None:
    """The first part differs from a root's name only in case."""
    first, slash, rest = pattern.partition("/")
    names = {name.casefold(): name for name in roots}
    meant = names.get(first.casefold())
    if not slash or meant is None or first in names.values():
        return None
    message = f"the root is called {printable(meant)}, not {printable(first)}"
    return f"{message}: globs are case-sensitive", f'write "{printable(f"{meant}/{rest}")}"'


_SET = re.compile(r"(?<!\\)\[([^\]!^][^\]]*)\]")
_RANGE_IN_SET = re.compile(r"[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]")


def _name_in_brackets(pattern: str, roots: Collection[str]) -> tuple[str, str] | None:
    """A set such as `[SubGrp]`, which nobody writes as one: sets are ranges, or in order."""
    for found in _SET.finditer(pattern):
        single = _RANGE_IN_SET.sub("", found[1])
        is_like_text = len(single) > 2 and single.isprintable() and any(map(str.isalpha, single))
        if is_like_text and list(single) != sorted(set(single)):
            text = f"{pattern[: found.start()]}\\[{found[1]}\\]{pattern[found.end() :]}"
            meant = printable(_all_in_folder(text, roots) or text)
            message = f"{printable(found[0])} matches one of these characters, not the text"
            return message, f"for the text, in single quotes: '{meant}'"
    return None


_MAGIC = re.compile(r"(?<!\\)[*?\[{]")


def _matches_no_film(pattern: str, roots: Collection[str]) -> tuple[str, str] | None:
    """A folder's name without what lies in it: films have extensions."""
    meant = _all_in_folder(pattern, roots)
    if meant is None:
        return None
    return f"{printable(pattern)} matches no film, as its last part has no extension", (
        f'for all in a folder of this name: "{printable(meant)}"'
    )


def _all_in_folder(pattern: str, roots: Collection[str]) -> str | None:
    """The glob for all that lies in a folder, for a pattern that is its name; else None."""
    folders, _, name = pattern.rpartition("/")
    if "." in name or _MAGIC.search(name):
        return None
    is_below_root = folders.partition("/")[0] in roots or folders.startswith("**")
    return f"{pattern}/**" if is_below_root else f"**/{pattern}/**"


def _only_top_level(pattern: str) -> tuple[str, str] | None:
    """`*.avi` is not what it is to Git: `*` stays in one folder."""
    if "/" in pattern or pattern == "**" or not _MAGIC.search(pattern):
        return None
    message = f"{printable(pattern)} matches only files directly in a root, none in its folders"
    shown = printable(pattern)
    return message, f'for all folders: "**/{shown}"; for these alone: "ROOT/{shown}"'


def glob_problem(pattern: str) -> tuple[str, str] | None:
    """Message and hint for an invalid glob, else None."""
    if not pattern:
        return "an empty glob matches nothing", 'write "**" for every file'
    if is_in_typographic_quotes(pattern):
        return "typographic quotes are taken as part of the name", "write \" or '"
    if _FOLDER_BACKSLASH.search(pattern):
        meant = _DRIVE.sub("", pattern).replace("\\", "/").strip("/")
        return "folders are separated by /, not by \\", f'write "{printable(meant, limit=80)}"'
    if pattern.startswith(("/", "~")):
        return "globs are relative to the library root", "leave out the path of the root"
    if pattern.endswith("/"):
        return "a glob that ends with / matches no file", f'write "{pattern}**"'
    if any(part in (".", "..") for part in pattern.split("/")):
        return "a glob can't contain . or .. as a folder", "write the path from the root down"
    if (open_ := _unbalanced(pattern)) is not None:
        if open_ == "}":
            return "} has no matching {", "add {, or write \\} for the character itself"
        return f"{open_} is not closed", f"close it, or write \\{open_} for the character itself"
    try:
        compile_globs((pattern,))
    except PatternLimitException:
        return (
            f"the braces expand to more than {MAX_BRACE_EXPANSIONS} patterns",
            "use * or several shorter globs",
        )
    except (re.error, ValueError, OverflowError) as error:
        return f"not a glob: {error}", "write * for any part of a name"
    return None


def _unbalanced(pattern: str) -> str | None:
    """The first unbalanced bracket or brace that is not escaped."""
    braces: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            index += 1
        elif character == "[":
            # A closing bracket right after the opening one (or its !) belongs to the set.
            start = index + 2 if pattern[index + 1 : index + 2] in ("!", "^") else index + 1
            end = pattern.find("]", start + 1)
            if end < 0:
                return "["
            index = end
        elif character == "{":
            braces.append(character)
        elif character == "}":
            if not braces:
                return "}"
            braces.pop()
        index += 1
    return "{" if braces else None

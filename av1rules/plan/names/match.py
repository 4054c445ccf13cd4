"""Which of many films a name means. Pure.

A library name as printed beats a path on disk, a path beats a glob, and a glob beats a part of a
name: what is found at one of these steps is the answer, and the later ones are not tried.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cached_property

import msgspec
from wcmatch._wcparse import PatternLimitException  # has no public name

from av1rules.base.text import printable
from av1rules.plan.names.nearest import folded
from av1rules.policy.globs import Matcher, compile_globs

_CUT_MARKS = ("…", "...")
"""What stands in a long name for its middle, where a table is narrow."""

_GLOB = re.compile(r"[*?\[]|\{.*,.*\}")


_BRACKET = re.compile(r"(?<!\\)\[")


class NameKind(Enum):
    """How a name was understood."""

    NAME = "name"
    PLACE = "path on disk"
    GLOB = "glob"
    PART = "part of a name"


EXACT = (NameKind.NAME, NameKind.PLACE)
INEXACT = (NameKind.GLOB, NameKind.PART)


class WantedName(msgspec.Struct, frozen=True):
    """A name as a user typed it. `places` are the absolute paths that it may be, as they are and
    with links resolved; `pattern` is it as a glob of absolute paths."""

    text: str
    places: tuple[str, ...] = ()
    pattern: str = ""


class NamedFilm(msgspec.Struct, frozen=True, gc=False):
    """A film under its library path; `paths` are those on disk, of its source and its target."""

    name: str
    paths: tuple[str, ...] = ()


class NameMatch(msgspec.Struct, frozen=True):
    """The films, as indexes in their order, that a name means; `kind` is None if it means none."""

    kind: NameKind | None = None
    films: tuple[int, ...] = ()


class FilmNames:
    """Films that can be found by name. A folder, by its name or path, is all films below it."""

    def __init__(self, films: Sequence[NamedFilm]) -> None:
        self._films = films

    def match(self, wanted: WantedName, kinds: Iterable[NameKind] = NameKind) -> NameMatch:
        """The films that `wanted` means, by the first of `kinds` that finds any."""
        steps = {
            NameKind.NAME: self._named,
            NameKind.PLACE: self._placed,
            NameKind.GLOB: self._globbed,
            NameKind.PART: self._with_part,
        }
        for kind in kinds:
            if films := sorted(set(steps[kind](wanted))):
                return NameMatch(kind, tuple(films))
        return NameMatch()

    # --- names and paths

    def _named(self, wanted: WantedName) -> Iterable[int]:
        text = wanted.text.rstrip("/")
        if found := _at_or_below(self._by_name, text):
            return found
        if "\\" in text and (escaped := _at_or_below(self._by_printed_name, text)):
            return escaped
        if not any(mark in text for mark in _CUT_MARKS):
            return ()
        return (
            at
            for at, film in enumerate(self._films)
            if any(is_cut_from(text, name) for name in (film.name, *film.paths))
        )

    def _placed(self, wanted: WantedName) -> Iterable[int]:
        for place in wanted.places:
            yield from _at_or_below(self._by_path, place)

    @cached_property
    def _by_name(self) -> list[tuple[str, int]]:
        return sorted((film.name, at) for at, film in enumerate(self._films))

    @cached_property
    def _by_printed_name(self) -> list[tuple[str, int]]:
        return sorted((printable(film.name), at) for at, film in enumerate(self._films))

    @cached_property
    def _by_path(self) -> list[tuple[str, int]]:
        return sorted((path, at) for at, film in enumerate(self._films) for path in film.paths)

    # --- globs

    def _globbed(self, wanted: WantedName) -> Iterable[int]:
        if not _GLOB.search(wanted.text):
            return ()
        globs = (wanted.text, wanted.pattern)
        if "[" in wanted.text:  # "[SubGrp]*" names a group, not one of its letters
            literal = self._of_glob(*(_BRACKET.sub(r"\\[", one) for one in globs))
            if literal:
                return literal
        return self._of_glob(*globs)

    def _of_glob(self, text: str, pattern: str) -> list[int]:
        matches = _matcher(text)
        if matches is None:
            return []
        if "/" not in text.rstrip("/"):  # of files or folders at any depth, as with git
            return [
                at for at, film in enumerate(self._films) if any(map(matches, film.name.split("/")))
            ]
        below = _AtOrBelow(matches)
        found = [
            at
            for at, film in enumerate(self._films)
            if below(film.name) or below(film.name.partition("/")[2])
        ]
        on_disk = _matcher(pattern)
        if found or on_disk is None:
            return found
        below = _AtOrBelow(on_disk)
        return [at for at, film in enumerate(self._films) if any(map(below, film.paths))]

    # --- parts

    def _with_part(self, wanted: WantedName) -> Iterable[int]:
        """Whatever has it in its file name, else in its path, else the same words in it."""
        part = wanted.text.casefold()
        if not part.strip("/"):
            return ()
        if found := [at for at, name in enumerate(self._file_names) if part in name]:
            return found
        if found := [at for at, film in enumerate(self._films) if part in film.name.casefold()]:
            return found
        words = folded(part)
        if not words:
            return ()
        return (at for at, film in enumerate(self._films) if f" {words}" in f" {folded(film.name)}")

    @cached_property
    def _file_names(self) -> list[str]:
        return [film.name.rpartition("/")[2].casefold() for film in self._films]


def is_cut_from(text: str, name: str) -> bool:
    """Whether `text` is `name` as a narrow table shows it, without its middle."""
    mark = next((mark for mark in _CUT_MARKS if mark in text), None)
    if mark is None:
        return False
    head, _, tail = text.partition(mark)
    shown = printable(name)
    return len(shown) >= len(text) and shown.startswith(head) and shown.endswith(tail)


def _at_or_below(ordered: list[tuple[str, int]], name: str) -> list[int]:
    """The indexes of `name` itself and of all that is in a folder of this name."""
    exact = bisect_left(ordered, (name,))
    end = exact
    while end < len(ordered) and ordered[end][0] == name:
        end += 1
    folder = name if name.endswith("/") else f"{name}/"
    first = bisect_left(ordered, (folder,))
    last = bisect_left(ordered, (f"{folder[:-1]}0",))  # the character after the slash
    return [at for _, at in (*ordered[exact:end], *ordered[first:last])]


def _matcher(pattern: str) -> Matcher | None:
    pattern = pattern.rstrip("/")
    try:
        return compile_globs((pattern,)) if pattern else None
    except (PatternLimitException, re.error, ValueError, OverflowError):
        return None


class _AtOrBelow:
    """Whether a glob matches a path or a folder above it; folders are looked at once."""

    def __init__(self, matches: Matcher) -> None:
        self._matches = matches
        self._folders: dict[str, bool] = {"": False}

    def __call__(self, path: str) -> bool:
        return bool(self._matches(path)) or self._is_below(path.rpartition("/")[0])

    def _is_below(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = bool(self._matches(folder)) or self._is_below(folder.rpartition("/")[0])
            self._folders[folder] = known
        return known

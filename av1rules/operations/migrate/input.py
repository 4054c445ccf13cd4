"""Reads configuration that other programs wrote: bounded, typed, and with places for errors.

Nothing of it is trusted: a file may be of any size, nested without end, or no text at all.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, NoReturn

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import open_regular
from av1rules.base.text import printable

MOST_BYTES = 16 * 1024**2
"""Of one file: a hundred times the size of all presets that HandBrake brings along."""

DEEPEST = 64
"""Levels of lists and objects; real files have six."""

_SPACE = re.compile(r"[ \t\r\n]*")
_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A key at the top of a file, and its value. `place` is file:line:column of the key."""

    name: str
    value: Any
    place: str


def read_text(path: str) -> str:
    """The text of a file. Raises UsageError if it can't be read, is too large or is not UTF-8."""
    shown = printable(path)
    try:
        with open_regular(path) as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as problem:
        raise UsageError(f"the file can't be read: {problem.strerror}", where=shown) from problem
    if len(raw) > MOST_BYTES:
        raise UsageError(
            f"expected a file of at most {MOST_BYTES >> 20} MiB",
            where=shown,
            hint="is this the right file?",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = raw[: problem.start]
        line = before.count(b"\n") + 1
        raise UsageError(
            "expected text in UTF-8", where=f"{shown}:{line}", hint="save it as UTF-8"
        ) from problem


def read_members(path: str) -> tuple[Member, ...]:
    """The keys of a JSON object, or of a TOML file (by its extension), in their order. Raises
    UsageError."""
    text = read_text(path)
    if path.lower().endswith(".toml"):
        return _toml_members(text, path)
    return _json_members(text, path)


def read_json(path: str) -> Any:
    """The value of a JSON file: plain lists, dicts and scalars. Raises UsageError."""
    text = read_text(path)
    try:
        return _within_depth(_DECODER.decode(text), path)
    except (ValueError, RecursionError) as problem:
        _fail(problem, path)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _json_members(text: str, path: str) -> tuple[Member, ...]:
    try:
        members = _walk_object(text, path)
    except (ValueError, RecursionError) as problem:
        _fail(problem, path)
    seen: set[str] = set()
    for member in members:
        if member.name in seen:
            raise UsageError(
                f"the key {printable(member.name)} stands here twice",
                where=member.place,
                hint="keep one of them",
            )
        seen.add(member.name)
        _within_depth(member.value, path)
    return members


def _walk_object(text: str, path: str) -> tuple[Member, ...]:
    members: list[Member] = []
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise json.JSONDecodeError("expected an object: {", text, at)
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        start = at
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("expected a key in double quotes", text, at)
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("expected a colon behind the key", text, at)
        value, at = _DECODER.raw_decode(text, _skip(text, at + 1))
        members.append(Member(name=name, value=value, place=_place(text, start, path)))
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            comma, at = at, _skip(text, at + 1)
            if text[at : at + 1] == "}":
                raise json.JSONDecodeError("a comma without a key behind it", text, comma)
        elif text[at : at + 1] != "}":
            raise json.JSONDecodeError("expected a comma or the end of the object", text, at)
    if (rest := _skip(text, at + 1)) < len(text):
        raise json.JSONDecodeError("expected nothing behind the object", text, rest)
    return tuple(members)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _place(text: str, at: int, path: str) -> str:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return f"{printable(path)}:{line}:{column}"


def _toml_members(text: str, path: str) -> tuple[Member, ...]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        where = _TOML_PLACE.search(str(problem))
        shown = printable(path)
        message = _TOML_PLACE.sub("", str(problem)).strip()
        raise UsageError(
            f"not TOML: {printable(message)}",
            where=f"{shown}:{where[1]}:{where[2]}" if where else shown,
        ) from problem
    except (ValueError, RecursionError) as problem:
        _fail(problem, path)
    return tuple(
        Member(name=name, value=_within_depth(value, path), place=_toml_place(text, name, path))
        for name, value in found.items()
    )


def _toml_place(text: str, name: str, path: str) -> str:
    key = re.compile(rf"^[ \t]*\[?[\"']?{re.escape(name)}[\"']?\s*[=.\]]", re.MULTILINE)
    found = key.search(text)
    return printable(path) if found is None else _place(text, found.start(), path)


def _within_depth(value: Any, path: str) -> Any:
    """The value, if it is not nested too deeply. Raises UsageError."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return value
    raise UsageError(
        f"lists and objects are nested more than {DEEPEST} levels deep", where=printable(path)
    )


def _fail(problem: ValueError | RecursionError, path: str) -> NoReturn:
    shown = printable(path)
    if isinstance(problem, json.JSONDecodeError):
        raise UsageError(
            f"not JSON: {printable(problem.msg)}",
            where=f"{shown}:{problem.lineno}:{problem.colno}",
        ) from problem
    if isinstance(problem, RecursionError):
        message = f"lists and objects are nested more than {DEEPEST} levels deep"
    else:  # a number of thousands of digits, NaN
        message = f"a value can't be read: {printable(str(problem), limit=200)}"
    raise UsageError(message, where=shown) from problem

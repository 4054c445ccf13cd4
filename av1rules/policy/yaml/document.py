"""Parses a rules file into plain values with their places.

It reads parser events and builds its own nodes: YAML tags can't construct objects or run code, and
nesting, aliases and size are bounded. The meaning of keys is not known here.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from av1rules.base.errors import Av1rulesError
from av1rules.base.system.opening import NONBLOCK
from av1rules.base.text import printable
from av1rules.policy.find_rules import unreadable
from av1rules.policy.model import Place, Problem
from av1rules.policy.problems import MAX_PROBLEMS
from av1rules.policy.yaml.nodes import Document, Entry, Items, Mapping, Node, Scalar, format_path
from av1rules.policy.yaml.syntax import SyntaxMessage, dashed_key, explain

MAX_FILE_BYTES = 320 * 1024
"""Far above any hand-written policy (the example with every key has 9 KB); some 4,500 short rules.
Reading costs 8 seconds a MiB, so a wrong or generated file is refused before it costs more than
three."""

MAX_NESTING = 50
"""Conditions nest a few levels; deeper nesting is a mistake or an attack."""

MAX_ALIASED_NODES = 10_000
"""Total of values that aliases may add: aliases of aliases would grow without bound."""

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 40  # characters; longer digit rows are text
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_bytes(path: Path) -> bytes:
    """The bytes of a rules file, at most one more than allowed. Raises Av1rulesError."""
    try:
        # Non-blocking: opening a pipe without a writer would hang.
        with open(path, "rb", opener=_without_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise _not_a_file(path, mode)
            return file.read(MAX_FILE_BYTES + 1)
    except IsADirectoryError as error:
        raise _not_a_file(path, stat.S_IFDIR) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | NONBLOCK)


def _not_a_file(path: Path, mode: int) -> Av1rulesError:
    reason, hint = "it is not a regular file", "write the rules to a file: pipes are not read"
    if stat.S_ISDIR(mode):
        reason = "it is a folder"
        hint = f"name the file in it: {printable(str(path / 'rules.yaml'))}"
    return Av1rulesError(
        f"can't read the rules file: {reason}", where=printable(str(path)), hint=hint
    )


def read_document(path: Path) -> Document:
    """Read and parse a rules file. Raises Av1rulesError when it can't be opened or read."""
    return parse_document(read_bytes(path), file=str(path))


def parse_document(raw: bytes, *, file: str) -> Document:
    """Parse the bytes of a rules file; every YAML error becomes a Problem."""
    if len(raw) > MAX_FILE_BYTES:
        message = f"the file is larger than {MAX_FILE_BYTES // 1024} KiB"
        return _broken(file, "", 1, 1, message, hint="a rules file has a few hundred lines")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = raw[: error.start].decode("utf-8-sig", "replace")
        line, column = start.count("\n") + 1, len(start) - start.rfind("\n")
        shown = raw.decode("utf-8-sig", "replace")
        message = f"the file is not UTF-8: byte 0x{raw[error.start]:02x}"
        return _broken(file, shown, line, column, message, hint="save it as UTF-8")
    # Normalise line ends, so that lines and columns count as in editors.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    builder = _Builder(file=file)
    _feed(builder, text)
    root = builder.roots[0] if builder.roots else None
    if root is None and not builder.problems:
        builder.error(1, 1, "the file is empty", hint="`av1rules init ROOT` writes a first one")
    return Document(
        file=file,
        text=text,
        lines=_lines(text),
        root=root,
        problems=tuple(builder.problems),
        unread=tuple(builder.unread),
    )


def _feed(builder: _Builder, text: str) -> None:
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if not builder.take(event):
                return
    except ReaderError as error:
        line, column = _position(text, error.position)
        character = ord(error.character) if isinstance(error.character, str) else error.character
        builder.syntax(line, column, f"the character U+{character:04X} is not allowed here", None)
    except MarkedYAMLError as error:
        syntax_message = SyntaxMessage(
            context=str(error.context or ""),
            problem=str(error.problem or ""),
            at=_at(error.problem_mark) or _at(error.context_mark) or (1, 1),
            context_at=_at(error.context_mark),
            opened=builder.open_flow(),
        )
        problem = explain(syntax_message, _lines(text))
        builder.syntax(*problem.at, problem.message, problem.hint)
    except (YAMLError, ValueError, OverflowError, IndexError, AttributeError, TypeError) as error:
        # ruamel doesn't catch these for some malformed escapes and directives.
        builder.syntax(1, 1, f"not YAML: {error}", None)


def _at(mark: StreamMark | None) -> tuple[int, int] | None:
    return None if mark is None else (mark.line + 1, mark.column + 1)


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n"))


def _broken(file: str, text: str, line: int, column: int, message: str, *, hint: str) -> Document:
    problem = Problem(
        place=Place(file=file, line=line, column=column), path="", message=message, hint=hint
    )
    return Document(file=file, text=text, lines=_lines(text), root=None, problems=(problem,))


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A collection that is still open."""

    is_mapping: bool
    is_flow: bool
    anchor: str | None
    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: Scalar | None = None
    at_key: bool = True
    nodes: int = 1


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Turns events into nodes; continues after errors that leave the structure readable."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    roots: list[Node] = field(default_factory=list)
    _open: list[_Frame] = field(default_factory=list)
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _aliased: int = 0
    _reported: set[tuple[Place, str]] = field(default_factory=set)

    def error(self, line: int, column: int, message: str, *, hint: str | None = None) -> None:
        """Report an error in the next value, which is then not checked further."""
        path = format_path(tuple(self._path()))
        self.unread.append(path)
        self._note(path, line, column, message, hint)

    def _key_error(self, node: Node, message: str, hint: str | None) -> None:
        """Report an error in one key; its neighbours are still read and checked."""
        key = (node.raw,) if isinstance(node, Scalar) and node.raw else ()
        self._note(format_path((*self._path(), *key)), node.line, node.column, message, hint)

    def _note(self, path: str, line: int, column: int, message: str, hint: str | None) -> None:
        place = Place(file=self.file, line=line, column=column)
        if (place, message) in self._reported or len(self._reported) > MAX_PROBLEMS:
            return  # reported before, or one of too many
        self._reported.add((place, message))
        self.problems.append(Problem(place=place, path=path, message=message, hint=hint))

    def open_flow(self) -> tuple[int, int] | None:
        """Where the innermost open collection begins, if it begins with [ or {."""
        frame = self._open[-1] if self._open else None
        return (frame.line, frame.column) if frame is not None and frame.is_flow else None

    def syntax(self, line: int, column: int, message: str, hint: str | None) -> None:
        """Report an error after which the rest can't be read."""
        self._open.clear()
        self.roots.clear()
        self.error(line, column, message, hint=hint)

    def take(self, event: Event) -> bool:
        """Process one event; False stops reading."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, DocumentStartEvent) and self.roots:
            self.error(line, column, "a second YAML document", hint="a rules file is one document")
            return False
        if isinstance(event, ScalarEvent):
            self._tagged(event, line, column)
            scalar = _scalar(event, line, column)
            self._done(scalar, event.anchor, 1)
        elif isinstance(event, AliasEvent):
            return self._alias(event.anchor, line, column)
        elif isinstance(event, CollectionStartEvent):
            return self._start(event, line, column)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        return True

    def _start(self, event: CollectionStartEvent, line: int, column: int) -> bool:
        self._tagged(event, line, column)
        if len(self._open) >= MAX_NESTING:
            self.syntax(line, column, f"nested deeper than {MAX_NESTING} levels", None)
            return False
        is_mapping = isinstance(event, MappingStartEvent)
        self._open.append(
            _Frame(
                is_mapping=is_mapping,
                is_flow=bool(event.flow_style),
                anchor=event.anchor,
                line=line,
                column=column,
            )
        )
        return True

    def _close(self) -> None:
        frame = self._open.pop()
        node: Node
        if frame.is_mapping:
            entries = tuple(frame.entries.values())
            node = Mapping(entries=entries, line=frame.line, column=frame.column)
        else:
            node = Items(items=tuple(frame.items), line=frame.line, column=frame.column)
        self._done(node, frame.anchor, frame.nodes)

    def _alias(self, anchor: str, line: int, column: int) -> bool:
        found = self._anchors.get(anchor)
        if found is None:
            self.error(
                line,
                column,
                f"there is no anchor {anchor} above",
                hint='put quotes around a glob: "**/*.mkv"',
            )
            self._done(Scalar(value=None, raw="", line=line, column=column), None, 1)
            return True
        node, nodes = found
        self._aliased += nodes
        if self._aliased > MAX_ALIASED_NODES:
            message = f"aliases repeat more than {MAX_ALIASED_NODES} values"
            self.syntax(line, column, message, "use a profile instead")
            return False
        self._done(node, None, nodes)
        return True

    def _done(self, node: Node, anchor: str | None, nodes: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, nodes)
        if not self._open:
            self.roots.append(node)
            return
        frame = self._open[-1]
        frame.nodes += nodes
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.at_key:
            frame.key = self._key(frame, node)
            frame.at_key = False
        else:
            self._value(frame, node)

    def _value(self, frame: _Frame, node: Node) -> None:
        key = frame.key
        frame.key, frame.at_key = None, True
        if key is not None and isinstance(key.value, str):
            if isinstance(node, Scalar) and node.value is None:
                # Nothing follows the colon: the parser's mark is on a later line.
                node = replace(node, line=key.line, column=key.column)
            frame.entries[key.value] = Entry(
                key=key.value, line=key.line, column=key.column, value=node
            )

    def _key(self, frame: _Frame, node: Node) -> Scalar | None:
        """The key if it is valid; otherwise a Problem is reported and its value dropped."""
        problem: tuple[str, str | None] | None = None
        if not isinstance(node, Scalar):
            problem = "a key must be a word, not a list or mapping", None
        elif not isinstance(node.value, str):
            problem = _not_text(frame, node)
        elif node.value == "<<":
            problem = (
                "merge keys (<<) are not supported",
                "put common settings into a profile and refer to it with use:",
            )
        elif (first := frame.entries.get(node.value)) is not None:
            shown = printable(node.value)
            message = f"duplicate key {shown}; the first is on line {first.line}"
            problem = message, "keep one of the two"
        elif not frame.is_flow and (hint := dashed_key(f"{node.raw}:")) is not None:
            self.error(node.line, node.column, "a space is missing after the dash", hint=hint)
            return None
        if problem is not None:
            self._key_error(node, *problem)
            return None
        assert isinstance(node, Scalar)
        return node

    def _tagged(self, event: ScalarEvent | CollectionStartEvent, line: int, column: int) -> None:
        tag = event.tag
        if tag is not None and tag != "!":
            self.error(
                line, column, f"tags such as {printable(tag, limit=60)} are not supported",
                hint="write the plain value",
            )  # fmt: skip

    def _path(self) -> Iterator[str | int]:
        for frame in self._open:
            if not frame.is_mapping:
                yield len(frame.items)
            elif frame.key is not None:
                yield str(frame.key.value)


def _not_text(frame: _Frame, key: Scalar) -> tuple[str, str | None]:
    """Message and hint for a key such as `1080:`, or the 5 of `{crf: 20,5}`."""
    above = next(reversed(frame.entries.values()), None)
    if frame.is_flow and isinstance(key.value, int) and above is not None:
        value = above.value
        if isinstance(value, Scalar) and (value.line, value.column + len(value.raw) + 1) == (
            key.line,
            key.column,
        ):
            return "a decimal comma", f"use a decimal point: {value.raw}.{key.raw}"
    kind = {"int": "a number", "float": "a number", "bool": "true or false", "NoneType": "nothing"}
    message = f"the key {key.raw or '~'} is read as {kind[type(key.value).__name__]}; keys are text"
    return message, f'put it in quotes: "{key.raw}"' if key.raw else None


def _scalar(event: ScalarEvent, line: int, column: int) -> Scalar:
    raw = event.value
    is_plain = event.style in (None, "") and event.tag is None
    value = _resolve(raw) if is_plain else raw
    return Scalar(value=value, raw=raw, line=line, column=column)


def _resolve(raw: str) -> str | int | float | bool | None:
    """The core schema of YAML 1.2 for plain scalars; dates, infinities and `yes` stay text."""
    if raw in _CONSTANTS:
        return _CONSTANTS[raw]
    if len(raw) <= _LONGEST_NUMBER:
        if _INT.fullmatch(raw):
            return int(raw, {"0o": 8, "0x": 16}.get(raw[:2], 10))
        if _FLOAT.fullmatch(raw):
            with contextlib.suppress(OverflowError):
                number = float(raw)
                return number if math.isfinite(number) else raw
    return raw

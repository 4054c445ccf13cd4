"""The nodes of a parsed rules file: values with their places. Pure."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from av1rules.base.text import printable
from av1rules.policy.model import Place, Problem

Path_ = tuple[str | int, ...]


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """One value. `raw` is its text in the file, such as the spelling of a number."""

    value: str | int | float | bool | None
    raw: str
    line: int
    column: int


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a mapping with its place and value."""

    key: str
    line: int
    column: int
    value: Node


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A mapping; keys are unique strings."""

    entries: tuple[Entry, ...]
    line: int
    column: int

    def find(self, key: str) -> Entry | None:
        return self._by_key.get(key)

    @functools.cached_property
    def _by_key(self) -> dict[str, Entry]:
        return {entry.key: entry for entry in self.entries}


Node = Scalar | Items | Mapping


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed file. `root` is None if the file is empty or its syntax is broken.

    `unread` are the paths of values that could not be read; `problems` has the reasons.
    """

    file: str
    text: str
    lines: tuple[str, ...]
    root: Node | None
    problems: tuple[Problem, ...]
    unread: tuple[str, ...] = ()

    def place(self, path: Sequence[str | int]) -> Place:
        """The place of the value at `path`; without one, that of the nearest parent."""
        node = self.root
        for step in path:
            below = _below(node, step)
            if below is None:
                break
            node = below.value if isinstance(below, Entry) else below
        return self._place_of(node)

    def key_place(self, path: Sequence[str | int]) -> Place:
        """The place of the last key of `path`."""
        parent: Node | None = self.root
        below: Entry | Node | None = None
        for step in path:
            below = _below(parent, step)
            parent = below.value if isinstance(below, Entry) else below
        return self._place_of(below if below is not None else self.root)

    def plain(self, path: Sequence[str | int] = ()) -> object:
        """The values below `path` without places: dict, list, str, int, float, bool, None."""
        node = self.node(path)
        return None if node is None else _plain(node)

    def node(self, path: Sequence[str | int]) -> Node | None:
        """The value at `path`; None if there is none."""
        node = self.root
        for step in path:
            below = _below(node, step)
            node = below.value if isinstance(below, Entry) else below
        return node

    def _place_of(self, item: Entry | Node | None) -> Place:
        if item is None:
            return Place(file=self.file, line=1, column=1)
        return Place(file=self.file, line=item.line, column=item.column)


def _below(node: Node | None, step: str | int) -> Entry | Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.find(step)
    if isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {entry.key: _plain(entry.value) for entry in node.entries}
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    return node.value


def format_path(path: Path_) -> str:
    """`("rules", 0, "encode")` as `rules[0].encode`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{printable(step, limit=80)}" if text else printable(step, limit=80)
    return text

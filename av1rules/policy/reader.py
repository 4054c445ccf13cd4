"""A cursor over a rules file that reads typed values and collects Problems instead of raising.

Knows YAML nodes and units, not what the keys mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from av1rules.base.text import printable
from av1rules.base.units import UnitError, parse_duration, parse_rate, parse_share, parse_size
from av1rules.policy.model import Place, Problem, Severity
from av1rules.policy.problems import value_hint
from av1rules.policy.yaml.nodes import Items, Mapping, Node, Path_, Scalar, format_path

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Cursor:
    """One value of the file. Reading methods return None after noting what is wrong."""

    node: Node
    path: Path_
    file: str
    problems: list[Problem] = field(repr=False)
    key_at: tuple[int, int] | None = None

    @property
    def place(self) -> Place:
        return Place(file=self.file, line=self.node.line, column=self.node.column)

    @property
    def key_place(self) -> Place:
        """The place of the key that this value belongs to; the value's own in a list."""
        line, column = self.key_at or (self.node.line, self.node.column)
        return Place(file=self.file, line=line, column=column)

    def fault(self, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        self._note(Severity.ERROR, message, hint, at_key=at_key)

    def warn(self, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        self._note(Severity.WARNING, message, hint, at_key=at_key)

    def _note(self, severity: Severity, message: str, hint: str | None, *, at_key: bool) -> None:
        place = self.key_place if at_key else self.place
        path = format_path(self.path)
        self.problems.append(
            Problem(place=place, path=path, message=message, severity=severity, hint=hint)
        )

    def get(self, key: str) -> Cursor | None:
        """The value under `key`; None if there is none or this is no mapping."""
        entry = self.node.find(key) if isinstance(self.node, Mapping) else None
        if entry is None:
            return None
        return self._below(key, entry.value, (entry.line, entry.column))

    def entries(self) -> Iterator[tuple[str, Cursor]]:
        if isinstance(self.node, Mapping):
            for entry in self.node.entries:
                yield entry.key, self._below(entry.key, entry.value, (entry.line, entry.column))
        else:
            self.fault("expected a mapping")

    def items(self) -> Iterator[Cursor]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(self.node, Items):
            for index, item in enumerate(self.node.items):
                yield self._below(index, item, None)
        else:
            yield self

    def _below(self, step: str | int, node: Node, key_at: tuple[int, int] | None) -> Cursor:
        return Cursor(node, (*self.path, step), self.file, self.problems, key_at)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, Mapping)

    @property
    def value(self) -> object:
        """The scalar's value; None for collections."""
        return self.node.value if isinstance(self.node, Scalar) else None

    @property
    def raw(self) -> str:
        """The scalar's own spelling."""
        return self.node.raw if isinstance(self.node, Scalar) else ""

    def text(self) -> str | None:
        value = self.value
        if isinstance(value, str):
            return value
        self.fault("expected text")
        return None

    def texts(self) -> tuple[str, ...]:
        found = [item.text() for item in self.items()]
        return tuple(text for text in found if text is not None)

    def boolean(self) -> bool | None:
        value = self.value
        if isinstance(value, bool):
            return value
        self.fault("expected true or false")
        return None

    def number(self) -> float | int | None:
        value = self.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        self.fault("expected a number")
        return None

    def whole(self) -> int | None:
        number = self.number()
        if number is None or number == int(number):
            return None if number is None else int(number)
        self.fault("expected a whole number")
        return None

    def size(self, hint: str | None = None) -> int | None:
        """Bytes. `hint` says what to write if it is none and nothing better is known."""
        return self._measure(parse_size, hint)

    def rate(self, hint: str | None = None) -> int | None:
        """Bits per second."""
        return self._measure(parse_rate, hint)

    def duration(self, hint: str | None = None) -> float | None:
        """Seconds."""
        return self._measure(parse_duration, hint)

    def share(self) -> float | None:
        """A part of a whole, 0 to 1."""
        return self._measure(parse_share, None)

    def _measure(self, parse: Callable[[str], Number], hint: str | None) -> Number | None:
        if isinstance(self.value, bool) or not isinstance(self.node, Scalar):
            self.fault("expected a number or text with a unit")
            return None
        try:
            return parse(self.node.raw)
        except UnitError as error:
            message = printable(str(error), limit=200)
            self.fault(message, hint=error.hint or hint or value_hint(self.node.raw))
            return None

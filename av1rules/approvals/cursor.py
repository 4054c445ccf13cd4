"""A cursor over the YAML of approvals: values with their places, Problems instead of exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from av1rules.policy.model import Place, Problem
from av1rules.policy.yaml.nodes import Items, Mapping, Node, Path_, Scalar, format_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """One value of the file. Reading methods return None after noting what is wrong."""

    node: Node
    path: Path_ = ()
    file: str
    problems: list[Problem] = field(repr=False)
    key_at: tuple[int, int] | None = None

    @property
    def place(self) -> Place:
        return Place(file=self.file, line=self.node.line, column=self.node.column)

    def fault(self, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        """Note an error at the value, or at the key that it belongs to."""
        place = self.place
        if at_key and self.key_at is not None:
            place = Place(file=self.file, line=self.key_at[0], column=self.key_at[1])
        path = format_path(self.path)
        self.problems.append(Problem(place=place, path=path, message=message, hint=hint))

    def get(self, key: str) -> Cursor | None:
        """The value under `key`; None if there is none or this is no mapping."""
        return next((below for name, below in self._entries() if name == key), None)

    def entries(self) -> Iterator[tuple[str, Cursor]]:
        """Every key with its value."""
        if not self.is_mapping:
            self.fault("expected a mapping")
        yield from self._entries()

    def _entries(self) -> Iterator[tuple[str, Cursor]]:
        for entry in self.node.entries if isinstance(self.node, Mapping) else ():
            yield entry.key, self._below(entry.key, entry.value, (entry.line, entry.column))

    def items(self) -> Iterator[Cursor]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(self.node, Items):
            for index, item in enumerate(self.node.items):
                yield self._below(index, item, None)
        else:
            yield self

    def _below(self, step: str | int, node: Node, key_at: tuple[int, int] | None) -> Cursor:
        return Cursor(
            node=node,
            path=(*self.path, step),
            file=self.file,
            problems=self.problems,
            key_at=key_at,
        )

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
        """The value if it is text."""
        value = self.value
        if isinstance(value, str):
            return value
        self.fault("expected text")
        return None

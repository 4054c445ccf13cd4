"""One section of a rules file to the keyword arguments of its dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from av1rules.policy.reader import Cursor

Member = TypeVar("Member", bound=Enum)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the file; absent keys are left out, so the defaults of the types hold."""

    cursor: Cursor | None

    def fields(self, **readers: tuple[str, Callable[[Cursor], object]]) -> dict[str, Any]:
        """Keyword arguments `field=(key, reader)` for a dataclass, without what is None."""
        values = {}
        for field, (key, read) in readers.items():
            below = None if self.cursor is None else self.cursor.get(key)
            value = None if below is None else read(below)
            if value is not None:
                values[field] = value
        return values


def member_of(kind: type[Member]) -> Callable[[Cursor], Member | None]:
    """A reader of the words of an Enum."""
    known = {member.value: member for member in kind}

    def read(cursor: Cursor) -> Member | None:
        found = known.get(cursor.text())
        if found is None:
            cursor.fault(f"expected one of {', '.join(known)}")
        return found

    return read

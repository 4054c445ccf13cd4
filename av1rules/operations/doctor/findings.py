from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How a check came out; the values are what the table and JSON say."""

    OK = "ok"
    NOTE = "note"  # only worth knowing
    WARNING = "warning"
    WRONG = "wrong"  # a run would fail, or do less than it should


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: `subject` was looked at, `detail` is what was seen, `hint` the cure."""

    section: str
    grade: Grade
    subject: str
    detail: str
    hint: str | None = None

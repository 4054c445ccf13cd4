"""What `doctor` found, as values."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec


class Grade(Enum):
    """The result of a check; the values are what text and JSON say."""

    OK = "ok"
    NOTE = "note"  # only worth knowing
    WARNING = "warning"
    WRONG = "wrong"  # a run would fail, or do less than it should


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `subject` was checked, `detail` is what was seen, `hint` the cure."""

    section: str
    grade: Grade
    subject: str
    detail: str
    hint: str | None = None


def has_wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.grade is Grade.WRONG for finding in findings)

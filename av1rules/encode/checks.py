"""One thing that was looked at in a finished file, and what was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """What a failed check speaks against."""

    SOURCE = "source"  # it holds less than it promises, or does not decode
    ENCODE = "encode"  # the source was read well, the result is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`detail` says what was found, also when it passed; `blame` whom a failure speaks against."""

    name: str
    passed: bool
    detail: str
    blame: Blame = Blame.ENCODE

"""The words of `on_change` and `--redo`, and what they mean. Pure."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from av1rules.base.units import UnitError


class RedoKind(Enum):
    """Which finished work an edit of the policy touches."""

    ALL = "all"  # each target whose settings changed
    NEW = "new"  # none: films without a target follow the new settings
    NONE = "none"  # nor are earlier results without a target tried again
    GAIN = "gain"  # targets that would come out smaller by so much


class Redo(msgspec.Struct, frozen=True, kw_only=True):
    """`least_gain`, for GAIN: more than this part of the finished target must be saved, 0 to 1."""

    kind: RedoKind = RedoKind.ALL
    least_gain: float = 0.0

    @property
    def text(self) -> str:
        """As in a rules file."""
        if self.kind is not RedoKind.GAIN:
            return str(self.kind.value)
        return f"gain > {self.least_gain * 100:g}%"


REDO_ALL = Redo()

_GAIN = re.compile(r"\s*gain\s*>\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*", re.IGNORECASE)


def parse_redo(text: str) -> Redo:
    """`all`, `new`, `none` or `gain > 20%`. Raises UnitError."""
    request = "all, new, none, or a gain such as gain > 20%"
    word = text.strip().lower()
    for kind in (RedoKind.ALL, RedoKind.NEW, RedoKind.NONE):
        if word == kind.value:
            return Redo(kind=kind)
    found = _GAIN.fullmatch(text)
    if found is not None and float(found[1]) < 100:
        return Redo(kind=RedoKind.GAIN, least_gain=float(found[1]) / 100)
    raise UnitError(f"expected {request}, found {text!r}", hint=_meant(word))


def _meant(word: str) -> str | None:
    number = re.search(r"\d+(?:\.\d+)?", word)
    if word.startswith(("gain", ">")) or "%" in word:
        return f"write gain > {number[0]}%" if number and float(number[0]) < 100 else None
    return {
        "redo": "all makes each of them anew",
        "keep": "new keeps finished targets as they are",
        "never": "none leaves finished and failed ones alone, new only finished ones",
    }.get(word)

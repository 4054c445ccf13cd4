"""What to write in place of a value that is nearly right: quoted numbers, `>1080`, `20,5`. Pure."""

from __future__ import annotations

import re

from av1rules.base.text import printable

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_COMMA = re.compile(r"(\d{1,15}),(\d{1,15})(\s*[A-Za-z/]*)")
_MEASURE = r"(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z/]*)"
_COMPARED = re.compile(rf"(>=|=>|≥|>|<=|=<|≤|<)\s*{_MEASURE}")
_BETWEEN = re.compile(rf"{_MEASURE}\s*(?:-|–|\.\.+|to)\s*{_MEASURE}")
_NO_SPACE = re.compile(r"([A-Za-z_][\w-]*):([^\s/].*)", re.DOTALL)

QUOTES = ("“", "”", "„", "‟", "‘", "’", "‚", "«", "»", "‹", "›")
"""Quotes as word processors and web pages write them; to YAML they are letters."""


def value_hint(text: str) -> str | None:
    """What to write for a text that stands where a number or a size belongs."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return f"write it without quotes: {text}"
    if comma := _COMMA.fullmatch(text):
        return f"write a point: {comma[1]}.{comma[2]}{comma[3]}"
    return space_hint(text)


def range_hint(text: str) -> str | None:
    """How a condition asks for `>1080` or `720-1080`."""
    if compared := _COMPARED.fullmatch(text.strip()):
        return _bound(*compared.groups())
    if between := _BETWEEN.fullmatch(text.strip()):
        low, low_unit, high, unit = between.groups()
        return f"write {{min: {low}{low_unit or unit}, max: {high}{unit}}}"
    return None


def space_hint(text: str) -> str | None:
    """`crf:20`, which YAML takes for one word."""
    found = _NO_SPACE.match(text)
    if found is None:
        return None
    value = printable(found[2].split("\n")[0], limit=30)
    return f"a space after the colon: {found[1]}: {value}"


def is_in_typographic_quotes(text: str) -> bool:
    return text.startswith(QUOTES) or text.endswith(("“", "”", "«", "»"))


def _bound(sign: str, number: str, unit: str) -> str:
    """`>` of a whole number is `min` of the next; of others the bound itself has to do."""
    key = "min" if sign[0] in ">≥" or sign == "=>" else "max"
    if sign in (">", "<") and not unit and "." not in number:
        number = str(int(number) + (1 if key == "min" else -1))
    return f"write {{{key}: {number}{unit}}}"

"""`when:` of a rules file to a Condition: units, globs and words checked and in base form."""

from __future__ import annotations

import math
from collections.abc import Iterator

from av1rules.base.text import printable
from av1rules.policy.facts import FACT_KINDS, FactKind, fact_word
from av1rules.policy.globs import glob_problem
from av1rules.policy.model import AllOf, AnyOf, Condition, Not, Range, Test
from av1rules.policy.problems import range_hint
from av1rules.policy.reader import Cursor
from av1rules.policy.vocabulary import vocabulary_problem
from av1rules.policy.yaml.nodes import Items, Mapping, Node

Wanted = str | int | float | bool | Range

_RATE_TOLERANCE = 0.0004
"""Relative; 23.976 is 24000/1001, and 24 is 0.1 % away from it."""


def build_condition(cursor: Cursor) -> Condition | None:
    """The condition under `when:`; None for an empty mapping, which every source matches."""
    parts = tuple(_parts(cursor))
    if len(parts) < 2:
        return parts[0] if parts else None
    return AllOf(parts=parts, place=cursor.place)


def _parts(cursor: Cursor) -> Iterator[Condition]:
    for key, below in cursor.entries():
        if key in ("any", "all"):
            inner = tuple(
                condition for item in below.items() if (condition := build_condition(item))
            )
            if key == "any":
                _refuse_empty(below)
            kind = AnyOf if key == "any" else AllOf
            yield kind(parts=inner, place=below.key_place)
        elif key == "not":
            if (condition := build_condition(below)) is not None:
                yield Not(part=condition, place=below.key_place)
            elif below.is_mapping and not any(below.entries()):
                below.fault("an empty condition is always true, so its not never matches")
        elif key in FACT_KINDS:
            yield _test(key, below)


def _refuse_empty(cursor: Cursor) -> None:
    for item in cursor.items():
        if isinstance(item.node, Mapping) and not item.node.entries:
            item.fault("an empty condition is always true, and so would its any be")


def _test(fact: str, cursor: Cursor) -> Test:
    wanted = tuple(value for item in cursor.items() if (value := _wanted(fact, item)) is not None)
    text = f"{fact}: {flow_text(cursor.node)}"
    return Test(fact=fact, wanted=wanted, text=text, place=cursor.key_place)


def _wanted(fact: str, cursor: Cursor) -> Wanted | None:
    kind = FACT_KINDS[fact]
    if cursor.is_mapping:
        return _range(kind, cursor)
    if kind is FactKind.BOOL:
        return cursor.boolean()
    if kind is FactKind.GLOB:
        return checked_glob(cursor)
    if kind is FactKind.WORD:
        return _word(fact, cursor)
    is_alone = isinstance(cursor.path[-1], str)  # a list holds no ranges
    number = _number(kind, cursor, range_hint(cursor.raw) if is_alone else None)
    if fact == "frame_rate" and number is not None:
        return Range(min=number * (1 - _RATE_TOLERANCE), max=number * (1 + _RATE_TOLERANCE))
    return number


def _word(fact: str, cursor: Cursor) -> str | None:
    word = cursor.raw if fact == "chroma" else cursor.text()
    if word is None:
        return None
    fault = vocabulary_problem(fact, printable(word, limit=60))
    if fault is not None:
        tell = cursor.fault if fault.is_certain else cursor.warn
        tell(fault.message, hint=fault.hint)
    return fact_word(fact, word)


def _range(kind: FactKind, cursor: Cursor) -> Range | None:
    low, high = cursor.get("min"), cursor.get("max")
    minimum = None if low is None else _number(kind, low)
    maximum = None if high is None else _number(kind, high)
    if minimum is not None and maximum is not None and minimum > maximum and low is not None:
        low.fault(
            f"min {low.raw} is above max {high.raw if high else ''}: nothing is in between",
            hint="exchange the two",
        )
    return Range(min=minimum, max=maximum)


def _number(kind: FactKind, cursor: Cursor, hint: str | None = None) -> float | None:
    match kind:
        case FactKind.SIZE:
            return cursor.size(hint)
        case FactKind.RATE:
            return cursor.rate(hint)
        case FactKind.DURATION:
            return cursor.duration(hint)
        case _:
            number = cursor.number()
            if number is not None and (number < 0 or not math.isfinite(number)):
                cursor.fault(f"{cursor.raw} is below 0")
                return None
            return number


def checked_glob(cursor: Cursor) -> str | None:
    """A glob of the file, after noting what is wrong with it."""
    pattern = cursor.text()
    if pattern is None:
        return None
    fault = glob_problem(pattern)
    if fault is not None:
        cursor.fault(fault[0], hint=fault[1])
        return None
    return pattern


def flow_text(node: Node) -> str:
    """A value as the file has it, in one line: `[hevc, av1]`, `{min: 1440}`."""
    if isinstance(node, Items):
        return f"[{', '.join(flow_text(item) for item in node.items)}]"
    if isinstance(node, Mapping):
        inner = ", ".join(f"{entry.key}: {flow_text(entry.value)}" for entry in node.entries)
        return f"{{{inner}}}"
    return printable(node.raw)

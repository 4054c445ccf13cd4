"""Checks single settings against the schema's words and limits, without jsonschema.

For the few settings that stand outside a rules file and are read on every plan.
"""

from __future__ import annotations

from dataclasses import replace

from av1rules.base.text import printable
from av1rules.policy.reader import Cursor
from av1rules.policy.schema_file import Schema, load_schema
from av1rules.policy.vocabulary import nearest

_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
}
_TYPE_NAMES = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "object": "a mapping",
}


def check_settings(cursor: Cursor, allowed: tuple[str, ...]) -> None:
    """Note every unknown name and every value out of bounds in a mapping of settings."""
    properties = load_schema()["$defs"]["settings"]["properties"]
    known = {name: properties[name] for name in allowed if name in properties}
    _check_mapping(cursor, known)


def _check_mapping(cursor: Cursor, known: dict[str, Schema]) -> None:
    for key, below in cursor.entries():
        if key in known:
            _check(below, known[key])
        else:
            hint = nearest("", key, known) or f"known here: {', '.join(known)}"
            below.fault(f"unknown setting {printable(key, limit=60)}", hint=hint, at_key=True)


def _check(cursor: Cursor, schema: Schema) -> None:
    schema, hint = _resolved(schema), _first_sentence(schema)
    if (branches := schema.get("anyOf")) is not None:
        _check_branches(cursor, branches, hint)
        return
    if schema.get("type") == "object" and cursor.is_mapping:
        _check_mapping(cursor, schema.get("properties", {}))
        return
    value, found = cursor.value, printable(cursor.raw, limit=60) or "nothing"
    if (words := schema.get("enum")) is not None:
        if not any(type(value) is type(word) and value == word for word in words):
            listed = ", ".join(map(str, words))
            cursor.fault(f"expected one of {listed}, found {found}", hint=hint)
        return
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    if names and not any(_is(value, name) for name in names):
        request = schema.get("title") or " or ".join(_TYPE_NAMES[name] for name in names)
        cursor.fault(f"expected {request}, found {found}", hint=hint)
    elif isinstance(value, int | float):
        _check_limits(cursor, schema, value)


def _resolved(schema: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = load_schema()["$defs"][reference.rpartition("/")[2]]
    return {**found, **schema}


def _check_branches(cursor: Cursor, branches: list[Schema], hint: str | None) -> None:
    """Right by one of them is right; else one fault, that of the branch which takes such values."""
    tried = []
    for branch in branches:
        trial = replace(cursor, problems=[])
        _check(trial, branch)
        if not trial.problems:
            return
        tried.append(trial.problems)
    known = [
        one for problems in tried for one in problems if not one.message.startswith("expected")
    ]
    if known:
        cursor.problems.append(known[0])
    else:
        cursor.fault(tried[0][0].message, hint=hint)


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES.get(name, ()))


def _check_limits(cursor: Cursor, schema: Schema, value: float) -> None:
    hint = _first_sentence(schema)
    low, high, step = (schema.get(key) for key in ("minimum", "maximum", "multipleOf"))
    if low is not None and value < low:
        cursor.fault(f"{cursor.raw} is below the minimum {low}", hint=hint)
    elif high is not None and value > high:
        cursor.fault(f"{cursor.raw} is above the maximum {high}", hint=hint)
    elif step and value % step:
        cursor.fault(f"{cursor.raw} is not a multiple of {step}", hint=hint)


def _first_sentence(schema: Schema) -> str | None:
    text = str(schema.get("description", "")).partition(". ")[0].rstrip(".")
    return text or None

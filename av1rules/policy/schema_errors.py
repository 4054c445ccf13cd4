"""Turns errors of jsonschema into Problems in the terms of the rules file: one for each mistake.

If alternatives failed, the type of the value shows which one the user meant. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import UnitError
from av1rules.policy.formats import FormatError
from av1rules.policy.model import Place, Problem
from av1rules.policy.problems import MAX_PROBLEMS, range_hint, space_hint, value_hint
from av1rules.policy.tracks.rules import LanguageWordError
from av1rules.policy.vocabulary import keys_meant_by, nearest
from av1rules.policy.yaml.nodes import Document, Path_, format_path

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Schema = dict[str, Any]

REFUSED = "x-refused"
"""Our keyword in the schema: keys refused by name, each with what to do instead."""

REFUSALS = (UnitError, FormatError, LanguageWordError)
"""The errors that format parsers raise."""

_ONLY_TRUE = ("encode", "skip", "hold")
"""Keys that take true but not false."""

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def first_errors(errors: Iterable[ValidationError]) -> list[ValidationError]:
    """The errors without format errors of values that break other limits too."""
    found = list(errors)
    reported = {tuple(error.absolute_path) for error in found if error.validator != "format"}
    return [
        error
        for error in found
        if error.validator != "format" or tuple(error.absolute_path) not in reported
    ]


class Describer(msgspec.Struct, frozen=True):
    """Turns errors of jsonschema into Problems with the places of one document."""

    document: Document
    schema: Schema
    at: Path_  # of the value that was checked
    is_whole: bool  # False: only settings, so no key can belong elsewhere

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        keyword = error.validator
        if keyword == "anyOf":
            yield from self._alternatives(error)
        elif keyword == "oneOf":
            yield from self._one_action(error)
        elif keyword == "additionalProperties":
            yield from self._unknown_keys(error)
        elif keyword == "required":
            yield from self._missing_keys(error)
        else:
            yield self._value(error)

    def _alternatives(self, error: ValidationError) -> Iterator[Problem]:
        """The errors of the alternative whose type fits, else all expected alternatives."""
        groups: dict[int, list[ValidationError]] = {}
        for inner in error.context or ():
            groups.setdefault(int(inner.schema_path[0]), []).append(inner)
        fitting = [group for group in groups.values() if not _is_other_type(group, error.instance)]
        if not fitting:
            names = [name for group in groups.values() for name in _names_wanted(group)]
            hint = nearest(_last_key(error), str(error.instance), names)
            wanted = [_wanted(inner) for group in groups.values() for inner in group]
            hint = hint or self._value_hint(error, wanted)
            message = f"expected {self._expected(error)}, {_found(error.instance)}"
            yield self._at_value(error, message, hint=hint)
            return
        for inner in min(map(first_errors, fitting), key=len):
            yield from self.problems(inner)

    def _one_action(self, error: ValidationError) -> Iterator[Problem]:
        instance = _instance(error)
        names = [branch["required"][0] for branch in _wanted(error)]
        if not isinstance(instance, dict) or self._has_misplaced(instance, names):
            return  # reported already, as the wrong type or as an unknown key
        present = [name for name in instance if name in names]
        listed = _listed(names)
        if not present:
            yield self._at_value(
                error,
                f"has no action: expected one of {listed}",
                hint="encode: {} encodes with the settings of the source tier",
            )
        else:
            yield self._at_key(
                error,
                present[1],
                f"{present[0]} and {present[1]} exclude each other: expected one of {listed}",
                hint="make it two rules; the first that matches decides",
            )

    def _unknown_keys(self, error: ValidationError) -> Iterator[Problem]:
        schema = _mapping(error.schema)
        known = list(schema.get("properties", {}))
        refused = schema.get(REFUSED, {})
        for key in _instance(error):
            if key in known:
                continue
            if key in refused:
                yield self._at_key(error, key, f"{key} can't be set here", hint=refused[key])
            else:
                hint = (
                    space_hint(key)
                    or (self._belongs_in_rule(key) if "when" not in known else None)
                    or self._meant_key(key, known)
                    or _known(known)
                )
                yield self._at_key(error, key, f"unknown key {printable(key, limit=60)}", hint=hint)

    def _missing_keys(self, error: ValidationError) -> Iterator[Problem]:
        properties = _mapping(error.schema).get("properties", {})
        # jsonschema gives one error per missing key and names it only in the message.
        unknown = [key for key in _instance(error) if key not in properties][:MAX_PROBLEMS]
        misspelt = {nearest("", key, list(properties)) for key in unknown}
        for key in _wanted(error):
            if f"did you mean {key}?" in misspelt:
                continue  # reported as an unknown key
            if key not in _instance(error) and error.message.startswith(repr(key)):
                yield self._problem(
                    self.document.place(self._path(error)),
                    (*self._path(error), key),
                    f"the key {key} is missing",
                    _first_sentence(self._resolved(properties.get(key, {}))),
                )

    def _value(self, error: ValidationError) -> Problem:
        found, limit = _instance(error), _wanted(error)
        schema = _mapping(error.schema)
        if error.validator == "type":
            message = f"expected {self._expected(error)}, {_found(found)}"
            hint = self._value_hint(error, [limit])
            return self._at_value(error, message, hint=hint)
        if error.validator == "format":
            return self._unfit(error)
        if error.validator in ("enum", "const"):
            return self._not_among(error, limit if error.validator == "enum" else [limit])
        message = _limit_message(str(error.validator), found, limit) or error.message
        return self._at_value(error, message, hint=self._first_description(error, schema))

    def _unfit(self, error: ValidationError) -> Problem:
        """A value that doesn't fit its format."""
        cause, text = error.cause, str(_instance(error))
        assert isinstance(cause, REFUSALS)
        hint = cause.hint
        if hint is None and isinstance(cause, UnitError):
            alternatives = self._parent_schema(error).get("anyOf", ())
            takes_range = any(one.get("type") == "object" for one in alternatives)
            is_alone = not error.relative_path  # not part of a list or range
            hint = (range_hint(text) if takes_range and is_alone else None) or value_hint(text)
        return self._at_value(error, printable(str(cause), limit=200), hint=hint)

    def _not_among(self, error: ValidationError, wanted: list[object]) -> Problem:
        found, schema = _instance(error), _mapping(error.schema)
        refused = schema.get(REFUSED, {})
        if isinstance(found, str) and found in refused:
            return self._at_value(error, f"{found} can't be set here", hint=refused[found])
        texts = [_shown(item) for item in wanted]
        message = f"expected {'one of ' if len(texts) > 1 else ''}{_listed(texts)}, "
        if isinstance(found, str) and found.strip() in (str(item) for item in wanted):
            number = found.strip()
            message = f"expected the number {number}, found the text {number}"
            return self._at_value(error, message, hint=f"write it without quotes: {number}")
        hint = nearest(_last_key(error), _shown(found), texts)
        hint = hint or self._first_description(error, schema)
        return self._at_value(error, message + _found(found), hint=hint)

    def _value_hint(self, error: ValidationError, wanted: Sequence[object]) -> str | None:
        """The hint for a value of the wrong type; `wanted` are types, or lists of them."""
        found, key = _instance(error), _last_key(error)
        types = {str(name) for one in wanted for name in (one if isinstance(one, list) else [one])}
        if types == {"array"} and isinstance(found, dict):
            first = "each rule starts with `- name:`" if key == "rules" else "start each with `- `"
            return f"a list: {first}"
        if types == {"array"} and key == "roots" and isinstance(found, str) and found:
            return f"write roots: [{_shown(found)}]"
        if "boolean" in types and isinstance(found, str):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(found.lower())
            if meant is not None and (meant == "true" or key not in _ONLY_TRUE):
                return f"write {meant}"
        if "string" in types and isinstance(found, bool | int | float):
            schema = _mapping(error.schema)  # a schema with a title doesn't accept any text
            described = self._first_description(error, schema) if "title" in schema else None
            return described or "put the text in quotes"
        if isinstance(found, str) and {"number", "integer"} & types:
            return (range_hint(found) if "object" in types else None) or value_hint(found)
        return space_hint(found) if isinstance(found, str) else None

    def _has_misplaced(self, rule: Mapping[str, object], actions: Sequence[str]) -> bool:
        """Whether the missing action of a rule is misspelt, under `when`, or left out above its
        settings: each is reported as an unknown key."""
        if any(action in rule for action in actions):
            return False
        when = rule.get("when")
        settings = self.schema["$defs"]["settings"]["properties"]
        return (
            any(difflib.get_close_matches(key, actions) for key in rule)
            or any(key in settings for key in rule)
            or (isinstance(when, dict) and any(action in when for action in actions))
        )

    def _belongs_in_rule(self, key: str) -> str | None:
        if not self.is_whole or key not in self.schema["$defs"]["rule"]["properties"]:
            return None
        return f"{key} belongs to the rule itself: align it with its other keys"

    def _first_description(self, error: ValidationError, schema: Schema) -> str | None:
        return _first_sentence(schema) or _first_sentence(self._parent_schema(error))

    def _parent_schema(self, error: ValidationError) -> Schema:
        """The schema of the nearest enclosing alternative, which has the description."""
        parent = error.parent
        return _mapping(parent.schema) if parent is not None else {}

    def _expected(self, error: ValidationError) -> str:
        schema = _mapping(error.schema)
        if "title" in schema and "$schema" not in schema:
            return str(schema["title"])
        types = _mapping(error.schema).get("type", [])
        if error.validator == "anyOf":
            types = [_mapping(self._resolved(item)).get("type") for item in _wanted(error)]
        names = [types] if isinstance(types, str) else [item for item in types if item]
        return _listed([_TYPE_NAMES.get(str(name), str(name)) for name in names], last="or")

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref", "")
        if not reference.startswith("#/$defs/"):
            return schema
        target: Schema = self.schema["$defs"][reference.removeprefix("#/$defs/")]
        return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}

    def _meant_key(self, key: str, known: Sequence[str]) -> str | None:
        """The key that was probably meant: by meaning, here or elsewhere; then by its letters. A
        key with exactly this name elsewhere belongs there, unless its plural is known here."""
        meant = keys_meant_by(key)
        if (here := next((name for name in meant if name in known), None)) is not None:
            return f"did you mean {here}?"
        near, belongs = nearest("", key, known), self._belongs(key)
        if belongs is None or (near is not None and f"{key}s" in known):
            elsewhere = next((found for name in meant if (found := self._belongs(name))), None)
            return elsewhere or near
        return belongs

    def _belongs(self, key: str) -> str | None:
        """Where a key that is unknown here is allowed: `under encode`."""
        if not self.is_whole:
            return None
        for name, parent in _PARENTS.items():
            keys = self._resolved({"$ref": f"#/$defs/{name}"}).get("properties", {})
            if key in keys:
                return f"{key} belongs {parent}"
        if key in self.schema["$defs"]["settings"]["properties"]["params"]["properties"]:
            return f"{key} belongs under params:"
        for name, section in self.schema["properties"].items():
            if key in section.get("properties", {}):
                return f"{key} belongs under {name}:"
        return None

    def _at_value(
        self, error: ValidationError, message: str, *, hint: str | None = None
    ) -> Problem:
        path = self._path(error)
        return self._problem(self.document.place(path), path, message, hint)

    def _at_key(
        self, error: ValidationError, key: str, message: str, *, hint: str | None
    ) -> Problem:
        path = (*self._path(error), key)
        return self._problem(self.document.key_place(path), path, message, hint)

    def _path(self, error: ValidationError) -> Path_:
        return (*self.at, *error.absolute_path)

    def _problem(
        self, place: Place, path: tuple[str | int, ...], message: str, hint: str | None
    ) -> Problem:
        return Problem(place=place, path=format_path(path), message=message, hint=hint)


_PARENTS = {
    "settings": "under encode:, in a profile or under defaults:",
    "condition": "under when:",
    "rule": "in a rule, under rules:",
    "review": "under review:, beside a rule's encode",
}
"""Definitions whose keys often end up a level too high or too low."""


def _instance(error: ValidationError) -> Any:
    return error.instance


def _wanted(error: ValidationError) -> Any:
    """The value of the keyword that failed."""
    return error.validator_value


def _last_key(error: ValidationError) -> str:
    """The key of the value, or of the list that contains it."""
    return next((step for step in reversed(error.absolute_path) if isinstance(step, str)), "")


def _mapping(schema: object) -> Schema:
    return schema if isinstance(schema, dict) else {}


def _is_other_type(group: Sequence[ValidationError], instance: object) -> bool:
    """Whether an alternative failed because of the type of the value."""
    return any(
        error.validator in ("type", "enum", "const")
        and len(error.relative_path) == 0
        and not _is_like(error, instance)
        for error in group
    )


def _is_like(error: ValidationError, instance: object) -> bool:
    """For `enum` and `const`: whether any wanted value has this type."""
    if error.validator == "type":
        return False
    wanted = _wanted(error) if error.validator == "enum" else [_wanted(error)]
    return any(type(item) is type(instance) for item in wanted)


def _names_wanted(group: Sequence[ValidationError]) -> list[str]:
    return [str(item) for error in group if error.validator == "enum" for item in _wanted(error)]


def _limit_message(keyword: str, found: object, limit: object) -> str | None:
    shown = _shown(found)
    return {
        "minimum": f"{shown} is below the minimum {limit}",
        "maximum": f"{shown} is above the maximum {limit}",
        "exclusiveMinimum": f"{shown} is not above {limit}",
        "multipleOf": f"{shown} is not a multiple of {limit}",
        "minLength": "expected text, found empty text",
        "minItems": "expected at least one entry, found an empty list",
        "minProperties": "expected at least one key, found an empty mapping",
    }.get(keyword)


def _found(value: object) -> str:
    if value is None:
        return "found nothing"
    if isinstance(value, dict):
        return "found a mapping"
    if isinstance(value, list):
        return "found a list"
    if isinstance(value, str):
        return f"found the text {_shown(value)}" if value.strip() else "found empty text"
    return f"found {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(str(value), limit=60)


def _listed(names: Iterable[str], *, last: str = "or") -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) < 2:
        return "".join(unique)
    return f"{', '.join(unique[:-1])} {last} {unique[-1]}"


def _known(known: Sequence[str]) -> str:
    return f"known here: {', '.join(known)}"


def _first_sentence(schema: Mapping[str, Any]) -> str | None:
    """The first sentence of a description, as a hint."""
    text = str(schema.get("description", ""))
    return text.partition(". ")[0].removesuffix(".") or None

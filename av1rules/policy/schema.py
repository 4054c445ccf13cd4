"""Checks a document against the schema of rules files (JSON Schema 2020-12).

The only importer of jsonschema.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import text_digest
from av1rules.policy.formats import NUMBER_FORMATS, TEXT_FORMATS
from av1rules.policy.model import Problem
from av1rules.policy.problems import MAX_PROBLEMS
from av1rules.policy.schema_errors import REFUSALS, Describer, Schema, first_errors
from av1rules.policy.yaml.nodes import Document, Path_


def schema_path() -> Path:
    """The schema in a checkout, or in an installed package."""
    here = Path(__file__).resolve().parents[1]
    for folder in (here / "schema", here.parent / "schema"):
        if (path := folder / "rules.schema.json").is_file():
            return path
    raise Av1rulesError("rules.schema.json is missing", hint="install av1rules again")


def schema_digest() -> str:
    """The digest of the schema: a file that an earlier one accepted may be invalid now."""
    return text_digest(schema_path().read_text(encoding="utf-8"))


@functools.cache
def load_schema() -> Schema:
    """The schema as data; read once."""
    loaded: Schema = json.loads(schema_path().read_text(encoding="utf-8"))
    return loaded


def crf_bounds() -> tuple[float, float]:
    """The lowest and the highest CRF."""
    return _bounds(load_schema()["$defs"]["settings"]["properties"]["crf"])


def jobs_bounds() -> tuple[int, int]:
    """The minimum and maximum number of encodes at a time."""
    return _bounds(load_schema()["properties"]["run"]["properties"]["jobs"])


def _bounds(schema: Schema) -> tuple[Any, Any]:
    return schema["minimum"], schema["maximum"]


def schema_problems(document: Document) -> tuple[Problem, ...]:
    """All problems of a document against the schema, in no particular order."""
    return _problems(document, (), load_schema(), is_whole=True)


def problems_by(schema: Schema, document: Document) -> tuple[Problem, ...]:
    """All problems of a document against another schema that uses the same formats."""
    return _problems(document, (), schema, is_whole=False)


def settings_problems(document: Document, at: Path_, allowed: Sequence[str]) -> tuple[Problem, ...]:
    """All problems of the mapping at `at`, which may contain the `allowed` settings."""
    schema = load_schema()
    known = schema["$defs"]["settings"]["properties"]
    properties = {name: known[name] for name in allowed}
    own = {"type": "object", "properties": properties, "additionalProperties": False}
    return _problems(document, at, {**own, "$defs": schema["$defs"]}, is_whole=False)


def _problems(
    document: Document, at: Path_, schema: Schema, *, is_whole: bool
) -> tuple[Problem, ...]:
    # Slow to import (60 ms), and not needed for a file that was checked before.
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415

    checker = FormatChecker(formats=())
    for name, parse_number in NUMBER_FORMATS.items():
        checker.checks(name, raises=REFUSALS)(_conforms(parse_number, (str, int, float)))
    for name, parse_text in TEXT_FORMATS.items():
        checker.checks(name, raises=REFUSALS)(_conforms(parse_text, (str,)))
    validator = Draft202012Validator(schema, format_checker=checker)
    describer = Describer(document=document, schema=load_schema(), at=at, is_whole=is_whole)
    errors = itertools.islice(validator.iter_errors(document.plain(at)), 4 * MAX_PROBLEMS)
    found = (problem for error in first_errors(errors) for problem in describer.problems(error))
    return tuple(itertools.islice(found, 2 * MAX_PROBLEMS))


def _conforms(parse: Callable[[Any], object], of: tuple[type, ...]) -> Callable[[object], bool]:
    """A format's parser as a check; other keywords report a wrong type."""

    def check(value: object) -> bool:
        if isinstance(value, of) and not isinstance(value, bool):
            parse(value)
        return True

    return check

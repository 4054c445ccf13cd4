"""The schema as the one check: its formats are known, and single settings are held to it too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from av1rules.policy.decode_settings import FLOORS
from av1rules.policy.fingerprint import ADJUSTABLE
from av1rules.policy.formats import HIGHEST_CPU, NUMBER_FORMATS, TEXT_FORMATS
from av1rules.policy.quality_spec import BEST_POSSIBLE
from av1rules.policy.schema import (
    crf_bounds,
    jobs_bounds,
    load_schema,
    schema_problems,
    settings_problems,
)
from av1rules.policy.yaml.document import parse_document

VALUES = (
    "0", "1", "-1", "0.1", "10", "13", "14", "50", "51", "70", "71", "18.25", "true", "auto", "vq",
    "bwdif", "mkv", "source", "240", "10s", "~", "[]", "{}", "{scm: 1}", "{scm: 9}", "{nil: 1}",
    "text", '""', '"1"',
)  # fmt: skip


@pytest.mark.parametrize("name", ADJUSTABLE)
@pytest.mark.parametrize("value", VALUES)
def test_agrees_with_the_schema(name: str, value: str) -> None:
    rules = f"version: 1\nlibrary: {{roots: [/a]}}\nrules: []\ndefaults: {{{name}: {value}}}\n"
    document = parse_document(rules.encode(), file="rules.yaml")
    alone = [one.message for one in settings_problems(document, ("defaults",), ADJUSTABLE)]
    by_schema = schema_problems(document)
    assert alone == [one.message for one in by_schema if one.path.startswith("defaults")]


def _formats(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("format"), str):
            yield schema["format"]
        for below in schema.values():
            yield from _formats(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _formats(below)


def test_every_format_of_the_schema_has_a_parser_and_every_parser_a_use() -> None:
    assert set(_formats(load_schema())) == {*NUMBER_FORMATS, *TEXT_FORMATS}


def test_bounds_that_options_of_commands_take_from_here() -> None:
    assert (crf_bounds(), jobs_bounds()) == ((0, 70), (1, 64))


def test_bounds_that_parsers_know_too_are_those_of_the_schema() -> None:
    definitions = load_schema()["$defs"]
    assert definitions["cpu"]["maximum"] == HIGHEST_CPU
    for name, (metric, _) in FLOORS.items():
        assert definitions["quality_gate"]["properties"][name]["maximum"] == BEST_POSSIBLE[metric]

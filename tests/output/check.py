"""Checks what a command printed with `--json` against the schema of the command."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator

from tests.output.schemas import FORMS, STREAMS, closed, commands, schemas


def command_of(arguments: Sequence[str]) -> str:
    """The command among the words of a command line."""
    words = [word for word in arguments if not word.startswith("-")]
    if {"-n", "--dry-run"}.intersection(arguments):
        if words[:1] == ["run"]:
            return "plan"
        if words[:1] == ["encode"]:
            return "explain"
    for form in FORMS:
        if set(form.split()) <= set(arguments):
            return form
    two = " ".join(words[:2])
    return two if two in commands() else words[0]


@functools.cache
def _checks() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(closed(schema)) for name, schema in schemas().items()}


def check_output(arguments: Sequence[str], output: str) -> Any:
    """The document, or a list of the lines of a stream. Raises ValidationError for one that the
    closed schema refuses."""
    name = command_of(arguments)
    check = _checks()[name]
    if name not in STREAMS:
        document = json.loads(output)
        check.validate(document)
        return document
    lines = [json.loads(line) for line in output.splitlines()]
    for line in lines:
        check.validate(line)
    return lines

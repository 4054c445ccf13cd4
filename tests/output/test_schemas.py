"""Every command has `--json`, a schema made from its types, and a section in docs/json.md."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from av1rules.base.events import Event, JobStarted, Note, Outcome, RunFinished
from av1rules.ui.sinks import json_sink
from tests.output.page import filled_in
from tests.output.schemas import (
    FOLDER,
    FORMS,
    ROOT,
    STREAMS,
    closed,
    commands,
    described,
    event_types,
    schema_file,
    schema_text,
    schemas,
)

PAGE = ROOT / "docs" / "json.md"
SCHEMAS = schemas()
COMMANDS = commands()


def test_every_command_has_a_schema() -> None:
    assert set(SCHEMAS) == {*COMMANDS, *FORMS}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_json(name: str) -> None:
    assert any("--json" in option.opts for option in COMMANDS[name].params)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schema_is_the_one_of_the_types(name: str, request: pytest.FixtureRequest) -> None:
    file, text = schema_file(name), schema_text(SCHEMAS[name])
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run `doit docs`"
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_no_schema_is_left_of_a_command_that_went() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {schema_file(n).name for n in SCHEMAS}


def test_wheel_takes_the_schemas_along() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"schema/output" = "av1rules/schema/output"' in text


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_object_of_a_schema_is_described(name: str) -> None:
    schema = SCHEMAS[name]
    objects = [*schema.get("oneOf", [schema]), *schema.get("$defs", {}).values()]
    for one in objects:
        if one.get("type") == "object":
            words = one.get("description", "")
            assert len(words) > 10, one
            assert not re.search(r"\b(True|False|None|tuple)\b", words), words


def test_the_page_says_what_the_schemas_say(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = filled_in(text, SCHEMAS)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(made, encoding="utf-8")
        text = made
    assert text == made, "run `doit docs`"


def test_the_page_has_a_section_with_an_example_for_each_command() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("\n## Commands\n")[2]
    sections = re.split(r"^### ", text.partition("\n## Events\n")[0], flags=re.MULTILINE)[1:]
    assert [part.partition("\n")[0] for part in sections] == sorted({*COMMANDS, *FORMS})
    for part in sections:
        name = part.partition("\n")[0]
        assert f"\n<!-- schema: {name} -->\n" in part
        assert re.search(rf"^\$ av1rules {name}\b.* --json$", part, re.MULTILINE), name


# --- what the tests of documents rest on


def test_a_closed_schema_refuses_a_key_that_it_does_not_name() -> None:
    schema = closed(SCHEMAS["forecast"])
    stats = {"median_error": 0.1, "bias": 1.0, "inside": 0.8}
    group = {"name": "all", "count": 1, "time": stats, "size": stats}
    good = {"format": 1, "groups": [group]}
    check = Draft202012Validator(schema)
    assert check.is_valid(good)
    assert not check.is_valid({**good, "more": 1})
    assert not check.is_valid({"format": 1, "groups": [{**group, "more": 1}]})
    assert not check.is_valid({"format": 1, "groups": [{"name": "all"}]}), "each key is there"
    assert Draft202012Validator(SCHEMAS["forecast"]).is_valid({**good, "more": 1}), "for readers"


def test_descriptions_speak_of_null() -> None:
    text = """What there is (None: nothing
    is known).

    And more."""
    assert described(text) == "What there is (null: nothing is known).\n\nAnd more."


# --- events


def example(kind: type[Event]) -> Event:
    """An event of this type with a value in each field."""
    if kind is RunFinished:
        counts = dict.fromkeys(Outcome, 1)
        return RunFinished(counts=counts, source_bytes=1, target_bytes=1, elapsed_s=0.5)
    samples: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            samples[field.name] = _SAMPLES[str(field.type)]
    return kind(**samples)


_SAMPLES = {
    "<class 'int'>": 1,
    "<class 'float'>": 1.5,
    "<class 'str'>": "text",
    "<class 'bool'>": True,
    "int | None": None,
    "float | None": None,
    "str | None": None,
    "tuple[str, ...]": ("new",),
}


def line_of(event: Event) -> Any:
    out = io.StringIO()
    json_sink(out)(event)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind", event_types(), ids=lambda kind: kind.__name__)
def test_each_type_of_event_is_as_its_schema_says(stream: str, kind: type[Event]) -> None:
    assert Draft202012Validator(closed(SCHEMAS[stream])).is_valid(line_of(example(kind)))


def test_a_line_is_of_one_type_only() -> None:
    check = Draft202012Validator(closed(SCHEMAS["run"]))
    line = line_of(Note(message="well"))
    assert check.is_valid(line)
    assert not check.is_valid({**line, "more": 1})
    assert not check.is_valid({**line, "type": JobStarted.__struct_config__.tag})

"""Schema, types, example and reference say the same: no key in one that is not in the others."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import UNSET

from av1rules.base.units import parse_duration, parse_rate, parse_size
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.media.resolution import Resolution
from av1rules.media.source import FileStat, HdrKind, LibraryFile, Source
from av1rules.policy.decode import STATE_FOLDER
from av1rules.policy.facts import FACTS, FactKind, Facts
from av1rules.policy.load import check_rules, load_rules
from av1rules.policy.model import (
    ActionKind,
    Copies,
    HardLinks,
    IoClass,
    OnToolsChange,
    Originals,
    OriginalsKind,
    Orphans,
    OutputMode,
    OutputSpec,
    ReceiptForm,
    RunSpec,
    SideFiles,
    TierThresholds,
    ToolsSpec,
)
from av1rules.policy.model import LibrarySpec as Library
from av1rules.policy.rule_tests.cases import parse_rule_tests
from av1rules.policy.rule_tests.given import RecordedFilm
from av1rules.policy.schema import load_schema, schema_path
from av1rules.policy.schema_errors import REFUSED
from av1rules.policy.segments.rules import SegmentRules
from av1rules.policy.settings import EncodeSettings, Loss, SourceTier
from av1rules.policy.vocabulary import vocabulary_problem
from av1rules.policy.yaml.document import parse_document, read_document
from tests.policy.reference import CUT, examples, flow, sections, table_names, with_tables

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "rules.example.yaml"
REFERENCE = ROOT / "docs" / "rules.md"

SCHEMA = load_schema()
DEFS = SCHEMA["$defs"]
SECTIONS = sections()


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from keys_of(below)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def every_schema() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, section in SECTIONS.items():
        for key, schema in section["properties"].items():
            yield f"{name}.{key}", schema


def test_schema_is_valid_and_found_in_the_checkout() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert schema_path() == ROOT / "schema" / "rules.schema.json"


def test_wheel_takes_the_schema_along() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert '"schema/rules.schema.json" = "av1rules/schema/rules.schema.json"' in text


def test_schema_file_is_laid_out_as_tools_write_it() -> None:
    text = schema_path().read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(("key", "schema"), list(every_schema()))
def test_every_key_has_a_description(key: str, schema: dict[str, Any]) -> None:
    assert schema.get("description", "").endswith("."), key


def test_every_mapping_refuses_unknown_keys() -> None:
    assert all(section["additionalProperties"] is False for section in SECTIONS.values())


def test_no_mapping_of_the_schema_is_left_out() -> None:
    """Else nobody would miss its keys in the example and the reference: 19 floors were missing."""
    known = list(SECTIONS.values())
    missed = [
        set(mapping["properties"])
        for mapping in mappings_of(SCHEMA)
        if mapping not in known and set(mapping["properties"]) != {"min", "max"}
    ]
    assert missed == [{"remux", "web_dl", "low_quality"}]  # tiers: each of them is a section


def mappings_of(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        for below in schema.values():
            yield from mappings_of(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from mappings_of(below)


def test_example_is_valid_without_warnings() -> None:
    ruleset, problems = check_rules(EXAMPLE)
    assert problems == ()
    assert ruleset is not None


def test_example_shows_every_key_of_the_schema() -> None:
    shown = set(keys_of(read_document(EXAMPLE).plain()))
    wanted = {key for section in SECTIONS.values() for key in section["properties"]}
    assert wanted - shown == set()


def test_reference_has_an_example_of_every_key() -> None:
    shown = examples()
    for name, section in SECTIONS.items():
        if name != "top":
            assert set(shown[name]) == set(section["properties"]), name


@pytest.mark.parametrize("name", [name for name in SECTIONS if name != "top"])
def test_examples_of_the_reference_read_back(name: str) -> None:
    whole = {key: text for key, text in examples()[name].items() if CUT not in text}
    assert len(whole) >= len(examples()[name]) - 3
    for key, text in whole.items():
        document = parse_document(f"{key}: {text}".encode(), file="x")
        assert document.problems == ()
        plain = document.plain()
        assert isinstance(plain, dict)
        assert flow(plain[key]) == text
        assert f"`{key}: {text}`" in REFERENCE.read_text(encoding="utf-8")


def test_reference_lists_the_extensions_that_are_taken() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert set(re.search(r"`(264 .*?)`", text, re.DOTALL)[1].split()) == VIDEO_EXTENSIONS  # type: ignore[index]


def test_reference_explains_every_loss_and_every_refused_value() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert all(f"| `{loss.value}` |" in text for loss in Loss)
    for key, schema in SECTIONS["settings"]["properties"].items():
        for value in schema.get(REFUSED, {}) if key != "params" else ():
            assert f"`{key}: {value}` is refused" in text


FILM = RecordedFilm(
    file=LibraryFile(
        root_name="movies",
        root="/media/movies",
        relative_path="Film.mkv",
        stat=FileStat(device=0, inode=0, size_bytes=1, mtime_ns=0, ctime_ns=0),
    ),
    source=Source(container="matroska,webm", size_bytes=1),
)
"""In place of a film that a case takes from a file of facts."""


def test_files_of_the_reference_are_good(tmp_path: Path) -> None:
    found = re.findall(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    cases = [text for text in found if "cases:" in text]
    for text in cases:
        example = load_rules(EXAMPLE)
        names = re.findall(r'from: "([^"]+)"', text)
        recorded: dict[str, RecordedFilm | None] = dict.fromkeys(names, FILM)
        parsed = parse_rule_tests(text.encode(), file="tests", ruleset=example, films=recorded)
        assert parsed.cases
        assert {problem.path for problem in parsed.problems} == set(), text
    for text in (text for text in found if text not in cases):
        path = tmp_path / "rules.yaml"
        head = "" if "version:" in text else "version: 1\nlibrary: {roots: [/media/movies]}\n"
        path.write_text(head + text, encoding="utf-8")
        ruleset, problems = check_rules(path)
        assert (ruleset is not None, problems) == (True, ()), text


def test_example_shows_every_kind_of_action_and_combination() -> None:
    plain = read_document(EXAMPLE).plain()
    assert isinstance(plain, dict)
    rules = plain["rules"]
    assert {kind.value for kind in ActionKind} <= {key for rule in rules for key in rule}
    values = [rule.get("skip", rule.get("hold")) for rule in rules]
    assert True in values
    assert any(isinstance(value, str) for value in values)
    assert any("when" not in rule for rule in rules)


@pytest.mark.parametrize(
    ("section", "kind", "renamed"),
    [
        ("library", Library, {"settle": "settle_s"}),
        ("output", OutputSpec, {}),
        ("tools", ToolsSpec, {}),
        ("segments", SegmentRules, {"from": "from_s"}),
        (
            "run",
            RunSpec,
            {
                "stall_timeout": "stall_timeout_s",
                "probe_timeout": "probe_timeout_s",
                "reserve": "reserve_bytes",
                "max_duration": "max_duration_s",
            },
        ),
        ("settings", EncodeSettings, {}),
    ],
)
def test_keys_are_the_fields_of_the_types(
    section: str, kind: type[Any], renamed: dict[str, str]
) -> None:
    keys = {renamed.get(key, key) for key in SECTIONS[section]["properties"]} - {"use"}
    assert keys == set(inspect.signature(kind).parameters) - {
        "place",
        "film_grain_auto",  # film_grain: auto
        "tracks",  # what audio and subtitles come to
    }


def test_thresholds_are_the_fields_of_their_type() -> None:
    prefixes = {"tiers.remux": "remux_", "tiers.web_dl": "web_", "tiers.low_quality": "low_"}
    keys = {
        prefix + key for name, prefix in prefixes.items() for key in SECTIONS[name]["properties"]
    }
    assert keys == set(inspect.signature(TierThresholds).parameters)


_TEST_OF = {
    FactKind.GLOB: "globs",
    FactKind.NUMBER: "numberTest",
    FactKind.SIZE: "sizeTest",
    FactKind.RATE: "rateTest",
    FactKind.DURATION: "durationTest",
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_condition_takes_what_the_kind_of_its_fact_is_written_as(fact: str) -> None:
    schema, kind = SECTIONS["condition"]["properties"][fact], FACTS[fact].kind
    if kind in _TEST_OF:
        assert schema["$ref"] == f"#/$defs/{_TEST_OF[kind]}"
    elif kind is FactKind.BOOL:
        assert schema["type"] == "boolean"
    else:
        is_closed = "enum" in schema.get("anyOf", [{}])[0]
        assert is_closed != (vocabulary_problem(fact, "no such word") is not None), (
            "words are listed in the schema, or else in the vocabulary: what no source can have "
            "would match nothing, and nobody be told"
        )


@pytest.mark.parametrize("fact", FACTS)
def test_facts_of_several_values_are_marked(fact: str) -> None:
    """Else lint would say of two conditions on them that they exclude each other."""
    assert FACTS[fact].has_many == bool(re.search("frozenset|tuple", Facts.__annotations__[fact]))


def test_conditions_are_the_facts() -> None:
    keys = set(SECTIONS["condition"]["properties"])
    assert keys == set(FACTS) | {"any", "all", "not"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (DEFS["loss"]["enum"], Loss),
        (SECTIONS["output"]["properties"]["mode"]["enum"], OutputMode),
        (SECTIONS["output"]["properties"]["receipts"]["enum"], ReceiptForm),
        (SECTIONS["output"]["properties"]["orphans"]["enum"], Orphans),
        (SECTIONS["output"]["properties"]["copies"]["enum"], Copies),
        (SECTIONS["output"]["properties"]["hard_links"]["enum"], HardLinks),
        (SECTIONS["output"]["properties"]["side_files"]["enum"], SideFiles),
        (SECTIONS["run"]["properties"]["io_class"]["enum"], IoClass),
        (SECTIONS["tools"]["properties"]["on_change"]["enum"], OnToolsChange),
        (DEFS["condition"]["properties"]["source_tier"]["anyOf"][0]["enum"], SourceTier),
        (DEFS["condition"]["properties"]["resolution"]["anyOf"][0]["enum"], Resolution),
        (DEFS["condition"]["properties"]["hdr"]["anyOf"][0]["enum"], HdrKind),
    ],
)
def test_words_are_the_members_of_the_enums(values: list[str], kind: Any) -> None:
    assert set(values) == {member.value for member in kind}


def _base_form(value: object, field: str) -> object:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    if field.endswith("_s"):
        return parse_duration(value)
    if field.endswith("_bytes"):
        return parse_size(value)
    return parse_rate(value) if "bitrate" in field else value


@pytest.mark.parametrize(
    ("section", "kind", "prefix", "suffixes"),
    [
        ("library", Library, "", {"settle": "_s"}),
        ("output", OutputSpec, "", {}),
        ("run", RunSpec, "", {"stall_timeout": "_s", "probe_timeout": "_s", "reserve": "_bytes"}),
        ("segments", SegmentRules, "", {"from": "_s"}),
        ("tiers.remux", TierThresholds, "remux_", {}),
        ("tiers.web_dl", TierThresholds, "web_", {}),
        ("tiers.low_quality", TierThresholds, "low_", {}),
        ("settings", EncodeSettings, "", {}),
    ],
)
def test_defaults_told_are_the_defaults_taken(
    section: str, kind: Any, prefix: str, suffixes: dict[str, str]
) -> None:
    parameters = inspect.signature(kind).parameters.values()
    fields = {field.name: field.default for field in parameters}
    for key, schema in SECTIONS[section]["properties"].items():
        field = prefix + key + suffixes.get(key, "")
        if "default" not in schema:
            assert fields.get(field) in (None, UNSET, inspect.Parameter.empty, (), 0), key
            continue
        output, taken = _base_form(schema["default"], field), fields[field]
        taken = getattr(taken, "value", taken)
        special: dict[str, tuple[object, object]] = {
            "bit_depth": ("source", 0),
            "accept": ((), frozenset()),
        }
        special["originals"] = (OriginalsKind.KEEP.value, Originals())
        special["state_dir"] = (STATE_FOLDER, inspect.Parameter.empty)
        special["on_change"] = ("all", UNSET)
        special["segments"] = ({"from": "1h", "length": 8}, SegmentRules())
        assert (output, taken) == special.get(key, (taken, taken)), key


def test_minimum_version_told_is_the_one_taken() -> None:
    major, minor = ToolsSpec().min_version
    assert SECTIONS["tools"]["properties"]["min_version"]["default"] == f"{major}.{minor}"


def test_reference_has_the_tables_of_this_schema(request: pytest.FixtureRequest) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert set(table_names(text)) == {*SECTIONS, "params.refused"}
    if request.config.getoption("--update-golden", default=False):
        REFERENCE.write_text(with_tables(text), encoding="utf-8")
        text = REFERENCE.read_text(encoding="utf-8")
    assert text == with_tables(text)

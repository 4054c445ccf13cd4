"""Tests of a rules file: cases of stated facts, and what the rules are to say of them. Pure."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.policy.decode_settings import settings_of
from av1rules.policy.facts import FACTS, FactKind
from av1rules.policy.model import Place, Problem, RuleSet
from av1rules.policy.problems import cut_short, sort_problems, with_snippets
from av1rules.policy.rule_tests.given import Given, RecordedFilm, given_film, given_source
from av1rules.policy.schema import load_schema, problems_by
from av1rules.policy.settings import Loss
from av1rules.policy.yaml.document import parse_document
from av1rules.policy.yaml.nodes import Document, Path_, format_path


class TestAction(StrEnum):
    """What the rules say of a film."""

    __test__ = False  # for pytest: no test

    ENCODE = "encode"
    SKIP = "skip"
    HOLD = "hold"  # by a rule, or for a loss that nobody accepted
    NONE = "none"  # no rule matches: left alone
    MEASURE = "measure"  # its grain decides on the rule


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a case expects; UNSET is not compared. `settings` are some of those that result."""

    rule: str | msgspec.UnsetType | None = msgspec.UNSET
    action: TestAction | msgspec.UnsetType = msgspec.UNSET
    source_tier: str | msgspec.UnsetType = msgspec.UNSET
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    review: str | msgspec.UnsetType = msgspec.UNSET
    losses: frozenset[Loss] | msgspec.UnsetType = msgspec.UNSET
    passed_over: frozenset[str] | msgspec.UnsetType = msgspec.UNSET


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """One case. `at` is its path in the file."""

    name: str
    place: Place
    at: Path_
    given: Given
    expected: Expected


class RuleTestFile(msgspec.Struct, frozen=True, kw_only=True):
    """The cases of one file; those with mistakes are missing, and `problems` says why."""

    document: Document
    cases: tuple[RuleTest, ...]
    problems: tuple[Problem, ...]


def parse_rule_tests(
    raw: bytes,
    *,
    file: str,
    ruleset: RuleSet,
    films: Mapping[str, RecordedFilm | None] = MappingProxyType({}),
) -> RuleTestFile:
    """The cases of a file for these rules, and all problems sorted by place. `films` are those that
    cases take `from` files of facts; None for one that its file does not have."""
    document = parse_document(raw, file=file)
    problems = list(document.problems)
    cases: list[RuleTest] = []
    if document.root is not None and not problems:
        problems += problems_by(rule_tests_schema(), document)
        plain = document.plain()
        listed = plain.get("cases", []) if isinstance(plain, dict) and not problems else []
        for index, values in enumerate(listed):
            case, found = _case(document, ("cases", index), values, ruleset, films)
            problems += found
            cases += [] if case is None else [case]
    shown = with_snippets(cut_short(sort_problems(problems)), document.lines)
    return RuleTestFile(document=document, cases=tuple(cases), problems=shown)


def named_rules(document: Document) -> str | None:
    """The rules file that a test file names, as it stands there."""
    plain = document.plain()
    named = plain.get("rules") if isinstance(plain, dict) else None
    return named if isinstance(named, str) else None


def _case(
    document: Document,
    at: Path_,
    values: dict[str, Any],
    ruleset: RuleSet,
    films: Mapping[str, RecordedFilm | None],
) -> tuple[RuleTest | None, list[Problem]]:
    place, stated = document.place((*at, "name")), values["given"]
    problems = list(_wrong_film(document, (*at, "given"), stated, ruleset, films))
    rule = values["expect"].get("rule")
    if rule is not None and rule not in (known := [one.name for one in ruleset.rules]):
        problems.append(
            _problem(
                document,
                (*at, "expect", "rule"),
                f"there is no rule {printable(rule, limit=60)}",
                hint=f"rules of {ruleset.file.name}: {', '.join(map(printable, known)) or 'none'}",
            )
        )
    if problems:
        return None, problems
    film = films.get(stated.get("from", ""))
    if film is None:
        given = given_source(ruleset, stated)
    else:
        more = {name: value for name, value in stated.items() if name != "from"}
        given = given_film(ruleset, film, more)
    expected = _expected(values["expect"])
    return RuleTest(name=values["name"], place=place, at=at, given=given, expected=expected), []


def _wrong_film(
    document: Document,
    at: Path_,
    stated: dict[str, Any],
    ruleset: RuleSet,
    films: Mapping[str, RecordedFilm | None],
) -> Iterator[Problem]:
    """What is wrong with the film that a case names."""
    if ("path" in stated) == ("from" in stated):
        yield _problem(
            document,
            at,
            "a film is given either by its path and facts, or from a file of facts",
            hint="write `path: movies/Film.mkv`, or `from: facts.jsonl.gz#movies/Film.mkv`",
        )
    elif "path" in stated:
        path, roots = str(stated["path"]), [root.name for root in ruleset.library.roots]
        if path.partition("/")[0] not in roots:
            yield _problem(
                document,
                (*at, "path"),
                f"{printable(path, limit=60)} is below no root of the library",
                hint=f"a path starts with the name of its root: {', '.join(map(printable, roots))}",
            )
    elif films.get(text := str(stated["from"])) is None:
        is_named = text in films
        yield _problem(
            document,
            (*at, "from"),
            f"the facts have no film {printable(text.partition('#')[2], limit=60)}"
            if is_named
            else f"{printable(text, limit=60)} names no film of a file of facts",
            hint="a library path as `av1rules plan --facts FILE --all` prints it"
            if is_named
            else "write `from: FILE#LIBRARY-PATH`, or `#LIBRARY-PATH` with `test --facts FILE`",
        )


def _problem(document: Document, at: Path_, message: str, *, hint: str | None) -> Problem:
    return Problem(place=document.place(at), path=format_path(at), message=message, hint=hint)


def _expected(values: dict[str, Any]) -> Expected:
    found = dict(values)
    if "action" in found:
        found["action"] = TestAction(found["action"])
    if "losses" in found:
        found["losses"] = frozenset(map(Loss, found["losses"]))
    if "passed_over" in found:
        found["passed_over"] = frozenset(found["passed_over"])
    found["settings"] = settings_of(found.get("settings", {}))
    return Expected(**found)


@functools.cache
def rule_tests_schema() -> dict[str, Any]:
    """The schema of test files: facts are stated as conditions name them, settings expected as
    rules set them."""
    rules = load_schema()
    conditions = rules["$defs"]["condition"]["properties"]
    settings = copy.deepcopy(rules["$defs"]["settings"])
    settings["properties"].pop("use")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tests of av1rules rules",
        "type": "object",
        "required": ["version", "cases"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": 1, "description": "The version of this format."},
            "rules": {
                "type": "string",
                "minLength": 1,
                "description": "The rules file, from the folder of this file on. Left out: the one "
                "that av1rules finds.",
            },
            "cases": {
                "type": "array",
                "minItems": 1,
                "description": "The films, and what the rules are to say of them.",
                "items": {"$ref": "#/$defs/case"},
            },
        },
        "$defs": {
            **{name: one for name, one in rules["$defs"].items() if name != "settings"},
            "settings": settings,
            "case": {
                "type": "object",
                "required": ["name", "given", "expect"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "description": "Names the case."},
                    "given": {
                        "type": "object",
                        "additionalProperties": False,
                        "description": "The facts of the film. What is left out is unknown.",
                        "properties": {
                            "from": _FROM,
                            **{name: _fact_schema(name, conditions[name]) for name in FACTS},
                        },
                    },
                    "expect": _EXPECT,
                },
            },
        },
    }


_FROM = {
    "type": "string",
    "minLength": 3,
    "description": "A film of a file that `av1rules facts export` wrote, in place of its path: "
    "`facts.jsonl.gz#movies/Film.mkv`, the file from the folder of this one on. Facts beside it "
    "take the place of its own.",
}

_EXPECT = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "description": "What the rules are to say. What is left out is not compared.",
    "properties": {
        "rule": {
            "type": ["string", "null"],
            "description": "The rule that decides; null: none matches.",
        },
        "action": {
            "enum": [action.value for action in TestAction],
            "description": "hold also where a loss is not accepted; none: no rule matches.",
        },
        "source_tier": {
            "enum": ["remux", "web-dl", "low-quality"],
            "description": "The tier that the facts give.",
        },
        "settings": {
            "$ref": "#/$defs/settings",
            "description": "Some of the settings that result.",
        },
        "review": {
            "type": "string",
            "format": "approve",
            "description": "Which clips are reviewed.",
        },
        "losses": {
            "type": "array",
            "items": {"enum": [loss.value for loss in Loss]},
            "description": "All that the encode would lose of the pictures, accepted or not.",
        },
        "passed_over": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The rules before it that an unknown fact passes over.",
        },
    },
}


def _fact_schema(name: str, condition: dict[str, Any]) -> dict[str, Any]:
    """How a fact is stated: one value where a condition takes several or a range."""
    if name == "path":
        about = "The path, from the name of its root on."
        return {"type": "string", "minLength": 1, "description": about}
    spec, about = FACTS[name], condition.get("description", "")
    one = _KINDS[spec.kind] if spec.kind in _KINDS else _one_word(condition)
    if spec.has_many:
        several = {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}
        return {"description": about, "anyOf": [one, several]}
    return {"description": about, **one}


_KINDS: dict[FactKind, dict[str, Any]] = {
    FactKind.BOOL: {"type": "boolean"},
    FactKind.NUMBER: {"type": "number"},
    FactKind.SIZE: {"type": ["string", "number"], "format": "size"},
    FactKind.RATE: {"type": ["string", "number"], "format": "rate"},
    FactKind.DURATION: {"type": ["string", "number"], "format": "duration"},
}


def _one_word(condition: dict[str, Any]) -> dict[str, Any]:
    """The schema of one word, of that of a word or a list of them."""
    reference = condition.get("$ref", "").removeprefix("#/$defs/")
    whole = load_schema()["$defs"][reference] if reference else condition
    one: dict[str, Any] = whole["anyOf"][0]
    return one

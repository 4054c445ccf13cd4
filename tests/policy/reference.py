"""The tables of docs/rules.md, made from the schema and the example: they can't fall behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av1rules.policy.schema import load_schema
from av1rules.policy.schema_errors import REFUSED
from av1rules.policy.yaml.document import read_document

Schema = dict[str, Any]

_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "array": "list", "object": "mapping",
}  # fmt: skip

EXAMPLE = Path(__file__).parents[2] / "rules.example.yaml"
LONGEST_EXAMPLE = 60  # characters
CUT = "..."

TOP_SECTIONS = ("library", "output", "tools", "run", "schedule", "limits", "watch")

_PLAIN = re.compile(r"[A-Za-z/.~][\w /.-]*|[\d.]+(?:[A-Za-z/]+\w*|%)")

_MARK = re.compile(r"(<!-- table: (?P<name>[\w.\[\]]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def sections() -> dict[str, Schema]:
    """Every mapping of the schema that has named keys, by the name docs/rules.md gives it."""
    schema = load_schema()
    tops = {"top": schema}
    tops |= {
        name: section
        for name, section in schema["properties"].items()
        if "properties" in section and name != "tiers"
    }
    tiers = schema["properties"]["tiers"]["properties"]
    tops |= {f"tiers.{name}": section for name, section in tiers.items()}
    root = schema["properties"]["library"]["properties"]["roots"]["items"]["anyOf"][1]
    defs = schema["$defs"]
    settings = defs["settings"]
    return tops | {
        "library.roots[]": root,
        "settings": settings,
        "params": settings["properties"]["params"],
        "schedule": defs["schedule"],
        "neighbour": defs["neighbour"],
        "secret": defs["secret"],
        "segments": defs["segments"],
        "rule": defs["rule"],
        "review": defs["review"],
        "quality_target": defs["quality_target"],
        "quality_gate": defs["quality_gate"],
        "audio": defs["audio"],
        "subtitles": defs["subtitles"],
        "condition": defs["condition"],
    }


def with_tables(text: str) -> str:
    """The page with each table between its marks made anew."""
    tables, shown = sections(), examples()

    def table(found: re.Match[str]) -> str:
        name = found["name"]
        if name.endswith(".refused"):
            lines = _refused(tables[name.removesuffix(".refused")])
        else:
            lines = _table(tables[name], shown.get(name, {}))
        return found[1] + "\n".join(lines) + "\n" + found[3]

    return _MARK.sub(table, text)


def table_names(text: str) -> list[str]:
    return [found["name"] for found in _MARK.finditer(text)]


def examples() -> dict[str, dict[str, str]]:
    """For each section the keys that rules.example.yaml shows, each with its shortest value."""
    plain: Any = read_document(EXAMPLE).plain()
    rules = plain["rules"]
    settings = [plain["defaults"], *plain["profiles"].values()]
    settings += [rule["encode"] for rule in rules if "encode" in rule]
    found = {section: [plain[section]] for section in TOP_SECTIONS}
    found["schedule"] += [rule["schedule"] for rule in rules if "schedule" in rule]
    neighbours = list(plain["neighbours"].values())
    found["neighbour"] = neighbours
    found["secret"] = [one for item in neighbours for one in item.values() if _is_secret(one)]
    found |= {f"tiers.{name}": [tier] for name, tier in plain["tiers"].items()}
    found |= {
        "library.roots[]": [root for root in plain["library"]["roots"] if isinstance(root, dict)],
        "segments": [plain["run"]["segments"]],
        "settings": settings,
        "params": [setting["params"] for setting in settings if "params" in setting],
        "rule": rules,
        "review": [rule["review"] for rule in rules if isinstance(rule.get("review"), dict)],
        "quality_target": [
            setting["quality_target"] for setting in settings if "quality_target" in setting
        ],
        "quality_gate": [
            setting["quality_gate"] for setting in settings if "quality_gate" in setting
        ],
        "audio": [setting["audio"] for setting in settings if "audio" in setting],
        "subtitles": [setting["subtitles"] for setting in settings if "subtitles" in setting],
        "condition": [one for rule in rules for one in _conditions(rule.get("when", {}))],
    }
    return {section: _shortest(mappings) for section, mappings in found.items()}


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= {"env", "file"}


def _conditions(condition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield condition
    for below in (*condition.get("any", ()), *condition.get("all", ())):
        yield from _conditions(below)
    if "not" in condition:
        yield from _conditions(condition["not"])


def _shortest(mappings: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            text = _short(value)
            if key not in found or len(text) < len(found[key]):
                found[key] = text
    return found


def _short(value: Any) -> str:
    """A value in the short form; of a long list or mapping only the beginning."""
    text = flow(value)
    while len(text) > LONGEST_EXAMPLE and len(value) > 1:
        value = value[:-1] if isinstance(value, list) else dict(list(value.items())[:-1])
        text = f"{flow(value)[:-1]}, {CUT}{flow(value)[-1]}"
    return text


def flow(value: object) -> str:
    """A value in YAML's short form."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(below)}' for key, below in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(flow(item) for item in value)}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value)


def _refused(section: Schema) -> Iterator[str]:
    yield "| name | why not |"
    yield "|---|---|"
    for name, reason in section[REFUSED].items():
        yield f"| `{name}` | {reason} |"


def _table(section: Schema, shown: dict[str, str]) -> Iterator[str]:
    example = " example |" if shown else ""
    yield f"| key | value | default |{example} meaning |"
    yield "|---|---|---|---|" + ("---|" if shown else "")
    required = section.get("required", [])
    for key, raw in section["properties"].items():
        schema = _resolved(raw)
        default = "**required**" if key in required else _default(schema)
        meaning = str(schema.get("description", "")).replace("|", "\\|")
        example = f" `{key}: {shown[key]}` |" if shown else ""
        yield f"| `{key}` | {_value(schema)} | {default} |{example} {meaning} |"


def _resolved(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    target = load_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _value(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    words = _resolved(schema.get("anyOf", [{}])[0]).get("enum")
    if words is not None:
        return f"{', '.join(f'`{word}`' for word in words)}, or a list of them"
    if "title" in schema:
        return str(schema["title"])
    kind = _TYPES[schema["type"]]
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind}, {low} to {high}"
    return f"{kind}, from {low}" if low is not None else kind


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return ""
    default = schema["default"]
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"

"""The tables of docs/rules.md, made from the schema: a reference that can't fall behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from av1rules.rules.schema import load_schema

Schema = dict[str, Any]

_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "array": "list", "object": "mapping",
}  # fmt: skip

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
        "rule": defs["rule"],
        "condition": defs["condition"],
    }


def with_tables(text: str) -> str:
    """The page with each table between its marks made anew."""
    tables = sections()
    return _MARK.sub(
        lambda found: found[1] + "\n".join(_table(tables[found["name"]])) + "\n" + found[3], text
    )


def table_names(text: str) -> list[str]:
    return [found["name"] for found in _MARK.finditer(text)]


def _table(section: Schema) -> Iterator[str]:
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    required = section.get("required", [])
    for key, raw in section["properties"].items():
        schema = _resolved(raw)
        default = "**required**" if key in required else _default(schema)
        meaning = str(schema.get("description", "")).replace("|", "\\|")
        yield f"| `{key}` | {_value(schema)} | {default} | {meaning} |"


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

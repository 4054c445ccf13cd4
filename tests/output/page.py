"""The parts of docs/json.md that are made from the schemas."""

from __future__ import annotations

import re

from tests.output.schemas import STREAMS, Schema, described, event_types, schema_file

_SECTION = re.compile(r"(<!-- schema: ([a-z -]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_EVENTS = re.compile(r"(<!-- events -->\n).*?(<!-- end -->)", re.DOTALL)


def filled_in(text: str, schemas: dict[str, Schema]) -> str:
    """The page with what its schemas say between its marks."""
    text = _SECTION.sub(lambda mark: f"{mark[1]}{_section(mark[2], schemas)}{mark[3]}", text)
    return _EVENTS.sub(lambda mark: f"{mark[1]}{_events()}{mark[2]}", text)


def _section(command: str, schemas: dict[str, Schema]) -> str:
    name = schema_file(command).name
    about = schemas[command].get("description", "One event a line, of the [types below](#events).")
    what = "Schema of a line" if command in STREAMS else "Schema"
    return f"{about} {what}: [{name}](../schema/output/{name}).\n"


def _events() -> str:
    rows = [
        f"| `{kind.__struct_config__.tag}` | {_meaning(kind.__doc__ or '')} |\n"
        for kind in event_types()
    ]
    return "".join(["| type | meaning |\n|---|---|\n", *rows])


def _meaning(docstring: str) -> str:
    return described(docstring).replace("\n\n", " ").replace("|", "\\|")

"""The JSON Schemas of what `--json` prints, made from the types in `av1rules/report/documents/`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from av1rules.base.events import WIRE_COUNTS, Event, RunFinished
from av1rules.cli.main import cli
from av1rules.report.documents import (
    calibration,
    checks,
    clips,
    controls,
    explain,
    facts,
    migration,
    neighbours,
    plan,
    policy_diff,
    receipt,
    report,
    rules,
    runs,
    serve,
    service,
    setup,
    status,
    trash,
    watch,
)
from av1rules.report.json import FORMAT
from av1rules.report.live.model import LiveState

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schema" / "output"

Schema = dict[str, Any]

DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "adopt": checks.AdoptDocument,
    "clips adjust": clips.ClipDecisionDocument,
    "clips approve": clips.ClipDecisionDocument,
    "clips compare": clips.ComparisonDocument,
    "clips list": clips.ClipsDocument,
    "clips open": clips.ClipPlayedDocument,
    "clips reject": clips.ClipDecisionDocument,
    "clips show": clips.ClipDocument,
    "completion": setup.CompletionDocument,
    "demo": setup.DemoDocument,
    "doctor": checks.DoctorDocument,
    "explain": explain.ExplainDocument,
    "facts export": facts.FactsDocument,
    "facts show": facts.FactsDocument,
    "fmt": rules.FormatDocument,
    "forecast": calibration.ForecastDocument,
    "health": checks.HealthDocument,
    "init": setup.InitDocument,
    "migrate av1d": migration.Av1dMigrationDocument,
    "migrate handbrake": migration.ImportDocument,
    "migrate tdarr": migration.ImportDocument,
    "migrate unmanic": migration.ImportDocument,
    "notify": watch.NotifyDocument,
    "notify changed": watch.NotifyDocument,
    "notify test": neighbours.NotifyTestDocument,
    "originals list": trash.OriginalsDocument,
    "originals purge": trash.PurgeDocument,
    "originals restore": trash.RestoreDocument,
    "pause": controls.ControlsDocument,
    "plan": plan.PlanDocument,
    "receipt": receipt.ReceiptDocument,
    "report": report.ReportDocument,
    "resume": controls.ControlsDocument,
    "retry": status.RetryDocument,
    "runs": runs.RunsDocument,
    "runs show": runs.RunDocument,
    "service check": service.WatcherCheckDocument,
    "service install": service.ServiceDocument,
    "service print": service.ServiceDocument,
    "service status": service.ServicesDocument,
    "service uninstall": service.ServiceDocument,
    "serve": serve.ServeDocument,
    "show": plan.PlanDocument,
    "status": status.StatusDocument,
    "stop": controls.ControlsDocument,
    "test": rules.RuleTestsDocument,
    "top": LiveState,
    "undo": trash.UndoDocument,
    "validate": rules.ValidateDocument,
    "verify": checks.VerifyDocument,
}

FORMS: dict[str, type[msgspec.Struct]] = {"plan --against": policy_diff.PolicyDiffDocument}
"""What a command prints with one of its options: another document."""

STREAMS = ("clips try", "encode", "run", "watch")
"""These print one event a line; their schemas are those of a line."""


def commands() -> dict[str, click.Command]:
    """Every command of the program, and every sub-command, by its words."""
    assert isinstance(cli, click.Group)
    return dict(_below(cli, ""))


def groups() -> dict[str, click.Group]:
    """The groups of commands, by their names."""
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: one for name, one in found.items() if isinstance(one, click.Group)}


def _below(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{prefix}{name}", command
            yield from _below(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def schema_file(command: str) -> Path:
    return FOLDER / f"{re.sub('[ -]+', '-', command)}.schema.json"


def schemas() -> dict[str, Schema]:
    """The schema of every command."""
    documents = DOCUMENTS | FORMS
    found = {name: _document_schema(name, kind) for name, kind in documents.items()}
    return found | {name: _stream_schema(name) for name in STREAMS}


def schema_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def event_types() -> list[type[Event]]:
    """Every type of event, in the order of their names."""
    return sorted(_subclasses(Event), key=lambda kind: str(kind.__struct_config__.tag))


def _subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


def _document_schema(command: str, kind: type[msgspec.Struct]) -> Schema:
    (reference,), definitions = msgspec.json.schema_components(
        [kind], ref_template="#/$defs/{name}"
    )
    name = reference["$ref"].rpartition("/")[2]
    whole = _finished(definitions.pop(name))
    return {**_head(f"av1rules {command} --json"), **whole, **_definitions(definitions)}


def _stream_schema(command: str) -> Schema:
    kinds = event_types()
    references, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    definitions = {name: _finished(one) for name, one in definitions.items()}
    lines = []
    for kind, reference in zip(kinds, references, strict=True):
        name = reference["$ref"].rpartition("/")[2]
        line = definitions.pop(name)
        if kind is RunFinished:
            del line["properties"]["counts"]
            line["properties"] |= {key: {"type": "integer"} for key in WIRE_COUNTS}
        tag = line["properties"].pop("type")
        head = {
            "format": {"const": FORMAT},
            "type": tag,
            "time": {"type": "string", "format": "date-time"},
        }
        line["properties"] = {**head, **line["properties"]}
        line["required"] = list(line["properties"])
        lines.append(line)
    return {
        **_head(f"A line of av1rules {command} --json"),
        "oneOf": lines,
        **_definitions(definitions),
    }


def _head(title: str) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}


def _definitions(found: dict[str, Schema]) -> Schema:
    return {"$defs": {name: _finished(found[name]) for name in sorted(found)}} if found else {}


def _finished(schema: Schema) -> Schema:
    """Without what only concerns those who write such values: every key is there, except for those
    that may be unset."""
    done = {key: value for key, value in schema.items() if key not in ("title", "default")}
    if "description" in done:
        done["description"] = described(done["description"])
    properties = schema.get("properties")
    if properties is not None:
        given = set(schema.get("required", ()))
        done["required"] = [
            name for name, one in properties.items() if name in given or "default" in one
        ]
        done["properties"] = {name: _finished(one) for name, one in properties.items()}
    for key in ("anyOf", "prefixItems"):
        if key in done:
            done[key] = [_finished(one) for one in done[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(done.get(key), dict):
            done[key] = _finished(done[key])
    return _shortened(done)


def _shortened(schema: Schema) -> Schema:
    """The same in fewer words: a constant, or text or null."""
    if len(schema.get("enum", ())) == 1:
        rest = {key: one for key, one in schema.items() if key != "enum"}
        return {"const": schema["enum"][0], **rest}
    ways = schema.get("anyOf", ())
    if ways and all(way.keys() == {"type"} for way in ways):
        rest = {key: one for key, one in schema.items() if key != "anyOf"}
        return {"type": [way["type"] for way in ways], **rest}
    return schema


def described(docstring: str) -> str:
    """A docstring for readers of JSON: paragraphs on a line each."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    text = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    return re.sub(r"\bNone\b", "null", text)


def closed(schema: Schema) -> Schema:
    """The same schema, to which a key that it does not name is an error."""
    done: Schema = {}
    for key, value in schema.items():
        if isinstance(value, dict):
            done[key] = closed(value)
        elif isinstance(value, list):
            done[key] = [closed(one) if isinstance(one, dict) else one for one in value]
        else:
            done[key] = value
    properties = schema.get("properties")
    if isinstance(properties, dict) and schema.get("type") == "object":
        done.setdefault("additionalProperties", False)
    return done

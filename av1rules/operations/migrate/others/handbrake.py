"""A profile from each preset of HandBrake, whose numbers mean the same only for SVT-AV1. Pure, but
for reading the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.operations.migrate.input import read_json
from av1rules.operations.migrate.others.handbrake_keys import CHILDREN, finding_of
from av1rules.operations.migrate.others.imported import (
    MOST_ENTRIES,
    ImportedPolicy,
    KeyFinding,
    finished,
    require_object,
)
from av1rules.operations.migrate.others.svt_options import option_findings
from av1rules.operations.migrate.outcome import KeyOutcome
from av1rules.policy.yaml.scalars import quoted

Preset = Mapping[str, Any]


def import_handbrake(path: str, root: str) -> ImportedPolicy:
    """A rules file with a profile for each preset; its rule takes the default one, or the first.
    Raises UsageError."""
    presets = dict(_named(_presets(read_json(path), path)))
    if not presets:
        raise UsageError(
            "the file has no presets",
            where=printable(path),
            hint="HandBrake: Presets, Export; it writes JSON with a PresetList",
        )
    keys: list[KeyOutcome] = []
    profiles: dict[str, dict[str, str]] = {}
    for name, preset in presets.items():
        prefix = f"{name}: " if len(presets) > 1 else ""
        settings: dict[str, str] = {}
        for key, value, finding in _findings(preset):
            keys.append(finding.outcome(f"{prefix}{key}", value))
            settings |= dict(finding.settings)
        profiles[name] = settings
    chosen = next((name for name, one in presets.items() if one.get("Default") is True), None)
    return ImportedPolicy(
        text=finished(_lines(path, root, profiles, chosen or next(iter(presets)))),
        keys=tuple(keys),
        profiles=tuple(profiles),
        roots=(root,),
    )


def _presets(value: Any, path: str) -> Iterator[Preset]:
    """The presets of an export, of HandBrake's own list, or of one preset; folders opened."""
    if isinstance(value, dict) and "PresetList" in value:
        value = value["PresetList"]
    pending = list(value) if isinstance(value, list) else [value]
    count = 0
    while pending:
        one = require_object(pending.pop(0), "a preset", path)
        below = one.get(CHILDREN)
        if isinstance(below, list) and below:
            pending[:0] = below
            continue
        if one.get("Folder") is True:
            continue
        count += 1
        if count > MOST_ENTRIES:
            raise UsageError(f"expected at most {MOST_ENTRIES} presets", where=printable(path))
        yield one


def _named(presets: Iterator[Preset]) -> Iterator[tuple[str, Preset]]:
    taken: set[str] = set()
    for number, one in enumerate(presets, start=1):
        given = one.get("PresetName")
        base = (
            printable(given, limit=80) if isinstance(given, str) and given else f"preset {number}"
        )
        name, more = base, 1
        while name in taken:
            more += 1
            name = f"{base} {more}"
        taken.add(name)
        yield name, one


def _findings(preset: Preset) -> Iterator[tuple[str, object, KeyFinding]]:
    for key, value in preset.items():
        yield key, value, finding_of(key, value, preset)
        if key == "VideoOptionExtra" and isinstance(value, str):
            for name, text, finding in option_findings(value, preset):
                yield f"VideoOptionExtra {name}", text, finding


def _lines(
    path: str, root: str, profiles: Mapping[str, Mapping[str, str]], chosen: str
) -> Iterator[str]:
    yield f"# Written by `av1rules migrate handbrake` from {printable(path)}."
    yield "version: 1"
    yield f"library: {{roots: [{quoted(root)}]}}  # the folder of your films"
    yield "output: {mode: beside}  # `mirror` with a root, or `replace`, once you like the results"
    yield ""
    yield "profiles:"
    for name, settings in profiles.items():
        plain = {key: value for key, value in settings.items() if not key.startswith("params.")}
        params = {
            key.removeprefix("params."): value
            for key, value in settings.items()
            if key.startswith("params.")
        }
        yield f"  {quoted(name)}:"
        yield from (f"    {key}: {value}" for key, value in (plain or {"container": "mkv"}).items())
        if params:
            yield "    params:"
            yield from (f"      {key}: {value}" for key, value in params.items())
    yield ""
    yield "rules:"
    yield "  - name: all"
    yield f"    encode: {{use: {quoted(chosen)}}}"

"""Every command with --json prints one document that says its format, or a stream of events."""

from __future__ import annotations

import json

import click
import pytest

from av1rules.cli.main import cli
from tests.cli.test_commands import av1rules
from tests.sample_library import SampleLibrary

STREAMS = {"run", "clips try"}
"""These print events, one a line."""

DOCUMENTS = {
    "adopt": ("--dry-run",),
    "doctor": (),
    "forecast": ("--check",),
    "health": (),
    "plan": (),
    "originals list": (),
    "status": (),
    "verify": (),
    "clips list": (),
}

NEED_WORK_DONE = {"clips show", "receipt", "undo"}
"""Tested where a clip, a target or an entry of the trash is at hand."""


def commands_with_json(group: click.Group, prefix: str = "") -> set[str]:
    found = set()
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        path = f"{prefix}{name}"
        if isinstance(one, click.Group):
            found |= commands_with_json(one, f"{path} ")
        elif one is not None and any("--json" in option.opts for option in one.params):
            found.add(path)
    return found


def test_all_are_known_here() -> None:
    assert isinstance(cli, click.Group)
    assert commands_with_json(cli) == STREAMS | DOCUMENTS.keys() | NEED_WORK_DONE


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_document_says_its_format(library: SampleLibrary, name: str) -> None:
    arguments = (*name.split(), *DOCUMENTS[name], "--json")
    code = 1 if name == "adopt" else 0  # no output folder yet
    document = json.loads(av1rules(*arguments, cwd=library.folder, code=code).stdout)
    assert document["format"] == 1

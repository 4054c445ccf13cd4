"""All JSON is written by one writer: equal for every parser, and safe on a terminal."""

from __future__ import annotations

import ast
import json
import unicodedata
from pathlib import Path

import msgspec
import pytest

import av1rules
from av1rules.report.json import json_document, json_line
from tests.hostile import forge
from tests.hostile.conftest import av1rules as run_av1rules
from tests.hostile.test_strangers_words import EVIL, control_characters
from tests.output.check import check_output

WRITERS = {"report/json.py"}
"""Modules that users' JSON comes from; below `report`, JSON is for our own files."""

QUOTING = {
    "operations/migrate/outcome.py",  # one value of a foreign file, in a table that escapes it
    "operations/units/stamp.py",  # our own mark in files of services that we write
    "ui/web/stream.py",  # parts of our own page, as HTML that is escaped already
}
"""Modules whose JSON is no document for users."""

SURROGATES = range(0xD800, 0xE000)

NAME = EVIL.replace("/", "").replace("\n", " ") + "\udcff.mkv"


class _Named(msgspec.Struct):
    name: str
    names: dict[str, str]


def _encodes_json(path: Path) -> bool:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    names = {ast.unparse(call.func) for call in calls}
    return bool(names & {"msgspec.json.encode", "json.dumps", "json.dump", "msgspec.json.format"})


def test_one_module_writes_json_for_users() -> None:
    package = Path(av1rules.__file__).parent
    folders = [package / name for name in ("cli", "graph", "operations", "report", "ui")]
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(paths) > 50
    found = {str(path.relative_to(package)) for path in paths if _encodes_json(path)}
    assert found == WRITERS | QUOTING


def test_every_character_survives_and_none_acts() -> None:
    ranges = (
        range(0xD800),
        range(0xE000, 0x11000, 7),
        range(0x1F000, 0x1F700),
        (0xE0001, 0x10FFFF),
    )
    everything = "".join(chr(code) for part in ranges for code in part if code not in SURROGATES)
    document = _Named(name=everything, names={everything: EVIL})
    for text in (json_document(document), json_line({"name": everything, everything: [EVIL]})):
        assert control_characters(text.encode()) == {"\u200c", "\u200d"}  # emoji need joiners
        assert not {c for c in text if unicodedata.category(c) in ("Co", "Cn")}
        assert json.loads(text)["name"] == everything


@pytest.mark.real
@pytest.mark.usefixtures("tools")
def test_commands_print_no_character_that_acts(workdir: Path) -> None:
    (workdir / "films" / NAME).write_bytes(forge.matroska())
    (workdir / "films" / f"bad{NAME}").write_bytes(forge.matroska()[:200])
    commands = (
        ("plan", "--json"), ("run", "--json"), ("verify", "--json"), ("health", "--json"),
        ("adopt", "--json"), ("adopt", "--dry-run", "--json"), ("status", "--json"),
        ("report", "--json"), ("clips", "list", "--json"), ("originals", "list", "--json"),
        ("doctor", "--json"), ("undo", "last", "--json"), ("explain", f"films/{NAME}", "--json"),
        ("retry", "--json"), ("validate", "--json"), ("forecast", "--check", "--json"),
        ("originals", "purge", "--all", "--yes", "--json"),
    )  # fmt: skip
    said = {}
    for command in commands:
        done = run_av1rules(*command, cwd=workdir)
        assert b"Traceback" not in done.stderr
        assert control_characters(done.stdout + done.stderr) == set(), command
        said[command] = done.stdout.decode()
        if said[command]:
            check_output(command, said[command])
    for command in (("plan", "--json"), ("verify", "--json"), ("health", "--json")):
        assert "alert(1)" in json.dumps(json.loads(said[command])), command

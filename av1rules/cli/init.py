"""`av1rules init ROOT`: writes a working rules file and a two-line dodo.py."""

from __future__ import annotations

import os
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.files import write_text
from av1rules.base.text import plural, printable
from av1rules.cli.options import DEFAULT_RULES

RULES = """\
version: 1
library: {{roots: [{root}], min_size: 100MiB}}
output: {{mode: mirror, root: {output}}}
rules:
  - name: clean streaming files stay
    when: {{source_tier: web-dl, video_codec: [hevc, av1, vp9]}}
    skip: already a modern codec
  - name: everything else by its source tier
    encode: {{}}
# For all settings, see rules.example.yaml and docs/rules.md of av1rules.
"""

DODO = """\
from av1rules.graph.dodo import doit_graph
DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
"""


@click.command("init")
@click.argument("root", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the AV1 files go.  [default: ROOT-av1 beside ROOT]",
)
def command(root: Path, output: Path | None) -> None:
    """Write rules.yaml and dodo.py into the current folder, for the library at ROOT.

    Overwrites nothing and encodes nothing.
    """
    if not root.is_dir():
        raise UsageError("the root of the library is not a folder", where=printable(str(root)))
    here = root.resolve()
    if not here.name:
        raise UsageError(
            "the root of the file system can't be a library", hint="name the folder of your films"
        )
    goal = (output or here.with_name(f"{here.name}-av1")).absolute()
    written = _write_all(
        {
            Path(DEFAULT_RULES): RULES.format(root=_quoted(here), output=_quoted(goal)),
            Path("dodo.py"): DODO,
        }
    )
    for path in written:
        click.echo(f"wrote {path}")
    click.echo("next: av1rules plan, then av1rules run (or plain: doit)")


def _write_all(files: dict[Path, str]) -> list[Path]:
    there = [path for path in files if path.exists()]
    if there:
        names = " and ".join(str(path) for path in there)
        verb = plural(len(there), "exists", "exist")
        raise UsageError(
            f"{names} already {verb}; init overwrites nothing",
            hint=f"edit {plural(len(there), 'it', 'them')} instead",
        )
    for path, text in files.items():
        write_text(path, text)
    return list(files)


def _quoted(path: Path) -> str:
    """A path as a double-quoted YAML scalar. Raises UsageError for bytes YAML can't hold."""
    text = os.fspath(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise UsageError(
            "a rules file can't name a folder whose name is not UTF-8",
            where=printable(text),
            hint="name a folder above it, or rename it",
        ) from problem
    escaped = "".join(_escape(character) for character in text)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"

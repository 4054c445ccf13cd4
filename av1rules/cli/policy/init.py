"""`av1rules init ROOT`: writes a working rules file, a first test of it and a two-line dodo.py."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.files import write_text
from av1rules.base.text import plural, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.options import conventions
from av1rules.cli.options import dry_run_option, json_option
from av1rules.policy.find_rules import DEFAULT_RULES
from av1rules.policy.yaml.scalars import quoted
from av1rules.report.documents.setup import InitDocument
from av1rules.report.json import json_document

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

TESTS = """\
# What the rules are to say of films: `av1rules test` checks it, and needs neither films nor FFmpeg.
version: 1
cases:
  - name: a clean streaming file stays as it is
    given: {{path: {streamed}, video_codec: hevc, resolution: 1080p}}
    expect: {{rule: clean streaming files stay, action: skip, source_tier: web-dl}}
  - name: a REMUX is encoded with care, and seen first
    given: {{path: {remux}, video_codec: h264, resolution: 1080p, bitrate: 30Mb/s}}
    expect: {{action: encode, source_tier: remux, settings: {{crf: 18, preset: 3}}, review: each}}
"""

TESTS_NAME = "rules.tests.yaml"

DODO = """\
from av1rules.graph.dodo import doit_graph
DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
"""


@click.command(
    "init",
    epilog=examples(
        ("av1rules init /media/movies", "for the films below that folder"),
        ("av1rules init /media/movies --output /media/av1", "with the AV1 files elsewhere"),
    ),
)
@click.argument("root", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the AV1 files go.  [default: ROOT-av1 beside ROOT]",
)
@dry_run_option("Write nothing; show the rules file.")
@json_option("Print what was written as JSON.")
def command(root: Path, output: Path | None, dry_run: bool, as_json: bool) -> None:  # noqa: FBT001
    """Write rules.yaml, a first test of it and dodo.py into the current folder, for the library
    at ROOT.

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
    files = {
        Path(DEFAULT_RULES): RULES.format(root=_quoted(here), output=_quoted(goal)),
        Path(TESTS_NAME): TESTS.format(
            streamed=_quoted(Path(here.name, "Film.WEB-DL.mkv")),
            remux=_quoted(Path(here.name, "Film.REMUX.mkv")),
        ),
        Path("dodo.py"): DODO,
    }
    _require_none(files)
    if not dry_run:
        for path, text in files.items():
            write_text(path, text)
    if as_json:
        names = tuple(map(str, files))
        document = InitDocument(dry_run=dry_run, written=names, root=str(here), output=str(goal))
        click.echo(json_document(document))
        return
    for path in files:
        conventions().say(f"{'would write' if dry_run else 'wrote'} {path}")
    if dry_run:
        click.echo(f"\n{DEFAULT_RULES}:\n{files[Path(DEFAULT_RULES)]}", nl=False)
    else:
        conventions().say("next: av1rules plan, then av1rules run (or plain: doit)")


def _require_none(files: Iterable[Path]) -> None:
    """Raise UsageError if any of the files is there."""
    there = [path for path in files if path.exists()]
    if there:
        names = " and ".join(str(path) for path in there)
        verb = plural(len(there), "exists", "exist")
        raise UsageError(
            f"{names} already {verb}; init overwrites nothing",
            hint=f"edit {plural(len(there), 'it', 'them')} instead",
        )


def _quoted(path: Path) -> str:
    return quoted(os.fspath(path))

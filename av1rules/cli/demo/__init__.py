"""`av1rules demo`: the whole workflow on a small library."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.demo.walkthrough import walk_through
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import json_option
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.policy.model import ToolsSpec
from av1rules.report.documents.setup import DemoDocument
from av1rules.report.json import json_document


@click.command(
    "demo",
    epilog=examples(
        ("av1rules demo", "in the folder av1rules-demo"),
        ("av1rules demo /tmp/demo", "in another folder"),
    ),
)
@click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("av1rules-demo")
)
@json_option("Print the result as JSON; the steps go to standard error.")
def command(folder: Path, as_json: bool) -> int:  # noqa: FBT001 - click passes flags so
    """Make a small library in FOLDER (default: av1rules-demo), plan it, encode it, change one rule
    and see what is redone. Takes about a minute; the folder stays for you to try things in."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            "the folder is not empty",
            where=printable(str(folder)),
            hint="remove it, or name another: av1rules demo FOLDER",
        )
    spec = ToolsSpec()
    tools = find_tools(
        ffmpeg=spec.ffmpeg,
        ffprobe=spec.ffprobe,
        min_version=spec.min_version,
        self_tests=SELF_TESTS,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        surprises = walk_through(folder, tools)
    if as_json:
        document = DemoDocument(
            ok=not surprises, folder=str(folder.absolute()), unexpected=tuple(surprises)
        )
        click.echo(json_document(document))
    for surprise in surprises:
        click.echo(f"av1rules: unexpected result of the demo: {surprise}", err=True)
    return EXIT_FAILED if surprises else EXIT_DONE

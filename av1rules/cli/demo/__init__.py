"""`av1rules demo`: the whole workflow on a small library."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.demo.walkthrough import walk_through
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.policy.model import ToolsSpec


@click.command("demo")
@click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("av1rules-demo")
)
def command(folder: Path) -> int:
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
    surprises = walk_through(folder, tools)
    for surprise in surprises:
        click.echo(f"av1rules: unexpected result of the demo: {surprise}", err=True)
    return EXIT_FAILED if surprises else EXIT_DONE

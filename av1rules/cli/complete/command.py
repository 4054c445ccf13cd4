"""`av1rules completion SHELL`: prints the script by which a shell completes commands."""

from __future__ import annotations

import click

from av1rules.cli.complete.shells import SHELLS, completion
from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import json_option
from av1rules.report.documents.setup import CompletionDocument
from av1rules.report.json import json_document


@click.command(
    "completion",
    epilog=examples(
        ("av1rules completion bash >> ~/.bashrc", "for bash"),
        ("av1rules completion zsh", "the script for zsh"),
    ),
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@json_option("Print the script as JSON.")
@click.pass_context
def command(ctx: click.Context, shell: str, as_json: bool) -> None:  # noqa: FBT001
    """Print the script that completes commands, options, rules, profiles and films in bash (4.4 or
    later), zsh or fish.

    For bash, add `source <(av1rules completion bash)` to ~/.bashrc. For zsh, add the same with zsh
    to ~/.zshrc, below `compinit`. For fish: av1rules completion fish >
    ~/.config/fish/completions/av1rules.fish
    """
    script = completion(shell, ctx.find_root().command).source()
    if as_json:
        click.echo(json_document(CompletionDocument(shell=shell, script=script)))
    else:
        click.echo(script, nl=False)

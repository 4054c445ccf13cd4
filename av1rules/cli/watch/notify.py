"""`av1rules notify`: a word for the watcher from Sonarr, Radarr and others."""

from __future__ import annotations

import os
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import counted, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.conventions.options import conventions
from av1rules.cli.options import json_option, rules_option
from av1rules.cli.watch.notify_test import test
from av1rules.policy.load import load_rules_cached
from av1rules.report.documents.watch import NotifyDocument
from av1rules.report.json import json_document
from av1rules.service.arr import ArrEvent, arr_event
from av1rules.service.spool import put_word

_BY_HAND = "notify"


class _NotifyGroup(CommandGroup):
    """`notify PATH...` is `notify changed PATH...`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0][:1] != "-" and args[0] not in self.commands and os.sep in args[0]:
            args = ["changed", *args]
        return super().resolve_command(ctx, args)


@click.group(
    "notify",
    cls=_NotifyGroup,
    invoke_without_command=True,
    epilog=examples(
        ("av1rules notify", "what Sonarr or Radarr say in the environment"),
        ("av1rules notify changed /media/movies/Heat.mkv", "from any other program"),
    ),
)
@rules_option
@json_option("Print what the watcher was told as JSON.")
@click.pass_context
def command(ctx: click.Context, rules_file: Path, as_json: bool) -> None:  # noqa: FBT001
    """Tell the watcher that files changed; it looks within seconds, or when it is started.

    Alone it is the custom script of Sonarr and Radarr (Settings, Connect): it reads what they say
    in the environment, and is well with their test. The path of the rules file is in AV1RULES_FILE,
    or in a script of one line: `exec av1rules -f RULES notify`.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = arr_event(os.environ)
    if found is None:
        raise UsageError(
            "neither Sonarr nor Radarr started this: there is no Sonarr_EventType in the "
            "environment",
            hint="other programs name the files: av1rules notify changed PATH...",
        )
    _tell(rules_file, found, as_json=as_json)


@command.command(
    "changed",
    epilog=examples(
        ("av1rules notify changed /media/movies/Heat.mkv", "a new or other film"),
        ("av1rules notify changed --deleted /media/movies/Old.mkv", "one that is gone"),
    ),
)
@rules_option
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--deleted", is_flag=True, help="The files are gone.")
@json_option("Print what the watcher was told as JSON.")
def changed(
    rules_file: Path,
    paths: tuple[str, ...],
    deleted: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> None:
    """Tell the watcher of files or folders by their PATHs. They need not be there."""
    there = tuple(os.path.abspath(path) for path in paths)
    event = ArrEvent(
        sender=_BY_HAND,
        event="deleted" if deleted else "changed",
        changed=() if deleted else there,
        deleted=there if deleted else (),
    )
    _tell(rules_file, event, as_json=as_json)


def _tell(rules_file: Path, event: ArrEvent, *, as_json: bool) -> None:
    """A test and what is not about files leave no word. Raises RulesError, UsageError."""
    ruleset = load_rules_cached(rules_file)
    spool = ruleset.watch.spool_in(ruleset.run.state_dir)
    word = None
    if event.is_about_files and not event.is_test:
        word = put_word(
            spool,
            sender=event.sender,
            event=event.event,
            changed=event.changed,
            deleted=event.deleted,
        )
    if as_json:
        document = NotifyDocument(
            sender=event.sender,
            event=event.event,
            changed=event.changed,
            deleted=event.deleted,
            word=None if word is None else str(word),
        )
        click.echo(json_document(document))
        return
    sender, name = printable(event.sender), printable(event.event)
    if word is None:
        conventions().say(f"{sender}: {name}: nothing to tell the watcher")
    else:
        files = counted(len(event.changed) + len(event.deleted), "file")
        conventions().say(f"{sender}: {name}: the watcher is told of {files}")


command.add_command(test)

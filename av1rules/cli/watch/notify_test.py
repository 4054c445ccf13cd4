"""`av1rules notify test`: tries the neighbours of the rules file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import counted, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import json_option, rules_option
from av1rules.ledger.ledger import Ledger
from av1rules.policy.load import load_rules
from av1rules.policy.model import OutputMode, RuleSet
from av1rules.report.documents.neighbours import (
    CheckedFolder,
    CheckedNeighbour,
    NotifyTestDocument,
)
from av1rules.report.json import json_document


@click.command(
    "test",
    epilog=examples(
        ("av1rules notify test", "all neighbours of the rules file"),
        ("av1rules notify test --send phone", "one of them, with a message"),
    ),
)
@rules_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--send", is_flag=True, help="Send webhooks, programs and chats a test message.")
@json_option("Print the outcome as JSON.")
def test(
    rules_file: Path,
    names: tuple[str, ...],
    send: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> int:
    """Try the neighbours NAMEd, or all: does it answer, is the key right, does it know our folders?

    Servers are only asked. Nothing of the library is told, and nothing is changed there.
    """
    ruleset = load_rules(rules_file)
    known = {one.name: one for one in ruleset.neighbours}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            f"no neighbour is called {printable(unknown[0])}",
            hint=f"there is {', '.join(known)}" if known else "the rules file has none",
        )
    # HTTP takes its time to import.
    from av1rules.integrations.check import check_neighbour  # noqa: PLC0415

    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        waiting = {one.neighbour: one.waiting for one in ledger.outbox.backlogs()}
    found = []
    for name in names or known:
        result = check_neighbour(known[name], _folders(ruleset), sends=send)
        found.append(
            CheckedNeighbour(
                name=result.name,
                type=result.kind,
                said=result.said,
                problem=result.problem,
                hint=result.hint,
                folders=tuple(
                    CheckedFolder(ours=one.ours, theirs=one.theirs, is_known=one.is_known)
                    for one in result.folders
                ),
                waiting=waiting.get(name, 0),
            )
        )
        if not as_json:
            click.echo("\n".join(_lines(found[-1])))
    if as_json:
        click.echo(json_document(NotifyTestDocument(neighbours=tuple(found))))
    elif not found:
        click.echo("the rules file has no neighbours (docs/neighbours.md has examples)")
    return EXIT_FAILED if any(one.problem for one in found) else EXIT_DONE


def _folders(ruleset: RuleSet) -> tuple[str, ...]:
    """Where targets are, or may be."""
    output = ruleset.output
    if output.mode is OutputMode.MIRROR and output.root is not None:
        return (str(output.root),)
    return tuple(ruleset.library.root_paths.values())


def _lines(one: CheckedNeighbour) -> Iterator[str]:
    """One neighbour, for people."""
    outcome = one.said or "well" if one.problem is None else one.problem
    yield f"{'ok' if one.problem is None else 'FAILED'}  {one.name} ({one.type.value}): {outcome}"
    if one.hint is not None:
        yield f"    hint: {one.hint}"
    for folder in one.folders:
        known = "known there" if folder.is_known else "not known there"
        yield f"    {printable(folder.ours)} is {printable(folder.theirs)}: {known}"
    if one.waiting:
        yield f"    {counted(one.waiting, 'event')} it was not told yet"

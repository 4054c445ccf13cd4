"""`av1rules receipt NAME`: the conversion report of a target, as in the predecessor."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import name_argument, one_wanted_name
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import receipt_text
from av1rules.operations.find_receipt import find_receipt
from av1rules.policy.load import load_rules
from av1rules.report.documents.receipt import receipt_document
from av1rules.report.json import json_document
from av1rules.report.view import fit


@click.command(
    "receipt",
    epilog=examples(
        ("av1rules receipt movies/Short.mkv", "how a target was made"),
        ("av1rules receipt movies/Short.mkv --json", "the same for programs"),
    ),
)
@rules_option
@name_argument
@json_option("Print the receipt as JSON.")
@screen_options
def command(rules_file: Path, name: str, as_json: bool, screen: Screen) -> None:  # noqa: FBT001
    """Show how a film, NAMEd by its target or its source, was converted: run, source, tier and
    reasons, settings, command, sizes, verification, scores and the last lines of FFmpeg.

    `av1rules report` covers the whole library; `receipts: text` under `output` in the rules writes
    this report beside each target.
    """
    wanted = one_wanted_name(name)
    with closing(Ledger.read(load_rules(rules_file).run.state_dir)) as ledger:
        receipt = find_receipt(ledger, wanted)
    if receipt is None:
        raise UsageError(
            "the ledger has no receipt for this film",
            where=printable(name),
            hint="it was adopted without one; `av1rules explain` shows its settings of today",
        )
    if as_json:
        click.echo(json_document(receipt_document(receipt)))
    else:
        screen.show(fit(receipt_text(receipt).splitlines(), screen.view))

"""`av1rules receipt FILE`: the conversion report of a target, as in the predecessor."""

from __future__ import annotations

import os
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable, printable_json
from av1rules.cli.options import absolute_paths, rules_option
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import parse_receipt, receipt_text
from av1rules.policy.load import load_rules


@click.command("receipt")
@rules_option
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def command(rules_file: Path, file: str, as_json: bool) -> None:  # noqa: FBT001
    """Show how FILE, a target or its source, was converted: run, source, tier and reasons,
    settings, command, sizes, verification, scores and the last lines of FFmpeg.

    `av1rules report` covers the whole library; `receipts: text` under `output` in the rules writes
    this report beside each target.
    """
    (real,) = absolute_paths((file,))
    ledger = Ledger.read(load_rules(rules_file).run.state_dir)
    try:
        # output.root may be a link: the ledger has the target's path as in the rules.
        stored = ledger.receipt(os.path.abspath(file)) or ledger.receipt(real)
        if stored is None:
            made = ledger.made_from(real)
            stored = next(filter(None, map(ledger.receipt, made)), None)
    finally:
        ledger.close()
    if stored is None:
        raise UsageError(
            "the ledger has no receipt for this file",
            where=printable(file),
            hint="name a target that av1rules made with this rules file, or its source",
        )
    text = printable_json(stored.decode()) if as_json else receipt_text(parse_receipt(stored))
    click.echo(text, nl=as_json)

"""`av1rules encode FILE`: one film, without a rules file."""

from __future__ import annotations

import shlex

import click

from av1rules.approvals.adjust import parsed_settings, split_settings
from av1rules.base.events import Outcome, ignore
from av1rules.base.signals import stop_on_signals
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.options import Screen, dry_run_option, json_option, screen_options
from av1rules.cli.progress import event_sink
from av1rules.execute.startup import start_session
from av1rules.ledger.receipt import receipt_text
from av1rules.operations.one_film import (
    FilmOutcome,
    FilmRequest,
    encode_film,
    film_request,
    film_workspace,
    plan_film,
)
from av1rules.plan.explain import Explanation, explain_item
from av1rules.plan.items import PlanItem
from av1rules.policy.fingerprint import NAMES
from av1rules.policy.model import ReceiptForm
from av1rules.policy.settings import Loss
from av1rules.report.documents.explain import explain_json
from av1rules.report.explain import explain_lines

_PRINTED = "print"

_ALLOWED = tuple(name for name in NAMES if name != "force")
"""What --set takes: a film that is named is encoded whatever its codec."""


@click.command(
    "encode",
    epilog=examples(
        ("av1rules encode movies/Film.mkv -n", "settings and command, nothing is encoded"),
        ("av1rules encode movies/Film.mkv -o one.mkv", "by the source's tier"),
        ("av1rules encode movies/Film.mkv -o two.mkv --set crf=24,preset=8", "other settings"),
    ),
)
@click.argument("file", type=click.Path())
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE[,...]",
    help="A setting as in a rule's encode: crf=24, 'audio={keep: [en]}'.",
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=click.Choice([loss.value for loss in Loss]),
    metavar="LOSS",
    help="A loss to accept, such as hdr10plus; the film is held for any other.",
)
@click.option("-o", "--output", metavar="OUT", help="The target: a file (.mkv, .mp4) or a folder.")
@click.option("--force", is_flag=True, help="Overwrite a file at the target's path.")
@click.option(
    "--receipt",
    type=click.Choice([_PRINTED, *(form.value for form in ReceiptForm)]),
    default=_PRINTED,
    show_default=True,
    help="Where the receipt goes: to the screen, or beside the target.",
)
@dry_run_option("Show settings and command; encode nothing.")
@json_option("Print events as JSON, one per line; with -n what `explain` prints.")
@screen_options
def command(
    file: str,
    sets: tuple[str, ...],
    accepted: tuple[str, ...],
    output: str | None,
    force: bool,  # noqa: FBT001 - click passes flags so
    receipt: str,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Encode one film without a rules file: settings by its source tier, as `encode: {}` gives,
    verified like every target. It goes beside FILE as NAME.av1.mkv.

    Nothing is overwritten without --force, and never the source. Nothing stays behind but the
    target; after a kill the same command repairs what was left.
    """
    words = [word for text in sets for word in split_settings(text)]
    changes = parsed_settings(words, _ALLOWED) if words else {}
    if accepted:
        asked = changes.get("accept", frozenset())
        assert isinstance(asked, frozenset)
        changes["accept"] = asked | {Loss(word) for word in accepted}
    form = ReceiptForm.NONE if receipt == _PRINTED else ReceiptForm(receipt)
    request = film_request(file, output, changes, receipts=form, overwrites=force)
    if dry_run:
        return _show(request, screen, as_json=as_json)
    with (
        film_workspace(request) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children, as_json=as_json) as sink,
        start_session(workspace, sink) as session,
    ):
        done = encode_film(session, request)
        interrupted = workspace.children.is_stopping
    if done.receipt is not None and receipt == _PRINTED and not as_json:
        conventions().say(receipt_text(done.receipt).rstrip("\n"))
    if interrupted:
        return EXIT_INTERRUPTED
    if done.outcome is None and not done.is_done:
        _say_why(done, file)
    if done.outcome is Outcome.DISCARDED:
        click.echo("to keep a larger one: --set max_size_ratio=2", err=True)
    return EXIT_DONE if done.is_done else EXIT_FAILED


def _show(request: FilmRequest, screen: Screen, *, as_json: bool) -> int:
    with film_workspace(request) as workspace:
        item, evaluation = plan_film(workspace, request, ignore)
        if evaluation is None:
            explanation = Explanation(row=item)
        else:
            explanation = explain_item(workspace, item, evaluation)
    if as_json:
        click.echo(explain_json(explanation))
    else:
        screen.show(explain_lines(explanation, screen.view))
    return EXIT_DONE


def _say_why(done: FilmOutcome, file: str) -> None:
    item: PlanItem = done.item
    click.echo(f"{item.action.value}: {printable(item.file.path)}", err=True)
    for cause in item.causes:
        click.echo(f"  {printable(cause)}", err=True)
    if done.acceptable:
        words = " ".join(f"--accept {word}" for word in done.acceptable)
        line = f"av1rules encode {words} {printable(shlex.quote(file))}"
        click.echo(f"to encode it all the same: {line}", err=True)

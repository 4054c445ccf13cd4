"""`av1rules report`: work done, savings and failures."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

import click

from av1rules.approvals.file import approvals_path
from av1rules.base.errors import UsageError
from av1rules.base.files import publish, temp_name
from av1rules.base.signals import stop_on_signals
from av1rules.base.text import printable
from av1rules.base.units import UnitError, parse_duration
from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import Screen, rules_option, screen_options
from av1rules.execute.resources.run_lock import is_run_active
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.history import encodes_since, read_outcomes, time_text
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.report.aggregate import report_figures
from av1rules.report.documents.report import report_json
from av1rules.report.model import Figures
from av1rules.report.render import report_csv, report_markdown, report_text
from av1rules.report.skipped import Skipped, skipped_of
from av1rules.report.view import PLAIN, View
from av1rules.ui.sinks import counter_sink


class Form(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


_FORM_OF_SUFFIX = {
    ".txt": Form.TEXT,
    ".md": Form.MARKDOWN,
    ".markdown": Form.MARKDOWN,
    ".csv": Form.CSV,
    ".json": Form.JSON,
    ".html": Form.HTML,
    ".htm": Form.HTML,
}


@click.command(
    "report",
    epilog=examples(
        ("av1rules report", "on the terminal"),
        ("av1rules report -o report.html", "as a page"),
        ("av1rules report --since 30d --format markdown", "the last month, as Markdown"),
    ),
)
@rules_option
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    help="The format. Default: by the suffix of FILE, else text.",
)
@click.option("--json", "form", flag_value=Form.JSON.value, help="The same as --format json.")
@click.option(
    "-o", "--output", type=click.Path(), metavar="FILE", help="Write to FILE, not to the terminal."
)
@click.option("--since", metavar="WHEN", help="Only work since then: 30d, 12h or 2026-01-31.")
@click.option(
    "--plan",
    "with_plan",
    is_flag=True,
    help="Also scan the library: what a plan would skip, hold or leave alone, and why.",
)
@screen_options
def command(
    rules_file: Path,
    form: str | None,
    output: str | None,
    since: str | None,
    with_plan: bool,  # noqa: FBT001 - click passes flags so
    screen: Screen,
) -> None:
    """Report work done, savings, times, quality, forecasts beside actual results, and failures
    with their reasons, by day, rule and source tier.

    As text, Markdown, JSON, CSV with one line per file, or one HTML page that needs no network.
    Reads only the ledger, unless --plan is given; changes nothing. For a single target use
    `av1rules receipt TARGET`.
    """
    goal = None if output is None else Path(os.path.realpath(output))
    chosen = Form(form) if form else Form.TEXT if goal is None else _form_of(goal)
    if goal is not None:
        _require_report(goal, chosen)
    now = datetime.now(UTC)
    start = None if since is None else parse_since(since, now)
    skipped = _skipped(rules_file) if with_plan else None
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        view = screen.view if goal is None else PLAIN
        parts = _written(chosen, ledger, ruleset, since=start, now=now, skipped=skipped, view=view)
        if goal is None and chosen is Form.TEXT:
            screen.show(line for part in parts for line in part.splitlines())
        elif goal is None:
            for part in parts:
                click.echo(part, nl=False)
        else:
            _write(goal, parts)


def _skipped(rules_file: Path) -> tuple[Skipped, ...]:
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        counter_sink(sys.stderr) as sink,
    ):
        return skipped_of(decided_plan(workspace, sink=sink).rows)


def parse_since(text: str, now: datetime) -> datetime:
    """A date (its midnight here) or how long ago, as a time in UTC. Raises UsageError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return _in_utc(datetime.combine(day, time()), text)
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (UnitError, OverflowError) as problem:
        raise _no_time(text) from problem


def _in_utc(local: datetime, text: str) -> datetime:
    try:
        return local.astimezone(UTC)
    except (OverflowError, ValueError, OSError) as problem:  # out of range in another time zone
        raise _no_time(text) from problem


def _no_time(text: str) -> UsageError:
    return UsageError(
        f"expected a date or how long ago, found {printable(text)!r}",
        where="--since",
        hint="such as 30d, 12h, 2w or 2026-01-31",
    )


def _form_of(goal: Path) -> Form:
    """The format that the name of a file asks for. Raises UsageError."""
    form = _FORM_OF_SUFFIX.get(goal.suffix.lower())
    if form is None:
        raise UsageError(
            "this is not a file name for a report",
            where=printable(str(goal)),
            hint=f"use a name that ends with one of {', '.join(_FORM_OF_SUFFIX)}, or give --format",
        )
    return form


def _require_report(goal: Path, form: Form) -> None:
    """Raise UsageError for a name that says another format than `form`, and for a file that may be
    no report: a mistyped path must not overwrite a video. Text may hold any format but HTML."""
    where, suffix = printable(str(goal)), goal.suffix.lower()
    named = _FORM_OF_SUFFIX.get(suffix)
    if goal.is_dir() or suffix.removeprefix(".") in VIDEO_EXTENSIONS:
        raise UsageError("this is not a file name for a report", where=where, hint="name a file")
    if named is None and goal.exists():
        raise UsageError(
            "this file exists, and its name is not that of a report",
            where=where,
            hint="use another name, or remove the file first",
        )
    is_other = named not in (None, form) and (named is not Form.TEXT or form is Form.HTML)
    if is_other:
        raise UsageError(
            f"the format is {form.value}, but the name ends with {suffix}",
            where=where,
            hint=f"leave out --format {form.value}, or use another name",
        )


def _written(
    form: Form,
    ledger: Ledger,
    ruleset: RuleSet,
    *,
    since: datetime | None,
    now: datetime,
    skipped: tuple[Skipped, ...] | None,
    view: View,
) -> Iterable[str]:
    """The report in parts, to be written in sequence."""
    if form is Form.CSV:
        outcomes = read_outcomes(ledger, since, is_active=is_run_active(ruleset.run.state_dir))
        made = encodes_since(ledger, since)
        clips = clip_statuses(ledger, approvals_path(ruleset.file), since=time_text(since))
        medians = ledger.forecasts.latest_medians()
        return report_csv(made, outcomes, clips=clips, forecasts=medians)
    figures = report_figures(ledger, ruleset, at=now, since=since, skipped=skipped)
    return (_document(form, figures, view),)


def _document(form: Form, figures: Figures, view: View) -> str:
    if form is Form.TEXT:
        return report_text(figures, view)
    if form is Form.HTML:
        return _html(figures)
    write = {Form.JSON: report_json, Form.MARKDOWN: report_markdown}
    return write[form](figures)


def _html(figures: Figures) -> str:
    try:
        # Slow to import, and from an optional extra.
        from av1rules.report.render_html import report_html  # noqa: PLC0415
    except ModuleNotFoundError as problem:
        if problem.name not in ("jinja2", "pygal"):
            raise
        raise UsageError(
            f"the HTML page needs {problem.name}, which is not installed",
            hint="pip install 'av1rules[report]', or choose another --format",
        ) from problem
    return report_html(figures)


def _write(goal: Path, parts: Iterable[str]) -> None:
    """Write atomically. Raises UsageError if the file can't be written."""
    temp = temp_name(goal)
    try:
        with open(temp, "x", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        publish(temp, goal)
    except OSError as problem:
        raise UsageError(
            f"the report could not be written: {problem.strerror}", where=printable(str(goal))
        ) from problem
    finally:
        temp.unlink(missing_ok=True)

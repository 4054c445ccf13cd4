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
from av1rules.cli.options import rules_option
from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.history import encodes_since, read_outcomes, time_text
from av1rules.ledger.ledger import Ledger
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.report.aggregate import aggregate
from av1rules.report.model import Figures
from av1rules.report.render import report_csv, report_json, report_markdown, report_text
from av1rules.report.skipped import Skipped, skipped_of
from av1rules.ui.sinks import counter_sink

CHECKED_FORECASTS = 2000
"""Only the newest: forecasts of an old model say nothing about the next plan."""


class Form(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


_FORM_OF_SUFFIX = {
    ".txt": Form.TEXT,
    ".md": Form.MARKDOWN,
    ".csv": Form.CSV,
    ".json": Form.JSON,
    ".html": Form.HTML,
    ".htm": Form.HTML,
}


@click.command("report")
@rules_option
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    help="The format. Default: by the suffix of FILE, else text.",
)
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
def command(
    rules_file: Path,
    form: str | None,
    output: str | None,
    since: str | None,
    with_plan: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Report work done, savings, times, quality, forecasts beside actual results, and failures
    with their reasons, by day, rule and source tier.

    As text, Markdown, JSON, CSV with one line per file, or one HTML page that needs no network.
    Reads only the ledger, unless --plan is given; changes nothing. For a single target use
    `av1rules receipt TARGET`.
    """
    goal = None if output is None else _goal(output)
    chosen = Form(form) if form else _FORM_OF_SUFFIX[goal.suffix.lower()] if goal else Form.TEXT
    now = datetime.now(UTC)
    start = None if since is None else parse_since(since, now)
    skipped = _skipped(rules_file) if with_plan else None
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        parts = _written(chosen, ledger, ruleset, since=start, now=now, skipped=skipped)
        if goal is None:
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
        return skipped_of(build_plan(workspace, sink=sink).rows)


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


def _goal(output: str) -> Path:
    """Where to write. Raises UsageError unless it is named like a report: a mistyped
    path must not overwrite a video."""
    goal = Path(os.path.realpath(output))
    if goal.suffix.lower() not in _FORM_OF_SUFFIX or goal.is_dir():
        raise UsageError(
            "this is not a file name for a report",
            where=printable(output),
            hint=f"use a name that ends with one of {', '.join(_FORM_OF_SUFFIX)}",
        )
    return goal


def _written(
    form: Form,
    ledger: Ledger,
    ruleset: RuleSet,
    *,
    since: datetime | None,
    now: datetime,
    skipped: tuple[Skipped, ...] | None,
) -> Iterable[str]:
    """The report in parts, to be written in sequence."""
    outcomes = read_outcomes(ledger, since)
    made = encodes_since(ledger, since)
    clips = clip_statuses(ledger, approvals_path(ruleset.file), since=time_text(since))
    forecasts = ledger.forecasts
    if form is Form.CSV:
        return report_csv(made, outcomes, clips=clips, forecasts=forecasts.latest_medians())
    figures = aggregate(
        made,
        outcomes,
        at=now,
        since=since,
        ledger=str(ruleset.run.state_dir / LEDGER_NAME),
        max_failures=ruleset.run.max_failures,
        clips=clips,
        past=forecasts.newest(CHECKED_FORECASTS, since=time_text(since)),
        skipped=skipped,
    )
    return (_document(form, figures),)


def _document(form: Form, figures: Figures) -> str:
    if form is Form.HTML:
        return _html(figures)
    write = {Form.JSON: report_json, Form.MARKDOWN: report_markdown, Form.TEXT: report_text}
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

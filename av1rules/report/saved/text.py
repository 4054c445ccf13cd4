"""Saved plans in words: where one comes from, what of it is outdated."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from av1rules.base.text import counted, plural, printable
from av1rules.plan.saved.origin import PlanOrigin
from av1rules.plan.saved.rows import OutdatedCause, OutdatedRow
from av1rules.report.format import shown_time

if TYPE_CHECKING:  # all that plans: `show` does not
    from av1rules.plan.saved.recheck import Recheck

_REVISION_LENGTH = 12


def origin_lines(origin: PlanOrigin | UnsetType) -> Iterator[str]:
    """When a plan was saved, by which rules."""
    if origin is UNSET:
        return
    rules = origin.rules
    git = ""
    if rules.git_revision is not None:
        changed = "" if rules.git_is_clean else ", changed since"
        git = f" (git {printable(rules.git_revision[:_REVISION_LENGTH])}{changed})"
    yield (
        f"Saved {_time(origin)} by av1rules {printable(origin.version)}, "
        f"rules {printable(rules.file)}{git}"
    )


def outdated_line(row: OutdatedRow) -> str:
    """One row that is left out, and why."""
    return f"{printable(row.library_path)}: {outdated_reason(row)}"


def outdated_reason(row: OutdatedRow) -> str:
    """Why a row is left out."""
    if row.detail is None:
        return row.cause.value
    if row.cause is OutdatedCause.DECIDED_OTHERWISE:
        return printable(row.detail)
    return f"{row.cause.value}: {printable(row.detail)}"


def recheck_line(checked: Recheck, origin: PlanOrigin | UnsetType) -> str | None:
    """How many rows don't hold any more, by cause; None if all do."""
    if not checked.outdated:
        return None
    since = "the plan was saved" if origin is UNSET else _time(origin)
    counts = Counter(row.cause for row in checked.outdated)
    causes = ", ".join(f"{cause.value} {counts[cause]}" for cause in OutdatedCause if counts[cause])
    rows = counted(checked.count, "row")
    verb = plural(len(checked.outdated), "is", "are")
    return f"{len(checked.outdated)} of {rows} {verb} outdated since {since}: {causes}"


def done_lines(checked: Recheck) -> Iterator[str]:
    """What was done since the plan was saved."""
    if checked.done:
        rows = counted(len(checked.done), "row")
        yield f"{rows} {plural(len(checked.done), 'was', 'were')} done already"
    for row in checked.done:
        if row.result is not None:
            yield f"{printable(row.library_path)}: {printable(row.result)}"


def refusal(checked: Recheck, origin: PlanOrigin | UnsetType) -> str:
    """What --strict says: the summary, then every row."""
    lines = [recheck_line(checked, origin) or ""]
    lines += [f"  {outdated_line(row)}" for row in checked.outdated]
    return "\n".join(lines)


def saved_line(path: str, *, can_run: bool) -> str:
    """What `plan -o` says at its end."""
    then = f"; `av1rules run {shlex.quote(path)}` does exactly its rows" if can_run else ""
    return f"saved in {printable(path)}{printable(then)}"


def _time(origin: PlanOrigin) -> str:
    try:
        return shown_time(origin.at)
    except ValueError:  # not written by this program
        return printable(origin.at)


def unlike_rules(origin: PlanOrigin | UnsetType, rules_file: str) -> str | None:
    """That a plan was made by another rules file than the one that was found; None if not."""
    if origin is UNSET or origin.rules.file == rules_file:
        return None
    return f"it was made by {printable(origin.rules.file)}, and the rules here are {rules_file}"


def measured_line(count: int) -> str:
    """What becomes of rows that were only to be measured."""
    films, verb = counted(count, "film"), plural(count, "was", "were")
    them = plural(count, "it", "them")
    return f"{films} {verb} measured: `av1rules plan` says what becomes of {them}"


def next_step(path: str) -> str:
    """What follows a saved plan."""
    return f"next: av1rules run {shlex.quote(printable(path))}"

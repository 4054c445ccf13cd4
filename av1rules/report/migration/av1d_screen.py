"""A migration from av1d on the screen: what was read and written, and what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av1rules.base.text import counted, printable
from av1rules.operations.migrate.av1d.carry import JobFate, counts_of
from av1rules.operations.migrate.av1d.prepare import Av1dPlan
from av1rules.operations.migrate.av1d.state import StateOutcome
from av1rules.operations.migrate.files import FileState
from av1rules.report.migration.av1d_markdown import MIGRATION_NAME
from av1rules.report.migration.keys import fates_text, keys_section, unknown_line
from av1rules.report.migration.tables import (
    JOB_COLUMNS,
    ORIGINAL_COLUMNS,
    MigratedPolicy,
    originals_note,
)
from av1rules.report.table import table_of
from av1rules.report.table_text import section_lines, table_lines
from av1rules.report.view import PLAIN, View, fit


def migration_lines(
    plan: Av1dPlan, policies: Sequence[MigratedPolicy], *, is_dry: bool, view: View = PLAIN
) -> Iterator[str]:
    """What was read, what was written, and what to look at."""
    for one in plan.configs:
        head = (
            f"{printable(one.config.file)} ({one.config.form.value} form): {fates_text(one.keys)}"
        )
        yield from fit([head], view)
        if (unknown := unknown_line(one.keys)) is not None:
            yield from fit([f"  {unknown}"], view)
    for unit in plan.units:
        yield from fit([f"{printable(unit.unit.name)}: {fates_text(unit.lines)}"], view)
    if is_dry:  # otherwise MIGRATION.md has them
        yield from _key_tables(plan, view)
    for policy in policies:
        yield ""
        yield from _policy_lines(policy, is_dry=is_dry, view=view)
    if plan.overlaps:
        roots = ", ".join(plan.overlaps)
        yield from fit([f"warning: more than one policy has these roots: {roots}"], view)
    if plan.strays:
        films = counted(len(plan.strays), "job")
        yield from fit([f"{films} of films in none of the roots"], view)
    yield ""
    yield from fit([_closing(policies, is_dry=is_dry)], view)


def _key_tables(plan: Av1dPlan, view: View) -> Iterator[str]:
    for one in plan.configs:
        yield ""
        title = f"Keys of {printable(one.config.file)}"
        yield from section_lines(keys_section(title, one.keys), view)
    for unit in plan.units:
        yield ""
        title = f"Lines of {printable(unit.unit.name)}"
        yield from section_lines(keys_section(title, unit.lines), view)


def _policy_lines(policy: MigratedPolicy, *, is_dry: bool, view: View) -> Iterator[str]:
    for file in policy.files:
        verb = {
            FileState.WRITTEN: "would write" if is_dry else "wrote",
            FileState.UNCHANGED: "unchanged:",
            FileState.KEPT: "kept, as it has another text:",
        }[file.state]
        yield f"{verb} {printable(file.path)}"
    state, finds = policy.state, policy.plan.finds
    yield from fit(_found_lines(finds.problems, state), view)
    listed = [one for one in state.jobs if one.is_new or one.fate is JobFate.NOT_CARRIED]
    if listed:
        yield ""
        yield from table_lines(table_of(JOB_COLUMNS, listed, limit=20, rest="MIGRATION.md"), view)
    if state.originals:
        yield ""
        table = table_of(ORIGINAL_COLUMNS, state.originals, limit=20, rest="MIGRATION.md")
        yield from table_lines(table, view)
        yield from fit([originals_note(state.originals)], view)
    if finds.marked:
        gate = sum(one.by_size_gate for one in finds.marked)
        by = f"{gate} by the size gate, {len(finds.marked) - gate} by hand"
        yield from fit([f"{counted(len(finds.marked), 'film')} marked with .av1skip: {by}"], view)
    if finds.unfinished:
        results = counted(len(finds.unfinished), "unfinished result")
        yield from fit([f"{results} of av1d: listed, not deleted"], view)


def _found_lines(problems: Sequence[str], state: StateOutcome) -> list[str]:
    lines = [f"warning: {problem}" for problem in problems]
    if state.problem is not None:
        lines.append(f"jobs and originals were not looked at: {state.problem}")
    if state.jobs:
        counts = ", ".join(f"{count} {fate.value}" for fate, count in counts_of(state.jobs))
        lines.append(f"{counted(len(state.jobs), 'job')}: {counts}")
    return lines


def _closing(policies: Sequence[MigratedPolicy], *, is_dry: bool) -> str:
    has_files = any(file.state is FileState.WRITTEN for policy in policies for file in policy.files)
    changes = sum(policy.state.changes for policy in policies)
    if is_dry:
        return "nothing was written"
    if not has_files and not changes:
        return "nothing has changed since the last migration"
    ledger = f"; the ledger has {counted(changes, 'outcome')} more" if changes else ""
    return (
        f"next: read {MIGRATION_NAME}, then av1rules plan -f {policies[0].plan.rules_file}{ledger}"
    )

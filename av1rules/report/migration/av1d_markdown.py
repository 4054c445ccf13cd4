"""MIGRATION.md: what became of every key, job and file of av1d, and what comes next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from av1rules.base.text import counted, plural, printable
from av1rules.operations.migrate.av1d.carry import JobFate, counts_of
from av1rules.operations.migrate.av1d.config import ConfigForm
from av1rules.operations.migrate.av1d.prepare import Av1dPlan, PolicyPlan
from av1rules.report.markdown import escape_markdown, section_markdown, table_markdown
from av1rules.report.migration.keys import fates_text, keys_section
from av1rules.report.migration.tables import (
    JOB_COLUMNS,
    MARKED_COLUMNS,
    ORIGINAL_COLUMNS,
    MigratedPolicy,
    originals_note,
)
from av1rules.report.table import Column, Table, table_of

MIGRATION_NAME = "MIGRATION.md"

_MOST_ROWS = 200
"""Rows of a list: JSON has all."""

_Item = TypeVar("_Item")


def migration_markdown(plan: Av1dPlan, policies: Sequence[MigratedPolicy]) -> str:
    """The whole file."""
    parts = ["# From av1d", _intro(plan, policies), *_next_steps(policies), *_differences(plan)]
    for one in plan.configs:
        title = f"Keys of {printable(one.config.file)} ({one.config.form.value} form)"
        parts.append(section_markdown(keys_section(title, one.keys)))
    for unit in plan.units:
        title = f"Lines of {printable(unit.unit.name)}"
        files = ", ".join(map(printable, unit.unit.files))
        note = f"For {printable(unit.config)}; read from {files}. {fates_text(unit.lines)}"
        parts.append(section_markdown(keys_section(title, unit.lines, note)))
    for policy in policies:
        parts += _state_parts(policy, heading=len(policies) > 1)
    parts += _leftovers(plan)
    return "\n\n".join(parts) + "\n"


def _intro(plan: Av1dPlan, policies: Sequence[MigratedPolicy]) -> str:
    where = ", ".join(f"`{policy.plan.rules_file}`" for policy in policies)
    configs = counted(len(plan.configs), "configuration")
    if len(policies) == 1:
        made = f"{configs} became one policy: {where}."
    else:
        made = (
            f"{configs} became {len(policies)} policies, because their values differ: {where}. "
            "Configurations that agree in all but their roots share one."
        )
    return f"{made} Each rules file says where its values come from. No film was changed."


_STOP = """\
Stop av1d first (`systemctl disable --now av1d`): two programs must not work on one library."""

_BACK = """\
To go back: `av1rules undo RUN` puts the originals of a run in their places, byte for byte, as \
long as they are in the trash; `systemctl disable --now` stops the timer. docs/from-av1d.md has \
the way back step by step."""


def _next_steps(policies: Sequence[MigratedPolicy]) -> Iterator[str]:
    yield "## Next"
    yield _STOP
    for policy in policies:
        file = f"-f {shlex.quote(policy.plan.rules_file)}"
        folder = shlex.quote(policy.plan.folder)
        unit = next(name for name, _ in policy.plan.files if name.endswith(".timer"))
        lines = (
            f"av1rules validate {file}",
            f"av1rules test {file}",
            f"av1rules plan {file}",
            f"av1rules run {file}",
            *_ownership(policy.plan, folder),
            f"sudo cp {folder}/{unit.removesuffix('.timer')}.* /etc/systemd/system/",
            f"sudo systemctl enable --now {unit}",
        )
        yield "```sh\n" + "\n".join(lines) + "\n```"
    yield _BACK


def _ownership(plan: PolicyPlan, folder: str) -> Iterator[str]:
    """The unit's user writes the ledger, which belongs to whoever migrated."""
    kept = {name: value for _, name, value in plan.draft.limits.kept}
    if (user := kept.get("User")) is not None:
        yield f"sudo chown -R {shlex.quote(user)}: {folder}"


_DIFFERENCES = """\
- The CRF, preset and film grain of each source tier are av1d's own numbers: nothing stands in \
the rules, since the built-in ones are those.
- `originals: keep`: the original of each film stays in the trash of its disk until you purge \
it. av1d deleted it at once. No space is freed until then; `originals: keep for 30d` frees it \
later.
- av1d never verified its results. Here each is decoded in full and compared with its source \
before it takes its place; what was made before is left as it is.
- A result is called .mkv here. Those of av1d have the extension of their source while their \
content is Matroska: players that go by the name may refuse such an .mp4.
- A film that would lose something (HDR10+, Dolby Vision 5, captions, ...) is held until a rule \
accepts it (`accept`); av1d encoded it and said nothing.
- A film with several names (hard links) is held, since replacing one name frees nothing; \
`output.hard_links: replace` does it all the same."""

_DOCKER_DIFFERENCES = """\
- The Docker form removed Russian audio and subtitle tracks: films that it encoded lack them for \
good where the original is gone. Here every track stays; `audio: {keep: [...]}` and `subtitles: \
{keep: [...]}` leave some out.
- The Docker form encoded with Intel QSV by global_quality, 1 to 51. CRF is another scale, 0 to \
70, of SVT-AV1. Software encodes take 10 to 60 times as long.
- The Docker form encoded web files in HEVC and VP9 too; the rules leave them alone."""


def _differences(plan: Av1dPlan) -> list[str]:
    """What is not as it was, for every library and for the Docker form."""
    is_docker = any(one.config.form is ConfigForm.DOCKER for one in plan.configs)
    lists = (_DIFFERENCES, _DOCKER_DIFFERENCES) if is_docker else (_DIFFERENCES,)
    return ["## What is not as before", "\n".join(lists)]


def _state_parts(policy: MigratedPolicy, *, heading: bool) -> list[str]:
    finds, state = policy.plan.finds, policy.state
    parts = [f"# {escape_markdown(policy.plan.folder)}"] if heading else []
    if state.problem is not None:
        parts.append(f"## Not looked at\n\n{escape_markdown(state.problem)}")
    if finds.problems:
        problems = (f"- {escape_markdown(one)}" for one in finds.problems)
        parts.append("## Folders that can't be read\n\n" + "\n".join(problems))
    if state.jobs:
        counts = ", ".join(f"{count} {fate.value}" for fate, count in counts_of(state.jobs))
        listed = [one for one in state.jobs if one.fate is not JobFate.LEFT_ALONE]
        parts.append(f"## Jobs\n\n{counts}")
        if listed:
            parts.append(table_markdown(_table(JOB_COLUMNS, listed)))
    if finds.marked:
        parts += ["## Films with a marker", _marked_note(policy)]
        parts.append(table_markdown(_table(MARKED_COLUMNS, finds.marked)))
    if state.originals:
        parts += ["## Originals that av1d left", originals_note(state.originals)]
        parts.append(table_markdown(_table(ORIGINAL_COLUMNS, state.originals)))
    parts += _lists(policy)
    return parts


def _table(columns: Iterable[Column[_Item]], items: Iterable[_Item]) -> Table:
    return table_of(columns, items, limit=_MOST_ROWS, rest="`--json` has all")


_MARKERS = """\
A marker leaves its film alone here too, as long as it stands beside it. Films marked by hand \
are listed in a rule besides, so that their markers may go; of those marked by the size gate the \
ledger knows by their content which are not worth another try."""


def _marked_note(policy: MigratedPolicy) -> str:
    note = _MARKERS
    left = policy.plan.marked_left
    if left:
        names = plural(left, "film is", "films are")
        note += f" {left} {names} not in the rule (too many, or names that are not UTF-8)."
    return note


def _lists(policy: MigratedPolicy) -> Iterator[str]:
    finds = policy.plan.finds
    if finds.unfinished:
        yield (
            "## Unfinished results\n\nLeft by encodes that did not end. The rules leave them "
            "alone; delete them once av1d is stopped."
        )
        yield _bullets(finds.unfinished)
    if finds.reports:
        yield "## Conversion reports of av1d\n\nThey stay where they are; no rule reads them."
        yield _bullets(finds.reports)
    if finds.notes:
        notes = counted(finds.notes, "note")
        yield f"{notes} of av1d (`.why.txt`) may go: `av1rules explain FILM` says why from now on."


def _bullets(paths: Sequence[str]) -> str:
    shown = [f"- {escape_markdown(printable(path))}" for path in paths[:_MOST_ROWS]]
    if len(paths) > _MOST_ROWS:
        shown.append(f"- and {len(paths) - _MOST_ROWS} more: `--json` has all")
    return "\n".join(shown)


def _leftovers(plan: Av1dPlan) -> Iterator[str]:
    if plan.overlaps:
        yield (
            "## Roots of two policies\n\nEach film needs one ledger: take these roots out of one "
            "of the rules files."
        )
        yield _bullets(plan.overlaps)
    if plan.strays:
        yield "## Jobs of films in none of the roots"
        yield _bullets([job.source_path for job in plan.strays])
    if plan.job_files.unread:
        yield "## Job files that can't be read"
        yield _bullets([f"{one.path}: {one.problem}" for one in plan.job_files.unread])
    if plan.commands:
        yield "## Commands that av1d did not take any more"
        yield _bullets(plan.commands)

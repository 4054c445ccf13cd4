"""What a run would do and why: discover, probe, classify, match, resolve, judge. A pure read.

Writes nothing but caches: no target, no ledger row, nothing that changes what is stale.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence

from av1rules.graph.glance import Glance, Remembered
from av1rules.graph.ledger_rows import tools_json
from av1rules.graph.plan_file import Wish, plan_file, tools_used
from av1rules.graph.planned import Plan, PlanAction, PlanRow
from av1rules.graph.targets import block_collisions
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.discover import VIDEO_EXTENSIONS, Found, SetAside, WalkProblem, walk
from av1rules.library.probe import probe_many
from av1rules.library.source import LibraryFile
from av1rules.library.toolset import Tools
from av1rules.rules.model import OnToolsChange, OutputMode

SET_ASIDE_TEXTS = {
    SetAside.EXCLUDED: "excluded by library.include or library.exclude",
    SetAside.TOO_SMALL: "smaller than library.min_size",
    SetAside.SETTLING: "written to within library.settle: left for next time",
    SetAside.MARKED: "marked with .av1skip",
}


def build_plan(space: Workspace, wish: Wish = Wish()) -> Plan:
    """The plan for the library of `space`. Raises ToolError if no tools can probe it."""
    glance = Glance.load(space.state_dir, space.policy_digest)
    found, problems = _discover(space)
    chosen = _with_rivals(found, wish)
    rows, unknown, other_tools = _glance_over(space, chosen, glance, wish)
    rows.update((row.file.path, row) for row in _look_at(space, unknown, wish))
    ordered = block_collisions(rows[item.file.path] for item in chosen)
    glance.keep(ordered, whole=not wish.paths)
    return Plan(
        rows=tuple(row for row in ordered if wish.covers(row.file)),
        problems=tuple(problems),
        other_tools=other_tools,
    )


def _discover(space: Workspace) -> tuple[list[Found], list[str]]:
    library, output = space.ruleset.library, space.ruleset.output
    ours = space.ledger.target_paths() if output.mode is OutputMode.BESIDE else frozenset()
    pruned = [str(space.state_dir), *(str(path) for path in (output.root, output.temp_dir) if path)]
    steps = walk(
        [(root.name, str(root.path)) for root in library.roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=time.time(),
        excluded_folders=pruned,
        excluded_files=ours,
    )
    found: list[Found] = []
    problems: list[str] = []
    for step in steps:
        if isinstance(step, WalkProblem):
            problems.append(f"{step.path}: {step.message}")
        else:
            found.append(step)
    return found, problems


def _with_rivals(found: list[Found], wish: Wish) -> list[Found]:
    """The files wished for, and those of the same stem: they might claim the same target."""
    if not wish.paths:
        return found
    wanted = {_stem(item.file) for item in found if wish.covers(item.file)}
    return [item for item in found if _stem(item.file) in wanted]


def _stem(file: LibraryFile) -> str:
    return os.path.splitext(file.path)[0]


def _glance_over(
    space: Workspace, found: Iterable[Found], glance: Glance, wish: Wish
) -> tuple[dict[str, PlanRow], list[LibraryFile], int]:
    """Rows that need no look inside the file, the files that do, and how many targets were made
    with other tools."""
    rows: dict[str, PlanRow] = {}
    unknown: list[LibraryFile] = []
    known = space.ledger.glance()
    current = _tools_texts(space.tools)
    redo = space.ruleset.tools.on_change is OnToolsChange.REDO
    other_tools = 0
    for item in found:
        file = item.file
        if item.set_aside is not None:
            cause = SET_ASIDE_TEXTS[item.set_aside]
            rows[file.path] = PlanRow(file=file, action=PlanAction.LEFT_ALONE, causes=(cause,))
            continue
        seen = None if wish.force else glance.find(file)
        if seen is None:
            unknown.append(file)
            continue
        if seen.action is PlanAction.FRESH:
            made_with = _still_fresh(seen, known)
            is_other = made_with is not None and made_with not in current
            if made_with is None or (is_other and redo):
                unknown.append(file)
                continue
            other_tools += is_other
        rows[file.path] = _recall(file, seen)
    return rows, unknown, other_tools


def _still_fresh(seen: Remembered, known: dict[bytes, tuple[str, int, int, str]]) -> str | None:
    """The tools a target was made with, if ledger and disk still agree that it is fresh."""
    row = known.get(seen.target) if seen.target is not None else None
    if row is None or row[0] != seen.fingerprint:
        return None
    try:
        stat = os.stat(seen.target)  # type: ignore[arg-type]  # the row exists, so it is no None
    except OSError:
        return None
    return row[3] if (stat.st_size, stat.st_mtime_ns) == row[1:3] else None


def _recall(file: LibraryFile, seen: Remembered) -> PlanRow:
    return PlanRow(
        file=file,
        action=seen.action,
        causes=seen.causes,
        rule=seen.rule,
        source_tier=seen.source_tier,
        target=None if seen.target is None else os.fsdecode(seen.target),
        fingerprint=seen.fingerprint,
        notes=seen.notes,
        is_lasting=True,
    )


def _look_at(space: Workspace, files: Sequence[LibraryFile], wish: Wish) -> Iterator[PlanRow]:
    probed = probe_many(
        files,
        space.tools,
        space.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=space.ruleset.run.probe_timeout_s,
        children=space.children,
    )
    for file, source in probed:
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield PlanRow(file=file, action=PlanAction.BLOCKED, causes=(cause,))
        else:
            yield plan_file(space, file, source, wish)


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(tools_json(tools_used(encoder, tools)) for encoder in tools.encoders)

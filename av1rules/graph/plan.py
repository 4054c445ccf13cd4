"""What a run would do and why: discover, probe, classify, match, resolve, judge. A pure read.

Writes nothing but caches: no target, no ledger row, nothing that changes what is stale.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.errors import UsageError
from av1rules.base.events import Probing, Sink, ignore
from av1rules.base.text import printable
from av1rules.graph.glance import Glance, Remembered
from av1rules.graph.ledger_rows import tools_json
from av1rules.graph.plan_file import Wish, is_at_or_below, plan_file, tools_used
from av1rules.graph.planned import Plan, PlanAction, PlanRow
from av1rules.graph.targets import block_collisions
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.discover import VIDEO_EXTENSIONS, Found, SetAside, WalkProblem, walk
from av1rules.library.probe import probe_many
from av1rules.library.source import LibraryFile, Source
from av1rules.library.toolset import Tools
from av1rules.rules.model import OnToolsChange, OutputMode, Root, RuleSet

SET_ASIDE_TEXTS = {
    SetAside.EXCLUDED: "excluded by library.include or library.exclude",
    SetAside.TOO_SMALL: "smaller than library.min_size",
    SetAside.SETTLING: "written to within library.settle: left for next time",
    SetAside.MARKED: "marked with .av1skip",
}


KnownTargets = dict[bytes, tuple[str, int, int, str]]
"""The ledger at a glance, by target: fingerprint, size, mtime in ns, tools as JSON."""


def build_plan(space: Workspace, wish: Wish = Wish(), *, sink: Sink = ignore) -> Plan:
    """The plan for the library of `space`; `sink` hears of the files that are looked into.

    Raises UsageError where the wish or the state of the disks forbids it.
    """
    _require_below_roots(space, wish)
    glance = Glance.load(space.state_dir, space.policy_digest)
    known = space.ledger.glance()
    _require_output(space, known, wish)
    found, problems = _discover(space, known)
    chosen = _with_rivals(found, wish)
    rows, unknown = _glance_over(space, chosen, glance, known, wish)
    rows.update((row.file.path, row) for row in _look_at(space, unknown, wish, sink))
    ordered = block_collisions(rows[item.file.path] for item in chosen)
    glance.keep(ordered, whole=not wish.paths)
    return Plan(
        rows=tuple(row for row in ordered if wish.covers(row.file)),
        problems=tuple(problems),
    )


def _require_below_roots(space: Workspace, wish: Wish) -> None:
    """Raise UsageError for a wished path that can't hold a file of the library."""
    roots = [os.path.realpath(root.path) for root in space.ruleset.library.roots]
    for path in wish.paths:
        if not any(is_at_or_below(path, root) or is_at_or_below(root, path) for root in roots):
            raise UsageError(
                "not below any root of the library",
                where=printable(path),
                hint=f"the roots are {', '.join(printable(root) for root in roots)}",
            )


def _require_output(space: Workspace, known: KnownTargets, wish: Wish) -> None:
    """Raise UsageError where the whole output is gone: a disk that is not mounted must not have
    a library encoded anew onto the disk below it."""
    root = space.ruleset.output.root
    if space.ruleset.output.mode is not OutputMode.MIRROR or root is None or wish.accept_missing:
        return
    below = os.fsencode(root) + b"/"
    targets = [target for target in known if target.startswith(below)]
    count = len(targets)
    is_gone = not _has_entries(str(root)) or (
        count >= MANY_TARGETS and not any(os.path.lexists(target) for target in targets)
    )
    if count and is_gone:
        raise UsageError(
            f"all of output.root is missing, but the ledger has {count} targets there",
            where=printable(str(root)),
            hint="is its disk mounted? If the targets are really gone: --accept-missing",
        )


MANY_TARGETS = 5
"""From so many on, nobody removes them all one by one: then the whole disk is not there."""


def _has_entries(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _discover(space: Workspace, known: KnownTargets) -> tuple[list[Found], list[str]]:
    found: list[Found] = []
    problems: list[str] = []
    for step in walk_roots(space.ruleset, space.ruleset.library.roots):
        space.children.check()
        if isinstance(step, WalkProblem):
            problems.append(f"{step.path}: {step.message}")
        elif not _is_target(step.file, known):
            found.append(step)
    return found, problems


def walk_roots(ruleset: RuleSet, roots: Sequence[Root]) -> Iterator[Found | WalkProblem]:
    """Every candidate below `roots` as the rules want it; what we write ourselves is pruned."""
    library, output = ruleset.library, ruleset.output
    pruned = [ruleset.run.state_dir, *filter(None, (output.root, output.temp_dir))]
    return walk(
        [(root.name, str(root.path)) for root in roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=time.time(),
        excluded_folders=[str(path) for path in pruned],
    )


def _is_target(file: LibraryFile, known: KnownTargets) -> bool:
    """Whether this is a target as we wrote it. Another file by that name is looked at as any."""
    row = known.get(os.fsencode(file.path))
    return row is not None and row[1:3] == (file.stat.size_bytes, file.stat.mtime_ns)


def _with_rivals(found: list[Found], wish: Wish) -> list[Found]:
    """The files wished for, and those of the same stem: they might claim the same target."""
    if not wish.paths:
        return found
    wanted = {_stem(item.file) for item in found if wish.covers(item.file)}
    return [item for item in found if _stem(item.file) in wanted]


def _stem(file: LibraryFile) -> str:
    return os.path.splitext(file.path)[0]


def _glance_over(
    space: Workspace, found: Iterable[Found], glance: Glance, known: KnownTargets, wish: Wish
) -> tuple[dict[str, PlanRow], list[LibraryFile]]:
    """Rows that need no look inside the file, and the files that do."""
    rows: dict[str, PlanRow] = {}
    unknown: list[LibraryFile] = []
    current = _tools_texts(space.tools)
    redo = space.ruleset.tools.on_change is OnToolsChange.REDO
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
        is_other = False
        if seen.action is PlanAction.FRESH:
            made_with = _still_fresh(seen, known)
            is_other = made_with not in current
            if made_with is None or (is_other and redo):
                unknown.append(file)
                continue
        rows[file.path] = _recall(file, seen, has_other_tools=is_other)
    return rows, unknown


def _still_fresh(seen: Remembered, known: KnownTargets) -> str | None:
    """The tools a target was made with, if ledger and disk still agree that it is fresh."""
    row = known.get(seen.target) if seen.target is not None else None
    if row is None or row[0] != seen.fingerprint:
        return None
    try:
        stat = os.stat(seen.target)  # type: ignore[arg-type]  # the row exists, so it is no None
    except OSError:
        return None
    return row[3] if (stat.st_size, stat.st_mtime_ns) == row[1:3] else None


def _recall(file: LibraryFile, seen: Remembered, *, has_other_tools: bool) -> PlanRow:
    return PlanRow(
        file=file,
        action=seen.action,
        causes=seen.causes,
        rule=seen.rule,
        source_tier=seen.source_tier,
        target=None if seen.target is None else os.fsdecode(seen.target),
        fingerprint=seen.fingerprint,
        notes=seen.notes,
        has_other_tools=has_other_tools,
        is_lasting=True,
    )


def probe_files(
    space: Workspace, files: Sequence[LibraryFile]
) -> Iterator[tuple[LibraryFile, Source | ProbeFailure]]:
    """The facts of each file, from the cache or by ffprobe, in the order given."""
    return probe_many(
        files,
        space.tools,
        space.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=space.ruleset.run.probe_timeout_s,
        children=space.children,
    )


def _look_at(
    space: Workspace, files: Sequence[LibraryFile], wish: Wish, sink: Sink
) -> Iterator[PlanRow]:
    for done, (file, source) in enumerate(probe_files(space, files), start=1):
        sink(Probing(done=done, total=len(files)))
        space.children.check()
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield PlanRow(file=file, action=PlanAction.BLOCKED, causes=(cause,))
        else:
            yield plan_file(space, file, source, wish)


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(tools_json(tools_used(encoder, tools)) for encoder in tools.encoders)

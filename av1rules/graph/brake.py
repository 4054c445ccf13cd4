"""Looks at roots and output before anything is done: is what was there before still there?"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence

from av1rules.base.text import printable
from av1rules.graph.census import (
    MANY_LOST,
    Brake,
    Census,
    Mark,
    find_lost,
    judge_root,
    known_files,
    take_census,
)
from av1rules.graph.workspace import Workspace
from av1rules.library.discover import WalkProblem
from av1rules.library.source import LibraryFile
from av1rules.rules.model import OutputMode

NO_TIME = -1


def look_at_roots(
    space: Workspace,
    files: Iterable[LibraryFile],
    problems: Sequence[WalkProblem],
    *,
    replaced: Iterable[bytes],
    lively: frozenset[str],
) -> tuple[tuple[Census, ...], tuple[Brake, ...]]:
    """The census of every root that could be walked, and the brakes. `files` are all that the walk
    found, `replaced` the places of originals that our own targets replaced; `lively` roots hold
    targets of ours, so that their disks are there."""
    by_root: dict[str, list[tuple[str, Mark]]] = defaultdict(list)
    for file in files:
        by_root[file.root].append((file.relative_path, _mark(file)))
    broken = {problem.root_name: problem for problem in problems if problem.is_root}
    marks = {mark for listed in by_root.values() for _, mark in listed}
    elsewhere = frozenset(marks | {(size, NO_TIME) for size, _ in marks})
    ours = frozenset(replaced)
    taken: list[Census] = []
    brakes: list[Brake] = []
    for root in space.ruleset.library.roots:
        shown = printable(str(root.path))
        if (problem := broken.get(root.name)) is not None:
            hint = "mount its disk, or take it out of library.roots; else: --accept-missing"
            brakes.append(Brake(where=shown, message=problem.message, hint=hint))
            continue
        path = os.path.realpath(root.path).rstrip("/")
        listed = by_root.get(path, [])
        before = space.ledger.census.of_root(path)
        now = take_census(path, listed)
        if before != now.packed:
            taken.append(now)
            known = _known_by_targets(space, root.name) if before is None else known_files(before)
            lost = _lost(path, known, listed, elsewhere, ours)
            brake = judge_root(
                shown,
                known=len(known),
                found=len(listed) + (path in lively),
                lost=lost,
                max_lost=space.ruleset.library.max_lost,
            )
            if brake is not None:
                brakes.append(brake)
    return tuple(taken), tuple(brakes)


def _known_by_targets(space: Workspace, name: str) -> dict[str, Mark]:
    """What a root of this name must have held, where no census was taken of it (another path now,
    an older ledger): the sources of its targets. Times are not known."""
    prefix = f"{name}/"
    return {
        source.removeprefix(prefix): (size, NO_TIME)
        for source, size in space.ledger.sources()
        if source.startswith(prefix)
    }


def _mark(file: LibraryFile) -> Mark:
    return (file.stat.size_bytes, file.stat.mtime_ns)


def _lost(
    root: str,
    known: dict[str, Mark],
    listed: list[tuple[str, Mark]],
    elsewhere: frozenset[Mark],
    replaced: frozenset[bytes],
) -> list[str]:
    def is_there(path: str) -> bool:
        whole = f"{root}/{path}"
        return os.fsencode(whole) in replaced or os.path.lexists(whole)

    return find_lost(known, listed, elsewhere=elsewhere, is_there=is_there)


def look_at_output(space: Workspace, known: Iterable[bytes]) -> Brake | None:
    """The brake where the whole output is gone: a disk that is not mounted must not have a library
    encoded anew onto the disk below it. `known` are the targets of the ledger."""
    root = space.ruleset.output.root
    if space.ruleset.output.mode is not OutputMode.MIRROR or root is None:
        return None
    below = os.fsencode(root) + b"/"
    targets = [target for target in known if target.startswith(below)]
    count = len(targets)
    is_gone = not _has_entries(str(root)) or (
        count >= MANY_LOST and not any(os.path.lexists(target) for target in targets)
    )
    if not count or not is_gone:
        return None
    return Brake(
        where=printable(str(root)),
        message=f"all of output.root is missing, but the ledger has {count} targets there",
        hint="is its disk mounted? If the targets are really gone: --accept-missing",
    )


def _has_entries(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False

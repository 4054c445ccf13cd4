"""The safety stop: whether too many of the files that a root held before are missing now.

An unmounted disk looks like an emptied library. Acting on that would move, trash or encode files
for no reason, so a run refuses instead.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from av1rules.base.text import counted, printable
from av1rules.media.discover import WalkProblem
from av1rules.media.source import LibraryFile
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode

MANY_MISSING = 5
"""Fewer missing files than this are taken as deleted one by one; from here on their share
decides."""


_SHOWN = 3


Mark = tuple[int, int]
"""Size in bytes and mtime in ns: what a renamed or moved file keeps."""


class SafetyStop(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run must not act: `where`, what is wrong, and what to do."""

    where: str
    message: str
    hint: str

    @property
    def text(self) -> str:
        return f"{self.where}: {self.message} ({self.hint})"


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one root as the walk found them; `packed` is the form in which they are
    stored."""

    root: str
    packed: bytes


def take_inventory(root: str, files: Iterable[tuple[str, Mark]]) -> Inventory:
    """`files` are paths below the root with their marks, in the order of the walk."""
    listed = [(os.fsencode(path), mark) for path, mark in files]
    return Inventory(root=root, packed=zlib.compress(msgspec.msgpack.encode(listed), 1))


def known_files(packed: bytes) -> dict[str, Mark]:
    """The files of an inventory; empty if it can't be read, since it is only a precaution."""
    try:
        listed = msgspec.msgpack.decode(
            zlib.decompress(packed), type=list[tuple[bytes, tuple[int, int]]]
        )
    except (zlib.error, msgspec.MsgspecError):
        return {}
    return {os.fsdecode(path): mark for path, mark in listed}


def missing_files(
    known: dict[str, Mark],
    found: Iterable[tuple[str, Mark]],
    *,
    elsewhere: frozenset[Mark],
    is_there: Callable[[str], bool],
) -> list[str]:
    """Known files of a root that are gone: not found under their name, nor under another name with
    the same size and mtime (`elsewhere`: the marks of all roots), nor present but left out by the
    walk (`is_there`: the rules changed their extensions, or we replaced the file)."""
    here = dict(found)
    missing = (path for path in known if path not in here)
    return [path for path in missing if known[path] not in elsewhere and not is_there(path)]


def check_root(
    where: str, *, known: int, found: int, lost: Sequence[str], max_lost: float
) -> SafetyStop | None:
    """The safety stop for one reachable root, if it needs one."""
    if not lost or not known:
        return None
    if found == 0:
        return SafetyStop(
            where=where,
            message=f"the root is empty, but held {counted(known, 'file')} at the last run",
            hint="is its disk mounted? If they are really gone: --accept-missing",
        )
    share = len(lost) / known
    if share <= max_lost or (max_lost > 0 and len(lost) < MANY_MISSING):
        return None
    some = ", ".join(printable(path, limit=60) for path in sorted(lost)[:_SHOWN])
    return SafetyStop(
        where=where,
        message=(
            f"{len(lost)} of {known} known files are gone ({share:.0%}, "
            f"library.max_lost allows {max_lost:.0%}): {some}, ..."
        ),
        hint="is a disk below it not mounted? If they are really gone: --accept-missing",
    )


NO_TIME = -1


def check_roots(
    workspace: Workspace,
    files: Iterable[LibraryFile],
    problems: Sequence[WalkProblem],
    *,
    replaced: Iterable[str],
    roots_with_targets: frozenset[str],
) -> tuple[tuple[Inventory, ...], tuple[SafetyStop, ...]]:
    """The changed inventories of all roots that could be walked, and the safety stops. `files` are
    all that the walk found, and `replaced` the paths of originals that our targets replaced.
    `roots_with_targets` hold targets of ours, which proves that their disks are mounted."""
    by_root: dict[str, list[tuple[str, Mark]]] = defaultdict(list)
    for file in files:
        by_root[file.root].append((file.relative_path, _file_identity(file)))
    broken = {problem.root_name: problem for problem in problems if problem.is_root}
    marks = {mark for listed in by_root.values() for _, mark in listed}
    elsewhere = frozenset(marks | {(size, NO_TIME) for size, _ in marks})
    ours = frozenset(replaced)
    changed: list[Inventory] = []
    safety_stops: list[SafetyStop] = []
    for root in workspace.ruleset.library.roots:
        shown = printable(str(root.path))
        if (problem := broken.get(root.name)) is not None:
            hint = "mount its disk, or take it out of library.roots; else: --accept-missing"
            safety_stops.append(SafetyStop(where=shown, message=problem.message, hint=hint))
            continue
        path = os.path.realpath(root.path).rstrip("/")
        listed = by_root.get(path, [])
        before = workspace.ledger.inventories.of_root(path)
        now = take_inventory(path, listed)
        if before != now.packed:
            changed.append(now)
            known = (
                _known_by_targets(workspace, root.name) if before is None else known_files(before)
            )
            missing = _missing(path, known, listed, elsewhere, ours)
            safety_stop = check_root(
                shown,
                known=len(known),
                found=len(listed) + (path in roots_with_targets),
                lost=missing,
                max_lost=workspace.ruleset.library.max_lost,
            )
            if safety_stop is not None:
                safety_stops.append(safety_stop)
    return tuple(changed), tuple(safety_stops)


def _known_by_targets(workspace: Workspace, name: str) -> dict[str, Mark]:
    """What a root of this name must have held, if it has no inventory (its path changed, or the
    ledger is older): the sources of its targets. Their mtimes are unknown."""
    prefix = f"{name}/"
    return {
        source.removeprefix(prefix): (size, NO_TIME)
        for source, size in workspace.ledger.sources()
        if source.startswith(prefix)
    }


def _file_identity(file: LibraryFile) -> Mark:
    return (file.stat.size_bytes, file.stat.mtime_ns)


def _missing(
    root: str,
    known: dict[str, Mark],
    listed: list[tuple[str, Mark]],
    elsewhere: frozenset[Mark],
    replaced: frozenset[str],
) -> list[str]:
    def is_there(path: str) -> bool:
        whole = f"{root}/{path}"
        return whole in replaced or os.path.lexists(whole)

    return missing_files(known, listed, elsewhere=elsewhere, is_there=is_there)


def check_output(workspace: Workspace, known: Iterable[str]) -> SafetyStop | None:
    """The safety stop if the whole output is missing: if its disk is not mounted, the library must
    not be encoded again onto the disk below. `known` are the targets in the ledger."""
    root = workspace.ruleset.output.root
    if workspace.ruleset.output.mode is not OutputMode.MIRROR or root is None:
        return None
    below = f"{root}/"
    targets = [target for target in known if target.startswith(below)]
    count = len(targets)
    is_gone = not _has_entries(str(root)) or (
        count >= MANY_MISSING and not any(os.path.lexists(target) for target in targets)
    )
    if not count or not is_gone:
        return None
    return SafetyStop(
        where=printable(str(root)),
        message="all of output.root is missing, but the ledger has "
        f"{counted(count, 'target')} there",
        hint="is its disk mounted? If the targets are really gone: --accept-missing",
    )


def _has_entries(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False

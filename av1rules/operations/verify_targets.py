"""Checks finished targets: does each still exist, is it as written, and does it still decode?

A check needs no run lock: its result is recorded only if the ledger still has the same file.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, JobProgress, Sink
from av1rules.base.hashing import file_digest
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.encode.decode_check import target_problem
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ledger.checks import CheckMethod, LastCheck, TargetResult
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import content_key_of
from av1rules.plan.moved.find import TargetSearch
from av1rules.plan.names.find import find_films
from av1rules.plan.names.match import NamedFilm, WantedName
from av1rules.plan.target_state import TargetOwner, found_at_target, is_as_written
from av1rules.plan.workspace import Workspace


class TargetHealth(Enum):
    """The state of a target."""

    WELL = "well"
    DAMAGED = "damaged"
    MODIFIED = "edited"  # by a user, apparently on purpose
    FOREIGN = "another file"
    MISSING = "missing"
    MOVED = "moved"  # by a user, and well where it is now
    UNCLEAR = "unclear"  # it could not be checked


class TargetCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one target. `detail` and `hint` (what to do) are None if it is well.

    `is_hidden`: only reading the whole file shows the damage; size and times are as written.
    `touched_ns`: the new mtime of a target whose content is unchanged.
    """

    row: TargetRow
    health: TargetHealth
    detail: str | None = None
    hint: str | None = None
    is_hidden: bool = False
    touched_ns: int | None = None


class VerifyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which targets to check, and how. `names` are of targets or sources; none:
    all. Targets that a check found well within the last `older_than_s` seconds are skipped."""

    names: tuple[WantedName, ...] = ()
    ways: frozenset[CheckMethod] = frozenset()
    older_than_s: float | None = None


class NamedTarget(Protocol):
    """What is needed of a target before it is checked: a row has it, and so has its brief."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def source_path(self) -> str: ...
    @property
    def target_bytes(self) -> int: ...


_Named = TypeVar("_Named", bound=NamedTarget)


def selected_rows(
    rows: Iterable[_Named],
    request: VerifyOptions,
    *,
    moved: Mapping[str, str] = MappingProxyType({}),
) -> tuple[_Named, ...]:
    """The rows of the requested films; `moved` are the places of now of targets that a user moved,
    by their recorded ones. Raises UsageError for a name of none."""
    found = tuple(rows)
    if not request.names:
        return found
    films = [
        NamedFilm(row.source, (moved.get(row.target, row.target), row.target, row.source_path))
        for row in found
    ]
    chosen = find_films(
        request.names,
        films,
        none_text="the ledger has no target of this name, and none that was made from it",
        none_hint="`av1rules plan --all` lists the films",
    )
    return tuple(found[at] for at in sorted(chosen))


def due_rows(
    rows: Iterable[_Named], done: dict[str, LastCheck], request: VerifyOptions, *, now: datetime
) -> tuple[_Named, ...]:
    """The rows that were not checked in these ways recently, those checked longest ago first.
    Pure."""
    due = [
        row
        for row in rows
        if (last := done.get(row.target)) is None or not _is_recent(last, request, now)
    ]
    return tuple(sorted(due, key=lambda row: done[row.target].at if row.target in done else ""))


def _is_recent(last: LastCheck, request: VerifyOptions, now: datetime) -> bool:
    if request.older_than_s is None or last.fault is not None or not request.ways <= last.ways:
        return False
    return (now - datetime.fromisoformat(last.at)).total_seconds() < request.older_than_s


def check_targets(
    rows: Sequence[NamedTarget],
    workspace: Workspace,
    request: VerifyOptions,
    *,
    known: int,
    sink: Sink,
) -> Iterator[TargetCheck]:
    """Check each target by its row of the moment; record and yield the results. `known` is the
    number of targets that need no check. `workspace.ledger` is open to write. Raises
    RunInterruptedError; the results until then are recorded."""
    size_bytes = sum(row.target_bytes for row in rows)
    sink(CheckStarted(files=len(rows), known=known, size_bytes=size_bytes))
    search = TargetSearch(
        workspace.ledger, workspace.ruleset, lambda file: content_key_of(file, workspace.cache)
    )
    with _recorder(workspace.ledger, request.ways) as record:
        for row in workspace.ledger.rows_of([row.target for row in rows]):
            started = time.monotonic()
            found = check_target(row, workspace, request.ways, sink=sink)
            if found.health in (TargetHealth.MISSING, TargetHealth.FOREIGN):
                found = _where_it_is(found, search, workspace, request.ways, sink)
            record(found)
            elapsed_s = time.monotonic() - started
            fault = None if found.health is TargetHealth.MOVED else found.detail
            sink(FileChecked(target=row.target, fault=fault, elapsed_s=elapsed_s))
            yield found


def check_target(
    row: TargetRow, workspace: Workspace, ways: frozenset[CheckMethod], *, sink: Sink
) -> TargetCheck:
    """Check one target. Raises RunInterruptedError."""
    workspace.children.check()
    try:
        found = _as_written(row, workspace)
        if found.health is not TargetHealth.WELL:
            return found
        damage = _decode_problem(row, workspace, ways, sink)
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        message = problem.message.partition("\n")[0]
        return TargetCheck(row=row, health=TargetHealth.UNCLEAR, detail=message, hint=problem.hint)
    except OSError as problem:
        detail = f"can't be read: {problem.strerror}"
        hint = "check its disk: `dmesg` or the NAS may show more"
        return TargetCheck(row=row, health=TargetHealth.UNCLEAR, detail=detail, hint=hint)
    if damage is None:
        return found
    hint = _remedy(row, workspace.ledger)
    return TargetCheck(
        row=row, health=TargetHealth.DAMAGED, detail=damage, hint=hint, is_hidden=True
    )


def _where_it_is(
    missing: TargetCheck,
    search: TargetSearch,
    workspace: Workspace,
    ways: frozenset[CheckMethod],
    sink: Sink,
) -> TargetCheck:
    """The check of a missing target where a user has moved it to; as it is, if it is nowhere."""
    for place in search.places_of(missing.row.target_bytes, missing.row.target_key):
        found = check_target(replace(missing.row, target=place), workspace, ways, sink=sink)
        if found.health is TargetHealth.WELL:
            detail = f"to {printable(place)}"
            hint = "`av1rules run` records it"
            return replace(missing, health=TargetHealth.MOVED, detail=detail, hint=hint)
        detail = f"moved to {printable(place)}: {found.detail}"
        return replace(missing, health=found.health, detail=detail, hint=found.hint)
    return missing


def _as_written(row: TargetRow, workspace: Workspace) -> TargetCheck:
    """Compare size and times, and the content if they differ."""
    found = found_at_target(row.target, row, workspace.ledger, workspace.tools)
    if found is None:
        return _missing(row, workspace)
    if is_as_written(row, found):
        touched_ns = found.mtime_ns if found.mtime_ns != row.target_mtime_ns else None
        return TargetCheck(row=row, health=TargetHealth.WELL, touched_ns=touched_ns)
    if found.place is TargetOwner.OURS:
        health, detail = TargetHealth.DAMAGED, _size_text(row, found.size_bytes)
        return TargetCheck(
            row=row, health=health, detail=detail, hint=_remedy(row, workspace.ledger)
        )
    health, detail, hint = _OTHERS[found.place]
    return TargetCheck(row=row, health=health, detail=detail, hint=hint)


_OTHERS = {
    TargetOwner.MODIFIED: (
        TargetHealth.MODIFIED,
        "it was changed since it was written, apparently by an edit",
        "`av1rules adopt` makes the edited file the target; `av1rules run --force` redoes it",
    ),
    TargetOwner.FOREIGN: (
        TargetHealth.FOREIGN,
        "its place holds a file that av1rules did not write",
        "move that file away",
    ),
    TargetOwner.NOT_A_FILE: (
        TargetHealth.UNCLEAR,
        "its place holds something that is not a readable file",
        "check what it is, and whether its disk works",
    ),
}


def _size_text(row: TargetRow, size_bytes: int) -> str:
    if size_bytes != row.target_bytes:
        return f"{size_bytes} bytes, not {row.target_bytes}"
    return "its content is not what was written"


def _missing(row: TargetRow, workspace: Workspace) -> TargetCheck:
    hint = _remedy(row, workspace.ledger, is_missing=True)
    if not os.path.isdir(os.path.dirname(row.target)):
        hint = f"its folder is gone too: is the disk mounted? If so: {hint}"
    detail = "no such file"
    return TargetCheck(row=row, health=TargetHealth.MISSING, detail=detail, hint=hint)


def _decode_problem(
    row: TargetRow, workspace: Workspace, ways: frozenset[CheckMethod], sink: Sink
) -> str | None:
    if CheckMethod.DIGEST in ways:
        sink(JobProgress(target=row.target, phase="digest"))
        if file_digest(row.target, check=workspace.children.check) != row.target_digest:
            return "its content has changed although size and time have not: bit rot?"
    if CheckMethod.DECODE not in ways:
        return None
    return target_problem(
        row.target,
        tools=workspace.tools,
        children=workspace.children,
        on_sample=lambda sample: sink(decode_progress(sample, target=row.target)),
    )


def decode_progress(
    sample: ProgressSample,
    *,
    source: str | None = None,
    target: str | None = None,
    frames: int | None = None,
) -> JobProgress:
    """The progress event of a decoding pass."""
    return JobProgress(
        source=source,
        target=target,
        phase="decode",
        frame=sample.frame,
        frames=frames,
        fps=sample.fps,
        speed=sample.speed,
    )


def _remedy(row: TargetRow, ledger: Ledger, *, is_missing: bool = False) -> str:
    """How to get a lost target back: from its source or original, if there is one. A run looks for
    films, so it redoes a target that took its source's place only if that place is not empty."""
    if row.source_path != row.target and _has_size(row.source_path, row.source_bytes):
        return "`av1rules run` redoes it from its source"
    kept = ledger.kept.original_of(row.target, row.content_key)
    if kept is None or kept.gone_at is not None or not _has_size(kept.path, kept.size_bytes):
        return "its source is gone: restore this file, or its source, from a backup"
    if is_missing:
        return f"`av1rules undo {shlex.quote(printable(row.target))}` puts its original back"
    return f"`av1rules run` redoes it from the original in {printable(kept.path)}"


def _has_size(path: str, size_bytes: int) -> bool:
    try:
        return os.stat(path).st_size == size_bytes
    except OSError:
        return False


RECORDED_TOGETHER = 500
"""Checks by size and time in one transaction: each takes 5 ms of a disk, such a check 0.1 ms,
and what a crash loses is made again in that time."""


@contextlib.contextmanager
def _recorder(
    ledger: Ledger, ways: frozenset[CheckMethod]
) -> Iterator[Callable[[TargetCheck], None]]:
    """Records results: each at once if files are read for it, else some together. Of damage only
    what no plan would see by itself is recorded: a disk that was not mounted must not count against
    its files."""
    together = 1 if ways else RECORDED_TOGETHER
    waiting: list[TargetResult] = []

    def record(found: TargetCheck) -> None:
        if found.health is TargetHealth.WELL or found.is_hidden:
            checked = LastCheck(at=now_text(), ways=ways, fault=found.detail)
            waiting.append(TargetResult(row=found.row, checked=checked, mtime_ns=found.touched_ns))
        if len(waiting) >= together:
            flush()

    def flush() -> None:
        results = tuple(waiting)
        waiting.clear()
        if results:
            ledger.checks.put_all(results)

    try:
        yield record
    finally:
        flush()

"""Checks finished targets: does each still exist, is it as written, and does it still decode?

A check needs no run lock: its result is recorded only if the ledger still has the same file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import Enum

import msgspec

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, JobProgress, Sink
from av1rules.base.files import is_at_or_below
from av1rules.base.hashing import file_digest
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.encode.decode_check import target_problem
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ledger.checks import CheckMethod, LastCheck
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.plan.target_state import TargetOwner, inspect_target, is_as_written
from av1rules.plan.workspace import Workspace


class TargetHealth(Enum):
    """The state of a target."""

    WELL = "well"
    DAMAGED = "damaged"
    MODIFIED = "edited"  # by a user, apparently on purpose
    FOREIGN = "another file"
    MISSING = "missing"
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
    """Which targets to check, and how. `paths` are files or folders of targets or sources; none:
    all. Targets that a check found well within the last `older_than_s` seconds are skipped."""

    paths: tuple[str, ...] = ()
    ways: frozenset[CheckMethod] = frozenset()
    older_than_s: float | None = None


def selected_rows(rows: Iterable[TargetRow], request: VerifyOptions) -> tuple[TargetRow, ...]:
    """The rows at or below the requested paths."""
    return tuple(row for row in rows if not request.paths or _is_selected(row, request.paths))


def _is_selected(row: TargetRow, paths: tuple[str, ...]) -> bool:
    return any(
        is_at_or_below(place, path) for path in paths for place in (row.target, row.source_path)
    )


def due_rows(
    rows: Iterable[TargetRow], done: dict[str, LastCheck], request: VerifyOptions, *, now: datetime
) -> tuple[TargetRow, ...]:
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
    rows: tuple[TargetRow, ...],
    workspace: Workspace,
    request: VerifyOptions,
    *,
    known: int,
    sink: Sink,
) -> Iterator[TargetCheck]:
    """Check each row; record and yield the results. `known` is the number of rows that need no
    check. `workspace.ledger` is open to write. Raises RunInterruptedError; the results until then
    are recorded."""
    size_bytes = sum(row.target_bytes for row in rows)
    sink(CheckStarted(files=len(rows), known=known, size_bytes=size_bytes))
    for row in rows:
        started = time.monotonic()
        found = check_target(row, workspace, request.ways, sink=sink)
        _record(workspace.ledger, found, request.ways)
        elapsed_s = time.monotonic() - started
        sink(FileChecked(target=row.target, fault=found.detail, elapsed_s=elapsed_s))
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


def _as_written(row: TargetRow, workspace: Workspace) -> TargetCheck:
    """Compare size and times, and the content if they differ."""
    found = inspect_target(row.target, row, workspace.tools)
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
    hint = _remedy(row, workspace.ledger)
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


def _remedy(row: TargetRow, ledger: Ledger) -> str:
    """How to get a lost target back: from its source or original, if there is one."""
    if _has_size(row.source_path, row.source_bytes):
        return "`av1rules run` redoes it from its source"
    kept = ledger.kept.of_target(row.target)
    if kept is not None and kept.gone_at is None and _has_size(kept.path, kept.size_bytes):
        return f"`av1rules run` redoes it from the original in {printable(kept.path)}"
    return "its source is gone: restore this file, or its source, from a backup"


def _has_size(path: str, size_bytes: int) -> bool:
    try:
        return os.stat(path).st_size == size_bytes
    except OSError:
        return False


def _record(ledger: Ledger, found: TargetCheck, ways: frozenset[CheckMethod]) -> None:
    """Record a result. Of damage only what no plan would see by itself is recorded: a disk that was
    not mounted must not count against its files."""
    if found.health is TargetHealth.WELL or found.is_hidden:
        checked = LastCheck(at=now_text(), ways=ways, fault=found.detail)
        ledger.checks.put(found.row, checked, mtime_ns=found.touched_ns)

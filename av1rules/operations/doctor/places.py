"""`doctor`'s look at folders: the library's roots, the output, temporary files, the state."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from av1rules.base.errors import LedgerError
from av1rules.base.text import counted
from av1rules.base.units import format_duration, format_size
from av1rules.execute.resources.run_lock import lock_holder
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import Candidate, WalkProblem
from av1rules.operations.doctor.findings import Finding, Grade
from av1rules.plan.workspace import walk_roots
from av1rules.policy.model import OutputMode, Root, RuleSet

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "fuse.ceph",
        "glusterfs", "fuse.glusterfs", "fuse.rclone", "davfs", "fuse.davfs2", "lustre", "beegfs",
    }
)  # fmt: skip
"""Where SQLite's locks and shared memory can't be relied on."""

_MOUNTS = Path("/proc/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")

_SHOWN_PROBLEMS = 5
"""Unreadable files and folders named one by one; a broken disk may have thousands."""


def check_roots(ruleset: RuleSet) -> Iterator[Finding]:
    """Each root: is it there and readable, how many video files, how long the walk took."""
    for root in ruleset.library.roots:
        yield from _check_root(root, ruleset)


def _check_root(root: Root, ruleset: RuleSet) -> Iterator[Finding]:
    started = time.monotonic()
    found: list[Candidate] = []
    problems: list[WalkProblem] = []
    for step in walk_roots(ruleset, [root]):
        if isinstance(step, Candidate):
            found.append(step)
        else:
            problems.append(step)
    subject = f"{root.name} ({root.path})"
    yield from _walk_problems(subject, problems)
    if any(problem.is_root for problem in problems):
        return
    aside = Counter(item.skip_reason.value for item in found if item.skip_reason is not None)
    size = format_size(sum(item.file.stat.size_bytes for item in found))
    elapsed = format_duration(time.monotonic() - started)
    parts = [f"{counted(len(found), 'video file')}, {size}, walked in {elapsed}"]
    parts += [f"{count} {why}" for why, count in aside.most_common()]
    if found:
        yield _finding("library", Grade.OK, subject, "; ".join(parts))
    else:
        hint = "is the disk mounted, are library.include and library.extensions as meant?"
        yield _finding("library", Grade.WARNING, subject, "no video file below it", hint)


def _walk_problems(subject: str, problems: list[WalkProblem]) -> Iterator[Finding]:
    for problem in problems[:_SHOWN_PROBLEMS]:
        grade = Grade.WRONG if problem.is_root else Grade.WARNING
        hint = "mount its disk or correct library.roots" if problem.is_root else None
        place = subject if problem.is_root else problem.path
        yield _finding("library", grade, place, problem.message, hint)
    if len(problems) > _SHOWN_PROBLEMS:
        more = f"{len(problems) - _SHOWN_PROBLEMS} more files or folders can't be read"
        yield _finding("library", Grade.WARNING, subject, more)


def check_output(ruleset: RuleSet) -> Iterator[Finding]:
    """Every folder that targets and temporary files go to: writable, and with room."""
    output = ruleset.output
    if output.mode is OutputMode.MIRROR and output.root is not None:
        places = [("output", output.root)]
    else:
        places = [(f"beside the sources of {root.name}", root.path) for root in _there(ruleset)]
    for name, place in places:
        yield from _check_place(name, place, ruleset)
    if output.temp_dir is None:
        return
    yield from _check_place("temporary files", output.temp_dir, ruleset)
    for name, place in places:
        if _device(place) != _device(output.temp_dir):
            detail = f"on another file system than {name}: results are copied there, then renamed"
            yield _finding("output", Grade.NOTE, "temporary files", detail)


def _there(ruleset: RuleSet) -> list[Root]:
    return [root for root in ruleset.library.roots if root.path.is_dir()]


def _check_place(name: str, place: Path, ruleset: RuleSet) -> Iterator[Finding]:
    existing = existing_part(place)
    subject = f"{name} ({place})"
    refusal = _refusal(existing)
    if refusal is not None:
        hint = f"make {existing} writable for this user, or name another folder"
        yield _finding("output", Grade.WRONG, subject, refusal, hint)
        return
    made = "writable" if existing == place else "does not exist yet, can be made"
    free, reserve = shutil.disk_usage(existing).free, ruleset.run.reserve_bytes
    detail = f"{made}, {format_size(free)} free, reserve {format_size(reserve)}"
    if free <= reserve:
        hint = "free some space, or set a smaller run.reserve; until then no encode starts"
        yield _finding("output", Grade.WRONG, subject, detail, hint)
    else:
        yield _finding("output", Grade.OK, subject, detail)


def existing_part(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next(part for part in (path, *path.parents) if os.path.lexists(part))


def _refusal(folder: Path) -> str | None:
    """Why nothing can be written in `folder`, without trying: a check must not write."""
    if not folder.is_dir():
        return f"{folder} is not a folder"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} is not writable"


def _device(place: Path) -> int:
    return existing_part(place).stat().st_dev


def check_state(ruleset: RuleSet) -> Iterator[Finding]:
    """The state folder: local and writable; the ledger: opens; a run at work, or one that died."""
    folder = ruleset.run.state_dir
    existing = existing_part(folder)
    refusal = _refusal(existing)
    if refusal is not None:
        hint = "name a folder on a local disk as run.state_dir"
        yield _finding("state", Grade.WRONG, str(folder), refusal, hint)
        return
    kind = file_system_of(existing, _mounts())
    if kind in NETWORK_FILE_SYSTEMS:
        detail = f"on a network file system ({kind}), where SQLite's locks are not safe"
        hint = "set run.state_dir to a folder on a local disk; sources and targets may stay"
        yield _finding("state", Grade.WARNING, str(folder), detail, hint)
    else:
        made = "writable" if existing == folder else "does not exist yet, can be made"
        yield _finding("state", Grade.OK, str(folder), f"{made}{f', on {kind}' if kind else ''}")
    yield from _check_ledger(folder)


def _check_ledger(folder: Path) -> Iterator[Finding]:
    holder = lock_holder(folder)
    if holder is not None:
        yield _finding("state", Grade.NOTE, "run lock", f"a run is active: {holder}")
    if not (folder / LEDGER_NAME).exists():
        yield _finding("state", Grade.NOTE, "ledger", "none yet: the first run makes it")
        return
    try:
        with closing(Ledger.read(folder)) as ledger:
            count, jobs_in_progress = len(ledger.glance()), len(ledger.jobs_in_progress())
    except LedgerError as problem:
        hint = "restore it from a backup; without it every target counts as not ours"
        yield _finding("state", Grade.WRONG, "ledger", problem.message, hint)
        return
    yield _finding(
        "state", Grade.OK, "ledger", f"version {SCHEMA_VERSION}, {counted(count, 'target')}"
    )
    if jobs_in_progress and holder is None:
        detail = f"a killed run left {counted(jobs_in_progress, 'unfinished encode')}"
        hint = "nothing to do: the next run cleans up"
        yield _finding("state", Grade.WARNING, "work in hand", detail, hint)


def _mounts() -> str:
    """The mount table; empty where the system has none to read."""
    return _MOUNTS.read_text(errors="surrogateescape") if _MOUNTS.exists() else ""


def file_system_of(path: Path, mounts: str) -> str | None:
    """The type of the file system that holds `path`, by a table as in /proc/mounts."""
    real = os.path.realpath(path)
    best, kind = "", None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
        is_above = real == point or real.startswith(f"{point.rstrip('/')}/")
        if is_above and len(point) >= len(best):  # of two on one point the later one counts
            best, kind = point, fields[2]
    return kind


def _finding(
    section: str, grade: Grade, subject: str, detail: str, hint: str | None = None
) -> Finding:
    return Finding(section=section, grade=grade, subject=subject, detail=detail, hint=hint)

"""Checks of the set-up: Python and its packages, FFmpeg, folders, the ledger."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path

import msgspec

from av1rules import __version__
from av1rules.base.errors import LedgerError, ToolError
from av1rules.base.text import counted
from av1rules.base.units import format_duration, format_size
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.execute.resources.run_lock import lock_holder
from av1rules.ffmpeg.diagnose import diagnose_tools
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.mkvtoolnix import INSTALL_HINT, OFF, candidate, checked
from av1rules.ffmpeg.tools import ToolCheck, Tools
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import Candidate, WalkProblem
from av1rules.plan.workspace import walk_roots
from av1rules.policy.model import OutputMode, Root, RuleSet, ToolsSpec


class Grade(Enum):
    """The result of a check; the values are what text and JSON say."""

    OK = "ok"
    NOTE = "note"  # only worth knowing
    WARNING = "warning"
    WRONG = "wrong"  # a run would fail, or do less than it should


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `subject` was checked, `detail` is the result, `hint` the remedy."""

    section: str
    grade: Grade
    subject: str
    detail: str
    hint: str | None = None


def has_wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.grade is Grade.WRONG for finding in findings)


def _finding(
    section: str, grade: Grade, subject: str, detail: str, hint: str | None = None
) -> Finding:
    return Finding(section=section, grade=grade, subject=subject, detail=detail, hint=hint)


_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def check_python() -> Iterator[Finding]:
    """Versions of Python, SQLite and the packages that av1rules needs."""
    python = f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.platform()}"
    yield _finding("Python", Grade.OK, "Python", python)
    try:
        wanted = importlib.metadata.requires("av1rules") or []
    except importlib.metadata.PackageNotFoundError:
        detail = f"{__version__}, not installed as a package: its requirements are unknown"
        hint = "run: pip install -e . in the checkout"
        yield _finding("Python", Grade.WARNING, "av1rules", detail, hint)
        return
    yield _finding("Python", Grade.OK, "av1rules", __version__)
    versions = {name: _version(name) for name in _names(wanted)}
    present = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield _finding("Python", Grade.OK, "packages", present)
    for name, version in versions.items():
        if version is None:
            hint = f"run: pip install {name}"
            yield _finding("Python", Grade.WRONG, "packages", f"{name} is missing", hint)


def _names(requirements: list[str]) -> Iterator[str]:
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found and "extra ==" not in requirement:
            yield found[0]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_programs(spec: ToolsSpec) -> Iterator[Finding]:
    """Check every binary, then report which ones a run would use.

    A problem of an unused binary is only a warning.
    """
    tools, refusal = _chosen(spec)
    checks = diagnose_tools(
        ffmpeg=spec.ffmpeg,
        ffprobe=spec.ffprobe,
        min_version=spec.min_version,
        self_tests=SELF_TESTS,
    )
    for check in checks:
        yield _finding_of(check, tools)
    if refusal is not None:
        yield _finding("in use", Grade.WRONG, "programs", refusal.message, refusal.hint)
    if tools is not None:
        yield from _in_use(tools, spec)


def _chosen(spec: ToolsSpec) -> tuple[Tools | None, ToolError | None]:
    try:
        return find_tools(
            ffmpeg=spec.ffmpeg,
            ffprobe=spec.ffprobe,
            min_version=spec.min_version,
            self_tests=SELF_TESTS,
            mkvpropedit=spec.mkvpropedit,
        ), None
    except ToolError as refusal:
        return None, refusal


def _finding_of(check: ToolCheck, tools: Tools | None) -> Finding:
    detail = check.detail
    if check.passed is None:
        grade = Grade.NOTE
    elif check.passed:
        grade = Grade.OK
    elif tools is None:
        grade = Grade.WRONG
    else:
        grade = Grade.WARNING
        if check.subject not in (f"ffmpeg {tools.ffmpeg}", f"ffprobe {tools.ffprobe}"):
            detail = f"{detail} (not used: another one is)"
    return _finding(check.subject, grade, check.check, detail, check.hint)


def _in_use(tools: Tools, spec: ToolsSpec) -> Iterator[Finding]:
    yield _finding(
        "in use", Grade.OK, "ffmpeg", f"{tools.ffmpeg} ({tools.ffmpeg_version}, {tools.origin})"
    )
    yield _finding("in use", Grade.OK, "ffprobe", f"{tools.ffprobe} ({tools.ffprobe_version})")
    yield _mkvpropedit(tools, spec)
    names = [name for encoder in tools.encoders for name in (encoder.name, encoder.codec)]
    if spec.preferred_encoder is not None and spec.preferred_encoder not in names:
        detail = f"{spec.preferred_encoder} is preferred, but this FFmpeg does not have it"
        hint = f"{tools.encoders[0].name} is used in its place; or give another tools.ffmpeg"
        yield _finding("in use", Grade.WARNING, "encoder", detail, hint)
    else:
        chosen = spec.preferred_encoder or tools.encoders[0].name
        yield _finding("in use", Grade.OK, "encoder", f"{chosen}, unless a rule names another")


def _mkvpropedit(tools: Tools, spec: ToolsSpec) -> Finding:
    """It is no fault to be without: what only it keeps is declared in the plan, or held."""
    found = tools.mkvpropedit
    if found is not None:
        detail = f"{found.path} ({found.version}): keeps the structure of Matroska files"
        return _finding("in use", Grade.OK, "mkvpropedit", detail)
    if spec.mkvpropedit == OFF:
        return _finding("in use", Grade.NOTE, "mkvpropedit", "turned off by tools.mkvpropedit")
    path, why = candidate(spec.mkvpropedit), "not in PATH"
    if path is not None:
        try:
            checked(path)
        except ToolError as problem:
            why = problem.message
    return _finding("in use", Grade.NOTE, "mkvpropedit", why, INSTALL_HINT)


NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "fuse.ceph",
        "glusterfs", "fuse.glusterfs", "fuse.rclone", "davfs", "fuse.davfs2", "lustre", "beegfs",
    }
)  # fmt: skip
"""File systems on which SQLite's locks and shared memory are not reliable."""

_MOUNTS = Path("/proc/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")

_SHOWN_PROBLEMS = 5
"""How many unreadable files and folders are listed; a broken disk may have thousands."""


def check_roots(ruleset: RuleSet) -> Iterator[Finding]:
    """Check each root: whether it exists and is readable, its video files, the time of the walk."""
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
    skipped = Counter(item.skip_reason.value for item in found if item.skip_reason is not None)
    size = format_size(sum(item.file.stat.size_bytes for item in found))
    elapsed = format_duration(time.monotonic() - started)
    parts = [f"{counted(len(found), 'video file')}, {size}, walked in {elapsed}"]
    parts += [f"{count} {why}" for why, count in skipped.most_common()]
    if found:
        yield _finding("library", Grade.OK, subject, "; ".join(parts))
    else:
        hint = "is the disk mounted, and are library.include and library.extensions right?"
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
    """Check every folder of targets and temporary files: is it writable, with enough space?"""
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
    """Why `folder` can't be written to, found without writing."""
    if not folder.is_dir():
        return f"{folder} is not a folder"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} is not writable"


def _device(place: Path) -> int:
    return existing_part(place).stat().st_dev


def check_state(ruleset: RuleSet) -> Iterator[Finding]:
    """Check the state folder (local, writable), the ledger (opens), and active or killed runs."""
    folder = ruleset.run.state_dir
    existing = existing_part(folder)
    refusal = _refusal(existing)
    if refusal is not None:
        hint = "name a folder on a local disk as run.state_dir"
        yield _finding("state", Grade.WRONG, str(folder), refusal, hint)
        return
    kind = file_system_of(existing, mount_table())
    if kind in NETWORK_FILE_SYSTEMS:
        detail = f"on a network file system ({kind}), where SQLite's locks are not safe"
        hint = "set run.state_dir to a folder on a local disk; sources and targets may stay"
        yield _finding("state", Grade.WARNING, str(folder), detail, hint)
    else:
        made = "writable" if existing == folder else "does not exist yet, can be made"
        yield _finding("state", Grade.OK, str(folder), f"{made}{f', on {kind}' if kind else ''}")
    yield from _check_ledger(folder)


def _check_ledger(folder: Path) -> Iterator[Finding]:
    try:
        holder = lock_holder(folder)
    except OSError as problem:
        place = str(problem.filename or folder)
        yield _finding("state", Grade.WRONG, place, problem.strerror or "can't be read")
        return
    if holder is not None:
        yield _finding("state", Grade.NOTE, "run lock", f"a run is active: {holder}")
    if not (folder / LEDGER_NAME).exists():
        yield _finding("state", Grade.NOTE, "ledger", "none yet: the first run makes it")
        return
    try:
        with closing(Ledger.read(folder)) as ledger:
            count, jobs_in_progress = len(ledger.known_targets()), len(ledger.jobs_in_progress())
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
        yield _finding("state", Grade.WARNING, "unfinished work", detail, hint)


def mount_table() -> str:
    """The mount table; empty where the system has none to read."""
    return _MOUNTS.read_text(errors="surrogateescape") if _MOUNTS.exists() else ""


def file_system_of(path: Path, mounts: str) -> str | None:
    """The type of the file system of `path`, by a table like /proc/mounts."""
    real = os.path.realpath(path)
    best, kind = "", None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
        is_above = real == point or real.startswith(f"{point.rstrip('/')}/")
        if is_above and len(point) >= len(best):  # the last of several mounts on one point counts
            best, kind = point, fields[2]
    return kind

"""Decodes sources completely and records which are damaged, by content.

A check of a library takes weeks, runs at idle priority, and may be interrupted at any time. It
needs no run lock, since no run depends on its records.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from enum import Enum

import msgspec

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, Sink
from av1rules.base.priority import Priority
from av1rules.base.units import now_text
from av1rules.encode.decode_check import source_problem
from av1rules.encode.encode import expected_frames
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.ledger.checks import SourceCheckRecord
from av1rules.media.cache import ProbeFailure, content_key_of
from av1rules.media.discover import WalkProblem
from av1rules.media.source import FileStat, LibraryFile, Source
from av1rules.operations.verify_targets import decode_progress
from av1rules.plan.context import PlanRequest
from av1rules.plan.names.match import WantedName
from av1rules.plan.names.of_plan import with_films, with_places
from av1rules.plan.workspace import Workspace, probe_files, walk_roots

IDLE = Priority(nice=19, io_class="idle")
"""Uses the processor and disks only when nothing else does."""


class SourceHealth(Enum):
    WELL = "well"
    DAMAGED = "damaged"
    UNCLEAR = "unclear"  # it could not be checked, or changed meanwhile


class SourceCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one source. `at` is the time of the check (ISO 8601, UTC), None if there was
    none."""

    file: LibraryFile
    health: SourceHealth
    detail: str | None = None
    at: str | None = None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every checked source in the order of the walk; `problems` are about folders."""

    checks: tuple[SourceCheck, ...]
    problems: tuple[str, ...] = ()

    def of(self, health: SourceHealth) -> tuple[SourceCheck, ...]:
        return tuple(check for check in self.checks if check.health is health)


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One content, by the first file that has it. `source` is None if the file can't be probed."""

    key: str
    file: LibraryFile
    source: Source | None
    failure: str | None = None


class _Inconclusive(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file could not be judged."""

    why: str


def check_health(
    workspace: Workspace, names: Sequence[WantedName], *, jobs: int, again: bool, sink: Sink
) -> HealthReport:
    """Decode the sources that `names` mean (none: all), `jobs` at a time. Contents that
    were checked before are skipped unless `again`. `workspace.ledger` is open to write.

    Raises RunInterruptedError; the results until then are recorded.
    """
    files, problems = _candidates(workspace, names)
    by_path = _inspect(workspace, files, sink)
    contents: dict[str, _Candidate] = {}
    for item in by_path.values():
        if isinstance(item, _Candidate):
            contents.setdefault(item.key, item)
    known = {} if again else workspace.ledger.health.of_contents(contents)
    todo = [content for key, content in contents.items() if key not in known]
    size_bytes = sum(content.file.stat.size_bytes for content in todo)
    sink(CheckStarted(files=len(todo), known=len(known), size_bytes=size_bytes))
    results = {**known, **_decode_all(workspace, todo, jobs=jobs, sink=sink)}
    checks = (
        _check(file, results[seen.key] if isinstance(seen, _Candidate) else seen)
        for file in files
        if (seen := by_path.get(file.path)) is not None
    )
    return HealthReport(checks=tuple(checks), problems=problems)


def _candidates(
    workspace: Workspace, names: Sequence[WantedName]
) -> tuple[list[LibraryFile], tuple[str, ...]]:
    """The files that a plan would read, without targets that the ledger knows."""
    known = workspace.ledger.known_targets()
    files: list[LibraryFile] = []
    problems: list[WalkProblem] = []
    for step in walk_roots(workspace.ruleset, workspace.ruleset.library.roots):
        workspace.children.check()
        if isinstance(step, WalkProblem):
            problems.append(step)
        elif step.skip_reason is None and step.file.path not in known:
            files.append(step.file)
    roots, ledger = workspace.ruleset.library.root_paths, workspace.ledger
    request = PlanRequest(names=tuple(names))
    request = with_places(request, roots=roots, ledger=ledger)
    if request.names:
        request = with_films(request, files, problems, roots=roots, ledger=ledger)
    chosen = [file for file in files if request.covers(file)]
    return chosen, tuple(f"{problem.path}: {problem.message}" for problem in problems)


def _inspect(
    workspace: Workspace, files: Sequence[LibraryFile], sink: Sink
) -> dict[str, _Candidate | _Inconclusive]:
    """The content of each file, by path. Outputs of av1rules are left out: `verify` checks
    those."""
    by_path: dict[str, _Candidate | _Inconclusive] = {}
    for file, source in probe_files(workspace, files, sink):
        workspace.children.check()
        failure = source.message if isinstance(source, ProbeFailure) else None
        if isinstance(source, ProbeFailure) and source.is_passing:
            by_path[file.path] = _Inconclusive(why=source.message)
        elif isinstance(source, ProbeFailure) or source.provenance is None:
            try:
                key = content_key_of(file, workspace.cache)
            except OSError as problem:
                by_path[file.path] = _Inconclusive(why=f"can't be read: {problem.strerror}")
                continue
            found = None if isinstance(source, ProbeFailure) else source
            by_path[file.path] = _Candidate(key=key, file=file, source=found, failure=failure)
    return by_path


def _decode_all(
    workspace: Workspace, todo: Sequence[_Candidate], *, jobs: int, sink: Sink
) -> dict[str, SourceCheckRecord | _Inconclusive]:
    """The results by content key. Each is recorded at once."""
    results: dict[str, SourceCheckRecord | _Inconclusive] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = {pool.submit(_decode, workspace, content, sink): content for content in todo}
        try:
            for future in as_completed(futures):
                results[futures[future].key] = future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def _decode(
    workspace: Workspace, content: _Candidate, sink: Sink
) -> SourceCheckRecord | _Inconclusive:
    started = time.monotonic()
    name = content.file.library_path
    result = _judge(workspace, content, sink)
    if isinstance(result, SourceCheckRecord):
        workspace.ledger.health.put(content.key, result)
    fault = result.why if isinstance(result, _Inconclusive) else result.fault
    sink(FileChecked(source=name, fault=fault, elapsed_s=time.monotonic() - started))
    return result


def _judge(
    workspace: Workspace, content: _Candidate, sink: Sink
) -> SourceCheckRecord | _Inconclusive:
    file = content.file
    try:
        damage = _decode_problem(workspace, content, sink)
        is_same = FileStat.of(os.stat(file.path)) == file.stat
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        return _Inconclusive(why=problem.message.partition("\n")[0])
    except OSError as problem:
        return _Inconclusive(why=f"can't be read: {problem.strerror}")
    if not is_same:
        return _Inconclusive(why="it changed while it was decoded")
    return SourceCheckRecord(source=file.library_path, at=now_text(), fault=damage)


def _decode_problem(workspace: Workspace, content: _Candidate, sink: Sink) -> str | None:
    source, name = content.source, content.file.library_path
    if source is None:
        return f"can't be read as video: {content.failure}"
    if next(source.streams(), None) is None:
        return "it has neither video nor audio"
    frames = expected_frames(source)
    return source_problem(
        content.file.path,
        source,
        tools=workspace.tools,
        children=workspace.children,
        limits=RunLimits(priority=IDLE),
        on_sample=lambda sample: sink(decode_progress(sample, source=name, frames=frames)),
    )


def _check(file: LibraryFile, found: SourceCheckRecord | _Inconclusive) -> SourceCheck:
    if isinstance(found, _Inconclusive):
        return SourceCheck(file=file, health=SourceHealth.UNCLEAR, detail=found.why)
    health = SourceHealth.WELL if found.fault is None else SourceHealth.DAMAGED
    return SourceCheck(file=file, health=health, detail=found.fault, at=found.at)

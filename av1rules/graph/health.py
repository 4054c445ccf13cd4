"""Decodes sources to their ends and remembers which are damaged, by content: a check of weeks that
may be broken off at any time, beside everything else the machine does.

It holds no run lock: what it writes concerns no run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, Probing, Sink
from av1rules.base.priority import Priority
from av1rules.encode.decode_check import source_fault
from av1rules.encode.engine import expected_frames
from av1rules.graph.check_table import Health
from av1rules.graph.check_targets import decode_progress
from av1rules.graph.plan import probe_files, walk_roots
from av1rules.graph.scope import is_at_or_below
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.discover import WalkProblem
from av1rules.library.identity import content_key_of
from av1rules.library.source import FileStat, LibraryFile, Source

IDLE = Priority(nice=19, io_class="idle")
"""Only what nobody else wants of processor and disk."""


class SourceHealth(Enum):
    WELL = "well"
    DAMAGED = "damaged"
    UNCLEAR = "unclear"  # it could not be looked at, or changed meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """What was found of one source, and when (ISO 8601, UTC); None where nothing was."""

    file: LibraryFile
    health: SourceHealth
    detail: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """Every source looked at, in the order of the walk; `problems` are about folders."""

    checks: tuple[SourceCheck, ...]
    problems: tuple[str, ...] = ()

    def of(self, health: SourceHealth) -> tuple[SourceCheck, ...]:
        return tuple(check for check in self.checks if check.health is health)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """One content, under the first of its names; without `source` it can't even be probed."""

    key: str
    file: LibraryFile
    source: Source | None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unclear:
    """Why a file could not be judged."""

    why: str


def check_health(
    space: Workspace, paths: tuple[str, ...], *, jobs: int, again: bool, sink: Sink
) -> HealthReport:
    """Decode the sources at or below `paths` (absolute; none: all), `jobs` at a time, but for those
    whose content was done before (`again`: those too). `space.ledger` is open to write.

    Raises RunInterruptedError; what was found until then is recorded.
    """
    files, problems = _candidates(space, paths)
    looked = _look_into(space, files, sink)
    contents: dict[str, _Content] = {}
    for item in looked.values():
        if isinstance(item, _Content):
            contents.setdefault(item.key, item)
    known = {} if again else space.ledger.health.of_contents(contents)
    todo = [content for key, content in contents.items() if key not in known]
    size_bytes = sum(content.file.stat.size_bytes for content in todo)
    sink(CheckStarted(files=len(todo), known=len(known), size_bytes=size_bytes))
    results = {**known, **_decode_all(space, todo, jobs=jobs, sink=sink)}
    checks = (
        _check(file, results[seen.key] if isinstance(seen, _Content) else seen)
        for file in files
        if (seen := looked.get(file.path)) is not None
    )
    return HealthReport(checks=tuple(checks), problems=problems)


def _candidates(
    space: Workspace, paths: tuple[str, ...]
) -> tuple[list[LibraryFile], tuple[str, ...]]:
    """The files that a plan would look at, targets as the ledger knows them left out."""
    known = space.ledger.glance()
    files: list[LibraryFile] = []
    problems: list[str] = []
    for step in walk_roots(space.ruleset, space.ruleset.library.roots):
        space.children.check()
        if isinstance(step, WalkProblem):
            problems.append(f"{step.path}: {step.message}")
        elif (
            step.set_aside is None
            and os.fsencode(step.file.path) not in known
            and (not paths or any(is_at_or_below(step.file.path, path) for path in paths))
        ):
            files.append(step.file)
    return files, tuple(problems)


def _look_into(
    space: Workspace, files: Sequence[LibraryFile], sink: Sink
) -> dict[str, _Content | _Unclear]:
    """What each file is, by path. What av1rules made is none of it: that is for `verify`."""
    looked: dict[str, _Content | _Unclear] = {}
    for done, (file, source) in enumerate(probe_files(space, files), start=1):
        sink(Probing(done=done, total=len(files)))
        space.children.check()
        failure = source.message if isinstance(source, ProbeFailure) else None
        if isinstance(source, ProbeFailure) and source.is_passing:
            looked[file.path] = _Unclear(why=source.message)
        elif isinstance(source, ProbeFailure) or source.provenance is None:
            try:
                key = content_key_of(file, space.cache)
            except OSError as problem:
                looked[file.path] = _Unclear(why=f"can't be read: {problem.strerror}")
                continue
            found = None if isinstance(source, ProbeFailure) else source
            looked[file.path] = _Content(key=key, file=file, source=found, failure=failure)
    return looked


def _decode_all(
    space: Workspace, todo: Sequence[_Content], *, jobs: int, sink: Sink
) -> dict[str, Health | _Unclear]:
    """The results by content key, each recorded as soon as it is there."""
    results: dict[str, Health | _Unclear] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = {pool.submit(_decode, space, content, sink): content for content in todo}
        try:
            for future in as_completed(futures):
                results[futures[future].key] = future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def _decode(space: Workspace, content: _Content, sink: Sink) -> Health | _Unclear:
    started = time.monotonic()
    name = content.file.library_path
    result = _judge(space, content, sink)
    if isinstance(result, Health):
        space.ledger.health.put(content.key, result)
    fault = result.why if isinstance(result, _Unclear) else result.fault
    sink(FileChecked(source=name, fault=fault, elapsed_s=time.monotonic() - started))
    return result


def _judge(space: Workspace, content: _Content, sink: Sink) -> Health | _Unclear:
    file = content.file
    try:
        fault = _fault(space, content, sink)
        is_same = FileStat.of(os.stat(file.path)) == file.stat
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        return _Unclear(why=problem.message.partition("\n")[0])
    except OSError as problem:
        return _Unclear(why=f"can't be read: {problem.strerror}")
    if not is_same:
        return _Unclear(why="it changed while it was decoded")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Health(source=file.library_path, at=at, fault=fault)


def _fault(space: Workspace, content: _Content, sink: Sink) -> str | None:
    source, name = content.source, content.file.library_path
    if source is None:
        return f"can't be read as video: {content.failure}"
    if next(source.streams(), None) is None:
        return "it holds neither pictures nor sound"
    frames = expected_frames(source)
    return source_fault(
        content.file.path,
        source,
        tools=space.tools,
        children=space.children,
        priority=IDLE,
        on_sample=lambda sample: sink(decode_progress(name, sample, frames)),
    )


def _check(file: LibraryFile, found: Health | _Unclear) -> SourceCheck:
    if isinstance(found, _Unclear):
        return SourceCheck(file=file, health=SourceHealth.UNCLEAR, detail=found.why)
    health = SourceHealth.WELL if found.fault is None else SourceHealth.DAMAGED
    return SourceCheck(file=file, health=health, detail=found.fault, at=found.at)

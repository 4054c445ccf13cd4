"""The job files of av1d: one JSON object for each film that it took in hand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import open_regular
from av1rules.base.text import printable

MOST_JOB_BYTES = 256 * 1024
"""A job file has less than 2 KB."""

MOST_JOBS = 1_000_000


class JobStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


SIZE_GATE = "size gate"
"""Reason of a skipped job whose result was too large."""


class Av1dJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job as far as it says something of its film. Sizes in bytes. `av1_quality` is a CRF, or
    in the Docker form QSV's global_quality. Older files lack some fields."""

    source_path: str
    status: JobStatus
    id: str = ""
    reason: str | None = None
    created_at: str = ""
    finished_at: str | None = None
    original_bytes: int | None = None
    new_bytes: int | None = None
    av1_quality: int | None = None

    @property
    def at(self) -> str:
        """When it ended, or else when it was made; ISO 8601, UTC."""
        return self.finished_at or self.created_at

    @property
    def is_size_gate(self) -> bool:
        return self.status is JobStatus.SKIPPED and SIZE_GATE in (self.reason or "").lower()


class UnreadJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job file that says nothing, and why."""

    path: str
    problem: str


class JobFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The newest job of each film by the path of the film, how many older ones there are, and the
    files that can't be read. `folders` are those that were read."""

    jobs: tuple[Av1dJob, ...] = ()
    older: int = 0
    unread: tuple[UnreadJob, ...] = ()
    folders: tuple[str, ...] = ()


_DECODER = msgspec.json.Decoder(Av1dJob)


def read_jobs(folders: Iterable[str], *, required: bool) -> JobFiles:
    """The jobs in these folders. A folder that is not there has none; if it is `required`, raises
    UsageError."""
    newest: dict[str, Av1dJob] = {}
    unread: list[UnreadJob] = []
    older, found = 0, []
    for folder in dict.fromkeys(map(os.path.expanduser, folders)):
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
        except OSError as problem:
            if required:
                raise UsageError(
                    f"the job files can't be read: {problem.strerror}", where=printable(folder)
                ) from problem
            continue
        found.append(folder)
        for job in _read_each(folder, names[:MOST_JOBS]):
            if isinstance(job, UnreadJob):
                unread.append(job)
                continue
            other = newest.get(job.source_path)
            older += other is not None
            if other is None or job.at >= other.at:
                newest[job.source_path] = job
    return JobFiles(
        jobs=tuple(newest[path] for path in sorted(newest)),
        older=older,
        unread=tuple(unread),
        folders=tuple(found),
    )


def _read_each(folder: str, names: Iterable[str]) -> Iterator[Av1dJob | UnreadJob]:
    for name in names:
        path = f"{folder}/{name}"
        try:
            with open_regular(path) as file:
                raw = file.read(MOST_JOB_BYTES + 1)
            if len(raw) > MOST_JOB_BYTES:
                yield UnreadJob(path=path, problem="larger than any job file")
                continue
            job = _DECODER.decode(raw)
        except OSError as problem:
            yield UnreadJob(path=path, problem=problem.strerror or "can't be read")
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            yield UnreadJob(path=path, problem=printable(str(problem), limit=200))
        else:
            if os.path.isabs(job.source_path) and "\0" not in job.source_path:
                yield msgspec.structs.replace(job, source_path=_real(job.source_path))
            else:
                yield UnreadJob(path=path, problem="its source_path is not absolute")


def _real(path: str) -> str:
    """The path as the walk of a library gives it: through no link, but for the file itself."""
    folder, name = os.path.split(os.path.normpath(path))
    return os.path.join(os.path.realpath(folder), name)

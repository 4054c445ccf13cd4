"""Room and memory that a job claims before it starts, and gives back."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from av1rules.base.errors import DiskFullError
from av1rules.base.events import Note
from av1rules.graph.admission import estimate_bytes
from av1rules.graph.job import Job
from av1rules.graph.room import Promise


@contextmanager
def room_for(job: Job, need: int, places: list[str]) -> Iterator[Promise]:
    """Room for so many bytes (the largest result the policy would keep) where it is written and
    where it goes. A disk that runs full in spite of it takes no more work in this run."""
    with job.session.room.promised(
        places,
        need,
        job.session.space.ruleset.run.reserve_bytes,
        check=job.session.space.children.check,
        tell=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ) as promise:
        try:
            yield promise
        except DiskFullError as problem:
            job.session.room.mark_full(problem.place)
            raise
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                job.session.room.mark_full(str(problem.filename or places[0]))
            raise


@contextmanager
def memory_for(job: Job) -> Iterator[None]:
    """Memory for one encode beside the others."""
    main, run = job.work.look.source.main, job.session.space.ruleset.run
    need = estimate_bytes(
        (main.width if main else None) or _WIDE,
        (main.height if main else None) or _HIGH,
        codec=job.work.encoder.codec,
        preset=job.work.making.settings.preset,
        threads=run.threads_per_job,
        cores=len(run.cpus) or None,
    )
    with job.session.memory.admitted(
        need,
        check=job.session.space.children.check,
        tell=lambda reason: job.session.sink(Note(source=job.name, message=reason)),
    ):
        yield


_WIDE, _HIGH = 1920, 1080
"""Taken where the size of the pictures is not known."""

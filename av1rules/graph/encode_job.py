"""From a planned row under way to the job of one FFmpeg."""

from __future__ import annotations

from av1rules.encode.job import EncodeJob
from av1rules.graph.job import Job
from av1rules.graph.provenance import provenance_json
from av1rules.graph.stale import tools_used


def encode_job_of(job: Job, *, folder: str, digest: str) -> EncodeJob:
    """The whole film by its settings, into `folder`; `digest` is that of the whole source."""
    work, space = job.work, job.session.space
    run = space.ruleset.run
    return EncodeJob(
        source_path=job.source_path,
        source=work.look.source,
        settings=work.making.settings,
        encoder=work.encoder,
        target=job.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=job.source_bytes,
            settings=work.making.settings,
            tools=tools_used(work.encoder, space.tools),
        ),
        library_path=job.name,
        temp_dir=folder,
        threads=run.threads_per_job,
        stall_timeout_s=run.stall_timeout_s,
        max_duration_s=run.max_duration_s,
        priority=job.priority,
        memory_bytes=run.memory_per_job,
    )

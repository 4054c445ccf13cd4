"""From a planned row under way to the job of one FFmpeg."""

from __future__ import annotations

from av1rules.encode.job import EncodeJob
from av1rules.execute.target_job import TargetJob
from av1rules.ledger.provenance import provenance_json
from av1rules.ledger.records import tools_used


def encode_job_of(job: TargetJob, *, folder: str, digest: str) -> EncodeJob:
    """The whole film by its settings, into `folder`; `digest` is that of the whole source."""
    work, workspace = job.work, job.session.workspace
    run = workspace.ruleset.run
    return EncodeJob(
        source_path=job.source_path,
        source=work.look.source,
        settings=work.recipe.settings,
        encoder=work.encoder,
        target=job.target,
        provenance=provenance_json(
            digest=digest,
            content_key=work.content_key,
            size_bytes=job.source_bytes,
            settings=work.recipe.settings,
            tools=tools_used(work.encoder, workspace.tools),
        ),
        library_path=job.name,
        temp_dir=folder,
        threads=run.threads_per_job,
        stall_timeout_s=run.stall_timeout_s,
        max_duration_s=run.max_duration_s,
        priority=job.priority,
        memory_bytes=run.memory_per_job,
    )

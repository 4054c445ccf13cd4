"""What is raised for an FFmpeg that did not do its work, with all that a user needs to act."""

from __future__ import annotations

import os
from collections.abc import Iterable

from av1rules.base.errors import Av1rulesError, DiskFullError, EncodeError, ToolError
from av1rules.base.text import printable
from av1rules.encode.argv import shown_command
from av1rules.encode.encoders.registry import require_encoder
from av1rules.encode.job import EncodeJob
from av1rules.ffmpeg.failures import NOT_STARTED_EXITS, explain
from av1rules.ffmpeg.log import counted_lines, plain_line
from av1rules.ffmpeg.run import FfmpegResult
from av1rules.policy.settings import Loss


def not_started(program: str, why: str) -> ToolError:
    message = f"FFmpeg can't be started: {why}"
    return ToolError(message, hint="run `av1rules doctor`", where=printable(program))


def require_success(result: FfmpegResult, job: EncodeJob, damage: dict[str, int]) -> None:
    completed, log = result.completed, result.log
    if completed.returncode in NOT_STARTED_EXITS:
        raise not_started(completed.argv[0], "; ".join(log.last) or completed.describe_exit())
    if not completed.ok:
        raise failure_of(result, job, doing="encoding")
    if damage and Loss.DAMAGE not in job.settings.accept:
        first = plain_line(next(iter(damage)))
        lines = "\n".join(f"    {line}" for line in counted_lines(damage)[:10])
        raise EncodeError(
            f"the source is damaged: {first}\n  FFmpeg reached its end, but said\n{lines}",
            hint=_DAMAGE_HINT,
            where=printable(job.source_path),
            is_final=not _is_disk_fault(damage),
        )


_DAMAGE_HINT = (
    "get the file again; or keep what can be decoded of it with `accept: [damage]` in its rule"
)


def _is_disk_fault(damage: Iterable[str]) -> bool:
    """Whether the file may be well, and its disk is not."""
    return any("Input/output error" in line for line in damage)


def failure_of(result: FfmpegResult, job: EncodeJob, *, doing: str) -> Av1rulesError:
    """The error to raise: the action, the reason, the command, FFmpeg's last lines, the hint."""
    completed, log = result.completed, result.log
    place = job.temp_dir or os.path.dirname(job.target)
    failure = explain(
        completed,
        log.last,
        place=printable(place),
        encoder=require_encoder(job.encoder.codec).messages,
        verdict=result.hang,
        memory_bytes=job.memory_bytes,
    )
    name = printable(os.path.basename(job.source_path))
    last = "\n".join(f"    {line}" for line in log.last) or "    (nothing)"
    message = (
        f"{doing} {name} failed: {failure.reason}\n"
        f"  command: {shown_command(completed.argv)}\n"
        f"  last lines of FFmpeg:\n{last}"
    )
    where = printable(job.source_path)
    if failure.is_disk_full:
        return DiskFullError(message, place=place, hint=failure.hint, where=where)
    if failure.is_system_failure:
        return Av1rulesError(message, hint=failure.hint, where=where)
    is_damaged = failure.is_of_source and bool(log.damage)
    may_be_accepted = is_damaged and Loss.DAMAGE not in job.settings.accept
    hint = _DAMAGE_HINT if may_be_accepted else failure.hint
    is_final = failure.is_final or (is_damaged and not _is_disk_fault(log.damage))
    return EncodeError(message, hint=hint, where=where, is_final=is_final)

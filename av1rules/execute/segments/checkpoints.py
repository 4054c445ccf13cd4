"""The segments of one target: whether it is encoded so, which are finished, and where they lie.

They lie in a folder of their own beside the target or in `output.temp_dir`, which outlives the job:
the ledger has it before it exists, and each segment as soon as it is accepted.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec.structs import replace

from av1rules.base.files import TEMP_PREFIX
from av1rules.base.text import text_digest
from av1rules.base.units import now_text
from av1rules.encode.job import EncodeJob
from av1rules.encode.segments.argv import segment_argv
from av1rules.encode.segments.plan import Segment, segment_choice
from av1rules.encode.segments.records import SEGMENT_FORMAT, SEGMENT_SUFFIX, SegmentJob
from av1rules.execute.segments.remove import remove_segments
from av1rules.execute.target_job import TargetJob, encode_job_of, memory_need
from av1rules.ledger.mapping import canonical_json
from av1rules.ledger.provenance import segmented_provenance
from av1rules.ledger.records import tools_used
from av1rules.ledger.segments.tables import SegmentedFilm
from av1rules.policy.segments.rules import IDLE_FROM_S, SegmentRules

_FIRST = Segment(number=0, first=0, end=1, low_s=None, high_s=None, proof=((0.0, 0.0),))
"""Stands for any segment, where only what all have in common counts."""


def uses_segments(job: TargetJob) -> bool:
    """Whether this target is encoded in segments. A film that was begun so goes on so, whatever its
    forecast says now."""
    workspace, work = job.session.workspace, job.work
    rules = workspace.ruleset.run.segments
    from_s = rules.from_s
    if _pictures(job, rules) is None or from_s is None:
        return False
    begun = workspace.ledger.segmented.find(segment_folder(job))
    if from_s == 0 or (begun is not None and begun.fingerprint == work.fingerprint):
        return True
    if job.session.slots.spare:
        from_s = min(from_s, IDLE_FROM_S)
    forecast = job.session.forecasts.of(work, workspace.ledger, workspace.ruleset.run)
    return forecast is not None and forecast.encode_seconds.mid > from_s


def take_spare_slot(job: TargetJob) -> Callable[[], None] | None:
    """A slot that no film needs, with memory for one more segment of this one; returns what gives
    both back, or None if there is none now."""
    slots, memory, need = job.session.slots, job.session.memory, memory_need(job)
    if not slots.try_take():
        return None
    if not memory.try_take(need):
        slots.give_back()
        return None

    def give_back() -> None:
        memory.give_back(need)
        slots.give_back()

    return give_back


def _pictures(job: TargetJob, rules: SegmentRules) -> int | None:
    """Pictures in each segment; None for a film that can't be cut."""
    return segment_choice(encode_job_of(job, folder="", digest=""), rules).pictures


def segment_folder(job: TargetJob) -> str:
    """Always the same for one target, so that there is never a second one."""
    parent = job.session.workspace.ruleset.output.temp_dir or os.path.dirname(job.target)
    return os.path.join(parent, f"{TEMP_PREFIX}{text_digest(job.target)[:16]}{SEGMENT_SUFFIX}")


def finished_bytes(job: TargetJob) -> int:
    """What the finished segments of this target take on disk."""
    return job.session.workspace.ledger.segments.totals(segment_folder(job))[1]


def with_segments(job: TargetJob, encode_job: EncodeJob, digest: str) -> EncodeJob:
    """The job, told to encode in segments and which are finished. `digest` is that of the source.
    Segments that were made in another way are removed. Raises LedgerError, OSError."""
    ledger, folder = job.session.workspace.ledger, segment_folder(job)
    pictures = _pictures(job, job.session.workspace.ruleset.run.segments)
    assert pictures is not None, "uses_segments says so"
    recipe = _recipe(job, encode_job, digest, pictures)
    known = ledger.segmented.find(folder)
    if known is not None and known.recipe != recipe:
        remove_segments(ledger, folder)
        known = None
    if known is None:
        ledger.segmented.begin(
            SegmentedFilm(
                folder=folder,
                film=job.name,
                target=job.target,
                fingerprint=job.work.fingerprint,
                recipe=recipe,
                at=now_text(),
            )
        )
        job.session.failpoint("segments begun")
    spec = SegmentJob(
        folder=folder,
        pictures=pictures,
        provenance=segmented_provenance(encode_job.provenance, pictures),
        finished=ledger.segments.of(folder),
    )
    return replace(encode_job, segments=spec)


def _recipe(job: TargetJob, encode_job: EncodeJob, digest: str, pictures: int) -> str:
    """The digest of all that the bytes of segments depend on: source, command, builds, length. The
    command stands for the settings too, with the CRF and grain that were found; thread counts
    change no byte."""
    plain = replace(encode_job, source_path="SOURCE", threads=None)
    argv = segment_argv(plain, _FIRST, ffmpeg="ffmpeg", output="OUTPUT", times="TIMES")
    tools = tools_used(job.work.encoder, job.session.workspace.tools)
    return text_digest(canonical_json([SEGMENT_FORMAT, digest, pictures, tools, argv]))

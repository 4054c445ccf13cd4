"""The worker: encodes a job, verifies, scores and digests the result.

Job, tools and result are plain values that can be pickled, so that a worker may run in another
process. It has no ledger, lock, session or sink: its caller reserves, delivers and records.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import EncodeError, ToolError
from av1rules.base.events import JobProgress, ignore
from av1rules.base.files import Failpoint, no_failpoint
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.base.process import Children
from av1rules.encode.changed_film import ChangedFilm, as_seen, changed_film, with_own_aspects
from av1rules.encode.encode import EncodeOutcome, encode
from av1rules.encode.excerpt_argv import seek_slack
from av1rules.encode.filters import deinterlacers
from av1rules.encode.job import EncodeJob
from av1rules.encode.matroska.propedit import keep_structure
from av1rules.encode.segments.encode import SegmentTools, encode_in_segments
from av1rules.encode.segments.orders import SegmentBackend
from av1rules.encode.segments.records import FinishedSegment, NotExactError
from av1rules.encode.size_gate import too_large
from av1rules.encode.verify import Verification, verify
from av1rules.execute.backends.local import LocalSegments
from av1rules.execute.quality_gate import (
    QualityScores,
    Rejection,
    below_floor,
    metrics_of,
    without_scores,
)
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.ledger.records import AttemptResult
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import VideoStream
from av1rules.policy.deinterlacing import pictures_per_frame
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.quality.filtergraph import ScoreInput
from av1rules.quality.result import Score
from av1rules.quality.sampling import sample_excerpts
from av1rules.quality.score import measure


class VerifiedEncode(msgspec.Struct, frozen=True, kw_only=True):
    """A verified result that has passed the gates, in the temporary folder of its job.

    `content_key`, `head_key` and `digest` are those of its file.
    """

    encoded: EncodeOutcome
    verified: Verification
    quality: QualityScores
    content_key: str
    head_key: str
    digest: str


EncodeResult = VerifiedEncode | Rejection | ChangedFilm


class EncodedExcerpts(msgspec.Struct, frozen=True, kw_only=True):
    """Excerpts of a source, encoded and scored; `score_problem` says why there are no scores."""

    encoded: EncodeOutcome
    main: VideoStream
    scores: tuple[Score, ...] = ()
    score_problem: str | None = None


def _ignore(_value: object) -> None:
    """For callers that record nothing."""


class WorkerContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker uses of its own process. It is never sent with a job.

    `memo` caches the capabilities of FFmpeg; without it they are queried each time. `on_segment`
    records a finished segment before it returns; `segments` makes them, None: one after the other
    in this process.
    """

    children: Children = msgspec.field(default_factory=Children)
    memo: ToolMemo | None = None
    on_progress: Callable[[JobProgress], None] = ignore
    on_note: Callable[[str], None] = _ignore
    on_segment: Callable[[FinishedSegment], None] = _ignore
    segments: SegmentBackend | None = None
    failpoint: Failpoint = no_failpoint


class Worker(Protocol):
    """Encodes jobs: in this process or in another one."""

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        """See `encode_and_verify`."""

    def encode_excerpts(
        self, job: EncodeJob, tools: Tools, metrics: tuple[Metric, ...], context: WorkerContext
    ) -> EncodedExcerpts:
        """See `encode_excerpts`."""


def encode_and_verify(job: EncodeJob, tools: Tools, context: WorkerContext) -> EncodeResult:
    """Encode a whole source into the temporary folder of its job, verify the result and apply the
    gates.

    Raises what `encode` and `verify` raise, and EncodeError if the result is not sound or its
    quality can't be measured.
    """
    encoded = _encoded(job, tools, context)
    context.failpoint("encoded")
    if encoded.segmentation is not None and job.segments is not None:
        job = replace(job, provenance=job.segments.provenance)
    rejection = _above_size_limit(job, encoded)
    if rejection is not None:
        return rejection
    encoded = with_own_aspects(job, encoded, context.children)
    if (changed := changed_film(job, encoded)) is not None:
        return changed
    encoded = keep_structure(job, encoded, tools=tools, children=context.children)
    job = as_seen(job, encoded)
    verified = verify(
        job, encoded, tools=tools, children=context.children, on_progress=context.on_progress
    )
    if not verified.passed:
        message = f"{verified.message}\n  command: {encoded.command}"
        raise EncodeError(message, hint=verified.hint, is_final=verified.is_final)
    context.failpoint("verified")
    quality = _scored(job, encoded, verified, tools, context)
    rejection = below_floor(job.settings.quality_gate, quality, encoded)
    if rejection is not None:
        return rejection
    return VerifiedEncode(
        encoded=encoded,
        verified=verified,
        quality=quality,
        content_key=content_key(encoded.path),
        head_key=head_key(encoded.path),
        digest=file_digest(encoded.path, check=context.children.check),
    )


def _encoded(job: EncodeJob, tools: Tools, context: WorkerContext) -> EncodeOutcome:
    """In segments, if the job says so and they can be proven right; else whole."""
    if job.segments is not None:

        def on_segment(segment: FinishedSegment) -> None:
            context.failpoint("segment made")
            context.on_segment(segment)
            context.failpoint("segment recorded")

        use = SegmentTools(
            tools=tools,
            children=context.children,
            on_progress=context.on_progress,
            on_segment=on_segment,
            backend=context.segments or LocalSegments(tools=tools, children=context.children),
        )
        try:
            return encode_in_segments(job, job.segments, use)
        except NotExactError as problem:
            context.on_note(f"encoded whole, not in segments: {problem}")
    return encode(job, tools=tools, children=context.children, on_progress=context.on_progress)


def encode_excerpts(
    job: EncodeJob, tools: Tools, metrics: tuple[Metric, ...], context: WorkerContext
) -> EncodedExcerpts:
    """Encode the excerpts of a job and score them against its source. A failure to score is part of
    the result. Raises what `encode` raises."""
    encoded = encode(job, tools=tools, children=context.children, on_progress=context.on_progress)
    context.failpoint("encoded")
    main = probe_file(lone_file(encoded.path), tools, children=context.children).main
    if main is None:
        raise EncodeError("the encoded excerpts have no video", hint="please report it")
    if not metrics:
        return EncodedExcerpts(encoded=encoded, main=main)
    distorted = ScoreInput(path=encoded.path, stream=main)
    try:
        scores = _scores(job, job.passages, distorted, metrics, tools, context)
    except (EncodeError, ToolError) as problem:
        why = problem.message.partition("\n")[0]
        return EncodedExcerpts(encoded=encoded, main=main, score_problem=why)
    return EncodedExcerpts(encoded=encoded, main=main, scores=scores)


def _above_size_limit(job: EncodeJob, encoded: EncodeOutcome) -> Rejection | None:
    detail = too_large(
        encoded.size_bytes,
        source_bytes=job.source.size_bytes,
        max_size_ratio=job.settings.max_size_ratio,
        is_projected=encoded.is_projected,
    )
    if detail is None:
        return None
    return Rejection(
        kind=AttemptResult.TOO_LARGE,
        detail=detail,
        size_bytes=encoded.size_bytes,
        is_projected=encoded.is_projected,
    )


def _scored(
    job: EncodeJob,
    encoded: EncodeOutcome,
    verified: Verification,
    tools: Tools,
    context: WorkerContext,
) -> QualityScores:
    """The scores of a result, if its policy has a quality gate."""
    gate = job.settings.quality_gate
    if gate is None or verified.target is None or verified.target.main is None:
        return QualityScores()
    target = verified.target.main
    # Read from the middle on, the inverse of telecine counts its cycles from another frame.
    is_whole = gate.scope is not GateScope.SAMPLES or pictures_per_frame(job.settings) < 1
    excerpts = () if is_whole else sample_excerpts(job.source)
    distorted = ScoreInput(
        path=encoded.path,
        stream=target,
        passages=excerpts,
        slack_s=seek_slack(verified.target.container),
        origin_s=(target.start_s or 0.0) - (job.main.start_s or 0.0),
    )
    try:
        scores = _scores(job, excerpts, distorted, metrics_of(gate), tools, context)
    except (EncodeError, ToolError) as problem:
        return without_scores(gate, problem)
    return QualityScores(scope=GateScope.WHOLE if is_whole else gate.scope, scores=scores)


def _scores(
    job: EncodeJob,
    excerpts: tuple[tuple[float, float], ...],
    distorted: ScoreInput,
    metrics: tuple[Metric, ...],
    tools: Tools,
    context: WorkerContext,
) -> tuple[Score, ...]:
    """The scores of an encode against its source as the encoder read it; without `excerpts`, of the
    whole source. Temporary files go beside the encode. Raises what `measure` raises."""
    reference = ScoreInput(
        path=job.source_path,
        stream=job.main,
        passages=excerpts,
        slack_s=seek_slack(job.source.container),
        deinterlacers=deinterlacers(job.settings),
        reach=job.source.reach,
    )

    def on_sample(sample: ProgressSample) -> None:
        context.on_progress(
            JobProgress(source=job.event_name, phase="score", frame=sample.frame, fps=sample.fps)
        )

    return measure(
        reference,
        distorted,
        metrics=metrics,
        tools=tools,
        children=context.children,
        memo=context.memo,
        on_progress=on_sample,
        limits=RunLimits(priority=job.priority, memory_bytes=job.memory_bytes),
        temp_dir=os.path.dirname(distorted.path),
    )


class LocalWorker:
    """Encodes in this process."""

    encode_and_verify = staticmethod(encode_and_verify)
    encode_excerpts = staticmethod(encode_excerpts)


LOCAL_WORKER = LocalWorker()

"""Scores an encode against its source through FFmpeg: VMAF, XPSNR, SSIM, PSNR in one pass.

Frame counts, times and the neighbours of each frame are checked first, so that only matching frames
get a score.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence

from av1rules.base.errors import Av1rulesError, EncodeError, ToolError
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.ffmpeg.failures import explain
from av1rules.ffmpeg.run import INPUT_GUARD, FfmpegResult, OnSample, ignore_sample, run_ffmpeg
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.ffmpeg.watchdog import USUAL_LIMITS, RunLimits
from av1rules.media.resolution import UHD_MIN_HEIGHT, UHD_MIN_WIDTH
from av1rules.media.source import HDR_TRANSFERS, HdrKind, VideoStream
from av1rules.policy.quality_spec import Metric
from av1rules.quality.alignment import SquaredErrors, count_problem, shift_problem, time_problem
from av1rules.quality.capabilities import (
    VMAF_MODEL,
    VMAF_UHD_MODEL,
    Abilities,
    find_abilities,
    has_film_grain,
)
from av1rules.quality.filtergraph import (
    AFTER_LOG,
    BEFORE_LOG,
    LOGS,
    ScoreInput,
    ScoreInputs,
    comparison_argv,
    times_log,
)
from av1rules.quality.result import (
    FrameTime,
    Score,
    build_score,
    frame_times,
    parse_squares,
    parse_times,
    parse_values,
)

PLANES = {Metric.XPSNR: "luma", Metric.SSIM: "all planes", Metric.PSNR: "all planes"}
"""The planes of each metric's figure: the one that FFmpeg shows first and others quote."""

DEFAULT_STEP_S = 1 / 25
"""Frame duration if neither times nor a frame rate are known."""


GRAIN_LEFT_OUT = "the encode is scored without the film grain that players add"
GRAIN_LEFT_IN = (
    "synthetic film grain counts as damage: this FFmpeg can't decode without it "
    "(it has no libdav1d)"
)
SDR_MODEL = "VMAF's models were trained on SDR: for HDR, use VMAF only to compare encodes"
NO_UHD_MODEL = f"this FFmpeg has no {VMAF_UHD_MODEL}: scored by the stricter model for 1080p"
NO_SHIFT_CHECK = "a shift by one frame can't be detected: this FFmpeg has no psnr filter"


def measure(
    reference: ScoreInput,
    distorted: ScoreInput,
    *,
    metrics: Sequence[Metric],
    tools: Tools,
    children: Children,
    limits: RunLimits = USUAL_LIMITS,
    memo: ToolMemo | None = None,
    on_progress: OnSample = ignore_sample,
    temp_dir: str | None = None,
) -> tuple[Score, ...]:
    """Scores of an encode against its source, in the order of `metrics`; metrics that this FFmpeg
    lacks are left out (see `find_abilities`).

    Writes about 1 kB per frame below `temp_dir` (None: the system's). Raises EncodeError with
    figures if the two sides can't be compared; ToolError if FFmpeg has none of the metrics;
    RunInterruptedError, OSError, and a plain Av1rulesError for problems of the environment.
    """
    abilities = find_abilities(tools, memo, children=children)
    chosen = tuple(metric for metric in dict.fromkeys(metrics) if metric in abilities.metrics)
    if not chosen:
        wanted = ", ".join(metric.value for metric in metrics) or "nothing"
        raise ToolError(
            f"{tools.ffmpeg} can't measure quality (asked for {wanted})",
            hint="use a build of FFmpeg with libvmaf",
        )
    _require_same_size(reference.stream, distorted)
    has_grain = has_film_grain(distorted, tools, children)
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX, dir=temp_dir) as folder:
        comparison = ScoreInputs(
            reference=reference,
            distorted=distorted,
            metrics=chosen,
            folder=folder,
            vmaf_model=_vmaf_model(reference.stream, abilities),
            threads=len(limits.priority.cpus) or _cores(),
            without_grain=has_grain and abilities.leaves_out_grain,
            checks_shift=Metric.PSNR in abilities.metrics,
        )
        result = run_ffmpeg(
            comparison_argv(comparison, ffmpeg=tools.ffmpeg, guards=INPUT_GUARD),
            children=children,
            limits=limits,
            on_sample=on_progress,
        )
        if not result.ok:
            raise _failure(result, distorted.path)
        count = result.log.count("out", 0)
        shown = _aligned_times(comparison, None if count is None else count.frames)
        return tuple(
            _score(metric, comparison, shown, abilities=abilities, has_grain=has_grain)
            for metric in chosen
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _failure(result: FfmpegResult, path: str) -> Av1rulesError:
    last_lines, hang = result.log.last, result.hang
    failure = explain(result.completed, last_lines, verdict=hang)
    last = f": {last_lines[-1]}" if last_lines and hang is None else ""
    message = f"the quality could not be measured: {failure.reason}{last}"
    is_system_failure = failure.is_system_failure or result.completed.stopped is not None
    kind = Av1rulesError if is_system_failure else EncodeError
    return kind(message, hint=failure.hint, where=printable(path))


def _require_same_size(reference: VideoStream, distorted: ScoreInput) -> None:
    sizes = [f"{stream.width}x{stream.height}" for stream in (reference, distorted.stream)]
    if sizes[0] != sizes[1]:
        raise EncodeError(
            f"can't compare frames of different sizes: source {sizes[0]}, encode {sizes[1]}",
            where=printable(distorted.path),
        )


def _is_uhd(stream: VideoStream) -> bool:
    longer, shorter = sorted((stream.width or 0, stream.height or 0), reverse=True)
    return longer >= UHD_MIN_WIDTH or shorter >= UHD_MIN_HEIGHT


def _vmaf_model(reference: VideoStream, abilities: Abilities) -> str:
    if _is_uhd(reference) and VMAF_UHD_MODEL in abilities.vmaf_models:
        return VMAF_UHD_MODEL
    return VMAF_MODEL


def _lines(comparison: ScoreInputs, name: str) -> Iterator[str]:
    with open(f"{comparison.folder}/{name}", encoding="utf-8", errors="replace") as file:
        yield from file


def _times(comparison: ScoreInputs, side: str) -> tuple[tuple[float | None, ...], ...]:
    part = comparison.reference if side == "reference" else comparison.distorted
    return tuple(
        parse_times(_lines(comparison, times_log(side, number)))
        for number in range(len(part.passages) or 1)
    )


def _aligned_times(comparison: ScoreInputs, frames_out: int | None) -> tuple[FrameTime, ...]:
    """The time of each frame; EncodeError if the two sides are not aligned."""
    reference = comparison.reference.stream
    step_s = float(1 / reference.frame_rate) if reference.frame_rate else DEFAULT_STEP_S
    parts = _times(comparison, "reference")
    encoded = tuple(time for part in _times(comparison, "distorted") for time in part)
    problem = count_problem(parts, len(encoded))
    if problem is None and frames_out is not None and frames_out != len(encoded):
        # FFmpeg restarts its filters and their logs when size or format change within the film.
        problem = f"the frame format changes within the film: {frames_out} frames in all, "
        problem += f"{len(encoded)} after the last change"
    problem = problem or time_problem(parts, encoded, step_s=step_s)
    shown = frame_times(parts, step_s=step_s)
    if problem is None and comparison.checks_shift:
        names = (LOGS[Metric.PSNR], BEFORE_LOG, AFTER_LOG)
        here, before, after = (parse_squares(_lines(comparison, name)) for name in names)
        problem = shift_problem(SquaredErrors(here=here, before=before, after=after), shown)
    if problem is not None:
        raise EncodeError(
            f"source and encode are not aligned: {problem}",
            hint="scores of frames that don't match would mean nothing",
            where=printable(comparison.distorted.path),
        )
    return shown


def _score(
    metric: Metric,
    comparison: ScoreInputs,
    shown: tuple[FrameTime, ...],
    *,
    abilities: Abilities,
    has_grain: bool,
) -> Score:
    values = parse_values(metric, _lines(comparison, LOGS[metric]))
    where = printable(comparison.distorted.path)
    if len(values) != len(shown):
        message = f"{metric.value} gave {len(values)} figures for {len(shown)} frames"
        raise EncodeError(message, where=where)
    model = PLANES.get(metric) or f"{comparison.vmaf_model} (libvmaf {abilities.libvmaf})"
    caveats = tuple(_caveats(metric, comparison, has_grain=has_grain))
    try:
        return build_score(metric, model, values, shown, caveats)
    except ValueError as problem:
        raise EncodeError(str(problem), where=where) from problem


def _caveats(metric: Metric, comparison: ScoreInputs, *, has_grain: bool) -> Iterator[str]:
    stream = comparison.reference.stream
    if has_grain:
        yield GRAIN_LEFT_OUT if comparison.without_grain else GRAIN_LEFT_IN
    if metric is Metric.VMAF and _is_hdr(stream):
        yield SDR_MODEL
    if metric is Metric.VMAF and _is_uhd(stream) and comparison.vmaf_model != VMAF_UHD_MODEL:
        yield NO_UHD_MODEL
    if not comparison.checks_shift:
        yield NO_SHIFT_CHECK


def _is_hdr(stream: VideoStream) -> bool:
    beyond = (stream.hdr_kinds or frozenset()) - {HdrKind.SDR}
    return bool(beyond) or stream.colour.transfer in HDR_TRANSFERS

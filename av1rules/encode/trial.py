"""Tries settings on a tiny synthetic clip, so that refused settings are known before the run.

Only settings beyond plain numbers are tried: ordinary plans start no program. Results are memoised
by program and options.
"""

from __future__ import annotations

import os
import tempfile

from av1rules.base.errors import ToolError
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children
from av1rules.base.text import text_digest
from av1rules.encode.encoders.description import VideoFacts
from av1rules.encode.encoders.registry import encoder_options, needs_trial, require_encoder
from av1rules.encode.measure import decode_fully
from av1rules.ffmpeg.failures import NOT_STARTED_EXITS, encoder_message, explain
from av1rules.ffmpeg.run import FfmpegResult, run_ffmpeg
from av1rules.ffmpeg.tools import EncoderInfo, ToolMemo, Tools
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.policy.settings import EncodeSettings

TRIAL_VERSION = 1
"""Part of every memo key: raised whenever a trial looks at something else."""

TRIAL_CLIP = "testsrc2=s=320x180:r=24:d=0.08"
"""Two pictures. At 64x64 some options go well that fail in films (`lossless` with fast presets),
and some crash that work in films (`hbd-mds`); from 320x180 on both behave as they do in films."""

TRIAL_LIMITS = RunLimits(timeout_s=60.0)
"""A trial takes 0.05-0.2 s, with the slowest presets a second."""

_ACCEPTED = "accepted"


def trial_problem(
    settings: EncodeSettings,
    encoder: EncoderInfo,
    tools: Tools,
    memo: ToolMemo | None = None,
    *,
    children: Children | None = None,
    disk: Disk = LOCAL_DISK,
) -> str | None:
    """Why this encoder can't work with `settings`, in its own words; None if it can.

    Raises ToolError if FFmpeg can't be started, RunInterruptedError. What says nothing of the
    settings (a timeout, a full disk) counts as no problem and is not remembered. With a recorded
    `disk` nothing is tried: what is not remembered is no problem.
    """
    if not needs_trial(settings):
        return None
    options = _options(settings, encoder)
    key = _memo_key(tools.ffmpeg, encoder, options, disk)
    if memo is not None and (known := memo.get(key)) is not None:
        return None if known == _ACCEPTED else known
    if disk.is_recorded:
        return None
    problem = _try(options, encoder, tools, children or Children())
    if memo is not None and problem is not _UNKNOWN:
        memo.put(key, problem or _ACCEPTED)
    return problem or None


_UNKNOWN = ""
"""The trial came to no end that says anything."""


def _options(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    pairs = encoder_options(settings, encoder, VideoFacts(), threads=None)
    pix_fmt = "yuv420p" if settings.bit_depth == 8 else "yuv420p10le"
    named = [word for name, value in pairs for word in (f"-{name}:v", value)]
    return ("-c:v", encoder.codec, *named, "-err_detect:v", "explode", "-pix_fmt:v", pix_fmt)


def _memo_key(ffmpeg: str, encoder: EncoderInfo, options: tuple[str, ...], disk: Disk) -> str:
    try:
        stat = disk.stat(ffmpeg)
    except OSError as problem:
        raise ToolError(f"cannot read {ffmpeg}: {problem.strerror}") from problem
    digest = text_digest("\n".join((encoder.name, *options)))
    return f"trial:{TRIAL_VERSION}:{stat.st_size}:{stat.st_mtime_ns}:{digest}:{ffmpeg}"


def _try(
    options: tuple[str, ...], encoder: EncoderInfo, tools: Tools, children: Children
) -> str | None:
    """The problem, None if there is none, `_UNKNOWN` if the trial is inconclusive."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=TEMP_PREFIX)
    except OSError:  # no space: says nothing about the settings
        return _UNKNOWN
    with folder as name:
        path = os.path.join(name, "trial.mkv")
        result = _encode(path, options, encoder, tools, children)
        if not result.ok:
            return _refusal(result, encoder)
        if words := encoder_message(result.log.last, require_encoder(encoder.codec).messages):
            return f"{encoder.name} refuses the settings: {words}"
        return _undecodable(path, encoder, tools, children)


def _encode(
    path: str,
    options: tuple[str, ...],
    encoder: EncoderInfo,
    tools: Tools,
    children: Children,
) -> FfmpegResult:
    argv = [
        tools.ffmpeg, "-hide_banner", "-nostdin", "-y", "-v", "level+warning",
        "-f", "lavfi", "-i", TRIAL_CLIP, *options, "-f", "matroska", path,
    ]  # fmt: skip
    env = require_encoder(encoder.codec).env
    try:
        result = run_ffmpeg(argv, children=children, limits=TRIAL_LIMITS, env=env)
    except OSError as problem:
        raise ToolError(f"cannot start {tools.ffmpeg}: {problem.strerror}") from problem
    if result.completed.returncode in NOT_STARTED_EXITS:
        raise ToolError(f"cannot start {tools.ffmpeg}: {'; '.join(result.log.last)}")
    return result


def _refusal(result: FfmpegResult, encoder: EncoderInfo) -> str:
    said, messages = result.log.last, require_encoder(encoder.codec).messages
    failure = explain(result.completed, said, encoder=messages)
    if failure.is_system_failure or result.completed.stopped is not None:
        return _UNKNOWN
    if words := encoder_message(said, messages):
        return f"{encoder.name} refuses the settings: {words}"
    last = f": {said[-1]}" if said else ""
    return f"{encoder.name} can't work with the settings: {failure.reason}{last}"


def _undecodable(path: str, encoder: EncoderInfo, tools: Tools, children: Children) -> str | None:
    decoded = decode_fully(path, video=0, tracks=(0,), tools=tools, children=children)
    if decoded.ok:
        return None
    if explain(decoded.completed).is_system_failure or decoded.completed.stopped is not None:
        return _UNKNOWN
    return f"what {encoder.name} makes with the settings can't be decoded"

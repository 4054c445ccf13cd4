"""Decodes a whole target or source and reports its damage.

A target must be free of errors, so its decoder is strict and stops at the first. A source is read
as an encode would read it: damage here is exactly what would fail an encode.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator

from av1rules.base.errors import Av1rulesError, ProbeError, UnansweredProbeError
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children
from av1rules.base.text import counted, printable
from av1rules.encode.argv import input_options
from av1rules.encode.encoders.registry import ENCODER_CODECS
from av1rules.encode.lead_in import LeadIn, find_lead_in, lead_in_args
from av1rules.encode.measure import decode_fully
from av1rules.ffmpeg.failures import explain
from av1rules.ffmpeg.log import counted_lines, plain_line
from av1rules.ffmpeg.run import FfmpegResult, OnSample, ignore_sample, run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import USUAL_LIMITS, RunLimits
from av1rules.media.cache import lone_file
from av1rules.media.encryption import encrypted_text
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.media.truncation import missing_part

END_TOLERANCE_S = 2.0
END_TOLERANCE = 0.01
"""By how much a source may end before its header says: headers round, and subtitles that stay on
the screen after the last picture count into some; what was cut off is nearly always more."""

_ERROR = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\] ")
_NO_DECODER = re.compile(r"no decoder found for: (?P<codec>[\w.-]+)")


def target_problem(
    path: str, *, tools: Tools, children: Children, on_sample: OnSample = ignore_sample
) -> str | None:
    """The damage of a finished target; None if all of it decodes.

    Raises RunInterruptedError, OSError, and a plain Av1rulesError where the surroundings are to
    blame.
    """
    try:
        target = probe_file(lone_file(path), tools, children=children)
    except UnansweredProbeError as problem:
        raise Av1rulesError(problem.message, where=printable(path)) from problem
    except ProbeError as problem:
        return f"can't be read as video: {problem.message}"
    picture = next((stream for stream in target.video if stream.codec == "av1"), None)
    if picture is None:
        return "it holds no AV1 pictures"
    decoded = decode_fully(
        path,
        video=picture.index,
        tracks=tuple(sorted(stream.index for stream in target.streams())),
        tools=tools,
        children=children,
        on_sample=on_sample,
    )
    if decoded.ok:
        return missing_part(path)  # a cut Matroska file just ends: that is no error to FFmpeg
    _require_judged(decoded, path)
    return f"does not decode: {_first(decoded.log.last) or decoded.completed.describe_exit()}"


def source_problem(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    limits: RunLimits = USUAL_LIMITS,
    on_sample: OnSample = ignore_sample,
) -> str | None:
    """The damage of a source by its decoders' errors; None if there is none.

    Video and audio are decoded as far as this FFmpeg knows their codecs; subtitles are only read.
    Raises RunInterruptedError, and a plain Av1rulesError where the surroundings are to blame.
    """
    if source.encryption is not None:
        return encrypted_text(source.encryption)
    # No player shows what a recording holds before its first key frame: as little is it damage.
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX) as folder:
        lead_in = find_lead_in(path, source, folder, tools=tools, children=children, limits=limits)
    reading = lead_in_args(lead_in, source)
    unknown: frozenset[str] = frozenset()
    while True:
        result = run_ffmpeg(
            [
                tools.ffmpeg,
                *input_options(path, source, reading),
                *_output_options(source, unknown),
            ],
            children=children,
            limits=limits,
            on_sample=on_sample,
            encoders=ENCODER_CODECS,
        )
        # Its own words are the only way to know: a build may leave out any decoder.
        last_lines = result.log.last
        missing = {found["codec"] for line in last_lines if (found := _NO_DECODER.search(line))}
        if result.ok or missing <= unknown:
            return _judged(result, source, path, lead_in)
        unknown |= missing


def _judged(result: FfmpegResult, source: Source, path: str, lead_in: LeadIn) -> str | None:
    if not result.ok:
        _require_judged(result, path)
    if damage := lead_in.damage_beside(result.log.damage):
        return _summary(damage)
    if not result.ok:
        reason = explain(result.completed, result.log.last).reason
        return f"{reason}: {_first(result.log.last) or 'FFmpeg gave no reason'}"
    # FFmpeg's word that the file ends too soon may be lost among those of its other threads.
    return _early_end(source, result.film_s) or missing_part(path)


def _output_options(source: Source, unknown: frozenset[str]) -> Iterator[str]:
    """Every track to nowhere: decoded, or read only where it is text or there is no decoder."""
    texts = {stream.index for stream in source.subtitles}
    for number, stream in enumerate(source.streams()):
        yield from ("-map", f"0:{stream.index}")
        if stream.index in texts or stream.codec in unknown:
            yield from (f"-c:{number}", "copy")
    yield from ("-fps_mode:v", "passthrough", "-f", "null", "-")


def _require_judged(result: FfmpegResult, path: str) -> None:
    """Raise where how it ended says nothing of the file."""
    failure = explain(result.completed, result.log.last, verdict=result.hang)
    if failure.is_system_failure or result.completed.stopped is not None:
        message = f"decoding was cut short: {failure.reason}"
        raise Av1rulesError(message, hint=failure.hint, where=printable(path))


def _summary(damage: dict[str, int]) -> str:
    kinds = len(damage)
    first = plain_line(counted_lines(damage)[0])
    if kinds == 1:
        return first
    return f"{first}; and {counted(kinds - 1, 'other complaint')}"


def _early_end(source: Source, film_s: float) -> str | None:
    wanted = source.duration_s
    if wanted is None:
        return None
    start_s = max(source.start_s or 0.0, 0.0)
    tolerance = max(END_TOLERANCE_S, wanted * END_TOLERANCE) + start_s
    if film_s >= wanted - tolerance:
        return None
    return f"it ends after {film_s:.1f} s, its header promises {wanted:.1f} s"


def _first(lines: Iterable[str]) -> str | None:
    return next((plain_line(line) for line in lines if _ERROR.search(line)), None)

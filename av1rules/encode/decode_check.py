"""Plays a file to its end and says what is wrong with it: a finished target, or a source.

A target must be without a fault, so its decoder is strict and stops at the first. A source is read
as an encode would read it: what counts as damage here would fail an encode, and nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from av1rules.base.errors import Av1rulesError, ProbeError, UnansweredProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children, Completed, run
from av1rules.base.text import printable
from av1rules.encode.argv import input_options
from av1rules.encode.measure import decode_fully
from av1rules.ffmpeg.failures import explain
from av1rules.ffmpeg.log import LogReader, counted_lines
from av1rules.ffmpeg.progress import ProgressParser, ProgressSample
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import STALL_S, StallReport, Watchdog
from av1rules.media.cache import lone_file
from av1rules.media.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.media.truncation import missing_part

END_TOLERANCE_S = 2.0
END_TOLERANCE = 0.01
"""By how much a source may end before its header says: headers round, and subtitles that stay on
the screen after the last picture count into some; what was cut off is nearly always more."""

_CONTEXTS = re.compile(r"^(?:\[[^\]]*\] )+")
_ERROR = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\] ")
_NO_DECODER = re.compile(r"no decoder found for: (?P<codec>[\w.-]+)")

OnSample = Callable[[ProgressSample], None]


def ignore_sample(_sample: ProgressSample) -> None:
    """For those who do not watch."""


def target_problem(
    path: str, *, tools: Tools, children: Children, on_sample: OnSample = ignore_sample
) -> str | None:
    """What is wrong with a finished target; None if it decodes whole.

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
    if decoded.completed.ok:
        return missing_part(path)  # a cut Matroska file just ends: that is no error to FFmpeg
    _require_judged(decoded.completed, decoded.last_lines, path, decoded.verdict)
    return f"does not decode: {_first(decoded.last_lines) or decoded.completed.describe_exit()}"


def source_problem(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
    on_sample: OnSample = ignore_sample,
) -> str | None:
    """What is wrong with a source: all that its decoders complain of; None if it is well.

    Pictures and sound are decoded as far as this FFmpeg knows their codecs, subtitles are read.
    Raises RunInterruptedError, and a plain Av1rulesError where the surroundings are to blame.
    """
    unknown: frozenset[str] = frozenset()
    while True:
        seen = _Pass(on_sample=on_sample)
        completed = run(
            [tools.ffmpeg, *input_options(path, source), *_output_options(source, unknown)],
            children=children,
            on_line=ProgressParser(on_sample=seen.feed).feed,
            on_err_line=seen.log.feed,
            watch=seen.watch,
            priority=priority,
            tether=True,
        )
        children.check()
        # Its own words are the only way to know: a build may leave out any decoder.
        missing = {found["codec"] for line in seen.log.last if (found := _NO_DECODER.search(line))}
        if completed.ok or missing <= unknown:
            return _judged(completed, seen, source, path)
        unknown |= missing


def _judged(completed: Completed, seen: _Pass, source: Source, path: str) -> str | None:
    if not completed.ok:
        _require_judged(completed, tuple(seen.log.last), path, seen.verdict)
    if seen.log.damage:
        return _summary(seen.log.damage)
    if not completed.ok:
        reason = explain(completed, seen.log.last).reason
        return f"{reason}: {_first(seen.log.last) or 'FFmpeg gave no reason'}"
    return _early_end(source, seen.film_s)


@dataclass(slots=True, kw_only=True)
class _Pass:
    """One pass over a source: what was said, how far it came, and why we stopped it, if we did."""

    on_sample: OnSample
    log: LogReader = field(default_factory=LogReader)
    watchdog: Watchdog = field(
        default_factory=lambda: Watchdog(stall_s=STALL_S, started=time.monotonic(), writes=False)
    )
    film_s: float = 0.0
    verdict: StallReport | None = None

    def feed(self, sample: ProgressSample) -> None:
        self.film_s = max(self.film_s, sample.film_s or 0.0)
        self._look(sample)
        self.on_sample(sample)

    def watch(self) -> str | None:
        self._look(None)
        return None if self.verdict is None else self.verdict.cause

    def _look(self, sample: ProgressSample | None) -> None:
        self.verdict = self.verdict or self.watchdog.feed(sample, time.monotonic())


def _output_options(source: Source, unknown: frozenset[str]) -> Iterator[str]:
    """Every track to nowhere: decoded, or read only where it is text or there is no decoder."""
    texts = {stream.index for stream in source.subtitles}
    for number, stream in enumerate(source.streams()):
        yield from ("-map", f"0:{stream.index}")
        if stream.index in texts or stream.codec in unknown:
            yield from (f"-c:{number}", "copy")
    yield from ("-fps_mode:v", "passthrough", "-f", "null", "-")


def _require_judged(
    completed: Completed, said: Iterable[str], path: str, verdict: StallReport | None
) -> None:
    """Raise where how it ended says nothing of the file."""
    failure = explain(completed, said, verdict=verdict)
    if failure.is_surroundings or completed.stopped is not None:
        message = f"decoding was cut short: {failure.reason}"
        raise Av1rulesError(message, hint=failure.hint, where=printable(path))


def _summary(damage: dict[str, int]) -> str:
    kinds = len(damage)
    first = _plain(counted_lines(damage)[0])
    if kinds == 1:
        return first
    return f"{first}; and {kinds - 1} other complaint{'' if kinds == 2 else 's'}"


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
    return next((_plain(line) for line in lines if _ERROR.search(line)), None)


def _plain(line: str) -> str:
    """A line of FFmpeg's without who says it and how loudly."""
    return _CONTEXTS.sub("", line)

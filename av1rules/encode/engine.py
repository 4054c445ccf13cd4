"""Runs one encode: an `EncodeJob` in, a finished temporary file out; a failure leaves nothing.

Success here means: exit code 0 and a source that FFmpeg read without complaint. Whether the file is
good is for `verify` to say.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from av1rules.base.atomic import TEMP_PREFIX
from av1rules.base.errors import EncodeError, ToolError
from av1rules.base.events import JobProgress
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.base.text import printable
from av1rules.encode.argv import CoverFile, build_argv, cover_files, file_url, shown_command
from av1rules.encode.job import EncodeJob
from av1rules.encode.log import LogReader, StreamCount, counted_lines
from av1rules.encode.progress import ProgressParser, ProgressSample, eta_s, projected_bytes
from av1rules.library.source import Source
from av1rules.library.toolset import Tools
from av1rules.rules.settings import Loss

QUIET_SVT = {"SVT_LOG": "1"}
"""SVT-AV1 prints its banner whatever FFmpeg's log level is; 1 leaves errors only."""

COVER_TIMEOUT_S = 60.0

GATE_MIN_SHARE = 0.20
GATE_MIN_FRAMES = 240
GATE_FACTOR = 1.5
"""The live gate stops an encode after a fifth of the film (and ten seconds of it) if the projection
is half again above what the policy keeps: parts of a film differ, so the margin is wide, and what
is only a little too large is found at the end."""

_ENOSPC_EXIT, _EACCES_EXIT, _EINVAL_EXIT, _INVALID_DATA_EXIT = 228, 243, 234, 183
"""FFmpeg's exit code is the negative errno modulo 256; 183 is its own "invalid data"."""

_CRASHES = (-11, 139, -6, 134, -4, 132, -8, 136)
_KILLED = (-9, 137)
_NOT_STARTED = (126, 127)  # by the tether, which starts the program itself


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOutcome:
    """A finished encode. `counts` are FFmpeg's own per stream; `damage` what it said against the
    source (only where the settings accept that); `log` its warnings and errors.

    `is_projected`: the live gate stopped the encode; then `size_bytes` is the projected size and
    there is no file.
    """

    path: str
    argv: tuple[str, ...]
    size_bytes: int
    elapsed_s: float
    frames: int | None
    counts: tuple[StreamCount, ...] = ()
    damage: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    is_projected: bool = False

    @property
    def command(self) -> str:
        return shown_command(self.argv)

    def count(self, side: str, index: int) -> StreamCount | None:
        """What FFmpeg counted of an input ("in") or output ("out") stream."""
        matches = (c for c in self.counts if (c.side, c.index) == (side, index))
        return next(matches, None)


class _TooLargeError(Exception):
    """The live gate: raised in the progress callback, caught in `encode`."""

    def __init__(self, projected: int) -> None:
        super().__init__(projected)
        self.projected = projected


def encode(
    job: EncodeJob,
    *,
    tools: Tools,
    children: Children,
    on_progress: Callable[[JobProgress], None],
) -> EncodeOutcome:
    """Encode into a private temporary file, which the caller verifies, publishes or removes.

    Raises EncodeError (failed, or the source is damaged), ToolError (FFmpeg can't be started),
    RunInterruptedError; the temporary file is gone then.
    """
    folder = job.temp_dir or os.path.dirname(job.target) or "."
    with _private_folder(folder) as private:
        part = os.path.join(private, f"part.{job.settings.container}")
        covers = _take_out_covers(job, private, tools=tools, children=children)
        argv = build_argv(job, ffmpeg=tools.ffmpeg, output=part, covers=covers)
        watch = _Watch(job=job, on_progress=on_progress)
        try:
            completed = _run(argv, job=job, children=children, watch=watch)
        except _TooLargeError as stop:
            return watch.outcome(path="", argv=argv, size_bytes=stop.projected, is_projected=True)
        children.check()
        _require_success(completed, job, watch.log)
        finished = os.path.join(folder, f"{os.path.basename(private)}.{job.settings.container}")
        os.rename(part, finished)
        size_bytes = os.stat(finished).st_size
        return watch.outcome(path=finished, argv=argv, size_bytes=size_bytes)


@contextlib.contextmanager
def _private_folder(folder: str) -> Iterator[str]:
    """Where the unfinished file and the covers live; gone afterwards, whatever happens."""
    try:
        os.makedirs(folder, exist_ok=True)
        private = tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=folder)
    except OSError as problem:
        raise EncodeError(
            f"no temporary folder can be made: {problem.strerror}",
            hint="check permissions and free space there, or set output.temp_dir",
            where=folder,
        ) from problem
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _run(argv: tuple[str, ...], *, job: EncodeJob, children: Children, watch: _Watch) -> Completed:
    parser = ProgressParser(on_sample=watch.on_sample)
    try:
        return run(
            argv,
            children=children,
            limits=Limits(stall_s=job.stall_timeout_s),
            env=QUIET_SVT,
            on_line=parser.feed,
            on_err_line=watch.log.feed,
            tether=True,
        )
    except OSError as problem:
        if problem.errno == errno.E2BIG:
            raise EncodeError("the FFmpeg command is longer than the system allows") from problem
        raise _not_started(argv[0], problem.strerror or "unknown reason") from problem


def _not_started(program: str, why: str) -> ToolError:
    message = f"FFmpeg can't be started: {why}"
    return ToolError(message, hint="run `av1rules doctor`", where=printable(program))


@dataclass(slots=True)
class _Watch:
    """Reads a running encode: progress to events, complaints to the log, and the live gate."""

    job: EncodeJob
    on_progress: Callable[[JobProgress], None]
    log: LogReader = field(default_factory=LogReader)
    started: float = field(default_factory=time.monotonic)
    frames: int | None = None
    last_frame: int = -1

    def on_sample(self, sample: ProgressSample) -> None:
        expected = expected_frames(self.job.source)
        if sample.frame is not None:
            self.frames = sample.frame
        projection = projected_bytes(sample.size_bytes, sample.frame, expected)
        self.on_progress(
            JobProgress(
                source=self.job.event_name,
                phase="encode",
                frame=sample.frame,
                frames=expected,
                fps=sample.fps,
                speed=sample.speed,
                eta_s=eta_s(sample.frame, expected, time.monotonic() - self.started),
                size_bytes=sample.size_bytes,
                projected_bytes=projection,
            )
        )
        if not sample.is_end:
            self._gate(sample.frame, expected, projection)

    def _gate(self, frame: int | None, expected: int | None, projection: int | None) -> None:
        if frame is None or expected is None or projection is None:
            return
        if frame < max(GATE_MIN_FRAMES, expected * GATE_MIN_SHARE):
            return
        limit = self.job.settings.max_size_ratio * self.job.source.size_bytes
        if projection > GATE_FACTOR * limit:
            raise _TooLargeError(projection)

    def outcome(
        self, *, path: str, argv: tuple[str, ...], size_bytes: int, is_projected: bool = False
    ) -> EncodeOutcome:
        return EncodeOutcome(
            path=path,
            argv=argv,
            size_bytes=size_bytes,
            elapsed_s=time.monotonic() - self.started,
            frames=self.frames,
            counts=self.log.counts,
            damage=counted_lines(self.log.damage),
            log=counted_lines(self.log.complaints),
            is_projected=is_projected,
        )


def expected_frames(source: Source) -> int | None:
    """For progress only: duration x rate, else what the container claims."""
    main = source.main
    if main is None:
        return None
    duration = main.duration_s or source.duration_s
    if duration and main.frame_rate:
        return max(round(duration * main.frame_rate), 1)
    return main.frames


def _take_out_covers(
    job: EncodeJob, folder: str, *, tools: Tools, children: Children
) -> tuple[CoverFile, ...]:
    """The cover pictures as files, byte for byte: copied as streams they would become films."""
    steps = job.streams.attached
    if not steps:
        return ()
    covers = cover_files(job, folder)
    argv = [
        tools.ffmpeg, "-nostdin", "-v", "level+warning", "-protocol_whitelist", "file",
        "-format_whitelist", job.source.container, "-i", file_url(job.source_path),
    ]  # fmt: skip
    for step, cover in zip(steps, covers, strict=True):
        argv += ["-map", f"0:{step.index}", "-c", "copy", "-frames:v", "1"]
        argv += ["-f", "image2pipe", file_url(cover.path)]
    log = LogReader()
    completed = run(
        argv,
        children=children,
        limits=Limits(timeout_s=COVER_TIMEOUT_S),
        on_err_line=log.feed,
        tether=True,
    )
    children.check()
    if not completed.ok:
        raise _failure(completed, job, log, doing="taking the cover picture out of")
    return covers


def _require_success(completed: Completed, job: EncodeJob, log: LogReader) -> None:
    if completed.returncode in _NOT_STARTED:
        raise _not_started(completed.argv[0], "; ".join(log.last) or completed.describe_exit())
    if not completed.ok:
        raise _failure(completed, job, log, doing="encoding")
    if log.damage and Loss.DAMAGE not in job.settings.accept:
        lines = "\n".join(f"    {line}" for line in counted_lines(log.damage)[:10])
        raise EncodeError(
            f"the source is damaged: FFmpeg reached the end of it, but said\n{lines}",
            hint=(
                "get the file again; or keep what can be decoded of it with `accept: [damage]` "
                "in its rule"
            ),
            where=printable(job.source_path),
        )


def _failure(completed: Completed, job: EncodeJob, log: LogReader, *, doing: str) -> EncodeError:
    """What was being done, how it ended, the command, FFmpeg's last words, and what to do."""
    name = printable(os.path.basename(job.source_path))
    last = "\n".join(f"    {line}" for line in log.last) or "    (nothing)"
    reason, hint = _explained(completed, job, "\n".join(log.last))
    return EncodeError(
        f"{doing} {name} failed: {reason}\n"
        f"  command: {shown_command(completed.argv)}\n"
        f"  last lines of FFmpeg:\n{last}",
        hint=hint,
        where=printable(job.source_path),
    )


def _explained(completed: Completed, job: EncodeJob, said: str) -> tuple[str, str | None]:
    exit_text, code = completed.describe_exit(), completed.returncode
    place = job.temp_dir or os.path.dirname(job.target)
    if completed.stopped == "stall":
        return (
            f"FFmpeg gave no sign of life for {job.stall_timeout_s:g} s and was stopped",
            "a slow disk or a very slow preset? then set a longer run.stall_timeout",
        )
    if code == _ENOSPC_EXIT or "No space left on device" in said:
        return f"the disk is full ({exit_text})", f"free some space in {printable(place)}"
    if code == _EACCES_EXIT or "Permission denied" in said:
        return f"permission denied ({exit_text})", "check who may read the source and write there"
    if code in _CRASHES:
        hint = "a fault of the encoder: leave out `params`, try another preset or another FFmpeg"
        return f"the encoder crashed ({exit_text})", hint
    if code in _KILLED:
        return f"FFmpeg was killed ({exit_text})", "often the system was out of memory: fewer jobs"
    if code == _INVALID_DATA_EXIT:
        return f"the source can't be read ({exit_text})", "the file is damaged or encrypted"
    if code == _EINVAL_EXIT:
        return f"FFmpeg refused a parameter or stream ({exit_text})", "see its last lines"
    return exit_text, None

"""Runs one encode: takes an `EncodeJob`, returns a finished temporary file; a failure leaves none.

Success here means exit code 0 and a source that FFmpeg read without errors. `verify` decides
whether the file is good.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.base.events import JobProgress
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.encode.argv import CoverFile, build_argv, cover_files, shown_command
from av1rules.encode.encoders.registry import ENCODER_CODECS, require_encoder
from av1rules.encode.excerpt_argv import clip_argv
from av1rules.encode.failed import failure_of, not_started, require_success
from av1rules.encode.job import EncodeJob
from av1rules.encode.lead_in import find_lead_in, lead_in_args
from av1rules.encode.matroska.structure import StructureOutcome
from av1rules.encode.picture_times import TIMES_NAME, PictureTimes, take_times
from av1rules.encode.segments.records import Segmentation
from av1rules.encode.size_gate import certain_bytes, is_too_large_so_far
from av1rules.ffmpeg.log import StreamCount, counted_lines
from av1rules.ffmpeg.progress import ProgressSample, eta_s, projected_bytes
from av1rules.ffmpeg.run import FfmpegResult, file_url, run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.media.film_facts import FilmFacts
from av1rules.media.source import Source
from av1rules.policy.deinterlacing import picture_rate, pictures_per_frame

COVER_TIMEOUT_S = 60.0


class EncodeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished encode. `counts` are FFmpeg's own counts per stream; `damage` its errors about the
    source (only where the settings accept damage); `log` its warnings and errors; `tail` the last
    lines of any level; `film` how its decoded pictures look along the way. `times` are those of
    all pictures as the encoder got them; `lead_in` packets before the first key frame were left
    out, since they decode to nothing. `restarts` counts where size, kind of scan or sample
    aspect change, so that a decoder may begin anew. `structure` is set where mkvpropedit went over
    the file afterwards; `segmentation` where `argv` only joined what was encoded in segments.

    `is_projected` means that the live size gate stopped the encode: `size_bytes` is the projected
    size and there is no file.
    """

    path: str
    argv: tuple[str, ...]
    size_bytes: int
    elapsed_s: float
    frames: int | None
    counts: tuple[StreamCount, ...] = ()
    damage: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    times: PictureTimes | None = None
    lead_in: int = 0
    restarts: int = 0
    film: FilmFacts = FilmFacts()
    is_projected: bool = False
    structure: StructureOutcome | None = None
    segmentation: Segmentation | None = None

    @property
    def command(self) -> str:
        before = () if self.segmentation is None else (self.segmentation.argv,)
        after = self.structure.commands if self.structure is not None else ()
        return " && ".join(shown_command(argv) for argv in (*before, self.argv, *after) if argv)

    def count(self, side: str, index: int) -> StreamCount | None:
        """FFmpeg's counts of an input ("in") or output ("out") stream."""
        matches = (c for c in self.counts if (c.side, c.index) == (side, index))
        return next(matches, None)


class _TooLargeError(Exception):
    """The live size gate: raised in the progress callback, caught in `encode`."""

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

    Raises EncodeError (the encode failed, or the source is damaged), ToolError (FFmpeg can't be
    started), DiskFullError or a plain Av1rulesError (no memory, a killed process: says nothing of
    the source), RunInterruptedError; the temporary file is gone then.
    """
    with _work_folder(job) as folder, unfinished(folder, job) as part:
        lead_in = find_lead_in(
            job.source_path,
            job.source,
            folder,
            tools=tools,
            children=children,
            limits=job.limits,
        )
        times = os.path.join(folder, TIMES_NAME)
        if job.passages:
            argv = clip_argv(job, ffmpeg=tools.ffmpeg, output=part)
        else:
            covers = take_out_covers(job, folder, tools=tools, children=children)
            argv = build_argv(
                job,
                ffmpeg=tools.ffmpeg,
                output=part,
                covers=covers,
                reading=lead_in_args(lead_in, job.source),
                times=times,
            )
        clock = children.clock
        progress = _Progress(job=job, on_progress=on_progress, clock=clock, started=clock())
        try:
            result = _run(argv, part, job=job, children=children, progress=progress)
        except _TooLargeError as stop:
            _remove(part)
            return EncodeOutcome(
                path="",
                argv=argv,
                size_bytes=stop.projected,
                elapsed_s=progress.elapsed_s,
                frames=progress.frames,
                is_projected=True,
            )
        damage = lead_in.damage_beside(result.log.damage)
        require_success(result, job, damage)
        path = part if job.temp_dir else _moved_out(part, folder)
        return _finished(
            path, argv, result, damage, times=take_times(times), lead_in=lead_in.packets
        )


def _finished(
    path: str,
    argv: tuple[str, ...],
    result: FfmpegResult,
    damage: dict[str, int],
    *,
    times: PictureTimes | None,
    lead_in: int,
) -> EncodeOutcome:
    return EncodeOutcome(
        path=path,
        argv=argv,
        size_bytes=os.stat(path).st_size,
        elapsed_s=result.elapsed_s,
        frames=result.frames,
        counts=result.log.counts,
        damage=counted_lines(damage),
        log=counted_lines(result.log.complaints),
        tail=result.log.tail,
        times=times,
        lead_in=lead_in,
        restarts=result.log.film.restarts,
        film=FilmFacts.of_log(result.log.film),
    )


@contextlib.contextmanager
def unfinished(folder: str, job: EncodeJob) -> Iterator[str]:
    """The path of the file to write; the file is removed if the encode does not finish."""
    part = os.path.join(folder, f"part.{job.settings.container}")
    try:
        yield part
    except BaseException:
        _remove(part)
        _remove(os.path.join(folder, TIMES_NAME))
        raise


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _moved_out(part: str, folder: str) -> str:
    """Move the finished file out of its private folder, which is removed later."""
    finished = folder + os.path.splitext(part)[1]
    os.rename(part, finished)
    return finished


@contextlib.contextmanager
def _work_folder(job: EncodeJob) -> Iterator[str]:
    """The folder for the unfinished file and the covers: the job's own temporary folder, or a
    private one beside the target that is always removed afterwards."""
    if job.temp_dir is not None:
        yield job.temp_dir
        return
    folder = os.path.dirname(job.target) or "."
    try:
        os.makedirs(folder, exist_ok=True)
        private = tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=folder)
    except OSError as problem:
        raise Av1rulesError(
            f"no temporary folder can be made: {problem.strerror}",
            hint="check permissions and free space there, or set output.temp_dir",
            where=printable(folder),
        ) from problem
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _run(
    argv: tuple[str, ...], part: str, *, job: EncodeJob, children: Children, progress: _Progress
) -> FfmpegResult:
    try:
        return run_ffmpeg(
            argv,
            children=children,
            limits=job.limits,
            on_sample=progress.feed,
            output=part,
            env=require_encoder(job.encoder.codec).env,
            encoders=ENCODER_CODECS,
        )
    except OSError as problem:
        if problem.errno == errno.E2BIG:
            raise Av1rulesError("the FFmpeg command is longer than the system allows") from problem
        raise not_started(argv[0], problem.strerror or "unknown reason") from problem


@dataclass(slots=True, kw_only=True)
class _Progress:
    """Turns samples into events, and stops an encode that will be too large."""

    job: EncodeJob
    on_progress: Callable[[JobProgress], None]
    clock: Callable[[], float]
    started: float
    frames: int | None = None

    @property
    def elapsed_s(self) -> float:
        return self.clock() - self.started

    def feed(self, sample: ProgressSample) -> None:
        expected = _expected_frames(self.job)
        self.frames = self.frames if sample.frame is None else sample.frame
        projection = projected_bytes(sample.size_bytes, sample.frame, expected)
        self.on_progress(
            JobProgress(
                source=self.job.event_name,
                phase="encode",
                frame=sample.frame,
                frames=expected,
                fps=sample.fps,
                speed=sample.speed,
                eta_s=eta_s(sample.frame, expected, self.elapsed_s),
                size_bytes=sample.size_bytes,
                projected_bytes=projection,
            )
        )
        if not sample.is_end:
            self._gate(sample, expected)

    def _gate(self, sample: ProgressSample, expected: int | None) -> None:
        if self.job.passages:
            return
        certain = certain_bytes(
            sample.size_bytes,
            frame=sample.frame,
            frames=expected,
            film_s=sample.film_s,
            length_s=self.job.main.duration_s,
        )
        if certain is not None and is_too_large_so_far(
            certain,
            source_bytes=self.job.source.size_bytes,
            max_size_ratio=self.job.settings.max_size_ratio,
        ):
            raise _TooLargeError(certain)


def _expected_frames(job: EncodeJob) -> int | None:
    if not job.passages:
        frames = expected_frames(job.source)
        return None if frames is None else round(frames * pictures_per_frame(job.settings))
    rate = picture_rate(job.main.frame_rate, job.settings)
    length_s = sum(length for _, length in job.passages)
    return max(round(length_s * rate), 1) if rate else None


def expected_frames(source: Source) -> int | None:
    """Frames for progress and projections: duration x rate, or else the container's claim."""
    main = source.main
    if main is None:
        return None
    film_s = source.film_s
    if film_s and main.frame_rate:
        return max(round(film_s * main.frame_rate), 1)
    return main.frames


def take_out_covers(
    job: EncodeJob, folder: str, *, tools: Tools, children: Children
) -> tuple[CoverFile, ...]:
    """Extract the cover images byte for byte: copied as streams they would become videos."""
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
    result = run_ffmpeg(
        argv,
        children=children,
        limits=replace(job.limits, timeout_s=COVER_TIMEOUT_S, stall_s=None, max_s=None),
    )
    if not result.ok:
        raise failure_of(result, job, doing="taking the cover picture out of")
    return covers

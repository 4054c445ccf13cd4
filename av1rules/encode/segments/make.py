"""Makes one segment: encodes it, and accepts it only if it holds what was planned."""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import EncodeError
from av1rules.base.files import fsync_file, fsync_folder
from av1rules.base.hashing import file_digest
from av1rules.base.process import Children, Limits, run
from av1rules.encode.encoders.registry import ENCODER_CODECS, require_encoder
from av1rules.encode.failed import failure_of, not_started
from av1rules.encode.job import EncodeJob
from av1rules.encode.measure import decode_fully
from av1rules.encode.picture_times import PictureTimes, take_times
from av1rules.encode.segments.argv import pre_roll_argv, segment_argv
from av1rules.encode.segments.orders import SegmentOrder
from av1rules.encode.segments.plan import PROVEN_PICTURES, Segment
from av1rules.encode.segments.records import FinishedSegment, NotExactError
from av1rules.ffmpeg.failures import NOT_STARTED_EXITS
from av1rules.ffmpeg.film_log import PictureSum
from av1rules.ffmpeg.log import counted_lines
from av1rules.ffmpeg.run import INPUT_GUARD, FfmpegResult, OnSample, file_url, run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import STALL_S

HEADER_TIMEOUT_S = 60.0

MOST_TRIES = 3
"""FFmpeg prints the line of a picture in parts, and what another thread prints in between tears it,
rarely: then the segment is made once more."""

LOG_LINES = 10
"""Of FFmpeg's warnings, kept with each segment."""


class SegmentMaker(msgspec.Struct, frozen=True, kw_only=True):
    """Makes segments with the tools of this machine. Knows nothing of their film but the order."""

    tools: Tools
    children: Children

    def make(self, order: SegmentOrder, on_sample: OnSample) -> FinishedSegment:
        """Encode a segment and give it its name, once it is known to be right. A failure leaves no
        file.

        Raises NotExactError if its pictures are not those that were planned, else what `encode`
        raises.
        """
        part = os.path.join(order.folder, f"{order.part_stem}.mkv")
        times = os.path.join(order.folder, f"{order.part_stem}.times")
        try:
            return self._made(order, part, times, on_sample)
        finally:
            for path in (part, times):
                with contextlib.suppress(OSError):  # renamed, or never there; else swept later
                    os.unlink(path)

    def _made(
        self, order: SegmentOrder, part: str, times: str, on_sample: OnSample
    ) -> FinishedSegment:
        job, segment = order.job, order.segment
        argv = segment_argv(job, segment, ffmpeg=self.tools.ffmpeg, output=part, times=times)
        for _ in range(MOST_TRIES):
            result = self._run(job, argv, part, on_sample)
            self._require_undamaged(order, result)
            _require_planned(order, take_times(times))
            before, last = self._proof(order, result)
            if (len(before), len(last)) == _proven(segment):
                break
            os.unlink(part)
        else:
            raise NotExactError("the pictures at a cut can't be compared")
        self._require_decodable(order, part)
        header = self._header(part)
        digest = file_digest(part, check=self.children.check)
        fsync_file(Path(part))
        size_bytes = os.stat(part).st_size
        os.replace(part, os.path.join(order.folder, order.name))
        fsync_folder(order.folder)
        return FinishedSegment(
            number=segment.number,
            pictures=segment.pictures,
            size_bytes=size_bytes,
            digest=digest,
            header=header,
            encode_s=round(result.elapsed_s, 3),
            start_s=result.log.start_s or 0.0,
            before=before,
            last=last,
            shown=tuple(result.log.film.pictures),
            log=counted_lines(result.log.complaints)[:LOG_LINES],
        )

    def _run(
        self, job: EncodeJob, argv: tuple[str, ...], part: str, on_sample: OnSample
    ) -> FfmpegResult:
        try:
            result = run_ffmpeg(
                argv,
                children=self.children,
                limits=job.limits,
                on_sample=on_sample,
                output=part,
                env=require_encoder(job.encoder.codec).env,
                encoders=ENCODER_CODECS,
            )
        except OSError as problem:
            raise not_started(argv[0], problem.strerror or "unknown reason") from problem
        if result.completed.returncode in NOT_STARTED_EXITS:
            raise not_started(argv[0], result.completed.describe_exit())
        if not result.ok:
            raise failure_of(result, job, doing="encoding a segment of")
        return result

    def _require_undamaged(self, order: SegmentOrder, result: FfmpegResult) -> None:
        """Raise NotExactError if FFmpeg complains of the source: the whole encode, which reads it
        from its beginning, then says what is wrong. Decoders complain right after a seek, too, into
        an open group of pictures, and that is no fault."""
        job, segment, complaints = order.job, order.segment, result.log.damage
        errors = _decode_errors(result, job.main.index)
        if (complaints or errors) and segment.seek_s is not None:
            seek = run_ffmpeg(
                pre_roll_argv(job, segment, ffmpeg=self.tools.ffmpeg),
                children=self.children,
                limits=job.limits,
            )
            complaints = _beyond(complaints, seek.log.damage)
            errors -= _decode_errors(seek, job.main.index)
        if complaints or errors > 0:
            first = next(iter(complaints), f"{errors} errors in decoding")
            raise NotExactError(f"FFmpeg complains of the source: {first}")

    def _proof(
        self, order: SegmentOrder, result: FfmpegResult
    ) -> tuple[tuple[PictureSum, ...], tuple[PictureSum, ...]]:
        first = array("q", order.times.ticks)[0]
        sums = result.log.film.sums
        before = tuple(one for one in sums if one.tick < first)
        last = tuple(one for one in sums if one.tick >= first)
        return before, last

    def _require_decodable(self, order: SegmentOrder, part: str) -> None:
        job, segment = order.job, order.segment
        limits = replace(job.limits, stall_s=job.stall_timeout_s or STALL_S, max_s=None)
        decoded = decode_fully(
            part, video=0, tracks=(0,), tools=self.tools, children=self.children, limits=limits
        )
        if not decoded.ok:
            raise failure_of(decoded, job, doing="decoding a finished segment of")
        if decoded.frames_read(0) != segment.pictures:
            raise EncodeError(
                f"a segment decodes to {decoded.frames_read(0)} pictures of {segment.pictures}",
                hint="please report it; `run: {segments: never}` encodes films whole",
            )

    def _header(self, part: str) -> str:
        """The digest of the sequence header. Raises EncodeError."""
        done = run(
            [
                self.tools.ffmpeg, "-nostdin", "-v", "error", *INPUT_GUARD, "-i", file_url(part),
                "-map", "0:0", "-c", "copy", "-frames:v", "1",
                "-bsf:v", "filter_units=pass_types=1",
                "-f", "hash", "-hash", "sha256", "-",
            ],
            children=self.children,
            limits=Limits(timeout_s=HEADER_TIMEOUT_S),
            tether=True,
        )  # fmt: skip
        self.children.check()
        name, _, digest = done.stdout.decode("ascii", "replace").strip().partition("=")
        if not done.ok or name != "SHA256":
            raise EncodeError(
                f"the sequence header of a segment can't be read: {done.describe_exit()}",
                hint="please report it; `run: {segments: never}` encodes films whole",
            )
        return digest


def _require_planned(order: SegmentOrder, found: PictureTimes | None) -> None:
    """Raise NotExactError unless the encoder got the planned pictures at their times."""
    planned = array("q", order.times.ticks)
    if found is None or len(found) != len(planned):
        count = 0 if found is None else len(found)
        message = f"a segment has {count} pictures, its packets promise {len(planned)}"
        raise NotExactError(message)
    scale = found.tick / order.times.tick
    if any(a * scale != b for a, b in zip(array("q", found.ticks), planned, strict=True)):
        raise NotExactError("pictures come at other times than their packets")


def _proven(segment: Segment) -> tuple[int, int]:
    """How many pictures prove its cuts: before it, and at its end."""
    is_last = segment.high_s is None
    return min(PROVEN_PICTURES, segment.first), 0 if is_last else PROVEN_PICTURES


def _decode_errors(result: FfmpegResult, index: int) -> int:
    count = result.log.count("in", index)
    return 0 if count is None or count.decode_errors is None else count.decode_errors


def _beyond(found: Mapping[str, int], known: Mapping[str, int]) -> dict[str, int]:
    left = {line: count - known.get(line, 0) for line, count in found.items()}
    return {line: count for line, count in left.items() if count > 0}

"""Verifies that an encode is what was requested, before it may take the target's name.

A bad file gives failed checks, not exceptions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, EncodeError, ProbeError, UnansweredProbeError
from av1rules.base.events import JobProgress
from av1rules.base.process import Children
from av1rules.encode.containers import MP4
from av1rules.encode.contract import compare, expected_contract
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import Blame, Check, EncodeJob
from av1rules.encode.measure import audio_starts, decode_fully, first_frame_times, shown_packets
from av1rules.encode.picture_count import (
    duration_tolerance_s,
    is_count_right,
    largest_drift_s,
)
from av1rules.encode.streams import StreamAction, StreamStep
from av1rules.ffmpeg.failures import explain
from av1rules.ffmpeg.progress import ProgressSample, eta_s
from av1rules.ffmpeg.run import FfmpegResult
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import STALL_S
from av1rules.media.cache import lone_file
from av1rules.media.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.policy.settings import Loss

START_TOLERANCE_S = 0.05
"""Sound and picture may move against each other by this much: what nobody sees or hears, and more
than container ticks and encoder delays come to (measured: up to 0.026 s)."""

RHYTHM_TOLERANCE_S = 0.004
"""Matroska's ticks are 1 ms on both sides; more than that is a picture moved or lost."""

DURATION_TOLERANCE_S = 0.5
DURATION_TOLERANCE = 0.005
"""Headers round and leave out the last frame's length; the frame count is the sharp check, this
one finds a source whose header promises more than its data holds."""

FRAMELESS_PACKETS: dict[str, int | None] = {
    "vp8": None,  # invisible reference frames are packets of their own
    "mpeg4": None,  # packed B-frames leave empty packets behind
    "hevc": 16,  # leading pictures of a first open group can't be shown by any decoder
}
"""Codecs where packets without a picture are no fault, and how many (None: any number)."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one file. `target` is None if it could not even be probed."""

    checks: tuple[Check, ...]
    elapsed_s: float
    frames: int | None = None
    target: Source | None = None

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def blame(self) -> Blame | None:
        """What the failed checks blame: the source as soon as one of them does."""
        blames = {check.blame for check in self.failed}
        return Blame.SOURCE if Blame.SOURCE in blames else next(iter(blames), None)

    @property
    def hint(self) -> str | None:
        """What to do about a failure; None if all is well."""
        return None if self.blame is None else _HINTS[self.blame]

    @property
    def message(self) -> str:
        """The failed checks, the first of them on the first line, which can stand alone."""
        lines = (f"{check.name}: {check.detail}" for check in self.failed)
        return "the encode did not pass verification: " + "\n  ".join(lines)


_HINTS = {
    Blame.SOURCE: (
        "the source may be damaged: get the file again, or keep what can be decoded of it with "
        "`accept: [damage]` in its rule; the result was thrown away, the source is untouched"
    ),
    Blame.ENCODE: (
        "the source could be read, the result is not what was promised: try another preset, "
        "container or FFmpeg, and report it; the result was thrown away, the source is untouched"
    ),
}


def verify(
    job: EncodeJob,
    encoded: EncodeOutcome,
    *,
    tools: Tools,
    children: Children,
    on_progress: Callable[[JobProgress], None],
) -> Verification:
    """Probe, decode and compare the finished file with its source.

    Raises RunInterruptedError, OSError if a program can't be started, EncodeError if one came to
    no end, and a plain Av1rulesError if one was killed.
    """
    started = time.monotonic()
    try:
        target = probe_file(lone_file(encoded.path), tools, children=children)
    except UnansweredProbeError as problem:
        message = f"verifying the encode was cut short: {problem.message}"
        raise EncodeError(message, hint=problem.hint) from problem
    except ProbeError as problem:
        unreadable = Check(name="probe", passed=False, detail=problem.message)
        return Verification(checks=(unreadable,), elapsed_s=time.monotonic() - started)
    pair = _Pair(job=job, encoded=encoded, tools=tools, children=children)
    contract = expected_contract(job.source, job.streams, job.settings, job.encoder)
    if contract.picture.position >= len(target.video):
        missing = Check(name="contract", passed=False, detail="the encoded pictures are missing")
        return Verification(checks=(missing,), elapsed_s=time.monotonic() - started, target=target)
    video = target.video[contract.picture.position].index
    decoded = _decode(pair, target, video, on_progress)
    frames = decoded.frames_read(video)
    before = first_frame_times(job.source_path, job.main.index, tools=tools, children=children)
    after = first_frame_times(encoded.path, video, tools=tools, children=children)
    checks = (
        _decode_check(decoded, frames, job),
        _frames_check(pair, frames),
        _packets_check(pair, decoded),
        _duration_check(job, target, video, starts_s=before[0] if before else None),
        *_timing_checks(pair, before, after),
        _contract_check(compare(contract, target)),
        _provenance_check(job, target),
    )
    elapsed_s = time.monotonic() - started
    return Verification(checks=checks, elapsed_s=elapsed_s, frames=frames, target=target)


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An encode beside its source, and the programs that compare them."""

    job: EncodeJob
    encoded: EncodeOutcome
    tools: Tools
    children: Children


def _decode(
    pair: _Pair, target: Source, video: int, on_progress: Callable[[JobProgress], None]
) -> FfmpegResult:
    job, encoded = pair.job, pair.encoded
    started = time.monotonic()

    def on_sample(sample: ProgressSample) -> None:
        left = eta_s(sample.frame, encoded.frames, time.monotonic() - started)
        on_progress(
            JobProgress(
                source=job.event_name,
                phase="verify",
                frame=sample.frame,
                frames=encoded.frames,
                fps=sample.fps,
                speed=sample.speed,
                eta_s=left,
            )
        )

    tracks = tuple(sorted(stream.index for stream in target.streams()))
    return decode_fully(
        encoded.path,
        video=video,
        tracks=tracks,
        tools=pair.tools,
        children=pair.children,
        limits=replace(job.limits, stall_s=job.stall_timeout_s or STALL_S, max_s=None),
        on_sample=on_sample,
    )


def _decode_check(decoded: FfmpegResult, frames: int | None, job: EncodeJob) -> Check:
    if decoded.ok:
        return Check(name="decode", passed=True, detail=f"{frames} frames without an error")
    failure = explain(
        decoded.completed,
        decoded.log.last if job.memory_bytes else (),
        verdict=decoded.hang,
        memory_bytes=job.memory_bytes,
    )
    if failure.is_system_failure or decoded.completed.stopped is not None:
        kind = Av1rulesError if failure.is_system_failure else EncodeError
        raise kind(f"verifying the encode was cut short: {failure.reason}", hint=failure.hint)
    last = "; ".join(list(decoded.log.last)[-3:])
    detail = f"decoding failed: {decoded.completed.describe_exit()}: {last}"
    return Check(name="decode", passed=False, detail=detail)


def _frames_check(pair: _Pair, frames: int | None) -> Check:
    """The source's pictures, all of them, counted three times: read, decoded, in the target.

    FFmpeg counted while it encoded, so the source is not read again; only where packets were left
    without a picture they are looked at one by one.
    """
    job, index = pair.job, pair.job.main.index
    count = pair.encoded.count("in", index)
    if count is None or count.frames is None or count.packets is None or not frames:
        return Check(name="frames", passed=False, detail="FFmpeg gave no count of the frames")
    text = f"source {count.packets} packets, {count.frames} pictures; target {frames} frames"
    if Loss.DAMAGE in job.settings.accept:
        detail = f"{text}; damage is accepted"
        is_right = is_count_right(job.settings, frames=count.frames, pictures=frames)
        return Check(name="frames", passed=is_right, detail=detail)
    is_right = is_count_right(job.settings, frames=count.frames, pictures=frames)
    if not is_right or count.decode_errors:
        blame = Blame.SOURCE if count.decode_errors else Blame.ENCODE
        detail = f"{text}; {count.decode_errors} errors in decoding the source"
        return Check(name="frames", passed=False, detail=detail, blame=blame)
    if count.packets == count.frames:
        return Check(name="frames", passed=True, detail=text)
    shown = shown_packets(job.source_path, index, tools=pair.tools, children=pair.children)
    allowed = FRAMELESS_PACKETS.get(job.main.codec, 0)
    lacking = shown - count.frames
    passed = lacking <= 0 if allowed is not None and lacking <= 0 else _few(lacking, allowed)
    detail = f"{text}; {shown} packets are to be shown"
    return Check(name="frames", passed=passed, detail=detail, blame=Blame.SOURCE)


def _few(lacking: int, allowed: int | None) -> bool:
    return allowed is None or 0 <= lacking <= allowed


def _packets_check(pair: _Pair, decoded: FfmpegResult) -> Check:
    """Every packet of a copied track: read from the source, written, read back from the target."""
    job, encoded = pair.job, pair.encoded
    wrong = []
    copied = 0
    for number, step in enumerate(job.streams.mapped):
        if step.kind in ("attachment", "cover"):
            continue
        read, written = _packets(encoded, "in", step.index), _packets(encoded, "out", number)
        back = decoded.packets_read(number)
        if not _is_all_back(step, written, back, job.settings.container):
            wrong.append(f"{step.kind} {step.index}: {written} packets written, {back} read back")
        elif step.action is StreamAction.COPY:
            copied += 1
            if read != written and not _is_cut_by_edit(job, read, written):
                wrong.append(f"{step.kind} {step.index}: {read} in the source, {written} kept")
    detail = "; ".join(wrong) or f"{copied} copied streams are whole"
    return Check(name="packets", passed=not wrong, detail=detail)


def _packets(encoded: EncodeOutcome, side: str, index: int) -> int | None:
    count = encoded.count(side, index)
    return None if count is None else count.packets


def _is_all_back(step: StreamStep, written: int | None, back: int | None, container: str) -> bool:
    """MP4 fills pauses between subtitles with empty ones; a FLAC encoder ends with an empty packet
    that carries only its checksum."""
    if written is None or back is None:
        return False
    if step.kind == "subtitle" and container == MP4:
        return back >= written
    slack = 1 if step.action is StreamAction.CONVERT and step.kind == "audio" else 0
    return written - slack <= back <= written


def _is_cut_by_edit(job: EncodeJob, read: int | None, kept: int | None) -> bool:
    """MP4 edit lists hide packets at the start of a track, which are not copied then."""
    return "mp4" in job.source.container and read is not None and kept is not None and kept < read


def _duration_check(job: EncodeJob, target: Source, video: int, *, starts_s: float | None) -> Check:
    """Matroska gives the end of a stream as its duration, others its length, and the source may be
    the one and the target the other: they differ by when the pictures start (`starts_s`)."""
    wanted = job.main.duration_s or job.source.duration_s
    picture = next(stream for stream in target.video if stream.index == video)
    found = picture.duration_s or target.duration_s
    if wanted is None or found is None:
        return Check(name="duration", passed=found is not None, detail="the source gives none")
    starts_s = job.main.start_s if starts_s is None else starts_s
    start = max((starts_s or 0) - min(job.source.start_s or 0, 0), 0)
    frame_s = 1 / (job.main.frame_rate or Fraction(24))
    tolerance = max(DURATION_TOLERANCE_S, wanted * DURATION_TOLERANCE, 2 * float(frame_s))
    tolerance = duration_tolerance_s(job.settings, tolerance)
    distance = min(abs(wanted - found), abs(start + wanted - found), abs(wanted - start - found))
    detail = f"source {wanted:.3f} s, target {found:.3f} s"
    passed = distance <= tolerance or Loss.DAMAGE in job.settings.accept
    return Check(name="duration", passed=passed, detail=detail, blame=Blame.SOURCE)


def _timing_checks(
    pair: _Pair, before: tuple[float, ...], after: tuple[float, ...]
) -> Iterator[Check]:
    """The rhythm of the pictures by the times of the first ones, and the sound against them."""
    if not before or not after:
        yield Check(name="timing", passed=bool(after), detail="the source gives no times")
        return
    rate = pair.job.main.frame_rate or Fraction(24)
    drift = largest_drift_s(pair.job.settings, before, after, rate=rate)
    compared = min(len(before), len(after))
    detail = f"{compared} pictures compared, moved by at most {drift * 1000:.1f} ms"
    yield Check(name="timing", passed=drift <= RHYTHM_TOLERANCE_S, detail=detail)
    yield _sync_check(_sound_shifts(pair, after[0] - before[0]))


def _sync_check(shifts: dict[int, float]) -> Check:
    if not shifts:
        return Check(name="sync", passed=True, detail="no sound beside the picture to compare")
    worst = max(shifts, key=lambda index: abs(shifts[index]))
    detail = f"sound moved by at most {shifts[worst] * 1000:+.0f} ms (stream {worst})"
    return Check(name="sync", passed=abs(shifts[worst]) <= START_TOLERANCE_S, detail=detail)


def _sound_shifts(pair: _Pair, moved_s: float) -> dict[int, float]:
    """How far each sound track moved beyond what the picture moved, in seconds by its index."""
    tools, children = pair.tools, pair.children
    before = audio_starts(pair.job.source_path, tools=tools, children=children)
    after = audio_starts(pair.encoded.path, tools=tools, children=children)
    shifts = {}
    for number, step in enumerate(pair.job.streams.mapped):
        was, now = before.get(step.index, ()), after.get(number, ())
        if step.kind == "audio" and was and now:
            shifts[step.index] = min((n - w - moved_s for w in was for n in now), key=abs)
    return shifts


def _contract_check(broken: tuple[str, ...]) -> Check:
    detail = "; ".join(broken) or "every stream, tag and colour as promised"
    return Check(name="contract", passed=not broken, detail=detail)


def _provenance_check(job: EncodeJob, target: Source) -> Check:
    there = target.provenance == job.provenance
    detail = "the file says how it was made" if there else "the file does not say how it was made"
    return Check(name="provenance", passed=there, detail=detail)

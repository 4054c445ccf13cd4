"""Verifies that an encode is what was requested, before it may take the target's name.

A bad file gives failed checks, not exceptions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, EncodeError, ProbeError, UnansweredProbeError
from av1rules.base.events import JobProgress
from av1rules.base.process import Children
from av1rules.encode.containers import MP4
from av1rules.encode.contract.compare import compare
from av1rules.encode.contract.expected import expected_contract
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import Blame, Check, EncodeJob
from av1rules.encode.matroska.check import structure_check
from av1rules.encode.measure import ShownPackets, decode_fully, merged_packets, shown_packets
from av1rules.encode.picture_count import is_count_right
from av1rules.encode.picture_times import take_times
from av1rules.encode.streams import StreamAction, StreamStep
from av1rules.encode.target_layout import target_indexes
from av1rules.encode.verify_timing import Pair, time_checks
from av1rules.ffmpeg.failures import explain
from av1rules.ffmpeg.progress import ProgressSample, eta_s
from av1rules.ffmpeg.run import FfmpegResult
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import STALL_S
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.policy.settings import Loss

FRAMELESS_PACKETS: dict[str, float] = {
    "vp8": math.inf,  # invisible reference frames are packets of their own
    "mpeg4": math.inf,  # packed B-frames leave empty packets behind
    "hevc": 16,  # leading pictures of a first open group can't be shown by any decoder
}
"""Codecs where packets without a picture are no fault, and how many."""

FORGETFUL = frozenset({"mpeg1video", "mpeg2video"})
"""Codecs whose decoder begins anew where another size, sample aspect or (at some heights) kind of
scan does, and forgets the picture that it still holds. Players with FFmpeg don't show it either."""


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
    def is_final(self) -> bool:
        """Whether the same encode would fail again in the same way. A file that does not decode may
        be the fault of a disk or of memory; all else follows from source and settings."""
        names = {check.name for check in self.failed}
        return bool(names) and names.isdisjoint(("decode", "probe"))

    @property
    def hint(self) -> str | None:
        """What to do about a failure; None if all is well. Accepting damage helps only where
        nothing else is wrong."""
        if self.blame is None:
            return None
        blames = {check.blame for check in self.failed}
        return _HINTS[blames.pop() if len(blames) == 1 else Blame.ENCODE]

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
        "container or FFmpeg and report it, or leave the film out by a rule with `skip`; the "
        "result was thrown away, the source is untouched"
    ),
    Blame.TELECINE: (
        "the inverse of telecine counts the pictures anew and closes gaps between them, which "
        "would move the rest against the sound: `deinterlace: bwdif` keeps every picture at its "
        "time; the result was thrown away, the source is untouched"
    ),
    Blame.STRUCTURE: (
        "mkvpropedit could not write the structure of the source: update MKVToolNix, or go without "
        "by `tools: {mkvpropedit: off}`, and then `av1rules retry` the film; the result was thrown "
        "away, the source is untouched"
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
    started = children.clock()
    try:
        target = probe_file(lone_file(encoded.path), tools, children=children)
    except UnansweredProbeError as problem:
        message = f"verifying the encode was cut short: {problem.message}"
        raise EncodeError(message, hint=problem.hint) from problem
    except ProbeError as problem:
        unreadable = Check(name="probe", passed=False, detail=problem.message)
        return Verification(checks=(unreadable,), elapsed_s=children.clock() - started)
    empty = _empty_tracks(job, encoded)
    contract = expected_contract(job.source, job.streams, job.settings, job.encoder, empty=empty)
    if contract.picture.position >= len(target.video):
        missing = Check(name="contract", passed=False, detail="the encoded pictures are missing")
        return Verification(checks=(missing,), elapsed_s=children.clock() - started, target=target)
    video = target.video[contract.picture.position].index
    pair = Pair(job=job, encoded=encoded, tools=tools, children=children, video=video, empty=empty)
    times = f"{encoded.path}.times"
    decoded = _decode(pair, target, times, on_progress)
    pair = replace(pair, times=take_times(times))
    frames = decoded.frames_read(video)
    structure = structure_check(job, encoded.path, encoded.structure)
    checks = (
        _decode_check(decoded, frames, job),
        _frames_check(pair, frames),
        _packets_check(pair, decoded),
        *time_checks(pair),
        _contract_check(compare(contract, target), contract.left_out),
        *((structure,) if structure is not None else ()),
        _provenance_check(job, target),
    )
    elapsed_s = children.clock() - started
    return Verification(checks=checks, elapsed_s=elapsed_s, frames=frames, target=target)


def _empty_tracks(job: EncodeJob, encoded: EncodeOutcome) -> frozenset[int]:
    """Kept tracks of the source that hold not one packet. MP4 writes subtitles all the same."""
    return frozenset(
        step.index
        for step in job.streams.mapped
        if step.kind in ("video", "audio") and _packets(encoded, "in", step.index) == 0
    )


def _decode(
    pair: Pair, target: Source, times: str, on_progress: Callable[[JobProgress], None]
) -> FfmpegResult:
    job, encoded = pair.job, pair.encoded
    clock = pair.children.clock
    started = clock()

    def on_sample(sample: ProgressSample) -> None:
        left = eta_s(sample.frame, encoded.frames, clock() - started)
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
        video=pair.video,
        times=times,
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


def _frames_check(pair: Pair, frames: int | None) -> Check:
    """The source's pictures, all of them, counted three times: read, decoded, in the target.

    FFmpeg counted while it encoded, so the source is not read again; only where packets were left
    without a picture they are looked at one by one.
    """
    job, index = pair.job, pair.job.main.index
    count = pair.encoded.count("in", index)
    if count is None or count.frames is None or count.packets is None or not frames:
        return Check(name="frames", passed=False, detail="FFmpeg gave no count of the frames")
    text = f"source {count.packets} packets, {count.frames} pictures; target {frames} frames"
    is_right = is_count_right(job.settings, frames=count.frames, pictures=frames)
    if pair.encoded.times is not None and len(pair.encoded.times) != frames:
        text, is_right = f"{text}; the encoder got {len(pair.encoded.times)}", False
    if Loss.DAMAGE in job.settings.accept:
        detail = f"{text}; damage is accepted"
        return Check(name="frames", passed=is_right, detail=detail)
    if not is_right or count.decode_errors:
        blame = Blame.SOURCE if count.decode_errors else Blame.ENCODE
        detail = f"{text}; {count.decode_errors} errors in decoding the source"
        return Check(name="frames", passed=False, detail=detail, blame=blame)
    lead_in = pair.encoded.lead_in
    if lead_in:
        text = f"{text}; {lead_in} packets before the first key frame can't be decoded"
    if count.packets - lead_in == count.frames:
        return Check(name="frames", passed=True, detail=text)
    packets = shown_packets(
        job.source_path,
        index,
        tools=pair.tools,
        children=pair.children,
        lead_in=lead_in,
        reach=job.source.reach,
    )
    lacking = packets.shown - count.frames
    detail = f"{text}; {packets.shown} packets are to be shown"
    passed = lacking <= 0 or lacking <= _frameless(pair, count.packets, packets)
    return Check(name="frames", passed=passed, detail=detail, blame=Blame.SOURCE)


def _frameless(pair: Pair, read: int, packets: ShownPackets) -> float:
    """How many packets that are to be shown may come to no picture, and that is no fault."""
    job = pair.job
    if job.main.codec == "vp9":
        merged = merged_packets(
            job.source_path, job.main.index, tools=pair.tools, children=pair.children
        )
        return packets.leading + (0 if merged is None else read - merged)
    forgotten = pair.encoded.restarts if job.main.codec in FORGETFUL else 0
    return max(FRAMELESS_PACKETS.get(job.main.codec, 0), packets.leading) + forgotten


def _packets_check(pair: Pair, decoded: FfmpegResult) -> Check:
    """Every packet of a copied track: read from the source, written, read back from the target."""
    job, encoded = pair.job, pair.encoded
    wrong, less = [], []
    copied = 0
    where = target_indexes(job.streams, pair.empty)
    for number, step in enumerate(job.streams.mapped):
        if step.kind in ("attachment", "cover") or step.index in pair.empty:
            continue
        read, written = _packets(encoded, "in", step.index), _packets(encoded, "out", number)
        back = decoded.packets_read(where[step.index])
        if not _is_all_back(step, written, back, job.settings.container):
            wrong.append(f"{step.kind} {step.index}: {written} packets written, {back} read back")
        elif step.action is StreamAction.COPY:
            copied += 1
            if read != written and not _is_cut_by_edit(job, read, written):
                less.append(f"{step.kind} {step.index}: {read} in the source, {written} kept")
    detail = "; ".join((*wrong, *less)) or f"{copied} copied streams are whole"
    if less and Loss.DAMAGE in job.settings.accept:
        return Check(name="packets", passed=not wrong, detail=f"{detail}; damage is accepted")
    return Check(name="packets", passed=not (wrong or less), detail=detail)


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


def _contract_check(broken: tuple[str, ...], left_out: tuple[str, ...]) -> Check:
    detail = "; ".join(broken) or "every stream, tag and colour as promised"
    if left_out and not broken:
        detail = f"{detail}; left out: {'; '.join(left_out)}"
    return Check(name="contract", passed=not broken, detail=detail)


def _provenance_check(job: EncodeJob, target: Source) -> Check:
    there = target.provenance == job.provenance
    detail = "the file says how it was made" if there else "the file does not say how it was made"
    return Check(name="provenance", passed=there, detail=detail)

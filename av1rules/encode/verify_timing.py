"""Checks of time: whether every picture and sound of a target comes when it came in its source.

Compared is what FFmpeg read from the source and gave to the encoder with what the target decodes
to, picture by picture. Headers decide nothing: they round, count from other zeros, leave out the
last picture's length or give the film the length of its subtitles.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import msgspec

from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import Blame, Check, EncodeJob
from av1rules.encode.measure import StreamEnd, audio_starts, first_frame_times, stream_ends
from av1rules.encode.picture_count import filtered_drift_s, is_length_right
from av1rules.encode.picture_times import PictureTimes, largest_drift_s, spans_s
from av1rules.encode.streams import StreamAction
from av1rules.encode.target_layout import target_indexes
from av1rules.ffmpeg.tools import Tools
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

CLOCK_JUMP_S = 1.0
"""Between two pictures of a broadcast: FFmpeg sets a clock right that jumps by more than this, or
backwards, and so the target's goes on evenly."""

JUMPING_CONTAINERS = frozenset({"mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "ogg", "wtv"})
"""Demuxers of formats whose clock may jump: recordings joined end to end."""


TIMELESS_CONTAINERS = frozenset(
    {"h264", "hevc", "vvc", "mpegvideo", "m4v", "vc1", "obu", "h263", "h261"}
)
"""Bare streams: their pictures have no times but those that each program makes up for itself."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An encode beside its source, and the programs that compare them. `video` is the index of the
    pictures in the target, `times` are those of its decoded pictures; `empty` tracks of the source
    hold nothing at all."""

    job: EncodeJob
    encoded: EncodeOutcome
    tools: Tools
    children: Children
    video: int
    times: PictureTimes | None = None
    empty: frozenset[int] = frozenset()


def time_checks(pair: Pair) -> Iterator[Check]:
    """The checks `duration`, `timing` and `sync`. Raises EncodeError if a program gives no answer,
    RunInterruptedError and OSError."""
    yield _duration_check(pair)
    before = _first_times(pair)
    after = first_frame_times(
        pair.encoded.path, pair.video, tools=pair.tools, children=pair.children
    )
    yield _timing_check(pair, before, after)
    if before and after:
        yield _sync_check(_sound_shifts(pair, after[0] - before[0]))


def _first_times(pair: Pair) -> tuple[float, ...]:
    """When the first pictures of the source are shown, from its first key frame on where what
    comes before that was left out."""
    job = pair.job
    return first_frame_times(
        job.source_path,
        job.main.index,
        tools=pair.tools,
        children=pair.children,
        lead_in=pair.encoded.lead_in,
        reach=job.source.reach,
    )


def _duration_check(pair: Pair) -> Check:
    """The pictures run as long as the source's did, and those as long as its header promises."""
    source, target = pair.encoded.times, pair.times
    if not source or not target:
        detail = "FFmpeg gave no times of the pictures"
        return Check(name="duration", passed=False, detail=detail)
    frame_s = float(1 / (pair.job.main.frame_rate or Fraction(24)))
    detail = f"source {source.span_s + frame_s:.3f} s, target {target.span_s + frame_s:.3f} s"
    before_s, after_s = spans_s(source, target)
    if abs(before_s - after_s) > RHYTHM_TOLERANCE_S:
        return Check(name="duration", passed=False, detail=detail)
    own_s = pair.job.main.duration_s
    if own_s is not None and not is_length_right(
        pair.job.settings, source_s=own_s, target_s=target.span_s + frame_s
    ):
        detail = f"{detail}; it should be {own_s:.3f} s"
        return Check(name="duration", passed=False, detail=detail, blame=Blame.TELECINE)
    missing = _missing_end(pair, source.span_s + frame_s)
    if missing is None:
        return Check(name="duration", passed=True, detail=detail)
    if Loss.DAMAGE in pair.job.settings.accept:
        detail = f"{detail}; {missing}; damage is accepted"
        return Check(name="duration", passed=True, detail=detail)
    return Check(name="duration", passed=False, detail=missing, blame=Blame.SOURCE)


def _missing_end(pair: Pair, found_s: float) -> str | None:
    """What the header of the source promises and its data does not hold; None if it holds all.

    Most promises are kept by the pictures, or by them and when they start. For the others all
    packets are read: a last picture may last long, subtitles or sound may end later.
    """
    job = pair.job
    wanted = job.main.duration_s or job.source.duration_s
    if wanted is None:
        return None
    frame_s = float(1 / (job.main.frame_rate or Fraction(24)))
    tolerance = max(DURATION_TOLERANCE_S, wanted * DURATION_TOLERANCE, 2 * frame_s)
    start_s = max((job.main.start_s or 0) - min(job.source.start_s or 0, 0), 0)
    if wanted <= found_s + start_s + tolerance:
        return None
    ends = stream_ends(
        job.source_path, tools=pair.tools, children=pair.children, reach=job.source.reach
    )
    if wanted <= _end_s(ends) + tolerance:
        return None
    return f"the source promises {wanted:.3f} s, its data ends at {_end_s(ends):.3f} s"


def _end_s(ends: dict[int, StreamEnd]) -> float:
    """When the last packet of all ends: by the file's own clock, or since its first packet."""
    last = max((end.end_s for end in ends.values()), default=0.0)
    first = min((end.start_s for end in ends.values()), default=0.0)
    return max(last, last - first)


def _timing_check(pair: Pair, before: tuple[float, ...], after: tuple[float, ...]) -> Check:
    """The rhythm of all pictures, and that of the first ones by the source's own time stamps."""
    source, target = pair.encoded.times, pair.times
    if not source or not target or not after:
        return Check(name="timing", passed=False, detail="FFmpeg gave no times of the pictures")
    drift = largest_drift_s(source, target)
    if before and not _jumps(pair, before):
        rate = pair.job.main.frame_rate or Fraction(24)
        drift = max(drift, filtered_drift_s(pair.job.settings, before, after, rate=rate))
    compared = min(len(source), len(target))
    detail = f"{compared} pictures compared, moved by at most {drift * 1000:.1f} ms"
    return Check(name="timing", passed=drift <= RHYTHM_TOLERANCE_S, detail=detail)


def _jumps(pair: Pair, times: tuple[float, ...]) -> bool:
    """Whether the source's clock jumps between its first pictures, so that FFmpeg sets it right, or
    it has none. In a damaged one it may jump in the sound too, and pictures and sound are set right
    together."""
    if not TIMELESS_CONTAINERS.isdisjoint(pair.job.source.container.split(",")):
        return True
    if JUMPING_CONTAINERS.isdisjoint(pair.job.source.container.split(",")):
        return False
    return Loss.DAMAGE in pair.job.settings.accept or any(
        not 0 <= later - one <= CLOCK_JUMP_S for one, later in pairwise(times)
    )


def _sync_check(shifts: dict[int, float]) -> Check:
    if not shifts:
        return Check(name="sync", passed=True, detail="no sound beside the picture to compare")
    worst = max(shifts, key=lambda index: abs(shifts[index]))
    detail = f"sound moved by at most {shifts[worst] * 1000:+.0f} ms (stream {worst})"
    return Check(name="sync", passed=abs(shifts[worst]) <= START_TOLERANCE_S, detail=detail)


def _sound_shifts(pair: Pair, moved_s: float) -> dict[int, float]:
    """How far each sound track moved beyond what the picture moved, in seconds by its index.

    Of a converted track the first decoded sound counts too: a decoder may take some packets before
    it gives any (WMA: 92 ms), and what it gave then is what the target starts with.
    """
    tools, children = pair.tools, pair.children
    reach = pair.job.source.reach
    before = audio_starts(pair.job.source_path, tools=tools, children=children, reach=reach)
    after = audio_starts(pair.encoded.path, tools=tools, children=children)
    where = target_indexes(pair.job.streams, pair.empty)
    shifts = {}
    for step in pair.job.streams.mapped:
        place = where.get(step.index, -1)
        was, now = before.get(step.index, ()), after.get(place, ())
        if step.kind == "audio" and step.action is StreamAction.CONVERT:
            was += first_frame_times(
                pair.job.source_path, step.index, tools=tools, children=children, reach=reach
            )[:1]
            now += first_frame_times(pair.encoded.path, place, tools=tools, children=children)[:1]
        if step.kind == "audio" and was and now:
            shifts[step.index] = min((n - w - moved_s for w in was for n in now), key=abs)
    return shifts

"""Frame rates and bit rates out of what containers claim: nothing that can't be true. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import msgspec

from av1rules.media.probe.ffprobe_json import (
    RawPacket,
    RawProbe,
    RawStream,
    clock_s,
    number,
    positive,
    positive_int,
    ratio,
)

MAX_FRAME_RATE = 240
"""Faster is a time base taken for a rate (Matroska's 1000/1); SVT-AV1 refuses more anyway."""

COMMON_RATES = tuple(
    Fraction(over, under)
    for over, under in (
        (12, 1), (12_500, 1000), (15_000, 1001), (15, 1), (24_000, 1001), (24, 1), (25, 1),
        (30_000, 1001), (30, 1), (48_000, 1001), (48, 1), (50, 1), (60_000, 1001), (60, 1),
        (100, 1), (120_000, 1001), (120, 1),
    )
)  # fmt: skip

MIN_STEPS = 3
"""Fewer steps between pictures say nothing of a rate."""

RATE_TOLERANCE = 0.01
"""Average and nominal rate this close are one: a first or last frame of odd length, rounding."""

SNAP_TOLERANCE = 0.015
"""A rate measured over a few packets with millisecond stamps is that uncertain."""

RATE_SLACK = 1.05
"""A stream may seem this much faster than its file: durations of streams differ a little."""

NOMINAL_LOSSY_BPS = 64_000
"""Per channel, for AAC, Opus and the like whose rate is not written anywhere."""

NOMINAL_LOSSLESS_BPS = 500_000
"""Per channel, for TrueHD, DTS-HD MA and FLAC at 48 kHz and 24 bit: half of the raw rate."""

MAX_GUESSED_SHARE = 0.4
"""If more of a file than this would be guessed away as audio, the video's rate stays unknown."""

TRUSTED_CONTAINERS = ("mov", "avi")
"""Their demuxers add up the packets; elsewhere a stream's rate is what its header promises."""


TRACK_DURATIONS = ("mov", "matroska")
"""Containers that tell how long each track is; elsewhere FFmpeg gives all of them the file's."""


class FrameRate(msgspec.Struct, frozen=True, kw_only=True):
    rate: Fraction | None = None
    is_variable: bool | None = None


def frame_rate(stream: RawStream, packets: Sequence[RawPacket]) -> FrameRate:
    """Average rate, and whether it varies: by average against nominal rate, and by the packets."""
    average, nominal = ratio(stream.avg_frame_rate), ratio(stream.r_frame_rate)
    steps = _steps_s(stream, packets)
    if average is None or average > MAX_FRAME_RATE:
        return _from_packets(steps, stream, average, nominal)
    if _is_uneven(steps, stream):
        return FrameRate(rate=average, is_variable=True)
    if nominal is None:
        return FrameRate(rate=average)
    # Field-coded streams have a nominal rate of twice their frame rate.
    same = any(_close(average * times, nominal, RATE_TOLERANCE) for times in (1, 2))
    return FrameRate(rate=average, is_variable=not same)


def _from_packets(
    steps: Sequence[float],
    stream: RawStream,
    average: Fraction | None,
    nominal: Fraction | None,
) -> FrameRate:
    """For an average that is missing or taken from the time base."""
    if len(steps) >= MIN_STEPS:
        measured = Fraction(len(steps) / sum(steps)).limit_denominator(1001)
        near = min(COMMON_RATES, key=lambda rate: abs(rate - measured))
        rate = near if _close(near, measured, SNAP_TOLERANCE) else measured
        if average is not None and _close(average, measured, 0.1):
            rate = average  # odd, but that is how the pictures come
        return FrameRate(rate=rate, is_variable=True if _is_uneven(steps, stream) else None)
    if nominal is not None and nominal <= MAX_FRAME_RATE:
        return FrameRate(rate=nominal)
    return FrameRate()


def _close(one: Fraction, other: Fraction, tolerance: float) -> bool:
    return abs(one - other) <= other * Fraction(tolerance)


def _steps_s(stream: RawStream, packets: Sequence[RawPacket]) -> list[float]:
    """Times between the first pictures, in order of display.

    A picture later than the last decoding time seen may still get one before it: left out.
    """
    base = ratio(stream.time_base)
    own = [packet for packet in packets if packet.stream_index == stream.index]
    stamps = sorted(packet.pts for packet in own if packet.pts is not None)
    known = [packet.dts for packet in own if packet.dts is not None]
    if base is None or len(stamps) < 3 or not known:
        return []
    sure = [stamp for stamp in stamps if stamp <= max(known)]
    tick_s = float(base)
    return [
        (after - before) * tick_s for before, after in pairwise(sure)
        if after > before
    ]  # fmt: skip


def _is_uneven(steps: Sequence[float], stream: RawStream) -> bool:
    """More than rounding to the time base can explain, and more than a quarter of a frame."""
    base = ratio(stream.time_base)
    if len(steps) < MIN_STEPS or base is None:
        return False
    mean = sum(steps) / len(steps)
    return max(steps) - min(steps) > max(2.5 * float(base), 0.25 * mean)


def stream_duration_s(stream: RawStream, whole_s: float | None) -> float | None:
    """A stream's own duration; a tag longer than the file is stale."""
    value = positive(stream.duration) or clock_s(stream.tag("duration"))
    if value is not None and whole_s is not None and value > whole_s * RATE_SLACK:
        return None
    return value


def first_picture_s(stream: RawStream, raw: RawProbe) -> float | None:
    """When the first picture is shown, in seconds of the file's clock. In Matroska by the packets,
    since a probe that decodes nothing (`_SPARING`) takes reordered pictures for a late start."""
    base, container = ratio(stream.time_base), (raw.format.format_name or "").split(",")[0]
    own = (packet.pts for packet in raw.packets if packet.stream_index == stream.index)
    first = min((pts for pts in own if pts is not None), default=None)
    if container != "matroska" or base is None or first is None:
        return number(stream.start_time)
    return float(first * base)


def film_start_s(raw: RawProbe) -> float | None:
    """When the film starts by the file's clock, in seconds: its first sound or picture. In Matroska
    by the packets, for the same reason as `first_picture_s`."""
    if (raw.format.format_name or "").split(",")[0] != "matroska":
        return number(raw.format.start_time)
    bases = {
        stream.index: base
        for stream in raw.streams
        if stream.codec_type in ("video", "audio") and (base := ratio(stream.time_base))
    }
    times = (
        packet.pts * bases[packet.stream_index]
        for packet in raw.packets
        if packet.pts is not None and packet.stream_index in bases
    )
    first = min(times, default=None)
    return number(raw.format.start_time) if first is None else float(first)


def claimed_frames(stream: RawStream) -> int | None:
    return positive_int(stream.nb_frames) or positive_int(stream.tag("number_of_frames"))


def file_bitrate(raw: RawProbe, size_bytes: int) -> int | None:
    seconds = positive(raw.format.duration)
    return round(size_bytes * 8 / seconds) if seconds else positive_int(raw.format.bit_rate)


def highest_bitrate(raw: RawProbe, size_bytes: int, film_s: float | None) -> int | None:
    """More than this no stream can have: all bytes of the file within the film, which may be much
    shorter than the file's longest track. `film_s` is `plausible_length_s`."""
    return round(size_bytes * 8 / film_s) if film_s else file_bitrate(raw, size_bytes)


def plausible_length_s(stream: RawStream, length_s: float | None) -> float | None:
    """The length of the film, unless its pictures would come faster than any: some remuxes have
    stamps that mean nothing."""
    average = ratio(stream.avg_frame_rate)
    return None if average is not None and average > MAX_FRAME_RATE else length_s


def stream_bitrate(stream: RawStream, raw: RawProbe, highest_bps: int | None) -> int | None:
    """What the container or mkvmerge's statistics say, if it can be true."""
    claims = [positive_int(stream.tag("bps"))]
    container = (raw.format.format_name or "").split(",")[0]
    if stream.codec_type != "video" or container in TRUSTED_CONTAINERS:
        claims.insert(0, positive_int(stream.bit_rate))
    for claim in claims:
        if claim is not None and (highest_bps is None or claim <= highest_bps * RATE_SLACK):
            return claim
    return None


def main_bitrate(
    stream: RawStream, raw: RawProbe, highest_bps: int | None, film_s: float | None
) -> int | None:
    """Rate of the main video: as claimed, else what all other streams leave of the file's bytes,
    by the length of the film."""
    claimed = stream_bitrate(stream, raw, highest_bps)
    if claimed is not None or highest_bps is None:
        return claimed
    others, guessed = 0.0, 0.0
    for other in raw.streams:
        if other.index == stream.index or other.has("attached_pic"):
            continue
        rate = stream_bitrate(other, raw, highest_bps)
        longer = _times_as_long(other, raw, film_s)
        if rate is not None:
            others += rate * longer
        elif other.codec_type == "audio":
            guessed += _nominal_bps(other) * longer
        elif other.codec_type == "video":
            return None  # two films in one file and no word of their shares
    left = highest_bps - others - guessed
    if left <= 0 or guessed > MAX_GUESSED_SHARE * highest_bps:
        return None
    return round(left)


def _times_as_long(other: RawStream, raw: RawProbe, film_s: float | None) -> float:
    """As the film: by its own duration where the container has one for each track."""
    container = (raw.format.format_name or "").split(",")[0]
    if film_s is None or container not in TRACK_DURATIONS:
        return 1.0
    own_s = stream_duration_s(other, positive(raw.format.duration))
    return own_s / film_s if own_s is not None else 1.0


def _nominal_bps(stream: RawStream) -> int:
    channels = stream.channels if stream.channels and 0 < stream.channels <= 64 else 2
    rate, bits = number(stream.sample_rate) or 48_000, stream.bits_per_sample or 0
    if (stream.codec_name or "").startswith("pcm_") and bits > 0:
        return round(channels * rate * bits)
    is_lossless = is_lossless_audio(stream.codec_name, stream.profile)
    return channels * (NOMINAL_LOSSLESS_BPS if is_lossless else NOMINAL_LOSSY_BPS)


_LOSSLESS = frozenset(
    {"truehd", "mlp", "flac", "alac", "wavpack", "tta", "ape", "mp4als", "shorten", "ralf"}
)
_LOSSY = ("adpcm_", "pcm_alaw", "pcm_mulaw", "pcm_vidc")


def is_lossless_audio(codec: str | None, profile: str | None) -> bool | None:
    """By codec and profile: DTS-HD MA is lossless, the DTS core is not; None if not named."""
    if codec is None or (codec == "dts" and not profile):
        return None
    if codec == "dts":
        return "DTS-HD MA" in (profile or "")
    if codec.startswith(_LOSSY):
        return False
    return codec in _LOSSLESS or codec.startswith("pcm_") or codec == "wmalossless"

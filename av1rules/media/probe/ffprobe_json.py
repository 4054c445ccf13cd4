"""ffprobe's JSON as typed records, and its texts as numbers. Pure.

Numbers in media files are untrusted: infinite, negative or absurd values count as unknown.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import msgspec

from av1rules.base.errors import ProbeError

ABSURD = 1e15
"""Above any duration, size or rate of a real file; keeps arithmetic away from infinity."""

TEXT_LIMIT = 30_000
"""Longest text of a tag kept, in characters of up to four bytes: no real one comes near, and Linux
takes no argument of more than 128 KiB."""

_CLOCK = re.compile(r"(\d{1,6}):(\d{2}):(\d{2}(?:\.\d+)?)")


class RawSideData(msgspec.Struct, frozen=True):
    side_data_type: str | None = None
    rotation: float | None = None
    red_x: str | None = None
    red_y: str | None = None
    green_x: str | None = None
    green_y: str | None = None
    blue_x: str | None = None
    blue_y: str | None = None
    white_point_x: str | None = None
    white_point_y: str | None = None
    min_luminance: str | None = None
    max_luminance: str | None = None
    max_content: int | None = None
    max_average: int | None = None
    dv_profile: int | None = None
    dv_bl_signal_compatibility_id: int | None = None
    el_present_flag: int | None = None
    bl_present_flag: int | None = None
    type: Any = None  # of stereo pictures; other kinds of side data have a type of their own
    inverted: Any = None
    projection: Any = None
    yaw: Any = None
    pitch: Any = None
    roll: Any = None
    padding: Any = None
    bound_left: Any = None
    bound_top: Any = None
    bound_right: Any = None
    bound_bottom: Any = None
    crop_top: int = 0
    crop_bottom: int = 0
    crop_left: int = 0
    crop_right: int = 0


class RawStream(msgspec.Struct, frozen=True):
    index: int
    id: str | None = None
    codec_type: str | None = None
    codec_name: str | None = None
    codec_tag_string: str | None = None
    codec_tag: str | None = None
    view_ids_available: str | None = None
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    pix_fmt: str | None = None
    bits_per_raw_sample: str | None = None
    bits_per_sample: int | None = None
    sample_aspect_ratio: str | None = None
    field_order: str | None = None
    color_range: str | None = None
    color_space: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    chroma_location: str | None = None
    closed_captions: int | None = None
    r_frame_rate: str | None = None
    avg_frame_rate: str | None = None
    time_base: str | None = None
    start_time: str | None = None
    duration: str | None = None
    bit_rate: str | None = None
    nb_frames: str | None = None
    channels: int | None = None
    channel_layout: str | None = None
    sample_rate: str | None = None
    disposition: dict[str, int] = {}
    tags: dict[str, str] = {}
    side_data_list: tuple[RawSideData, ...] = ()

    def tag(self, name: str) -> str | None:
        """A tag by its lower-case name, or with a language suffix as old mkvmerge wrote them."""
        for key, value in self.tags.items():
            lower = key.lower()
            if lower == name or lower.startswith(f"{name}-"):
                return value[:TEXT_LIMIT] or None
        return None

    def has(self, disposition: str) -> bool:
        return self.disposition.get(disposition, 0) == 1

    @property
    def dispositions(self) -> frozenset[str]:
        return frozenset(name for name, flag in self.disposition.items() if flag == 1)

    @property
    def language(self) -> str | None:
        """None also where the file says that it is undetermined."""
        return None if (found := self.tag("language")) == "und" else found


class RawPacket(msgspec.Struct, frozen=True):
    stream_index: int = -1
    pts: int | None = None
    dts: int | None = None
    duration: int | None = None
    size: str | None = None
    pos: str | None = None
    flags: str | None = None
    side_data_list: tuple[RawSideData, ...] = ()


class RawFrame(msgspec.Struct, frozen=True):
    stream_index: int = -1
    pix_fmt: str | None = None
    interlaced_frame: int | None = None
    color_range: str | None = None
    color_space: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    chroma_location: str | None = None
    side_data_list: tuple[RawSideData, ...] = ()


class RawChapter(msgspec.Struct, frozen=True):
    start_time: str | None = None
    end_time: str | None = None
    tags: dict[str, str] = {}


class RawFormat(msgspec.Struct, frozen=True):
    format_name: str | None = None
    start_time: str | None = None
    duration: str | None = None
    bit_rate: str | None = None
    tags: dict[str, str] = {}


class RawProbe(msgspec.Struct, frozen=True):
    """One answer of ffprobe: the sections that were asked for."""

    format: RawFormat = RawFormat()
    streams: tuple[RawStream, ...] = ()
    chapters: tuple[RawChapter, ...] = ()
    packets: tuple[RawPacket, ...] = ()
    frames: tuple[RawFrame, ...] = ()


_DECODER = msgspec.json.Decoder(RawProbe)


def read_probe(data: bytes) -> RawProbe:
    """Raises ProbeError if ffprobe's answer is not what it should be."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProbeError(f"ffprobe gave no readable answer: {problem}") from problem


def number(text: str | None) -> float | None:
    """A finite number of either sign, else None."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < ABSURD else None


def positive(text: str | None) -> float | None:
    value = number(text)
    return value if value is not None and value > 0 else None


def positive_int(text: str | None) -> int | None:
    value = positive(text)
    return int(value) if value is not None and value >= 1 else None


def ratio(text: str | None, separator: str = "/") -> Fraction | None:
    """`"30000/1001"` as an exact positive fraction; `"0/0"` and nonsense as None."""
    above, found, below = (text or "").partition(separator)
    if not found:
        return None
    try:
        over, under = int(above), int(below)
    except ValueError:
        return None
    if not (0 < over < ABSURD and 0 < under < ABSURD):
        return None
    return Fraction(over, under)


def rational(text: str | None) -> float | None:
    """`"34000/50000"` as a number; zero is allowed, a zero denominator is not."""
    above, found, below = (text or "").partition("/")
    over, under = number(above), number(below if found else "1")
    return over / under if over is not None and over >= 0 and under else None


def clock_s(text: str | None) -> float | None:
    """A DURATION tag, `"00:00:05.300000000"`, in seconds; zero and nonsense as None."""
    found = _CLOCK.fullmatch((text or "").strip())
    if not found:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) or None


def word(text: str | None) -> str | None:
    """FFmpeg's words for "not known" as None."""
    return None if text in (None, "", "unknown", "unspecified", "reserved", "N/A") else text

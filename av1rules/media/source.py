"""A source as probed: frozen facts, units in the names, None for what is not known. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import Enum
from fractions import Fraction
from typing import Self

import msgspec

from av1rules.media.matroska.facts import MatroskaStructure
from av1rules.media.mp4_structure import Mp4Structure
from av1rules.media.second_layers import Layer, Spherical


class HdrKind(Enum):
    """How the pictures go beyond SDR; a source may be of several kinds at once."""

    SDR = "sdr"
    PQ = "pq"  # PQ transfer without static metadata
    HDR10 = "hdr10"  # PQ transfer with mastering display or content light level
    HDR10_PLUS = "hdr10plus"
    HLG = "hlg"
    DOLBY_VISION = "dolby-vision"


class FileStat(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What identifies a file to the operating system; the key of every cache."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    links: int = 1

    @classmethod
    def of(cls, seen: os.stat_result) -> Self:
        return cls(
            device=seen.st_dev,
            inode=seen.st_ino,
            size_bytes=seen.st_size,
            mtime_ns=seen.st_mtime_ns,
            ctime_ns=seen.st_ctime_ns,
            links=seen.st_nlink,
        )


class LibraryFile(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One candidate file found by the walk.

    `library_path` is the root's name, then the path below the root, joined by "/": the name by
    which rules, tasks and reports know the file. Bytes that are not UTF-8 are surrogate escapes.
    """

    root_name: str
    root: str
    relative_path: str
    stat: FileStat

    @property
    def path(self) -> str:
        return f"{self.root}/{self.relative_path}"

    @property
    def library_path(self) -> str:
        return f"{self.root_name}/{self.relative_path}"


HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
"""Transfers of pictures that only an HDR screen shows as they are meant: PQ and HLG."""


class Colour(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Colour signalling by FFmpeg's names (`bt709`, `smpte2084`, `tv`, `left`)."""

    primaries: str | None = None
    transfer: str | None = None
    matrix: str | None = None
    range: str | None = None
    chroma_location: str | None = None


class MasteringDisplay(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """SMPTE ST 2086: chromaticities as x, y; luminance in cd/m2. Phones leave luminance out."""

    red: tuple[float, float] | None = None
    green: tuple[float, float] | None = None
    blue: tuple[float, float] | None = None
    white: tuple[float, float] | None = None
    min_luminance: float | None = None
    max_luminance: float | None = None


class ContentLight(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """MaxCLL and MaxFALL in cd/m2."""

    max_cll: int
    max_fall: int


class DolbyVision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The Dolby Vision configuration; None where only an RPU without configuration was seen."""

    profile: int | None = None
    compatibility_id: int | None = None
    has_enhancement_layer: bool | None = None
    has_base_layer: bool | None = None  # False: the record of an enhancement layer in its own track
    has_metadata: bool | None = None  # False: promised, but the first pictures carry none (RPU)


class ChangeKind(Enum):
    """What may change on the way through a film; the value is its word for people."""

    SIZE = "size"
    SAMPLE_ASPECT = "sample aspect"
    BIT_DEPTH = "bit depth"
    CHROMA = "chroma"
    TRANSFER = "transfer"
    PRIMARIES = "primaries"
    MATRIX = "matrix"
    RANGE = "range"
    ROTATION = "rotation"
    SOUND = "sound"


class Change(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that is not the same all through a film, with its values in the film's order."""

    kind: ChangeKind
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """ "size 320x240, then 1280x720" """
        shown = self.values if len(self.values) <= 4 else (*self.values[:3], "more")
        return f"{self.kind.value} {', then '.join(shown)}"


ONE_STEREO_MARK = "filter_units=remove_types=6"
"""A bitstream filter: H.264 without its SEI units. What else they tell, probe and looks know."""


class VideoStream(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A moving picture (never cover art). Rates in frames per second as exact fractions."""

    index: int
    codec: str
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    pix_fmt: str | None = None
    bit_depth: int | None = None
    chroma: str | None = None  # "420", "422", "444", "400", "rgb"
    has_alpha: bool | None = None
    sample_aspect: Fraction | None = None
    rotation: int | None = None
    field_order: str | None = None
    is_interlaced: bool | None = None
    frame_rate: Fraction | None = None
    is_variable_rate: bool | None = None
    bitrate_bps: int | None = None
    duration_s: float | None = None  # of the pictures, as measured; None if not sure
    start_s: float | None = None
    frames: int | None = None  # as the container claims: may be stale
    colour: Colour = Colour()
    hdr_kinds: frozenset[HdrKind] | None = None
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    dolby_vision: DolbyVision | None = None
    has_captions: bool | None = None
    has_ambient_viewing: bool | None = None  # the light around the screen, as phones record it
    begins_mid_group: bool | None = None  # True: its first packets come before a key frame
    is_decodable: bool | None = None  # False: encrypted, or the first pictures do not decode
    layers: frozenset[Layer] = frozenset()  # beside the base layer, in the same stream
    is_layer_of_another: bool = False  # of no use without the main stream
    stereo: str | None = None  # how two views lie in a picture, by Matroska's names
    is_stereo_marked_twice: bool = False  # by the container, and inside the pictures of H.264
    spherical: Spherical | None = None
    changes: tuple[Change, ...] = ()  # on the way, as seen so far
    language: str | None = None
    title: str | None = None
    dispositions: frozenset[str] = frozenset()

    @property
    def packet_filter(self) -> tuple[str, ...]:
        """Options of an input of FFmpeg, which gives up at a frame with two marks of stereo: what
        the pictures say beside the container is left out. Nearly always none."""
        if not self.is_stereo_marked_twice:
            return ()
        return (f"-bsf:{self.index}", ONE_STEREO_MARK)


class AudioStream(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An audio track. `is_lossless` is by codec and profile: DTS-HD MA is, DTS core is not.
    `handler` is the name of MP4's handler where a person gave it: MP4 has no other titles."""

    index: int
    codec: str
    profile: str | None = None
    channels: int | None = None
    layout: str | None = None
    sample_rate: int | None = None
    bitrate_bps: int | None = None
    is_lossless: bool | None = None
    language: str | None = None
    title: str | None = None
    handler: str | msgspec.UnsetType = msgspec.UNSET
    dispositions: frozenset[str] = frozenset()


class SubtitleStream(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Subtitles as text (`subrip`, `ass`, `mov_text`) or as pictures (`hdmv_pgs_subtitle`)."""

    index: int
    codec: str
    is_text: bool | None = None
    decoder: str | None = None  # the one to name, where FFmpeg does not know the codec
    language: str | None = None
    title: str | None = None
    handler: str | msgspec.UnsetType = msgspec.UNSET  # as that of sound
    dispositions: frozenset[str] = frozenset()


class Attachment(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A file inside the container, usually a font. `is_cover` marks pictures (attached_pic)."""

    index: int
    codec: str | None = None
    filename: str | None = None
    mimetype: str | None = None
    is_cover: bool = False
    width: int | None = None
    height: int | None = None


class DataStream(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A stream that is none of the above: timecode, chapter text, GPS."""

    index: int
    codec: str | None = None
    tag: str | None = None
    handler: str | None = None


class Chapter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    start_s: float
    end_s: float
    title: str | None = None


class Reach(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far the first look of FFmpeg and ffprobe goes to find all streams of a file. Both count
    streams as they find them, so that all programs must look as far as the probe did."""

    size_bytes: int
    duration_s: float

    @property
    def options(self) -> tuple[str, ...]:
        """Options before an input."""
        time_us = str(round(self.duration_s * 1_000_000))
        return ("-probesize", str(self.size_bytes), "-analyzeduration", time_us)


class Source(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All facts of one file from its probe. `provenance` is the AV1RULES tag, if present. `reach`
    is how far the probe looked, None for FFmpeg's own measure. Streams that begin beyond it
    are, in words, `unresolved` if the probe knows that they are there, `unmapped` if something that
    read on found them."""

    container: str  # FFmpeg's demuxer names, e.g. "matroska,webm"
    size_bytes: int
    duration_s: float | None = None  # of the longest track, as the container claims
    bitrate_bps: int | None = None
    start_s: float | None = None
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    data: tuple[DataStream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    main_index: int | None = None  # stream index of the main video stream
    tags: tuple[tuple[str, str], ...] = ()  # of the container; keys in lower case
    provenance: str | None = None
    mp4: Mp4Structure | None = None  # what MP4 says and ffprobe does not; None for others
    matroska: MatroskaStructure | None = None  # of Matroska and WebM only
    reach: Reach | None = None
    unresolved: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    encryption: str | None = None  # its name; None: no mark of one

    @property
    def main(self) -> VideoStream | None:
        """The main video stream; None for a file without moving pictures."""
        for stream in self.video:
            if stream.index == self.main_index:
                return stream
        return None

    @property
    def film_s(self) -> float | None:
        """The length of the film in seconds: that of its pictures, else what the container claims,
        which a long subtitle or a jump of the clock makes too long."""
        main = self.main
        return (main.duration_s if main is not None else None) or self.duration_s

    @property
    def covers(self) -> tuple[Attachment, ...]:
        return tuple(item for item in self.attachments if item.is_cover)

    @property
    def bits_per_pixel(self) -> float | None:
        """Bits of the main video per pixel and frame: bit rate / (width x height x frame rate)."""
        main = self.main
        if main is None or not (main.bitrate_bps and main.width and main.height):
            return None
        if not main.frame_rate:
            return None
        return main.bitrate_bps / (main.width * main.height * float(main.frame_rate))

    def streams(self) -> Iterator[VideoStream | AudioStream | SubtitleStream]:
        yield from self.video
        yield from self.audio
        yield from self.subtitles


def is_matroska(source: Source) -> bool:
    """WebM is Matroska of fewer codecs."""
    return "matroska" in source.container

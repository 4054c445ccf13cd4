"""The parts of which a made film is put together, and Hypothesis strategies that draw them.

Frozen values, no program: `make.py` makes a file of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hypothesis import strategies as st

from tests.media_truth.tracks import WISHES, Wish

RATES = ("25", "24000/1001", "30000/1001", "50", "12", "15")
SIZES = ((128, 96), (176, 144), (160, 90), (162, 122), (320, 180), (66, 130))
ANY_SIZE = ((161, 121), (129, 97))
"""Odd on both sides: only for codecs without such a limit."""

LANGUAGES = ("", "eng", "deu", "jpn", "fra")
TITLES = ("", "Commentary", "Ünïcode “quotes” & <tags>", "5.1 — surround; main=1")
FLAGS = ("", "default", "forced", "hearing_impaired", "default+original", "comment")


class Change(StrEnum):
    """What changes in the middle of the film."""

    NONE = ""
    SIZE = "size"
    ASPECT = "sample aspect"
    DEPTH = "bit depth"
    CHROMA = "chroma"
    COLOURS = "colours"
    INTERLACED = "interlaced"
    LATE_AUDIO = "late audio"
    CAPTIONS = "captions"
    LATE_CAPTIONS = "late captions"


class Hdr(StrEnum):
    NONE = ""
    HDR10 = "HDR10"
    HDR10_ZERO_LIGHT = "HDR10, light levels of 0"
    HLG = "HLG"


@dataclass(frozen=True)
class Video:
    """`codec` is a key of `make.VIDEO_ENCODERS`; `offset_s` is when the picture starts."""

    codec: str = "h264"
    size: tuple[int, int] = (128, 96)
    rate: str = "25"
    sample_aspect: str = ""
    rotation: int = 0
    colours: str = ""
    is_full_range: bool = False
    hdr: Hdr = Hdr.NONE
    is_variable: bool = False
    offset_s: float = 0


@dataclass(frozen=True)
class Audio:
    codec: str = "aac"
    channels: int = 2
    language: str = ""
    title: str = ""
    flags: str = ""
    offset_s: float = 0
    longer_s: float = 0


@dataclass(frozen=True)
class Subtitle:
    codec: str = "subrip"
    language: str = ""
    title: str = ""
    flags: str = ""
    longer_s: float = 0


@dataclass(frozen=True)
class Structure:
    """What only mkvmerge can write: language tags, and XML for chapters and tags, by name."""

    languages: tuple[str, ...] = ()
    chapters: str = ""
    tags: str = ""
    is_last_disabled: bool = False
    cropping: str = ""

    @property
    def is_plain(self) -> bool:
        return self == Structure()


@dataclass(frozen=True)
class Film:
    """`start_s` is where the clock of the container starts; `wish` which tracks a rule keeps."""

    container: str = "mkv"
    video: Video = Video()
    audio: tuple[Audio, ...] = (Audio(),)
    subtitles: tuple[Subtitle, ...] = ()
    length_s: float = 2
    start_s: float = 0
    chapters: int = 0
    attachments: int = 0
    cover: str = ""  # "", "png" or "jpg"
    tags: tuple[tuple[str, str], ...] = ()
    change: Change = Change.NONE
    structure: Structure = field(default_factory=Structure)
    target: str = "mkv"
    deinterlace: str = "off"
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True)
class Shelf:
    """What FFmpeg's muxer of a container takes."""

    video: tuple[str, ...]
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    has_titles: bool = False
    has_languages: bool = False
    has_chapters: bool = False
    has_tags: bool = False
    covers: tuple[str, ...] = ()
    has_attachments: bool = False
    can_start_late: bool = False


CONTAINERS: dict[str, Shelf] = {
    "mkv": Shelf(
        (
            "h264", "h264-10", "hevc", "hevc-10", "mpeg2", "mpeg2-tff", "h264-tff", "mpeg4", "vp8",
            "vp9", "ffv1", "mjpeg", "theora", "utvideo", "prores", "h264-422", "vp9-alpha",
        ),
        (
            "aac", "ac3", "eac3", "mp3", "mp2", "flac", "pcm_s16le", "pcm_s24le", "opus", "vorbis",
            "dts", "alac", "wmav2", "pcm_f32le", "truehd",
        ),
        ("subrip", "ass", "webvtt"),
        has_titles=True, has_languages=True, has_chapters=True, has_tags=True,
        covers=("png", "jpg"), has_attachments=True, can_start_late=True,
    ),
    "mp4": Shelf(
        ("h264", "h264-10", "hevc", "hevc-10", "mpeg4", "mpeg2", "vp9", "h264-tff"),
        ("aac", "ac3", "eac3", "mp3", "alac", "flac", "opus", "dts"),
        ("mov_text",), has_languages=True,
        has_chapters=True, has_tags=True, covers=("png", "jpg"), can_start_late=True,
    ),
    "mov": Shelf(
        ("h264", "hevc", "prores", "mjpeg", "mpeg4", "qtrle", "ffv1-422"),
        ("aac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32be", "alac", "ac3"),
        ("mov_text",), has_languages=True,
        has_chapters=True, has_tags=True, can_start_late=True,
    ),
    "ts": Shelf(
        ("h264", "hevc", "hevc-10", "mpeg2", "mpeg2-tff", "h264-tff"),
        ("aac", "ac3", "eac3", "mp2", "mp3", "opus", "dts"),
        has_languages=True, can_start_late=True,
    ),
    "m2ts": Shelf(("h264", "mpeg2", "mpeg2-tff"), ("ac3", "eac3", "dts", "pcm_bluray")),
    "vob": Shelf(("mpeg2", "mpeg2-tff"), ("ac3", "mp2", "dts", "pcm_dvd")),
    "mpg": Shelf(("mpeg1", "mpeg2"), ("mp2", "ac3")),
    "avi": Shelf(
        ("mpeg4", "mjpeg", "ffv1", "utvideo", "msmpeg4v3", "h264-bf0", "wmv2"),
        ("mp3", "ac3", "pcm_s16le", "mp2", "adpcm_ms"),
    ),
    "webm": Shelf(
        ("vp8", "vp9", "vp9-alpha"), ("opus", "vorbis"), ("webvtt",),
        has_titles=True, has_languages=True, has_chapters=True, has_tags=True, can_start_late=True,
    ),
    "flv": Shelf(("h264", "flv1"), ("aac", "mp3", "nellymoser")),
    "wmv": Shelf(("wmv2", "msmpeg4v3"), ("wmav2", "mp3"), has_tags=True),
    "ogv": Shelf(("theora",), ("vorbis", "opus", "flac"), has_tags=True),
    "3gp": Shelf(("h264", "mpeg4", "h263"), ("aac", "amr_nb")),
    "264": Shelf(("h264-bf0",)),
    "m2v": Shelf(("mpeg2", "mpeg2-tff")),
    "ivf": Shelf(("vp8", "vp9")),
    "y4m": Shelf(("rawvideo",)),
}  # fmt: skip

FIXED_SIZES = {"h263": ((128, 96), (176, 144))}
EVEN_ONLY = ("h264", "hevc", "prores", "theora", "wmv2", "msmpeg4", "vp8", "utvideo", "rawvideo")
LINES_BY_FOUR = ("h264-tff",)
NO_FREE_RATE = {"mpeg1", "mpeg2", "mpeg2-tff"}
"""MPEG-1 and 2 have a list of rates."""

LISTED_RATES = ("25", "24000/1001", "30000/1001", "50")
COLOURED = ("h264", "hevc", "vp9", "ffv1", "h264-10", "hevc-10", "prores")
HDR_CODECS = ("hevc-10",)
CHANGING = {
    Change.SIZE: ("h264", "mpeg2"),
    Change.ASPECT: ("h264", "mpeg2"),
    Change.DEPTH: ("h264", "hevc"),
    Change.CHROMA: ("h264",),
    Change.COLOURS: ("hevc", "h264"),
    Change.INTERLACED: ("mpeg2",),
    Change.LATE_AUDIO: ("h264", "mpeg2"),
    Change.CAPTIONS: ("mpeg2",),
    Change.LATE_CAPTIONS: ("mpeg2",),
}
CHANGE_CONTAINERS = ("ts", "mkv")


@st.composite
def videos(draw: st.DrawFn, shelf: Shelf, container: str) -> Video:
    codec = draw(st.sampled_from(shelf.video))
    sizes: tuple[tuple[int, int], ...] = FIXED_SIZES.get(codec, SIZES)
    if not codec.startswith(EVEN_ONLY) and codec not in FIXED_SIZES:
        sizes = (*sizes, *ANY_SIZE)
    if codec in LINES_BY_FOUR:
        sizes = tuple(size for size in sizes if size[1] % 4 == 0)
    hdr = draw(st.sampled_from(list(Hdr))) if codec in HDR_CODECS else Hdr.NONE
    can_vary = container in ("mkv", "mp4", "mov", "webm") and codec not in NO_FREE_RATE
    colours = ("", "bt709", "bt470bg") if codec in COLOURED and not hdr else ("",)
    return Video(
        codec=codec,
        size=draw(st.sampled_from(sizes)),
        rate=draw(st.sampled_from(LISTED_RATES if codec in NO_FREE_RATE else RATES)),
        sample_aspect=draw(st.sampled_from(("", "", "16/15", "4/3", "8/9"))),
        rotation=draw(st.sampled_from((0, 0, 90, 180))) if container in ("mp4", "mov") else 0,
        colours=draw(st.sampled_from(colours)),
        is_full_range=codec in ("h264", "hevc") and draw(st.booleans()),
        hdr=hdr,
        is_variable=can_vary and draw(st.booleans()),
        offset_s=draw(st.sampled_from((0, 0, 0.5, 1.3))) if shelf.can_start_late else 0,
    )


@st.composite
def sounds(draw: st.DrawFn, shelf: Shelf, container: str) -> tuple[Audio, ...]:
    if not shelf.audio:
        return ()
    named = shelf.has_titles
    most = 1 if container in ("flv", "3gp", "wmv", "ogv", "avi") else 3
    one = st.builds(
        Audio,
        codec=st.sampled_from(shelf.audio),
        channels=st.sampled_from((1, 2)),
        language=st.sampled_from(
            LANGUAGES if named or container in ("mp4", "mov", "ts") else ("",)
        ),
        title=st.sampled_from(TITLES if named else ("",)),
        flags=st.sampled_from(FLAGS if named else ("",)),
        offset_s=st.sampled_from((0, 0, 0.4, 1.2) if shelf.can_start_late else (0,)),
        longer_s=st.sampled_from((0, 0, 1.5)),
    )
    return tuple(draw(st.lists(one, min_size=0, max_size=most)))


def subtitles(shelf: Shelf) -> st.SearchStrategy[tuple[Subtitle, ...]]:
    if not shelf.subtitles:
        return st.just(())
    one = st.builds(
        Subtitle,
        codec=st.sampled_from(shelf.subtitles),
        language=st.sampled_from(LANGUAGES),
        title=st.sampled_from(TITLES if shelf.has_titles else ("",)),
        flags=st.sampled_from(("", "default", "forced") if shelf.has_titles else ("",)),
        longer_s=st.sampled_from((0, 0, 6)),
    )
    return st.lists(one, max_size=2).map(tuple)


TAG_CHOICE = (("title", "A film: “the” title"), ("comment", "two\nlines"), ("date", "1999"))
TAGS = st.lists(
    st.sampled_from(TAG_CHOICE),
    unique=True, max_size=2,
).map(tuple)  # fmt: skip


@st.composite
def films(draw: st.DrawFn) -> Film:
    """Any film of the parts; changes on the way are drawn in one of six."""
    if draw(st.integers(0, 5)) == 5:
        return draw(changing_films())
    container = draw(st.sampled_from(sorted(CONTAINERS)))
    shelf = CONTAINERS[container]
    return Film(
        container=container,
        video=draw(videos(shelf, container)),
        audio=draw(sounds(shelf, container)),
        subtitles=draw(subtitles(shelf)),
        length_s=draw(st.sampled_from((1, 2, 3))),
        start_s=draw(st.sampled_from((0, 0, -0.3, 7))) if shelf.can_start_late else 0,
        chapters=draw(st.sampled_from((0, 0, 3))) if shelf.has_chapters else 0,
        attachments=draw(st.sampled_from((0, 0, 2))) if shelf.has_attachments else 0,
        cover=draw(st.sampled_from(("", "", *shelf.covers))),
        tags=draw(TAGS) if shelf.has_tags else (),
        target=draw(st.sampled_from(("mkv", "mkv", "mkv", "mp4"))),
        deinterlace=draw(st.sampled_from(("off", "bwdif"))),
        wish=draw(st.sampled_from(WISHES)),
    )


@st.composite
def changing_films(draw: st.DrawFn) -> Film:
    change = draw(st.sampled_from(sorted(CHANGING)))
    return Film(
        container=draw(st.sampled_from(CHANGE_CONTAINERS)),
        video=Video(codec=draw(st.sampled_from(CHANGING[change]))),
        audio=draw(st.sampled_from(((), (Audio("ac3"),), (Audio("mp2"), Audio("ac3"))))),
        change=change,
        target=draw(st.sampled_from(("mkv", "mkv", "mp4"))),
        deinterlace=draw(st.sampled_from(("off", "bwdif"))),
    )

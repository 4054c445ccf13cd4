"""The facts that conditions can test: their table, and their values for a source. Pure.

A fact is lower-case text, a number in base units, a boolean, or a set of these; None is unknown. A
set contains None for an unknown member (a track without a language).
"""

from __future__ import annotations

import functools
from enum import Enum
from typing import Any, TypeVar

import msgspec

from av1rules.media.resolution import Resolution, resolution_of
from av1rules.media.source import AudioStream, HdrKind, LibraryFile, Source, VideoStream
from av1rules.policy.languages import language
from av1rules.policy.source_tier import Classification
from av1rules.policy.vocabulary import SYNONYMS


class FactKind(Enum):
    """The notation of a fact's values in a rules file."""

    GLOB = "glob"
    WORD = "word"
    BOOL = "true or false"
    NUMBER = "number"
    SIZE = "size"
    RATE = "bit rate"
    DURATION = "duration"


class Facts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The facts of one source, for conditions. Field names are condition keys."""

    path: tuple[str, str]  # below the root, and with the root's name in front
    source_tier: str | None = None
    confidence: float | None = None
    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    resolution: str | None = None
    bitrate: int | None = None  # of the main video, b/s
    bits_per_pixel: float | None = None
    frame_rate: float | None = None
    duration: float | None = None
    size: int | None = None
    bit_depth: int | None = None
    hdr: frozenset[str] | None = None
    dolby_vision_profile: frozenset[int] | None = None  # empty: known to have none
    interlaced: bool | None = None
    variable_frame_rate: bool | None = None
    audio_codec: frozenset[str] | None = None
    audio_language: frozenset[str | None] | None = None
    lossless_audio: bool | None = None
    subtitle_language: frozenset[str | None] | None = None
    container: str | None = None
    chroma: str | None = None
    captions: bool | None = None
    grain: float | None = None  # noise in steps of 8 bits


class FactSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How conditions test one fact.

    `has_many` marks facts with several values at once: conditions on two different values can both
    be true of one source. `tolerance` is the relative tolerance when numbers are compared.
    """

    kind: FactKind
    has_many: bool = False
    tolerance: float = 0.0


def _one(kind: FactKind, *, tolerance: float = 0.0) -> FactSpec:
    return FactSpec(kind=kind, tolerance=tolerance)


def _many(kind: FactKind) -> FactSpec:
    return FactSpec(kind=kind, has_many=True)


_RATE_TOLERANCE = 0.0004
"""23.976 is 24000/1001, and 24 is 0.1 % away from it."""

FACTS: dict[str, FactSpec] = {
    "path": _many(FactKind.GLOB),
    "source_tier": _one(FactKind.WORD),
    "confidence": _one(FactKind.NUMBER),
    "video_codec": _one(FactKind.WORD),
    "width": _one(FactKind.NUMBER),
    "height": _one(FactKind.NUMBER),
    "resolution": _one(FactKind.WORD),
    "bitrate": _one(FactKind.RATE),
    "bits_per_pixel": _one(FactKind.NUMBER),
    "frame_rate": _one(FactKind.NUMBER, tolerance=_RATE_TOLERANCE),
    "duration": _one(FactKind.DURATION),
    "size": _one(FactKind.SIZE),
    "bit_depth": _one(FactKind.NUMBER),
    "hdr": _many(FactKind.WORD),
    "dolby_vision_profile": _many(FactKind.NUMBER),
    "interlaced": _one(FactKind.BOOL),
    "variable_frame_rate": _one(FactKind.BOOL),
    "audio_codec": _many(FactKind.WORD),
    "audio_language": _many(FactKind.WORD),
    "lossless_audio": _one(FactKind.BOOL),
    "subtitle_language": _many(FactKind.WORD),
    "container": _one(FactKind.WORD),
    "chroma": _one(FactKind.WORD),
    "captions": _one(FactKind.BOOL),
    "grain": _one(FactKind.NUMBER),
}
"""Every condition except `any`, `all` and `not`, for `match`, `lint` and the decoder."""

_CONTAINERS = {
    "matroska": "mkv", "mov": "mp4", "mpegts": "ts", "asf": "wmv", "mpeg": "mpg",
    "mpegvideo": "mpg",
}  # fmt: skip
"""Common container names by FFmpeg's demuxer names (the first of each list)."""


def fact_word(fact: str, word: str) -> str:
    """A word of a condition in the form of `Facts`."""
    word = word.strip().lower()
    if fact in ("audio_language", "subtitle_language"):
        return language(word) or word
    if fact == "chroma":
        return word.replace(":", "")
    return SYNONYMS.get(fact, {}).get(word, word)


def facts_of(
    file: LibraryFile,
    source: Source,
    classification: Classification,
    *,
    grain: float | None = None,
) -> Facts:
    """The facts of one probed file; `grain` is None if it is not measured or can't be."""
    main = source.main
    tier = classification.source_tier
    return Facts(
        path=(file.relative_path, file.library_path),
        source_tier=None if tier is None else tier.value,
        confidence=None if tier is None else classification.confidence,
        video_codec=None if main is None else main.codec.lower(),
        width=None if main is None else main.width,
        height=None if main is None else main.height,
        resolution=_resolution(main),
        bitrate=None if main is None else main.bitrate_bps,
        bits_per_pixel=source.bits_per_pixel,
        frame_rate=None if main is None or main.frame_rate is None else float(main.frame_rate),
        duration=source.film_s,
        size=file.stat.size_bytes,
        bit_depth=None if main is None else main.bit_depth,
        hdr=_hdr(main),
        dolby_vision_profile=_dolby_vision(main),
        interlaced=None if main is None else main.is_interlaced,
        variable_frame_rate=None if main is None else main.is_variable_rate,
        audio_codec=_shared(
            frozenset([name for stream in source.audio for name in _audio_names(stream)])
        ),
        audio_language=_shared(frozenset([language(stream.language) for stream in source.audio])),
        lossless_audio=_any_known([stream.is_lossless for stream in source.audio]),
        subtitle_language=_shared(
            frozenset([language(stream.language) for stream in source.subtitles])
        ),
        container=_container(source.container, file.relative_path),
        chroma=None if main is None else main.chroma,
        captions=None if main is None else main.has_captions,
        grain=grain,
    )


def _resolution(main: VideoStream | None) -> str | None:
    found: Resolution | None = None if main is None else resolution_of(main.width, main.height)
    return None if found is None else found.value


_Set = TypeVar("_Set", bound=frozenset[Any])


@functools.lru_cache(maxsize=4096)
def _shared(values: _Set) -> _Set:
    """The same set for equal ones: a library has many films and few sets of languages."""
    return values


def _hdr(main: VideoStream | None) -> frozenset[str] | None:
    if main is None or main.hdr_kinds is None:
        return None
    return _kind_values(main.hdr_kinds)


@functools.lru_cache(maxsize=256)
def _kind_values(kinds: frozenset[HdrKind]) -> frozenset[str]:
    return frozenset(kind.value for kind in kinds)


def _dolby_vision(main: VideoStream | None) -> frozenset[int] | None:
    if main is None:
        return None
    if main.dolby_vision is None:
        hdr = _hdr(main)
        return frozenset() if hdr is not None and "dolby-vision" not in hdr else None
    profile = main.dolby_vision.profile
    return None if profile is None else frozenset({profile})


def _audio_names(stream: AudioStream) -> frozenset[str]:
    return _names_of_sound(stream.codec.lower(), (stream.profile or "").lower())


@functools.lru_cache(maxsize=1024)
def _names_of_sound(codec: str, profile: str) -> frozenset[str]:
    """The codec under each name a rule may use: `dts` and `dts-hd-ma`, `pcm_s16le` and `pcm`."""
    names = {codec}
    if codec.startswith("pcm_"):
        names.add("pcm")
    if codec == "dts" and profile.startswith("dts-"):
        names.add("-".join(profile.split()[:2]))
    if "atmos" in profile:
        names.add("atmos")
    return frozenset(names)


def _any_known(values: list[bool | None]) -> bool | None:
    if any(values):
        return True
    return None if None in values else False


def _container(demuxers: str, relative_path: str) -> str | None:
    first = demuxers.partition(",")[0].lower()
    extension = relative_path.rpartition(".")[2].lower()
    # One demuxer reads both of each pair; only the file name distinguishes them.
    if (first, extension) in (("matroska", "webm"), ("mov", "mov")):
        return extension
    return _CONTAINERS.get(first, first) or None

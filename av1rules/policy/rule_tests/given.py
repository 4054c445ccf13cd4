"""A source made of the facts that somebody states, for tests of rules without films. Pure.

What is not stated stays unknown, so a condition on it is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from av1rules.media.probe.parse_rates import is_lossless_audio
from av1rules.media.resolution import Resolution
from av1rules.media.source import (
    AudioStream,
    Colour,
    DolbyVision,
    FileStat,
    HdrKind,
    LibraryFile,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.policy.facts import FACTS, FactKind, Facts, fact_word, facts_of
from av1rules.policy.formats import NUMBER_FORMATS
from av1rules.policy.model import RuleSet
from av1rules.policy.settings import SourceTier
from av1rules.policy.source_tier import Classification, classify

_SIZES = {
    Resolution.SD.value: (720, 576),
    Resolution.HD_720.value: (1280, 720),
    Resolution.HD_1080.value: (1920, 1080),
    Resolution.QHD_1440.value: (2560, 1440),
    Resolution.UHD_2160.value: (3840, 2160),
    Resolution.UHD_4320.value: (7680, 4320),
}
"""The usual size of each class, by which the tier is judged where only the class is stated."""

_DEMUXERS = {"mkv": "matroska,webm", "webm": "matroska,webm", "mp4": "mov,mp4", "mov": "mov,mp4"}

_DTS_HD = "dts-hd-ma"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A stated source: the file, what a probe would tell of it, and its facts for conditions."""

    file: LibraryFile
    source: Source
    classification: Classification
    facts: Facts


class RecordedFilm(msgspec.Struct, frozen=True, kw_only=True):
    """A film as a file of facts has it. `grain` as conditions ask for it; None: not measured."""

    file: LibraryFile
    source: Source
    grain: float | None = None


def given_film(ruleset: RuleSet, film: RecordedFilm, stated: Mapping[str, Any]) -> Given:
    """A recorded film; facts that are stated too take the place of its own."""
    values = {name: _fact(name, value) for name, value in stated.items()}
    classification = classify(film.source, film.file.library_path, ruleset.tiers)
    known = facts_of(film.file, film.source, classification, grain=film.grain)
    return Given(
        file=film.file,
        source=film.source,
        classification=classification,
        facts=msgspec.structs.replace(known, **values),
    )


def given_source(ruleset: RuleSet, stated: Mapping[str, Any]) -> Given:
    """The source with these facts, by their names in conditions; `path` is a library path. The
    source tier is that of the facts, unless it is stated too."""
    values = {name: _fact(name, value) for name, value in stated.items() if name != "path"}
    file = _file(ruleset, str(stated["path"]), values.get("size"))
    source = _source(values)
    tier = values.get("source_tier")
    classification = (
        classify(source, file.library_path, ruleset.tiers)
        if tier is None
        else Classification(source_tier=SourceTier(tier), confidence=1.0)
    )
    known = facts_of(file, source, classification)
    judged = {"source_tier": known.source_tier, "confidence": known.confidence}
    facts = msgspec.structs.replace(Facts(path=known.path), **{**judged, **values})
    return Given(file=file, source=source, classification=classification, facts=facts)


def _fact(name: str, value: Any) -> object:
    """A stated value in the form of `Facts`. Raises what its format raises."""
    spec = FACTS[name]
    read: Callable[[Any], Any] = _READERS.get(spec.kind, lambda one: one)
    if spec.kind is FactKind.WORD:
        read = lambda one: None if one is None else fact_word(name, str(one))  # noqa: E731
    if spec.has_many:
        return frozenset(map(read, value if isinstance(value, list) else [value]))
    return read(value)


_READERS = {
    FactKind.SIZE: NUMBER_FORMATS["size"],
    FactKind.RATE: NUMBER_FORMATS["rate"],
    FactKind.DURATION: NUMBER_FORMATS["duration"],
}


def _file(ruleset: RuleSet, path: str, size: Any) -> LibraryFile:
    name, _, below = path.partition("/")
    root = next((root for root in ruleset.library.roots if root.name == name), None)
    return LibraryFile(
        root_name=name if root is not None else "",
        root="" if root is None else str(root.path),
        relative_path=below if root is not None else path,
        stat=FileStat(device=0, inode=0, size_bytes=size or 0, mtime_ns=0, ctime_ns=0),
    )


def _source(values: Mapping[str, Any]) -> Source:
    return Source(
        container=_DEMUXERS.get(values.get("container", ""), values.get("container", "")),
        size_bytes=values.get("size") or 0,
        duration_s=values.get("duration"),
        video=(_video(values),),
        main_index=0,
        audio=tuple(_audio(values)),
        subtitles=tuple(
            SubtitleStream(index=100 + number, codec="subrip", is_text=True, language=language)
            for number, language in enumerate(_sorted(values.get("subtitle_language", ())))
        ),
    )


def _video(values: Mapping[str, Any]) -> VideoStream:
    usual = _SIZES.get(values.get("resolution", ""), (None, None))
    hdr, profiles = values.get("hdr"), values.get("dolby_vision_profile")
    transfer = next((name for kind, name in _TRANSFERS.items() if kind.value in (hdr or ())), None)
    rate = values.get("frame_rate")
    return VideoStream(
        index=0,
        codec=values.get("video_codec") or "",
        width=values.get("width") or usual[0],
        height=values.get("height") or usual[1],
        bit_depth=values.get("bit_depth"),
        chroma=values.get("chroma"),
        pix_fmt=_pixel_format(values.get("chroma"), values.get("bit_depth")),
        is_interlaced=values.get("interlaced"),
        frame_rate=None if rate is None else Fraction(rate).limit_denominator(1001),
        is_variable_rate=values.get("variable_frame_rate"),
        bitrate_bps=values.get("bitrate"),
        hdr_kinds=None if hdr is None else frozenset(map(HdrKind, hdr)),
        colour=Colour(transfer=transfer),
        dolby_vision=_dolby_vision(min(profiles), transfer) if profiles else None,
        has_captions=values.get("captions"),
    )


_TRANSFERS = {
    HdrKind.HLG: "arib-std-b67",
    HdrKind.PQ: "smpte2084",
    HdrKind.HDR10: "smpte2084",
    HdrKind.HDR10_PLUS: "smpte2084",
    HdrKind.SDR: "bt709",
}
"""FFmpeg's name of what each kind is tagged with. Dolby Vision alone says nothing of its base."""

_COMPATIBLE = {"smpte2084": 1, "bt709": 2, "arib-std-b67": 4}
"""The number behind the point of profiles 8 and 10, by the ordinary picture that is below them."""


def _dolby_vision(profile: int, transfer: str | None) -> DolbyVision:
    number = _COMPATIBLE.get(transfer or "") if profile in (8, 10) else None
    return DolbyVision(profile=profile, compatibility_id=number)


def _pixel_format(chroma: str | None, depth: int | None) -> str | None:
    """FFmpeg's name of the pictures' format."""
    if chroma is None:
        return None
    more = f"{depth}le" if depth is not None and depth > 8 else ""
    return {"rgb": f"gbrp{more}", "400": f"gray{more}"}.get(chroma, f"yuv{chroma}p{more}")


def _audio(values: Mapping[str, Any]) -> list[AudioStream]:
    """A track for each codec and language that is stated, paired in their order."""
    codecs, languages = (_sorted(values.get(f"audio_{name}", ())) for name in ("codec", "language"))
    count = max(len(codecs), len(languages), "lossless_audio" in values)
    return [
        AudioStream(
            index=1 + number,
            codec="dts" if _at(codecs, number) == _DTS_HD else _at(codecs, number) or "",
            profile="DTS-HD MA" if _at(codecs, number) == _DTS_HD else None,
            language=_at(languages, number),
            is_lossless=values.get("lossless_audio", _is_lossless(_at(codecs, number))),
        )
        for number in range(count)
    ]


def _is_lossless(codec: str | None) -> bool | None:
    if codec == "pcm":
        return True
    return (
        is_lossless_audio("dts", "DTS-HD MA")
        if codec == _DTS_HD
        else is_lossless_audio(codec, None)
    )


def _sorted(words: Any) -> list[str | None]:
    return sorted(words, key=str)


def _at(words: list[str | None], number: int) -> str | None:
    return words[number] if number < len(words) else None

"""Compares a finished target with its contract. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import counted
from av1rules.encode import containers
from av1rules.encode.containers import MKV
from av1rules.encode.contract.expected import (
    CHAPTER_TOLERANCE_S,
    Contract,
    ExpectedVideo,
    Stream,
    codec_in,
    language_tag,
)
from av1rules.encode.kept_layers import MONO
from av1rules.encode.matroska.xml import legal_text
from av1rules.encode.target_layout import shown_chapters
from av1rules.media.source import (
    AudioStream,
    Colour,
    HdrKind,
    MasteringDisplay,
    Source,
    SubtitleStream,
    VideoStream,
)

CHROMATICITY_TOLERANCE = 0.0005
MAX_LUMINANCE_TOLERANCE = 0.01  # relative
MIN_LUMINANCE_TOLERANCE = 0.0002
"""AV1 codes mastering displays in other steps than HEVC: 0.0001 cd/m2 becomes 2/16384."""


def compare(contract: Contract, target: Source) -> tuple[str, ...]:
    """Every violation by the target, as a sentence; empty if there is none."""
    return (
        *_broken_streams(contract, target),
        *_broken_picture(contract, target),
        *_broken_files(contract, target),
        *_broken_chapters(contract, target),
        *_lost_camera_tags(contract, target),
        *contract.unaccounted,
    )


def _broken_streams(contract: Contract, target: Source) -> Iterator[str]:
    found = sorted(target.streams(), key=lambda stream: stream.index)
    if len(found) != len(contract.streams):
        wanted = ", ".join(f"{item.kind} {item.codec}" for item in contract.streams)
        there = ", ".join(f"{_kind(stream)} {stream.codec}" for stream in found) or "none"
        yield f"the streams should be: {wanted}; found: {there}"
        return
    for promise, stream in zip(contract.streams, found, strict=True):
        name = f"{promise.kind} {promise.index}"
        dispositions = stream.dispositions & promise.promised
        yield from _differs(f"{name}: kind", promise.kind, _kind(stream))
        codec = codec_in(contract.container, stream.codec)
        yield from _differs(f"{name}: codec", promise.codec, codec)
        yield from _differs(f"{name}: language", promise.language, language_tag(stream.language))
        if promise.title is not None:
            yield from _differs(f"{name}: title", promise.title, stream.title or "")
        yield from _differs(
            f"{name}: dispositions", sorted(promise.dispositions), sorted(dispositions)
        )


def _kind(stream: Stream) -> str:
    kinds = {VideoStream: "video", AudioStream: "audio", SubtitleStream: "subtitle"}
    return kinds[type(stream)]


def _differs(what: str, wanted: object, found: object) -> Iterator[str]:
    if wanted != found:
        yield f"{what} should be {_shown(wanted)}, found {_shown(found)}"


def _shown(value: object) -> str:
    if value is None or value == "" or value == []:
        return "none"
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _broken_picture(contract: Contract, target: Source) -> Iterator[str]:
    wanted = contract.picture
    if wanted.position >= len(target.video):
        yield "the encoded pictures are missing"
        return
    found = target.video[wanted.position]
    yield from _differs("codec", "av1", found.codec)
    yield from _differs("width", wanted.width, found.width)
    yield from _differs("height", wanted.height, found.height)
    yield from _differs("bit depth", wanted.bit_depth, found.bit_depth)
    yield from _differs("chroma", "420", found.chroma)
    yield from _differs("rotation", wanted.rotation, found.rotation or 0)
    yield from _differs("sample aspect", wanted.sample_aspect or 1, found.sample_aspect or 1)
    yield from _broken_colour(contract, found.colour)
    yield from _broken_hdr(wanted, found)
    yield from _broken_marks(wanted, found)


def _broken_colour(contract: Contract, found: Colour) -> Iterator[str]:
    wanted = contract.picture.colour
    # Where a container is silent, the decoder may know (VP8): that is signalled then, rightly.
    if wanted.primaries is not None:
        yield from _differs("colour primaries", wanted.primaries, found.primaries)
    if wanted.transfer is not None:
        yield from _differs("transfer", wanted.transfer, found.transfer)
    if wanted.matrix is not None:
        yield from _differs("matrix", wanted.matrix, found.matrix)
    yield from _differs("range", wanted.range or "tv", found.range or "tv")
    location = wanted.chroma_location
    if location in containers.AV1_CHROMA_LOCATIONS:
        yield from _differs("chroma location", location, found.chroma_location)


def _broken_hdr(wanted: ExpectedVideo, found: VideoStream) -> Iterator[str]:
    if wanted.hdr_kinds is not None:
        kinds = (found.hdr_kinds or frozenset()) - wanted.extra_hdr_kinds
        yield from _differs("HDR", _kinds(wanted.hdr_kinds), _kinds(kinds))
    if not wanted.has_dolby_vision and found.dolby_vision is not None:
        yield "Dolby Vision should be gone, found its record"
    if wanted.has_dolby_vision and found.dolby_vision is None:
        yield "Dolby Vision should be kept, found none"
    if wanted.content_light is not None and wanted.content_light != found.content_light:
        yield f"light levels should be {wanted.content_light}, found {found.content_light}"
    if wanted.mastering_display is not None and not _same_display(
        wanted.mastering_display, found.mastering_display
    ):
        yield (
            f"mastering display should be {wanted.mastering_display}, "
            f"found {found.mastering_display}"
        )


def _broken_marks(wanted: ExpectedVideo, found: VideoStream) -> Iterator[str]:
    """What a file says of its pictures for the screen: kept as promised, and never false."""
    if found.has_alpha:
        yield "transparency should be gone, found marked"
    if wanted.has_ambient_viewing and not found.has_ambient_viewing:
        yield "the ambient viewing environment should be kept, found none"
    if wanted.stereo is not None:
        yield from _differs("stereo mode", wanted.stereo, found.stereo or MONO)
    yield from _differs("spherical pictures", wanted.spherical, found.spherical)


def _kinds(kinds: frozenset[HdrKind]) -> list[str]:
    return sorted(kind.value for kind in kinds if kind is not HdrKind.SDR)


def _same_display(wanted: MasteringDisplay, found: MasteringDisplay | None) -> bool:
    if found is None:
        return False
    pairs = (
        (wanted.red, found.red),
        (wanted.green, found.green),
        (wanted.blue, found.blue),
        (wanted.white, found.white),
    )
    return (
        all(a is None or _near_points(a, b) for a, b in pairs)
        and _near(
            wanted.max_luminance,
            found.max_luminance,
            (wanted.max_luminance or 0) * MAX_LUMINANCE_TOLERANCE,
        )
        and _near(wanted.min_luminance, found.min_luminance, MIN_LUMINANCE_TOLERANCE)
    )


def _near_points(wanted: tuple[float, float], found: tuple[float, float] | None) -> bool:
    if found is None:
        return False
    return all(_near(a, b, CHROMATICITY_TOLERANCE) for a, b in zip(wanted, found, strict=True))


def _near(wanted: float | None, found: float | None, tolerance: float) -> bool:
    """A value that the source does not give is not checked."""
    return wanted is None or (found is not None and abs(wanted - found) <= tolerance)


def _broken_files(contract: Contract, target: Source) -> Iterator[str]:
    files = sorted(item.filename or "" for item in target.attachments if not item.is_cover)
    yield from _differs("attachments", list(contract.attachments), files)
    if contract.container == MKV:
        covers = sorted(item.filename or "" for item in target.covers)
    else:
        covers = sorted(item.codec or "" for item in target.covers)
    yield from _differs("covers", list(contract.covers), covers)


def _lost_camera_tags(contract: Contract, target: Source) -> Iterator[str]:
    found = {key for key, _ in target.tags}
    if lost := [key for key in contract.camera_tags if key not in found]:
        yield f"tags of the camera are missing: {', '.join(lost)}"


def _broken_chapters(contract: Contract, target: Source) -> Iterator[str]:
    chapters = contract.chapters
    if contract.container == MKV:
        chapters = tuple(shown_chapters(chapters))
    for least_s in (-CHAPTER_TOLERANCE_S, 0.0, CHAPTER_TOLERANCE_S):
        # FFmpeg drops those that end before the film starts, by the tick.
        if len(chapters) != len(target.chapters):
            chapters = tuple(chapter for chapter in chapters if chapter.end_s >= least_s)
    if len(chapters) != len(target.chapters):
        yield f"expected {counted(len(contract.chapters), 'chapter')}, found {len(target.chapters)}"
        return
    for number, (wanted, found) in enumerate(zip(chapters, target.chapters, strict=True), start=1):
        # Control characters do not survive MKVToolNix's XML.
        titles = [legal_text(one.title or "").strip() for one in (wanted, found)]
        yield from _differs(f"chapter {number}: title", *titles)
        if abs(wanted.start_s - found.start_s) > CHAPTER_TOLERANCE_S:
            yield f"chapter {number} should start at {wanted.start_s} s, found {found.start_s} s"

"""What a target must contain, as its source and the plan of its streams promise. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from av1rules.encode import containers
from av1rules.encode.argv import cover_names
from av1rules.encode.camera_tags import camera_tags, has_free_tags
from av1rules.encode.containers import MKV, MP4
from av1rules.encode.dolby_vision import untagged_base
from av1rules.encode.filters import RGB_MATRIX, chroma_location
from av1rules.encode.job import target_bit_depth
from av1rules.encode.kept_layers import MONO, keeps_spherical, stereo_tag
from av1rules.encode.losses import (
    keeps_dolby_vision,
    keeps_light_levels,
    keeps_mastering_display,
)
from av1rules.encode.streams import StreamAction, StreamPlan, StreamStep
from av1rules.encode.target_layout import is_left_out
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.second_layers import Spherical
from av1rules.media.source import (
    AudioStream,
    Chapter,
    Colour,
    ContentLight,
    HdrKind,
    MasteringDisplay,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.policy.settings import EncodeSettings

CHAPTER_TOLERANCE_S = 0.05
"""Container ticks are coarse (Matroska 1 ms, some MP4 1/15 s at the end of a track)."""

Stream = VideoStream | AudioStream | SubtitleStream


class ExpectedStream(msgspec.Struct, frozen=True, kw_only=True):
    """One track, `index` in the source. `title` None is not checked, "" means none. Of its
    dispositions those in `promised` are compared."""

    index: int
    kind: str
    codec: str
    language: str | None
    title: str | None
    dispositions: frozenset[str]
    promised: frozenset[str]


class ExpectedVideo(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of the encoded video. None: unknown in the source, so not checked."""

    position: int  # among the video streams of the target
    width: int | None
    height: int | None
    bit_depth: int
    sample_aspect: Fraction | None
    rotation: int
    colour: Colour
    hdr_kinds: frozenset[HdrKind] | None
    extra_hdr_kinds: frozenset[HdrKind]  # not promised, welcome all the same
    mastering_display: MasteringDisplay | None
    content_light: ContentLight | None
    has_dolby_vision: bool
    has_ambient_viewing: bool  # promised; where it is not, it is welcome
    stereo: str | None  # "mono": a mark of two views would be wrong
    spherical: Spherical | None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    container: str
    streams: tuple[ExpectedStream, ...]
    picture: ExpectedVideo
    attachments: tuple[str, ...]  # file names, sorted
    covers: tuple[str, ...]  # file names in Matroska, codecs in MP4; sorted
    chapters: tuple[Chapter, ...]
    camera_tags: tuple[str, ...]  # keys
    left_out: tuple[str, ...] = ()  # by rule, in words
    unaccounted: tuple[str, ...] = ()  # of the source, neither kept nor listed as dropped


def expected_contract(
    source: Source,
    streams: StreamPlan,
    settings: EncodeSettings,
    encoder: EncoderInfo | None = None,
    *,
    empty: frozenset[int] = frozenset(),
) -> Contract:
    """What the target of this source must contain. `encoder` None means SVT-AV1. `empty` tracks of
    the source hold nothing."""
    by_index = {stream.index: stream for stream in source.streams()}
    tracks = [
        step
        for step in streams.mapped
        if step.index in by_index and not is_left_out(step, streams.container, empty)
    ]
    promised = _promised(tracks, by_index, streams.container)
    return Contract(
        container=streams.container,
        streams=tuple(
            _expected(step, by_index[step.index], streams.container, promised[step.kind])
            for step in tracks
        ),
        picture=_picture(source, tracks, settings, encoder),
        attachments=tuple(sorted(_attachment_names(source, streams))),
        covers=tuple(sorted(_cover_keys(source, streams))),
        chapters=tuple(_chapters_by_target(source)),
        camera_tags=camera_tags(source) if has_free_tags(source, streams.container) else (),
        left_out=tuple(step.describe() for step in streams.dropped_by_rule),
        unaccounted=tuple(_unaccounted(source, streams, settings)),
    )


def _unaccounted(source: Source, streams: StreamPlan, settings: EncodeSettings) -> Iterator[str]:
    """What may not go and would: a stream that is neither kept nor listed as dropped, a track that
    goes by a rule which the settings do not have, or all of the sound by rules."""
    there = [*source.streams(), *source.attachments, *source.data]
    listed = {step.index for step in streams.steps}
    yield from (
        f"stream {stream.index} is neither kept nor dropped"
        for stream in there
        if stream.index not in listed
    )
    by_rule = {step.index for step in streams.dropped_by_rule}
    allowed = set(settings.tracks.dropped if settings.tracks else ())
    yield from (f"no rule leaves out stream {index}" for index in sorted(by_rule - allowed))
    sound = {stream.index for stream in source.audio}
    if sound and sound <= by_rule:
        yield "rules leave out all of the sound"


def _promised(
    tracks: list[StreamStep], by_index: dict[int, Stream], container: str
) -> dict[str, frozenset[str]]:
    """The dispositions that count, by kind of track. MP4 marks a track of each kind as enabled
    unasked, so that "default" counts there only where a rule has chosen one."""
    found = {}
    for kind in ("video", "audio", "subtitle"):
        steps = [step for step in tracks if step.kind == kind]
        is_chosen = any(step.flags is not None for step in steps) and any(
            "default" in _dispositions(step, by_index[step.index]) for step in steps
        )
        more = {"default"} if is_chosen else set()
        found[kind] = containers.DISPOSITIONS[container] | more
    return found


def _dispositions(step: StreamStep, stream: Stream) -> frozenset[str]:
    return stream.dispositions if step.flags is None else step.flags


def _chapters_by_target(source: Source) -> Iterator[Chapter]:
    """The chapters on the target's clock, which starts at zero wherever the source's does."""
    moved_s = source.start_s or 0.0
    if abs(moved_s) <= CHAPTER_TOLERANCE_S:
        moved_s = 0.0
    for chapter in source.chapters:
        start_s = max(chapter.start_s - moved_s, 0.0)
        yield replace(chapter, start_s=start_s, end_s=chapter.end_s - moved_s)


def _expected(
    step: StreamStep, stream: Stream, container: str, promised: frozenset[str]
) -> ExpectedStream:
    return ExpectedStream(
        index=step.index,
        kind=step.kind,
        codec=codec_in(container, step.to or stream.codec),
        language=language_tag(stream.language),
        title=(stream.title or "") if container == MKV else None,  # MP4 has no track titles
        dispositions=_dispositions(step, stream) & promised,
        promised=promised,
    )


def codec_in(container: str, codec: str) -> str:
    """MP4 has one number for MPEG layer 2 and 3, and FFmpeg reads it as the latter, or as what the
    first packets are."""
    return "mp3" if container == MP4 and codec == "mp2" else codec


def language_tag(language: str | None) -> str | None:
    """The tag of a track; None if it says nothing."""
    return None if language in (None, "", "und") else language


def _picture(
    source: Source,
    tracks: list[StreamStep],
    settings: EncodeSettings,
    encoder: EncoderInfo | None,
) -> ExpectedVideo:
    main = source.main
    assert main is not None
    videos = [step for step in tracks if step.kind == "video"]
    position = next(i for i, step in enumerate(videos) if step.action is StreamAction.ENCODE)
    keeps_vision = keeps_dolby_vision(main, encoder)
    has_known_hdr = main.hdr_kinds is not None and untagged_base(main) is None
    gone = {HdrKind.HDR10_PLUS} if keeps_vision else {HdrKind.HDR10_PLUS, HdrKind.DOLBY_VISION}
    return ExpectedVideo(
        position=position,
        width=main.width,
        height=main.height,
        bit_depth=target_bit_depth(main, settings),
        sample_aspect=main.sample_aspect,
        rotation=main.rotation or 0,
        colour=_colour(main),
        hdr_kinds=(main.hdr_kinds or frozenset()) - gone if has_known_hdr else None,
        extra_hdr_kinds=(main.hdr_kinds or frozenset()) & {HdrKind.HDR10_PLUS},
        mastering_display=(
            main.mastering_display if keeps_mastering_display(main, settings.container) else None
        ),
        content_light=(
            main.content_light if keeps_light_levels(main, settings.container) else None
        ),
        has_dolby_vision=keeps_vision,
        has_ambient_viewing=bool(main.has_ambient_viewing) and settings.container == MP4,
        stereo=_stereo(main, settings.container),
        spherical=main.spherical if keeps_spherical(main, settings.container) else None,
    )


def _stereo(main: VideoStream, container: str) -> str | None:
    if container == MP4 and (main.stereo or main.layers):
        return MONO
    return stereo_tag(main, container)


def _colour(main: VideoStream) -> Colour:
    """As the source, but for what only pictures of another chroma have, and for an untagged HDR
    picture below Dolby Vision."""
    if (base := untagged_base(main)) is not None:
        return replace(base, chroma_location=chroma_location(main))
    location = chroma_location(main)
    if main.chroma == "rgb":
        return replace(main.colour, matrix=RGB_MATRIX, range="tv", chroma_location=location)
    return replace(main.colour, chroma_location=location)


def _attachment_names(source: Source, streams: StreamPlan) -> Iterator[str]:
    kept = {step.index for step in streams.mapped if step.kind == "attachment"}
    for item in source.attachments:
        if item.index in kept:
            yield item.filename or f"attachment-{item.index}"


def _cover_keys(source: Source, streams: StreamPlan) -> Iterator[str]:
    yield from (name for _, name in cover_names(source, streams.attached))
    yield from (step.codec or "" for step in streams.mapped if step.kind == "cover")

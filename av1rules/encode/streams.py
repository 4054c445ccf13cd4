"""What happens to every stream of a source, decided and listed before the encode. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from enum import Enum

import msgspec
from msgspec.structs import replace

from av1rules.base.text import counted, printable
from av1rules.encode import containers
from av1rules.encode.camera_tags import has_free_tags
from av1rules.encode.containers import MKV, MP4
from av1rules.encode.mp4_tracks import structure_notes
from av1rules.media.source import (
    Attachment,
    AudioStream,
    DataStream,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.policy.fingerprint import chosen_tracks
from av1rules.policy.settings import EncodeSettings
from av1rules.policy.tracks.choice import ChosenTracks, track_name, tracks_of
from av1rules.policy.tracks.rules import TrackChoice

SHOWN_TAGS = 8
SHOWN_TAG_LENGTH = 60

CHAPTER_SLACK_S = 0.05
"""A chapter may end so much before the film's clock starts and still be there: clocks are rounded
to container ticks."""


class StreamAction(Enum):
    ENCODE = "encode"
    COPY = "copy"
    CONVERT = "convert"
    ATTACH = "attach"  # taken out of the source and attached again
    DROP = "drop"


class StreamStep(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What happens to one stream, `index` in the source.

    `kind` is "video", "audio", "subtitle", "cover", "attachment" or "data"; `codec` what it is,
    `to` what it becomes (FFmpeg codec names); `reason` says why it is not simply copied;
    `is_loss`: the user may miss what is gone; `is_by_rule`: a rule for tracks leaves it out.
    `flags` are its dispositions in the target where a rule changes them.
    """

    index: int
    kind: str
    action: StreamAction
    codec: str | None = None
    to: str | None = None
    reason: str | None = None
    is_loss: bool = False
    is_by_rule: bool = False
    flags: frozenset[str] | None = None

    def describe(self) -> str:
        """One line for the plan: `subtitle 3 (mov_text): convert to subrip: reason`."""
        change = self.action.value + (f" to {self.to}" if self.to else "")
        why = f": {self.reason}" if self.reason else ""
        flags = ""
        if self.flags is not None:
            flags = f"; flags by rule: {', '.join(sorted(self.flags)) or 'none'}"
        return f"{self.kind} {self.index} ({self.codec or 'unknown'}): {change}{why}{flags}"


class StreamPlan(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The steps in the order of the source's streams.

    `remarks` are what else changes and holds nothing: tags of the file, signalling.
    """

    container: str
    steps: tuple[StreamStep, ...]
    remarks: tuple[str, ...] = ()

    @property
    def mapped(self) -> tuple[StreamStep, ...]:
        """Steps whose stream is mapped by FFmpeg, in the order of the output.

        Attachments come last, since Matroska keeps them apart from the tracks.
        """
        through = [
            s for s in self.steps if s.action not in (StreamAction.DROP, StreamAction.ATTACH)
        ]
        return tuple(sorted(through, key=lambda step: (step.kind == "attachment", step.index)))

    @property
    def kept(self) -> frozenset[int]:
        """Numbers of the source's streams that come along and are not encoded as pictures."""
        return frozenset(s.index for s in self.mapped if s.action is not StreamAction.ENCODE)

    @property
    def attached(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.action is StreamAction.ATTACH)

    @property
    def dropped(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.action is StreamAction.DROP)

    @property
    def dropped_by_rule(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.is_by_rule)

    @property
    def losses(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.is_loss)

    @property
    def notes(self) -> tuple[str, ...]:
        """All that is worth a line of the plan, each thing once; losses are told as losses."""
        reported = (step for step in self.steps if not step.is_loss and _is_worth_a_line(step))
        return (*(step.describe() for step in reported), *self.remarks)


def _is_worth_a_line(step: StreamStep) -> bool:
    if step.action in (StreamAction.CONVERT, StreamAction.DROP) or step.flags is not None:
        return True
    return step.kind == "video" and step.action is StreamAction.COPY


def plan_streams(source: Source, settings: EncodeSettings) -> StreamPlan:
    """Decide for every stream of `source` what happens to it in `settings.container`. `settings`
    are effective: rules for tracks count by what they come to for this source."""
    container = settings.container
    steps: list[StreamStep] = [
        *(_video(stream, source, container) for stream in source.video),
        *(_audio(stream, container) for stream in source.audio),
        *(_subtitle(stream, container) for stream in source.subtitles),
        *(_attachment(item, container) for item in source.attachments),
        *(_data(stream, source, container) for stream in source.data),
    ]
    chosen = chosen_tracks(source, settings)
    if settings.tracks:
        steps = list(_with_rules(steps, settings.tracks, chosen, source))
    plan = StreamPlan(
        container=container,
        steps=tuple(sorted(steps, key=lambda step: step.index)),
        remarks=(*chosen.notes, *_remarks(source, container)),
    )
    if source.mp4 is None:
        return plan
    kept = frozenset(step.index for step in plan.mapped)
    return replace(plan, remarks=(*plan.remarks, *structure_notes(source, kept, container)))


def _with_rules(
    steps: list[StreamStep], choice: TrackChoice, chosen: ChosenTracks, source: Source
) -> Iterator[StreamStep]:
    """The steps with those tracks left out and those flags changed that the rules come to. Only
    sound and subtitles go by a rule, whatever a choice says; a track that can't be kept anyway is
    no loss then."""
    tracks = {track.index: track for track in tracks_of(source)}
    flags, reasons = dict(choice.flags), dict(chosen.reasons)
    for step in steps:
        track = tracks.get(step.index)
        if track is not None and step.index in choice.dropped:
            why = reasons.get(step.index, "left out by its rule")
            name = f"by rule, {track_name(track)}: {why}"
            gone = _dropped(step.kind, step.index, step.codec, name, is_loss=False)
            yield replace(gone, is_by_rule=True)
        elif step.index in flags and step.action is not StreamAction.DROP:
            yield replace(step, flags=frozenset(flags[step.index]))
        else:
            yield step


def _remarks(source: Source, container: str) -> tuple[str, ...]:
    remarks = list(_early_chapters(source))
    if container != MP4:
        return tuple(remarks)
    if tags := _lost_tags(source):
        shown = ", ".join(printable(tag, limit=SHOWN_TAG_LENGTH) for tag in tags[:SHOWN_TAGS])
        more = f" and {len(tags) - SHOWN_TAGS} more" if len(tags) > SHOWN_TAGS else ""
        remarks.append(f"mp4 can't hold these tags of the file: {shown}{more}")
    location = source.main.colour.chroma_location if source.main else None
    if location not in (None, "unspecified", *containers.AV1_CHROMA_LOCATIONS):
        remarks.append(f"mp4 can't hold the chroma location {location}: players take left")
    return tuple(remarks)


def _early_chapters(source: Source) -> Iterator[str]:
    """Chapters of a film whose clock starts late that end before it does."""
    start_s = source.start_s or 0.0
    early = sum(chapter.end_s < start_s - CHAPTER_SLACK_S for chapter in source.chapters)
    if early:
        yield (
            f"{counted(early, 'chapter')} of {len(source.chapters)} end before the film starts, at "
            f"{start_s:.1f} s by its clock: no player goes there, and the target, "
            "which starts at zero, has no place for them"
        )


def _lost_tags(source: Source) -> list[str]:
    """Keys that MP4 drops; `location-eng` beside `location` is the same thing again."""
    if has_free_tags(source, MP4):
        return []
    keys = dict.fromkeys(key for key, _ in source.tags)
    kept = containers.MP4_TAGS | containers.MADE_ANEW_TAGS
    twice = {f"{key}-eng" for key in keys}
    return [key for key in keys if key not in kept and key not in twice]


def _video(stream: VideoStream, source: Source, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if index == source.main_index:
        return _encoded(index, codec)
    if stream.is_layer_of_another:  # told as a loss of its own kind
        reason = "a layer of another track, of no use without it"
        return _dropped("video", index, codec, reason, is_loss=False)
    if codec in containers.VIDEO[container]:
        return StreamStep(
            index=index,
            kind="video",
            action=StreamAction.COPY,
            codec=codec,
            reason="only the main video is encoded",
        )
    return _dropped("video", index, codec, f"{container} can't hold {codec} video")


@functools.lru_cache(maxsize=4096)  # the same few steps in most films
def _encoded(index: int, codec: str) -> StreamStep:
    return StreamStep(index=index, kind="video", action=StreamAction.ENCODE, codec=codec, to="av1")


@functools.lru_cache(maxsize=4096)
def _copied(kind: str, index: int, codec: str | None) -> StreamStep:
    return StreamStep(index=index, kind=kind, action=StreamAction.COPY, codec=codec)


def _audio(stream: AudioStream, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if codec in containers.AUDIO[container]:
        return _copied("audio", index, codec)
    if codec in ("none", "unknown", ""):
        return _dropped("audio", index, codec, "FFmpeg does not know this sound")
    return StreamStep(
        index=index,
        kind="audio",
        action=StreamAction.CONVERT,
        codec=codec,
        to=_lossless_target(stream),
        reason=f"{container} can't hold {codec}; {containers.kept_of_sound(codec)}",
        is_loss=codec.startswith("dsd_"),
    )


def _lossless_target(stream: AudioStream) -> str:
    if (stream.channels or 2) > containers.FLAC_MAX_CHANNELS:
        return "pcm_s24le"
    return containers.LOSSLESS_AUDIO_TARGET.get(stream.codec, "flac")


def _subtitle(stream: SubtitleStream, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if stream.decoder is not None:
        return StreamStep(
            index=index,
            kind="subtitle",
            action=StreamAction.CONVERT,
            codec=codec,
            to=containers.TEXT_TARGET[container],
            reason=f"FFmpeg reads only the text of Matroska's own {codec}; places and names of "
            "its cues go",
            is_loss=True,
        )
    if codec in containers.SUBTITLES[container]:
        return _copied("subtitle", index, codec)
    if codec in containers.TEXT_SUBTITLES:
        return StreamStep(
            index=index,
            kind="subtitle",
            action=StreamAction.CONVERT,
            codec=codec,
            to=containers.TEXT_TARGET[container],
            reason=f"{container} can't hold {codec}; {_kept_of_text(codec, container)}",
            is_loss=container == MP4 or codec in containers.STYLED_SUBTITLES,
        )
    return _dropped("subtitle", index, codec, f"{container} can't hold {codec} subtitles")


def _kept_of_text(codec: str, container: str) -> str:
    """MP4 shows one line at a time (measured: of two that overlap, the first ends early), and its
    muxer writes no places; what is in the text is known only after the whole file was read."""
    if codec in containers.STYLED_SUBTITLES:
        return "the text stays, its places and styles go"
    if container == MP4:
        return "the text stays, but lines that overlap are cut short and places on the screen go"
    return "the text stays"


def _attachment(item: Attachment, container: str) -> StreamStep:
    if item.is_cover:
        return _cover(item, container)
    if container == MP4:
        return _dropped("attachment", item.index, item.codec, "mp4 can't hold attached files")
    return _copied("attachment", item.index, item.codec)


def _cover(item: Attachment, container: str) -> StreamStep:
    kept = containers.COVERS if container == MKV else containers.MP4_COVERS
    if item.codec not in kept:
        return _dropped("cover", item.index, item.codec, f"{container} can't hold such a picture")
    if container == MP4:
        return StreamStep(
            index=item.index, kind="cover", action=StreamAction.COPY, codec=item.codec
        )
    return StreamStep(
        index=item.index,
        kind="cover",
        action=StreamAction.ATTACH,
        codec=item.codec,
        reason="copied, a cover would become a film of one picture",
    )


def _data(stream: DataStream, source: Source, container: str) -> StreamStep:
    tag = (stream.tag or "").lower()
    if tag == "tmcd":
        reason = "its start is kept as the picture's timecode tag"
        return _dropped("data", stream.index, tag, reason, is_loss=False)
    if tag == "rtp ":
        reason = "hints for streaming servers, made anew where needed"
        return _dropped("data", stream.index, tag, reason, is_loss=False)
    if source.chapters and (tag == "text" or (stream.codec == "bin_data" and not tag)):
        reason = "the text of the chapters, which are kept"
        return _dropped("data", stream.index, tag or stream.codec, reason, is_loss=False)
    what = tag if tag and tag.isprintable() and "[" not in tag else stream.codec
    return _dropped("data", stream.index, what, f"{container} can't hold data streams")


def _dropped(
    kind: str, index: int, codec: str | None, reason: str, *, is_loss: bool = True
) -> StreamStep:
    return StreamStep(
        index=index,
        kind=kind,
        action=StreamAction.DROP,
        codec=codec,
        reason=reason,
        is_loss=is_loss,
    )

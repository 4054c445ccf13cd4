"""What happens to every stream of a source, decided and listed before the encode. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from av1rules.encode import containers
from av1rules.encode.containers import MKV, MP4
from av1rules.library.source import (
    Attachment,
    AudioStream,
    DataStream,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.rules.settings import EncodeSettings


class StreamAction(Enum):
    ENCODE = "encode"
    COPY = "copy"
    CONVERT = "convert"
    ATTACH = "attach"  # taken out of the source and attached again
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStep:
    """What happens to one stream, `index` in the source.

    `kind` is "video", "audio", "subtitle", "cover", "attachment" or "data"; `codec` what it is,
    `to` what it becomes (FFmpeg codec names); `reason` says why it is not simply copied;
    `is_loss`: something is gone that a person may miss.
    """

    index: int
    kind: str
    action: StreamAction
    codec: str | None = None
    to: str | None = None
    reason: str | None = None
    is_loss: bool = False

    def describe(self) -> str:
        """One line for the plan: `subtitle 3 (mov_text): convert to subrip: reason`."""
        change = self.action.value + (f" to {self.to}" if self.to else "")
        why = f": {self.reason}" if self.reason else ""
        return f"{self.kind} {self.index} ({self.codec or 'unknown'}): {change}{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """The steps in the order of the source's streams."""

    container: str
    steps: tuple[StreamStep, ...]

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
    def attached(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.action is StreamAction.ATTACH)

    @property
    def dropped(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.action is StreamAction.DROP)

    @property
    def converted(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.action is StreamAction.CONVERT)

    @property
    def losses(self) -> tuple[StreamStep, ...]:
        return tuple(step for step in self.steps if step.is_loss)


def plan_streams(source: Source, settings: EncodeSettings) -> StreamPlan:
    """Decide for every stream of `source` what happens to it in `settings.container`."""
    container = settings.container
    steps = [
        *(_video(stream, source, container) for stream in source.video),
        *(_audio(stream, container) for stream in source.audio),
        *(_subtitle(stream, container) for stream in source.subtitles),
        *(_attachment(item, container) for item in source.attachments),
        *(_data(stream, source, container) for stream in source.data),
    ]
    return StreamPlan(container=container, steps=tuple(sorted(steps, key=lambda step: step.index)))


def _video(stream: VideoStream, source: Source, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if index == source.main_index:
        return StreamStep(
            index=index, kind="video", action=StreamAction.ENCODE, codec=codec, to="av1"
        )
    if codec in containers.VIDEO[container]:
        return StreamStep(
            index=index,
            kind="video",
            action=StreamAction.COPY,
            codec=codec,
            reason="a further video stream, kept as it is",
        )
    return _dropped("video", index, codec, f"{container} can't hold {codec} video")


def _audio(stream: AudioStream, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if codec in containers.AUDIO[container]:
        return StreamStep(index=index, kind="audio", action=StreamAction.COPY, codec=codec)
    if codec in ("none", "unknown", ""):
        return _dropped("audio", index, codec, "FFmpeg does not know this sound")
    return StreamStep(
        index=index,
        kind="audio",
        action=StreamAction.CONVERT,
        codec=codec,
        to=_lossless_target(stream),
        reason=f"{container} can't hold {codec}; no sample is lost",
    )


def _lossless_target(stream: AudioStream) -> str:
    if (stream.channels or 2) > containers.FLAC_MAX_CHANNELS:
        return "pcm_s24le"
    return containers.LOSSLESS_AUDIO_TARGET.get(stream.codec, "flac")


def _subtitle(stream: SubtitleStream, container: str) -> StreamStep:
    index, codec = stream.index, stream.codec
    if codec in containers.SUBTITLES[container]:
        return StreamStep(index=index, kind="subtitle", action=StreamAction.COPY, codec=codec)
    if codec in containers.TEXT_SUBTITLES:
        is_styled = codec in containers.STYLED_SUBTITLES
        kept = "the text stays, its places and styles go" if is_styled else "the text stays"
        return StreamStep(
            index=index,
            kind="subtitle",
            action=StreamAction.CONVERT,
            codec=codec,
            to=containers.TEXT_TARGET[container],
            reason=f"{container} can't hold {codec}; {kept}",
            is_loss=is_styled,
        )
    return _dropped("subtitle", index, codec, f"{container} can't hold {codec} subtitles")


def _attachment(item: Attachment, container: str) -> StreamStep:
    if item.is_cover:
        return _cover(item, container)
    if container == MP4:
        return _dropped("attachment", item.index, item.codec, "mp4 can't hold attached files")
    return StreamStep(
        index=item.index, kind="attachment", action=StreamAction.COPY, codec=item.codec
    )


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

"""Short ways to sources, jobs and encoders, each with what a test does not care about filled in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from av1rules.encode.job import EncodeJob
from av1rules.ffmpeg.tools import EncoderInfo, Tools
from av1rules.media.source import Attachment, AudioStream, Colour, Source, VideoStream
from av1rules.policy.settings import EncodeSettings

SVT = EncoderInfo(name="libsvtav1", codec="libsvtav1", version="v4.2.0", has_fractional_crf=True)
OLD_SVT = replace(SVT, version="v3.1.0", has_fractional_crf=False)
AOM = EncoderInfo(name="libaom-av1", codec="libaom-av1")
RAV1E = EncoderInfo(name="librav1e", codec="librav1e")

TOOLS = Tools(
    ffmpeg="/bin/ffmpeg",
    ffprobe="/bin/ffprobe",
    ffmpeg_version="n9.0.2",
    ffprobe_version="n8.0",
    version=(9, 0),
    encoders=(SVT, AOM, RAV1E),
)


def settings(**changes: Any) -> EncodeSettings:
    return structs.replace(EncodeSettings(crf=28, preset=5), **changes)


def video(**changes: Any) -> VideoStream:
    plain = VideoStream(
        index=0,
        codec="h264",
        width=1920,
        height=1080,
        pix_fmt="yuv420p",
        bit_depth=8,
        chroma="420",
        has_alpha=False,
        is_interlaced=False,
        frame_rate=Fraction(24000, 1001),
        is_variable_rate=False,
        duration_s=100.0,
        start_s=0.0,
        colour=Colour(primaries="bt709", transfer="bt709", matrix="bt709", range="tv"),
        hdr_kinds=frozenset(),
        is_decodable=True,
        has_captions=False,
        dispositions=frozenset({"default"}),
    )
    return replace(plain, **changes)


def source(*, main: VideoStream | None = None, **changes: Any) -> Source:
    plain = Source(
        container="matroska,webm",
        size_bytes=100_000_000,
        duration_s=100.0,
        start_s=0.0,
        video=(main or video(),),
        main_index=(main or video()).index,
    )
    return replace(plain, **changes)


def audio(index: int, codec: str = "aac", **changes: Any) -> AudioStream:
    return replace(AudioStream(index=index, codec=codec, channels=2), **changes)


def cover(index: int, codec: str = "mjpeg", **changes: Any) -> Attachment:
    return replace(Attachment(index=index, codec=codec, is_cover=True), **changes)


def job(**changes: Any) -> EncodeJob:
    plain = EncodeJob(
        source_path="/films/a.mkv",
        source=source(),
        settings=settings(),
        encoder=SVT,
        target="/av1/a.mkv",
        provenance='{"av1rules":1}',
    )
    return replace(plain, **changes)

from __future__ import annotations

from typing import Any

import pytest

from av1rules.encode.containers import kept_of_sound
from av1rules.encode.streams import StreamAction, StreamPlan, plan_streams
from av1rules.media.source import Attachment, Chapter, Colour, DataStream, SubtitleStream
from tests.encode.make import audio, cover, settings, source, video

ENCODE, COPY, CONVERT, ATTACH, DROP = StreamAction


def plan(container: str = "mkv", **parts: Any) -> StreamPlan:
    return plan_streams(source(**parts), settings(container=container))


@pytest.mark.parametrize(
    ("container", "codec", "action", "to"),
    [
        ("mkv", "truehd", COPY, None),
        ("mkv", "dts", COPY, None),
        ("mkv", "adpcm_swf", COPY, None),
        ("mkv", "pcm_s24be", COPY, None),
        ("mkv", "pcm_bluray", CONVERT, "flac"),
        ("mkv", "pcm_u24le", CONVERT, "flac"),
        ("mkv", "pcm_f32be", CONVERT, "pcm_f32le"),
        ("mkv", "nellymoser", CONVERT, "flac"),
        ("mp4", "truehd", COPY, None),
        ("mp4", "pcm_u8", CONVERT, "flac"),
        ("mp4", "wmav2", CONVERT, "flac"),
        ("mkv", "none", DROP, None),
    ],
)
def test_sound(container: str, codec: str, action: StreamAction, to: str | None) -> None:
    step = plan(container, audio=(audio(1, codec),)).steps[1]
    assert (step.action, step.to) == (action, to)
    assert step.is_loss == (action is DROP)


def test_more_channels_than_flac_takes_stay_pcm() -> None:
    step = plan(audio=(audio(1, "pcm_bluray", channels=10),)).steps[1]
    assert step.to == "pcm_s24le"


@pytest.mark.parametrize(
    ("container", "codec", "action", "to", "is_loss"),
    [
        ("mkv", "subrip", COPY, None, False),
        ("mkv", "ass", COPY, None, False),
        ("mkv", "hdmv_pgs_subtitle", COPY, None, False),
        ("mkv", "dvd_subtitle", COPY, None, False),
        ("mkv", "mov_text", CONVERT, "subrip", False),
        ("mkv", "dvb_teletext", DROP, None, True),
        ("mkv", "eia_608", DROP, None, True),
        ("mp4", "mov_text", COPY, None, False),
        ("mp4", "subrip", CONVERT, "mov_text", True),
        ("mp4", "webvtt", CONVERT, "mov_text", True),
        ("mkv", "sami", CONVERT, "subrip", False),
        ("mp4", "ass", CONVERT, "mov_text", True),
        ("mp4", "dvd_subtitle", COPY, None, False),
        ("mp4", "hdmv_pgs_subtitle", DROP, None, True),
    ],
)
def test_subtitles(
    container: str, codec: str, action: StreamAction, to: str | None, is_loss: bool
) -> None:
    step = plan(container, subtitles=(SubtitleStream(index=1, codec=codec),)).steps[1]
    assert (step.action, step.to, step.is_loss) == (action, to, is_loss)


def test_subtitles_in_mp4_say_what_goes() -> None:
    (lost,) = plan("mp4", subtitles=(SubtitleStream(index=1, codec="subrip"),)).losses
    assert lost.describe() == (
        "subtitle 1 (subrip): convert to mov_text: mp4 can't hold subrip; "
        "the text stays, but lines that overlap are cut short and places on the screen go"
    )


def test_a_loss_is_no_note_too() -> None:
    found = plan(
        "mp4",
        audio=(audio(1, "wmav2"),),
        subtitles=(SubtitleStream(index=2, codec="ass"),),
        data=(DataStream(index=3, tag="tmcd"),),
    )
    assert [step.index for step in found.losses] == [2]
    assert found.notes == (
        f"audio 1 (wmav2): convert to flac: mp4 can't hold wmav2; {kept_of_sound('wmav2')}",
        "data 3 (tmcd): drop: its start is kept as the picture's timecode tag",
    )


@pytest.mark.parametrize(
    ("codec", "says", "is_loss"),
    [
        ("aac_latm", "24 bit of each sample stay, rounded", False),
        ("wmapro", "24 bit of each sample stay, rounded", False),
        ("nellymoser", "24 bit of each sample stay, rounded", False),
        ("ape", "no sample is lost", False),
        ("s302m", "no sample is lost", False),
        ("pcm_bluray", "no sample is lost", False),
        ("pcm_f32be", "no sample is lost", False),
        ("pcm_f16le", "rounded at -144 dB for float", False),
        ("adpcm_ima_qt", "no sample is lost", False),
        ("pcm_s64be", "the upper 24 bit", False),
        ("dsd_lsbf", "the samples do not", True),
    ],
)
def test_converted_sound_says_what_stays(codec: str, says: str, is_loss: bool) -> None:
    (step,) = (one for one in plan("mp4", audio=(audio(1, codec),)).steps if one.kind == "audio")
    if step.action is StreamAction.COPY:
        (step,) = (o for o in plan("mkv", audio=(audio(1, codec),)).steps if o.kind == "audio")
    assert step.action is CONVERT
    assert says in (step.reason or "")
    assert step.is_loss is is_loss


@pytest.mark.parametrize(("container", "to"), [("mkv", "subrip"), ("mp4", "mov_text")])
def test_webvtt_that_ffmpeg_does_not_know_is_converted(container: str, to: str) -> None:
    found = plan(container, subtitles=(SubtitleStream(index=1, codec="webvtt", decoder="subrip"),))
    (step,) = found.losses
    assert (step.action, step.to) == (CONVERT, to)
    assert "places and names of its cues go" in step.describe()


def test_the_main_picture_is_encoded_and_another_is_kept() -> None:
    found = plan(video=(video(index=0), video(index=3)), main_index=3)
    assert [(step.index, step.action) for step in found.steps] == [(0, COPY), (3, ENCODE)]
    assert found.notes == ("video 0 (h264): copy: only the main video is encoded",)


PHONE_TAGS = (
    ("major_brand", "qt  "),
    ("creation_time", "2020-01-01"),
    ("make", "Google"),
    ("location", "+1/"),
    ("location-eng", "+1/"),
    ("com.apple.quicktime.model", "x"),
    ("title", "A"),
    ("odd\x1b", "1"),
)


def test_tags_that_mp4_drops_are_named() -> None:
    tags = (("major_brand", "qt  "), ("title", "A"), ("mood", "dark"), ("odd\x1b", "1"))
    (note,) = plan("mp4", tags=tags).notes
    assert note == "mp4 can't hold these tags of the file: mood, odd\\x1b"
    assert plan("mkv", tags=tags).notes == ()
    assert plan("mp4", tags=PHONE_TAGS).notes == ()  # in the way of phones, any tag is kept
    (note,) = plan("mp4", tags=PHONE_TAGS, attachments=(cover(3),)).notes
    assert note == (
        "mp4 can't hold these tags of the file: make, location, com.apple.quicktime.model, odd\\x1b"
    )
    many = tuple((f"t{number}", "") for number in range(30))
    assert plan("mp4", tags=many).notes[0].endswith("t6, t7 and 22 more")


def test_a_chroma_location_that_only_matroska_keeps_is_told() -> None:
    film = {"video": (video(colour=Colour(chroma_location="center")),)}
    assert plan("mkv", **film).notes == ()
    assert plan("mp4", **film).notes == (
        "mp4 can't hold the chroma location center: players take left",
    )
    assert plan("mp4", video=(video(colour=Colour(chroma_location="topleft")),)).notes == ()


def test_another_picture_that_the_container_can_not_hold_is_a_loss() -> None:
    (lost,) = plan("mp4", video=(video(), video(index=1, codec="theora"))).losses
    assert lost.describe() == "video 1 (theora): drop: mp4 can't hold theora video"


@pytest.mark.parametrize(
    ("container", "codec", "action"),
    [
        ("mkv", "mjpeg", ATTACH),
        ("mkv", "png", ATTACH),
        ("mp4", "mjpeg", COPY),
        ("mp4", "webp", DROP),
        ("mkv", "jpegxl", DROP),
    ],
)
def test_covers(container: str, codec: str, action: StreamAction) -> None:
    step = plan(container, attachments=(cover(1, codec),)).steps[1]
    assert step.action is action


def test_fonts_stay_in_matroska_and_come_last() -> None:
    font = Attachment(index=1, codec="ttf", filename="a.ttf", mimetype="font/ttf")
    found = plan(attachments=(font,), audio=(audio(2),))
    assert [step.index for step in found.mapped] == [0, 2, 1]
    (lost,) = plan("mp4", attachments=(font,)).losses
    assert lost.reason == "mp4 can't hold attached files"


@pytest.mark.parametrize(
    ("tag", "codec", "is_loss"),
    [
        ("tmcd", None, False),
        ("rtp ", None, False),
        ("text", "bin_data", False),
        ("mebx", None, True),
        ("gpmd", "bin_data", True),
    ],
)
def test_data_streams_are_never_mapped(tag: str, codec: str | None, is_loss: bool) -> None:
    found = plan(
        data=(DataStream(index=1, tag=tag, codec=codec),),
        chapters=(Chapter(start_s=0, end_s=1),),
    )
    assert [step.index for step in found.mapped] == [0]
    assert found.dropped[0].is_loss is is_loss
    assert found.dropped[0].reason


def test_chapter_text_without_chapters_is_a_loss() -> None:
    assert plan(data=(DataStream(index=1, tag="text", codec="bin_data"),)).losses

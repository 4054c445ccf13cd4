from __future__ import annotations

from typing import Any

import pytest

from av1rules.encode.containers import kept_of_sound
from av1rules.encode.streams import SHOWN_TAGS, StreamAction, StreamPlan, plan_streams
from av1rules.media.source import Attachment, Chapter, Colour, DataStream, SubtitleStream
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, TrackChoice
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


@pytest.mark.parametrize(
    ("tag", "codec", "named", "is_loss"),
    [
        ("text", "bin_data", "text", False),
        (None, "bin_data", "bin_data", False),
        (None, "timed_id3", "timed_id3", True),
        ("mebx", "bin_data", "mebx", True),
        ("[0]", "klv", "klv", True),
    ],
)
def test_dropped_data_is_named_by_what_says_most(
    tag: str | None, codec: str, named: str, *, is_loss: bool
) -> None:
    (dropped,) = plan(
        data=(DataStream(index=1, tag=tag, codec=codec),),
        chapters=(Chapter(start_s=0, end_s=1),),
    ).dropped
    assert (dropped.codec, dropped.is_loss) == (named, is_loss)


def test_plain_text_in_another_form_stays() -> None:
    (step,) = plan(subtitles=(SubtitleStream(index=1, codec="stl"),)).steps[1:]
    assert (step.action, step.is_loss) == (CONVERT, False)
    assert step.reason == "mkv can't hold stl; the text stays"


def test_chapter_text_without_chapters_is_a_loss() -> None:
    assert plan(data=(DataStream(index=1, tag="text", codec="bin_data"),)).losses


def test_one_tag_more_than_is_shown_is_counted() -> None:
    for count, more in ((SHOWN_TAGS, ""), (SHOWN_TAGS + 1, " and 1 more")):
        tags = tuple((f"tag{number}", "x") for number in range(count))
        shown = ", ".join(f"tag{number}" for number in range(SHOWN_TAGS))
        assert plan("mp4", tags=tags).notes == (
            f"mp4 can't hold these tags of the file: {shown}{more}",
        )


@pytest.mark.parametrize(
    ("start_s", "ends_s", "early"),
    [
        (10.0, (5.0, 9.0, 20.0), "2 chapters of 3 end before the film starts, at 10.0 s by its"),
        (10.0, (9.0, 20.0), "1 chapter of 2 end before the film starts"),
        (10.0, (9.999,), None),
        (0.0, (0.0, 5.0), None),
        (None, (0.5,), None),
    ],
)
def test_chapters_that_end_before_the_film(
    start_s: float | None, ends_s: tuple[float, ...], early: str | None
) -> None:
    chapters = tuple(Chapter(start_s=0.0, end_s=end_s, title="A") for end_s in ends_s)
    notes = plan("mkv", start_s=start_s, chapters=chapters).notes
    assert [early is not None and note.startswith(early) for note in notes] == (
        [] if early is None else [True]
    )


@pytest.mark.parametrize(
    ("channels", "to"), [(None, "flac"), (2, "flac"), (8, "flac"), (9, "pcm_s24le")]
)
def test_flac_takes_eight_channels(channels: int | None, to: str) -> None:
    (step,) = plan("mkv", audio=(audio(1, "pcm_bluray", channels=channels),)).steps[1:]
    assert step.to == to


def test_sound_that_nobody_knows_is_a_loss() -> None:
    for codec in ("none", "unknown", ""):
        (lost,) = plan("mkv", audio=(audio(1, codec),)).losses
        assert lost.reason == "FFmpeg does not know this sound"


def test_what_is_kept_is_not_what_is_encoded_dropped_or_attached() -> None:
    found = plan(
        "mkv",
        audio=(audio(1, "ac3"),),
        attachments=(cover(2), Attachment(index=3, filename="a.ttf")),
        data=(DataStream(index=4, tag="tmcd"),),
    )
    assert found.kept == {1, 3}
    assert [step.index for step in found.mapped] == [0, 1, 3]
    assert [step.index for step in found.attached] == [2]
    assert [step.index for step in found.dropped] == [4]


MANY = source(
    audio=(audio(1, "ac3", language="fre"), audio(2, "dts", language="eng", title="English")),
    subtitles=(
        SubtitleStream(index=3, codec="hdmv_pgs_subtitle", language="ger"),
        SubtitleStream(index=4, codec="subrip", language="eng"),
    ),
)


def test_tracks_go_and_flags_change_as_was_chosen() -> None:
    chosen = TrackChoice(dropped=(1, 3), flags=((2, ("default",)), (3, ("forced",))))
    rules = AudioRules(keep=("eng",))
    streams = plan_streams(MANY, settings(audio=rules, tracks=chosen))
    assert [step.index for step in streams.mapped] == [0, 2, 4]
    assert [step.index for step in streams.dropped_by_rule] == [1, 3]
    assert streams.losses == ()
    assert streams.notes == (
        "audio 1 (ac3): drop: by rule, fra: its language is not kept",
        "audio 2 (dts): copy; flags by rule: default",
        "subtitle 3 (hdmv_pgs_subtitle): drop: by rule, deu: left out by its rule",
    )


def test_what_a_rule_leaves_out_is_no_loss() -> None:
    """MP4 can't hold these subtitles anyway, and nobody is asked to accept that."""
    assert [step.index for step in plan_streams(MANY, settings(container="mp4")).losses] == [3, 4]
    chosen = TrackChoice(dropped=(3, 4))
    rules = SubtitleRules(keep=())
    streams = plan_streams(MANY, settings(container="mp4", subtitles=rules, tracks=chosen))
    assert streams.losses == ()
    assert [step.index for step in streams.mapped] == [0, 1, 2]


def test_only_sound_and_subtitles_go_by_a_rule() -> None:
    fonts = source(attachments=(Attachment(index=1, filename="a.ttf"),))
    streams = plan_streams(fonts, settings(tracks=TrackChoice(dropped=(0, 1))))
    assert streams.dropped_by_rule == ()
    assert [step.index for step in streams.mapped] == [0, 1]


def test_rules_that_could_not_be_followed_are_told() -> None:
    streams = plan_streams(MANY, settings(audio=AudioRules(keep=("jpn",))))
    assert streams.notes == ("the sound of every language stays: no ordinary track is in jpn",)

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.contract.compare import compare
from av1rules.encode.contract.expected import expected_contract
from av1rules.encode.streams import plan_streams
from av1rules.media.second_layers import Spherical
from av1rules.media.source import (
    Attachment,
    Chapter,
    Colour,
    ContentLight,
    DolbyVision,
    HdrKind,
    MasteringDisplay,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.policy.tracks.rules import TrackChoice
from tests.encode.make import audio, cover, settings, source, video

DISPLAY = MasteringDisplay(
    red=(0.68, 0.32),
    green=(0.265, 0.69),
    blue=(0.15, 0.06),
    white=(0.3127, 0.329),
    min_luminance=0.0001,
    max_luminance=1000.0,
)

PICTURE = video(
    codec="hevc",
    bit_depth=10,
    colour=Colour(
        primaries="bt2020",
        transfer="smpte2084",
        matrix="bt2020nc",
        range="tv",
        chroma_location="left",
    ),
    hdr_kinds=frozenset({HdrKind.HDR10}),
    mastering_display=DISPLAY,
    content_light=ContentLight(max_cll=1000, max_fall=400),
    sample_aspect=Fraction(64, 45),
    rotation=90,
)

FILM = source(
    main=PICTURE,
    audio=(
        audio(1, "ac3", language="ger", title="Ton", dispositions=frozenset({"default"})),
        audio(2, "pcm_bluray", language="und"),
    ),
    subtitles=(SubtitleStream(index=3, codec="mov_text", dispositions=frozenset({"forced"})),),
    attachments=(
        cover(4, filename="cover.jpg"),
        Attachment(index=5, filename="a.ttf", mimetype="font/ttf"),
    ),
    chapters=(Chapter(start_s=0.0, end_s=50.0, title="One"),),
)

TARGET = replace(
    FILM,
    video=(replace(PICTURE, codec="av1", mastering_display=replace(DISPLAY, min_luminance=2e-4)),),
    audio=(FILM.audio[0], audio(2, "flac")),
    subtitles=(replace(FILM.subtitles[0], codec="subrip"),),
)


def broken(target: Source, film: Source = FILM) -> tuple[str, ...]:
    wanted = settings()
    return compare(expected_contract(film, plan_streams(film, wanted), wanted), target)


def picture(**changes: Any) -> Source:
    return replace(TARGET, video=(replace(TARGET.video[0], **changes),))


def test_a_good_target_breaks_nothing() -> None:
    assert broken(TARGET) == ()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (picture(codec="h264"), "codec should be av1, found h264"),
        (picture(bit_depth=8), "bit depth should be 10, found 8"),
        (picture(width=1280), "width should be 1920, found 1280"),
        (picture(height=720), "height should be 1080, found 720"),
        (picture(chroma="444"), "chroma should be 420, found 444"),
        (picture(has_alpha=True), "transparency should be gone, found marked"),
        (picture(dolby_vision=DolbyVision(profile=8)), "Dolby Vision should be gone, found its"),
        (
            picture(colour=replace(PICTURE.colour, matrix="bt709")),
            "matrix should be bt2020nc, found bt709",
        ),
        (
            picture(spherical=Spherical(projection="equirectangular")),
            "spherical pictures should be none, found Spherical(",
        ),
        (
            replace(TARGET, chapters=(Chapter(start_s=0.0, end_s=50.0, title="Two"),)),
            "chapter 1: title should be One, found Two",
        ),
        (picture(rotation=None), "rotation should be 90, found 0"),
        (picture(sample_aspect=None), "sample aspect should be 64/45, found 1"),
        (picture(hdr_kinds=frozenset()), "HDR should be hdr10, found none"),
        (
            picture(colour=replace(PICTURE.colour, transfer="bt709")),
            "transfer should be smpte2084, found bt709",
        ),
        (
            picture(colour=replace(PICTURE.colour, primaries=None)),
            "colour primaries should be bt2020, found none",
        ),
        (
            picture(colour=replace(PICTURE.colour, range="pc")),
            "range should be tv, found pc",
        ),
        (
            picture(colour=replace(PICTURE.colour, chroma_location=None)),
            "chroma location should be left, found none",
        ),
        (
            picture(content_light=None),
            "light levels should be ContentLight(max_cll=1000, max_fall=400), found None",
        ),
        (
            replace(TARGET, audio=(replace(TARGET.audio[0], language="eng"), TARGET.audio[1])),
            "audio 1: language should be ger, found eng",
        ),
        (
            replace(TARGET, audio=(replace(TARGET.audio[0], title=None), TARGET.audio[1])),
            "audio 1: title should be Ton, found none",
        ),
        (
            replace(
                TARGET,
                audio=(replace(TARGET.audio[0], dispositions=frozenset()), TARGET.audio[1]),
            ),
            "audio 1: dispositions should be default, found none",
        ),
        (
            replace(TARGET, audio=(TARGET.audio[0], audio(2, "aac"))),
            "audio 2: codec should be flac, found aac",
        ),
        (replace(TARGET, attachments=(cover(4, filename="cover.jpg"),)), "attachments should be"),
        (replace(TARGET, attachments=TARGET.attachments[1:]), "covers should be cover.jpg"),
        (replace(TARGET, chapters=()), "expected 1 chapter, found 0"),
        (
            replace(TARGET, chapters=(Chapter(start_s=0.2, end_s=50.0, title="One"),)),
            "chapter 1 should start at 0.0 s, found 0.2 s",
        ),
        (
            replace(TARGET, subtitles=()),
            "the streams should be: video av1, audio ac3, audio flac, subtitle subrip; found",
        ),
        (replace(TARGET, video=()), "the encoded pictures are missing"),
    ],
)
def test_every_broken_promise_is_said(target: Source, message: str) -> None:
    assert any(line.startswith(message) for line in broken(target)), broken(target)


@pytest.mark.parametrize(
    "display",
    [
        None,
        replace(DISPLAY, max_luminance=4000.0),
        replace(DISPLAY, min_luminance=0.005),
        replace(DISPLAY, red=(0.7, 0.3)),
        replace(DISPLAY, max_luminance=None),
    ],
)
def test_another_mastering_display_is_a_broken_promise(display: MasteringDisplay | None) -> None:
    (line,) = broken(picture(mastering_display=display))
    assert line.startswith("mastering display should be")


def test_a_source_that_says_nothing_promises_nothing() -> None:
    silent = video(colour=Colour(), hdr_kinds=None)
    film = source(main=silent)
    found: VideoStream = replace(silent, codec="av1", colour=Colour(matrix="bt470bg", range="tv"))
    assert broken(replace(film, video=(found,)), film) == ()


def test_full_range_is_not_invented() -> None:
    film = source(main=video(colour=Colour()))
    found = replace(film.video[0], codec="av1", colour=Colour(range="pc"))
    assert broken(replace(film, video=(found,)), film) == ("range should be tv, found pc",)


def test_more_than_was_promised_is_no_fault() -> None:
    plus = frozenset({HdrKind.HDR10, HdrKind.HDR10_PLUS})
    film = replace(FILM, video=(replace(PICTURE, hdr_kinds=plus),))
    assert broken(TARGET, film) == ()
    assert broken(picture(hdr_kinds=plus), film) == ()
    assert broken(picture(hdr_kinds=plus)) == ("HDR should be hdr10, found hdr10+hdr10plus",)


ROUND = Spherical(projection="equirectangular", yaw=10.0)
MARKED = replace(PICTURE, stereo="left_right", spherical=ROUND)
VISION = replace(PICTURE, dolby_vision=DolbyVision(profile=8, compatibility_id=1))


@pytest.mark.parametrize(
    ("wanted", "found", "lines"),
    [
        (MARKED, MARKED, ()),
        (
            MARKED,
            replace(MARKED, stereo=None),
            ("stereo mode should be left_right, found mono",),
        ),
        (
            MARKED,
            replace(MARKED, spherical=replace(ROUND, yaw=0.0)),
            (f"spherical pictures should be {ROUND}, found {replace(ROUND, yaw=0.0)}",),
        ),
        (VISION, VISION, ()),
        (VISION, PICTURE, ("Dolby Vision should be kept, found none",)),
    ],
)
def test_marks_of_the_pictures(
    wanted: VideoStream, found: VideoStream, lines: tuple[str, ...]
) -> None:
    film = replace(FILM, video=(wanted,))
    assert broken(replace(TARGET, video=(replace(found, codec="av1"),)), film) == lines


def test_light_of_the_room_is_promised_in_mp4_and_welcome_elsewhere() -> None:
    bright = replace(FILM, video=(replace(PICTURE, has_ambient_viewing=True),), attachments=())
    there = replace(TARGET, video=(replace(bright.video[0], codec="av1"),), attachments=())
    gone = replace(there, video=(replace(there.video[0], has_ambient_viewing=False),))
    in_mp4 = settings(container="mp4")
    streams = plan_streams(bright, in_mp4)
    contract = expected_contract(bright, streams, in_mp4)
    said = "the ambient viewing environment should be kept, found none"
    assert said in compare(contract, gone)
    assert said not in compare(contract, there)
    assert broken(there, bright) == broken(gone, bright) == ()


def test_lost_tags_of_the_camera_are_named() -> None:
    tags = (("com.apple.quicktime.model", "X"), ("location", "+1+1/"), ("title", "T"))
    film = replace(FILM, tags=tags)
    assert broken(replace(TARGET, tags=tags[:2]), film) == ()
    assert broken(replace(TARGET, tags=tags[2:]), film) == (
        "tags of the camera are missing: com.apple.quicktime.model, location",
    )


def test_each_track_keeps_its_place_and_kind() -> None:
    (one, two), (text,) = TARGET.audio, TARGET.subtitles
    swapped = replace(
        TARGET, audio=(one, replace(two, index=3)), subtitles=(replace(text, index=2),)
    )
    assert broken(swapped)[:2] == (
        "audio 2: kind should be audio, found subtitle",
        "audio 2: codec should be flac, found subrip",
    )


@pytest.mark.parametrize(("moved_s", "is_broken"), [(0.049, False), (0.051, True)])
def test_chapters_may_move_by_a_coarse_tick(moved_s: float, *, is_broken: bool) -> None:
    moved = (Chapter(start_s=moved_s, end_s=50.0, title="One"),)
    assert bool(broken(replace(TARGET, chapters=moved))) is is_broken


def test_chapters_stand_on_the_clock_of_the_target() -> None:
    """It starts at zero; a chapter that ended before the film did not come along."""
    film = replace(
        FILM,
        start_s=10.0,
        chapters=(
            Chapter(start_s=0.0, end_s=9.0, title="Before"),
            Chapter(start_s=9.0, end_s=20.0, title="One"),
            Chapter(start_s=20.0, end_s=50.0, title="Two"),
        ),
    )
    there = (
        Chapter(start_s=0.0, end_s=10.0, title="One"),
        Chapter(start_s=10.0, end_s=40.0, title="Two"),
    )
    assert broken(replace(TARGET, chapters=there), film) == ()
    assert broken(replace(TARGET, chapters=there[1:]), film) == ("expected 3 chapters, found 1",)


def in_mp4(film: Source, target: Source) -> tuple[str, ...]:
    wanted = settings(container="mp4")
    return compare(expected_contract(film, plan_streams(film, wanted), wanted), target)


PLAIN = replace(FILM, video=(video(),), audio=(), subtitles=(), attachments=(), chapters=())
PLAIN_TARGET = replace(PLAIN, video=(video(codec="av1"),))


def with_sound(of: Source, codec: str) -> Source:
    return replace(of, audio=(audio(1, codec),))


def test_mp4_has_one_number_for_two_layers_of_mpeg_sound() -> None:
    layer_2 = with_sound(PLAIN, "mp2")
    assert in_mp4(layer_2, with_sound(PLAIN_TARGET, "mp3")) == ()
    assert in_mp4(layer_2, with_sound(PLAIN_TARGET, "mp2")) == ()
    assert in_mp4(layer_2, with_sound(PLAIN_TARGET, "aac")) == (
        "audio 1: codec should be mp3, found aac",
    )
    assert broken(with_sound(PLAIN_TARGET, "mp3"), layer_2) == (
        "audio 1: codec should be mp2, found mp3",
    )


def test_covers_are_known_by_name_in_matroska_and_by_codec_in_mp4() -> None:
    film = replace(PLAIN, attachments=(cover(1, "png", filename="cover.png"),))
    nameless = replace(PLAIN_TARGET, attachments=(cover(1, "png"),))
    assert in_mp4(film, nameless) == ()
    assert broken(nameless, film) == ("covers should be cover.png, found ",)
    other = replace(PLAIN_TARGET, attachments=(cover(1, "mjpeg", filename="cover.png"),))
    assert in_mp4(film, other) == ("covers should be png, found mjpeg",)
    assert broken(other, film) == ()


def test_mp4_has_no_titles_of_tracks() -> None:
    film = replace(PLAIN, audio=(audio(1, "aac", title="Ton"),))
    assert in_mp4(film, with_sound(PLAIN_TARGET, "aac")) == ()
    assert broken(with_sound(PLAIN_TARGET, "aac"), film) == (
        "audio 1: title should be Ton, found none",
    )


@pytest.mark.parametrize("start_s", [0.04, -0.04])
def test_a_clock_that_starts_at_zero_but_for_a_tick_moves_no_chapter(start_s: float) -> None:
    film = replace(FILM, start_s=start_s, chapters=(Chapter(start_s=9, end_s=20, title="A"),))
    there = replace(TARGET, chapters=(Chapter(start_s=9.045, end_s=20, title="A"),))
    assert broken(there, film) == ()


UNTAGGED = replace(
    PICTURE,
    colour=Colour(),
    hdr_kinds=frozenset(),
    mastering_display=None,
    content_light=None,
    dolby_vision=DolbyVision(profile=8, compatibility_id=1),
)


@pytest.mark.parametrize(
    ("transfer", "lines"),
    [
        ("smpte2084", ()),
        ("bt709", ("transfer should be smpte2084, found bt709",)),
        (None, ("transfer should be smpte2084, found none",)),
    ],
)
def test_an_untagged_picture_below_dolby_vision_gets_what_its_record_promises(
    transfer: str | None, lines: tuple[str, ...]
) -> None:
    film = replace(PLAIN, video=(UNTAGGED,))
    colour = Colour(primaries="bt2020", transfer=transfer, matrix="bt2020nc", range="tv")
    hdr = frozenset({HdrKind.HDR10} if transfer == "smpte2084" else ())
    found = replace(UNTAGGED, codec="av1", colour=colour, hdr_kinds=hdr, dolby_vision=None)
    assert broken(replace(PLAIN_TARGET, video=(found,)), film) == lines


def test_hdr_that_nobody_could_tell_is_not_checked() -> None:
    unknown = replace(PLAIN, video=(replace(video(), hdr_kinds=None),))
    bright = replace(PLAIN_TARGET, video=(video(codec="av1", hdr_kinds=frozenset({HdrKind.HLG})),))
    assert broken(bright, unknown) == ()
    assert broken(bright, PLAIN) == ("HDR should be none, found hlg",)


@pytest.mark.parametrize(
    ("matrix", "lines"), [("bt709", ()), ("gbr", ("matrix should be bt709, found gbr",))]
)
def test_rgb_becomes_what_players_show(matrix: str, lines: tuple[str, ...]) -> None:
    film = replace(PLAIN, video=(video(chroma="rgb", colour=Colour(matrix="gbr", range="pc")),))
    signal = Colour(matrix=matrix, range="tv", chroma_location="left")
    found = replace(PLAIN_TARGET, video=(video(codec="av1", colour=signal),))
    assert broken(found, film) == lines


@pytest.mark.parametrize("point", ["red", "green", "blue", "white"])
def test_every_point_of_a_mastering_display_counts(point: str) -> None:
    x, y = getattr(DISPLAY, point)
    for there in ((x + 0.0004, y), (x, y - 0.0004)):
        assert broken(picture(mastering_display=replace(DISPLAY, **{point: there}))) == ()
    for other in ((x + 0.0006, y), (x, y - 0.0006), None):
        (line,) = broken(picture(mastering_display=replace(DISPLAY, **{point: other})))
        assert line.startswith("mastering display should be")


def test_what_a_mastering_display_does_not_say_is_not_promised() -> None:
    half = MasteringDisplay(
        red=None, green=None, blue=None, white=None, min_luminance=None, max_luminance=1000.0
    )
    film = replace(FILM, video=(replace(PICTURE, mastering_display=half),))
    assert broken(TARGET, film) == ()
    assert broken(picture(mastering_display=replace(DISPLAY, max_luminance=1009.0)), film) == ()
    dim = picture(mastering_display=replace(DISPLAY, max_luminance=989.0))
    assert len(broken(dim, film)) == 1


def test_mp4_marks_no_second_view_that_it_can_not_hold() -> None:
    film = replace(PLAIN, video=(video(stereo="left_right"),))
    there = replace(PLAIN_TARGET, video=(video(codec="av1", stereo="left_right"),))
    assert in_mp4(film, PLAIN_TARGET) == ()
    assert in_mp4(film, there) == ("stereo mode should be mono, found left_right",)


def test_chapters_that_start_together_are_there_once_in_matroska() -> None:
    chapters = (
        Chapter(start_s=0.0, end_s=5.0, title="A"), Chapter(start_s=9.0, end_s=20.0, title="B"),
        Chapter(start_s=9.0, end_s=20.0, title="C"),
    )  # fmt: skip
    film, shown = replace(PLAIN, chapters=chapters), replace(PLAIN_TARGET, chapters=chapters[:2])
    assert broken(shown, film) == ()
    assert in_mp4(film, shown) == ("expected 3 chapters, found 2",)


def test_a_chapter_that_ends_with_the_start_may_be_there_or_not() -> None:
    """FFmpeg drops it by the tick."""
    for end_s in (-0.03, 0.0, 0.03):
        edge = Chapter(start_s=-1.0, end_s=end_s, title="Before")
        film = replace(PLAIN, chapters=(edge, Chapter(start_s=0.0, end_s=50.0, title="One")))
        there = Chapter(start_s=0.0, end_s=50.0, title="One")
        assert broken(replace(PLAIN_TARGET, chapters=(there,)), film) == ()
    late = replace(
        PLAIN,
        chapters=(
            Chapter(start_s=0.0, end_s=0.06, title="Flash"),
            Chapter(start_s=0.06, end_s=50.0, title="One"),
        ),
    )
    assert broken(replace(PLAIN_TARGET, chapters=(there,)), late) == (
        "expected 2 chapters, found 1",
    )


CHOSEN = TrackChoice(dropped=(2,), flags=((1, ()), (3, ("default", "forced"))))


def test_exactly_what_a_rule_leaves_out_may_be_missing() -> None:
    wanted = settings(tracks=CHOSEN)
    contract = expected_contract(FILM, plan_streams(FILM, wanted), wanted)
    assert contract.left_out == (
        "audio 2 (pcm_bluray): drop: by rule, of unknown language: left out by its rule",
    )
    flagged = replace(TARGET.subtitles[0], dispositions=frozenset({"default", "forced"}))
    plain = replace(TARGET.audio[0], dispositions=frozenset())
    good = replace(TARGET, audio=(plain,), subtitles=(flagged,))
    assert compare(contract, good) == ()
    lacking = "the streams should be: video av1, audio ac3, subtitle subrip; found: "
    assert compare(contract, replace(good, audio=(plain, TARGET.audio[1]))) == (
        f"{lacking}video av1, audio ac3, audio flac, subtitle subrip",
    )
    assert compare(contract, replace(good, subtitles=())) == (f"{lacking}video av1, audio ac3",)
    assert compare(contract, replace(good, audio=TARGET.audio[:1])) == (
        "audio 1: dispositions should be none, found default",
    )


def test_the_other_track_in_its_place_is_found() -> None:
    wanted = settings(tracks=TrackChoice(dropped=(1,)))
    contract = expected_contract(FILM, plan_streams(FILM, wanted), wanted)
    assert compare(contract, replace(TARGET, audio=TARGET.audio[:1])) == (
        "audio 2: codec should be flac, found ac3",
        "audio 2: language should be none, found ger",
        "audio 2: title should be none, found Ton",
        "audio 2: dispositions should be none, found default",
    )


def test_a_plan_that_leaves_out_more_than_the_rules_is_no_promise() -> None:
    wanted = settings(tracks=TrackChoice(dropped=(2,)))
    streams = plan_streams(FILM, wanted)
    target = replace(TARGET, audio=TARGET.audio[:1])
    without_rule = expected_contract(FILM, streams, settings())
    assert compare(without_rule, target) == ("no rule leaves out stream 2",)
    silent = replace(streams, steps=tuple(one for one in streams.steps if one.index != 2))
    unlisted = expected_contract(FILM, silent, settings())
    assert compare(unlisted, target) == ("stream 2 is neither kept nor dropped",)
    every = settings(tracks=TrackChoice(dropped=(1, 2)))
    mute = expected_contract(FILM, plan_streams(FILM, every), every)
    assert compare(mute, replace(TARGET, audio=())) == ("rules leave out all of the sound",)


def test_a_chosen_default_counts_in_mp4_too() -> None:
    """Unasked, MP4 marks a track of each kind, and says nothing by it."""
    film = replace(FILM, audio=(FILM.audio[0], audio(2, "aac")), subtitles=(), attachments=())
    target = replace(TARGET, audio=film.audio, subtitles=(), attachments=())
    chosen = settings(container="mp4", tracks=TrackChoice(flags=((1, ()), (2, ("default",)))))
    contract = expected_contract(film, plan_streams(film, chosen), chosen)
    assert [line for line in compare(contract, target) if "disposition" in line] == [
        "audio 1: dispositions should be none, found default",
        "audio 2: dispositions should be default, found none",
    ]
    cleared = settings(container="mp4", tracks=TrackChoice(flags=((1, ()),)))
    contract = expected_contract(film, plan_streams(film, cleared), cleared)
    assert not [line for line in compare(contract, target) if "disposition" in line]

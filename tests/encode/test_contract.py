from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.contract import compare, expected_contract
from av1rules.encode.streams import plan_streams
from av1rules.media.source import (
    Attachment,
    Chapter,
    Colour,
    ContentLight,
    HdrKind,
    MasteringDisplay,
    Source,
    SubtitleStream,
    VideoStream,
)
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

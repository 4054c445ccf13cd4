"""What the pictures along a film make of its facts."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.ffmpeg.film_log import LateStream, ShownPicture
from av1rules.media.film_facts import FilmFacts, merged, with_film
from av1rules.media.source import AudioStream, Colour, HdrKind, Source
from tests.encode.make import source, video

PLAIN = ShownPicture(pix_fmt="yuv420p", width=320, height=240)


def film(*changes: dict[str, Any]) -> FilmFacts:
    return FilmFacts(pictures=(PLAIN, *(replace(PLAIN, **change) for change in changes)))


def texts(known: Source) -> tuple[str, ...]:
    main = known.main
    assert main is not None
    return tuple(change.text for change in main.changes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"width": 640}, "size 320x240, then 640x240"),
        ({"sample_aspect": "64/45"}, "sample aspect 1:1, then 64:45"),
        ({"pix_fmt": "yuv420p10le"}, "bit depth 8 bit, then 10 bit"),
        ({"pix_fmt": "yuv444p"}, "chroma 4:2:0, then 4:4:4"),
        ({"pix_fmt": "gbrp"}, "chroma 4:2:0, then rgb"),
        ({"range": "pc"}, "range tv, then pc"),
        ({"rotation": -90.0}, "rotation 0 degrees, then -90 degrees"),
        ({"transfer": "smpte2084"}, "transfer unknown (SDR), then smpte2084"),
        ({"transfer": "arib-std-b67"}, "transfer unknown (SDR), then arib-std-b67"),
    ],
)
def test_change_on_the_way(change: dict[str, Any], expected: str) -> None:
    assert texts(with_film(source(), film(change))) == (expected,)


@pytest.mark.parametrize(
    "change",
    [
        {"sample_aspect": "1/1"},
        {"transfer": "bt709", "primaries": "bt709", "matrix": "bt709"},
        {"range": "tv"},
        {"rotation": 0.0},
        {"is_interlaced": True},
        {"has_captions": True},
    ],
)
def test_what_only_says_more_is_no_change(change: dict[str, Any]) -> None:
    assert texts(with_film(source(), film(change))) == ()


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        ("48000 Hz, mono", ("sound as it begins, then 48000 Hz, mono",)),
        ("44100 Hz, stereo", ("sound as it begins, then 44100 Hz, stereo",)),
        ("48000 Hz, stereo", ()),
    ],
)
def test_sound_that_is_not_as_probed(sound: str, expected: tuple[str, ...]) -> None:
    track = AudioStream(index=1, codec="dts", sample_rate=48000, layout="stereo")
    assert texts(with_film(source(audio=(track,)), FilmFacts(sounds=(sound,)))) == expected


def test_once_interlaced_captioned_or_dynamic_is_so_for_the_whole_film() -> None:
    seen = film(
        {"is_interlaced": True}, {"has_captions": True}, {"has_hdr10_plus": True},
        {"has_dolby_vision": True},
    )  # fmt: skip
    main = with_film(source(main=video(is_interlaced=False, has_captions=False)), seen).main
    assert main is not None
    assert main.is_interlaced
    assert main.has_captions
    assert {HdrKind.HDR10_PLUS, HdrKind.DOLBY_VISION} <= (main.hdr_kinds or frozenset())


def test_pictures_that_show_less_take_no_fact_back() -> None:
    known = source(main=video(is_interlaced=True, has_captions=True))
    assert with_film(known, film()) == known


def test_colours_are_those_of_the_first_picture_where_they_change() -> None:
    pq = Colour(transfer="smpte2084", primaries="bt2020", matrix="bt2020nc")
    known = source(main=video(colour=pq, hdr_kinds=frozenset({HdrKind.PQ})))
    first = replace(PLAIN, transfer="bt709", primaries="bt709", matrix="bt709")
    second = replace(PLAIN, transfer="smpte2084", primaries="bt2020", matrix="bt2020nc")
    main = with_film(known, FilmFacts(pictures=(first, second))).main
    assert main is not None
    assert (main.colour.transfer, main.hdr_kinds) == ("bt709", frozenset({HdrKind.SDR}))


def test_late_streams_that_the_probe_has_are_mapped() -> None:
    seen = FilmFacts(
        late=(
            LateStream(kind="video", index=0, at_byte=1, at_s=1.0),
            LateStream(kind="audio", index=9, at_byte=1, at_s=70.0),
        )
    )
    assert with_film(source(), seen).unmapped == ("a sound track that begins at 70 s",)


@pytest.mark.parametrize(
    "seen",
    [film(), film({"width": 640}), film({"is_interlaced": True, "transfer": "smpte2084"})],
)
def test_twice_is_once(seen: FilmFacts) -> None:
    once = with_film(source(), seen)
    assert with_film(once, seen) == once


def test_what_looks_saw_stays_where_an_encode_saw_less() -> None:
    looks, encode = film({"sample_aspect": "64/45"}), film()
    assert texts(with_film(with_film(source(), looks), encode)) == texts(with_film(source(), looks))
    assert merged(looks, encode).pictures == looks.pictures


def test_nothing_known_changes_nothing() -> None:
    assert with_film(source(), None) == source()

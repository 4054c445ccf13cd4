"""The source tier: the predecessor's thresholds, the name's words, and how sure it is."""

from __future__ import annotations

from fractions import Fraction

import pytest

from av1rules.media.resolution import Resolution, resolution_of
from av1rules.policy.model import TierThresholds
from av1rules.policy.settings import SourceTier
from av1rules.policy.source_tier import Classification, classify
from tests.policy.make import audio, source, video

REMUX, WEB, LOW = SourceTier.REMUX, SourceTier.WEB_DL, SourceTier.LOW_QUALITY
M = 1_000_000


def tier(name: str = "movies/film.mkv", *, sound: bool = False, **values: object) -> Classification:
    tracks = (audio(codec="truehd", is_lossless=True),) if sound else ()
    return classify(source(video(**values), *tracks), name, TierThresholds())


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, Resolution.HD_1080),
        (1920, 800, Resolution.HD_1080),
        (1440, 1080, Resolution.HD_1080),
        (1920, 1088, Resolution.HD_1080),
        (2048, 858, Resolution.HD_1080),
        (1080, 1920, Resolution.HD_1080),
        (3840, 2160, Resolution.UHD_2160),
        (3840, 1600, Resolution.UHD_2160),
        (4096, 1716, Resolution.UHD_2160),
        (2880, 2160, Resolution.UHD_2160),
        (2560, 1440, Resolution.QHD_1440),
        (2560, 1080, Resolution.QHD_1440),
        (7680, 4320, Resolution.UHD_4320),
        (1280, 720, Resolution.HD_720),
        (1280, 534, Resolution.HD_720),
        (960, 720, Resolution.HD_720),
        (720, 576, Resolution.SD),
        (854, 480, Resolution.SD),
        (1, 1, Resolution.SD),
        (0, 1080, None),
        (None, 1080, None),
    ],
)
def test_resolution_by_width_or_height(
    width: int | None, height: int | None, expected: Resolution | None
) -> None:
    assert resolution_of(width, height) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"bitrate_bps": 25_500_000}, REMUX),
        ({"bitrate_bps": 15 * M + 1}, REMUX),
        ({"bitrate_bps": 15 * M}, WEB),
        ({"bitrate_bps": 8 * M}, WEB),
        ({"bitrate_bps": 13 * M, "height": 800}, WEB),  # 0.353 bits per pixel decide nothing
        ({"bitrate_bps": 6 * M, "frame_rate": Fraction(60)}, WEB),  # nor do 0.048
        ({"bitrate_bps": 5 * M}, WEB),
        ({"bitrate_bps": 5 * M - 1}, LOW),
        ({"bitrate_bps": 1 * M}, LOW),
        ({"bitrate_bps": 25 * M, "width": 1920, "height": 800}, REMUX),
        ({"bitrate_bps": 60 * M, "width": 3840, "height": 2160}, REMUX),
        ({"bitrate_bps": 39 * M, "width": 3840, "height": 2160}, WEB),
        ({"bitrate_bps": 41 * M, "width": 3840, "height": 1600, "codec": "hevc"}, REMUX),
        ({"bitrate_bps": 25 * M, "width": 3840, "height": 2160, "codec": "hevc"}, WEB),
        ({"bitrate_bps": 4 * M, "width": 3840, "height": 2160}, WEB),
        # other sizes go by bits per pixel and frame: a DVD, a 720p stream, a poor rip
        ({"bitrate_bps": 6 * M, "width": 720, "height": 576, "codec": "mpeg2video"}, REMUX),
        ({"bitrate_bps": 3 * M, "width": 1280, "height": 720}, WEB),
        ({"bitrate_bps": 700_000, "width": 1280, "height": 720}, LOW),
        # the frame rate counts: the same rate at 60 frames a second is half as much
        ({"bitrate_bps": 2 * M, "width": 1280, "height": 720, "frame_rate": Fraction(60)}, LOW),
        ({"bitrate_bps": 2 * M, "width": 1280, "height": 720, "frame_rate": Fraction(24)}, WEB),
        # modern codecs are web, also at low rates: the higher tier wins
        ({"bitrate_bps": 2 * M, "codec": "hevc"}, WEB),
        ({"bitrate_bps": 2 * M, "codec": "av1"}, WEB),
        ({"codec": "vp9"}, WEB),
        ({}, WEB),
        ({"bitrate_bps": 2 * M, "sound": True}, REMUX),
        ({"name": "movies/Film.2010.1080p.REMUX.mkv"}, REMUX),
        ({"name": "movies/Film.2010.1080p.BluRay.x264-GRP.mkv", "bitrate_bps": 4 * M}, REMUX),
        ({"name": "movies/Film.2010.1080p.NF.WEB-DL.mkv", "bitrate_bps": 3 * M}, WEB),
        ({"name": "tv/Show.S01E02.AMZN.WEBRip.mkv", "bitrate_bps": 16 * M}, REMUX),
    ],
)
def test_tier(values: dict[str, object], expected: SourceTier) -> None:
    assert tier(**values).source_tier is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("movies/Film.2010.1080p.REMUX.mkv", "remux"),
        ("movies/Film (2010) [BluRay].mkv", "bluray"),
        ("movies/Film_2010_Blu-Ray.mkv", "blu-ray"),
        ("movies/Film 2010 UHD.BD.mkv", "uhd-bd"),
        ("movies/Film (2010) Remux/film.mkv", "remux"),
        ("movies/Film/BDMV/STREAM/00001.m2ts", "bdmv"),
        ("movies/[GRP] Film - 01 [BluRay 1080p].mkv", "bluray"),
        ("movies/film.2010.web.mkv", "web"),
        ("movies/1917.2019.1080p.web.mkv", "web"),
        ("movies/Film.2010.AMZN.mkv", "amzn"),
        ("movies/Hulu.mkv", "hulu"),
        ("movies/Film.2010.WEBDL/film.mkv", "webdl"),
        ("movies/Webrip.1999.mkv", "webrip"),
        ("movies/Webdl.1999.mkv", "webdl"),
        ("Film.2010.REMUX/BDMV/STREAM/1.m2ts", "remux"),
        ("remux/Film/BDMV/STREAM/1.m2ts", "bdmv"),
        ("movies/Film.2010.WEB-DL.mkv", "web-dl"),
        ("movies/Film.2010.Web DL.mkv", "web-dl"),
        ("tv/Show.S01E02.NF.mkv", "nf"),
        ("tv/web.mkv", "web"),
        ("tv/\udcff.S01E02.DSNP.\udcfe.mkv", "dsnp"),
        ("movies/line\nbreak.2010.REMUX.mkv", "remux"),
    ],
)
def test_marker_is_seen(name: str, marker: str) -> None:
    assert f'"{marker}" in the name' in " ".join(tier(name).reasons)


@pytest.mark.parametrize(
    "name",
    [
        "movies/The.NeverEnding.Story.1984.mkv",
        "movies/Cobweb.2023.1080p.mkv",
        "movies/Charlotte's Web (1973).mkv",
        "movies/The.Web.2013.1080p.mkv",
        "movies/2001.A.Web.Odyssey.1968.mkv",
        "movies/1984.Web.Tales.2010.1080p.mkv",
        "movies/720p.Web.2010.mkv",
        "movies/The.Hulu.Story.2010.1080p.mkv",
        "movies/BDMV.1999.1080p.mkv",
        "movies/HMAX.A.Robot.2015.mkv",
        "movies/Webster.1990.mkv",
        "movies/Info.NFO.2010.mkv",
        "REMUX/Films/Other/film.mkv",
        "films/REMUX/Other/film.mkv",
        "REMUX/STREAM/film.mkv",
        "movies/Unremuxed.2010.mkv",
    ],
)
def test_no_marker_inside_words_titles_or_far_folders(name: str) -> None:
    assert "in the name" not in " ".join(tier(name).reasons)


def test_nothing_known_is_web_with_little_confidence() -> None:
    found = tier()
    assert (found.source_tier, found.confidence) == (WEB, 0.2)
    assert found.reasons == ("no evidence for any tier: treated as web-dl, the most common",)


def test_no_moving_pictures_is_no_tier() -> None:
    found = classify(source(), "movies/song.mkv", TierThresholds())
    assert found == Classification(source_tier=None, confidence=0.0)
    assert found.reasons == ("no video",)


def test_reasons_give_what_was_seen_and_the_limit() -> None:
    found = tier(bitrate_bps=25_500_000, sound=True)
    assert found.reasons == (
        "video 25.5 Mb/s at 1080p, above 15 Mb/s",
        "lossless audio (truehd)",
        "0.513 bits per pixel, above 0.3",
    )
    assert found.confidence > 0.9


def test_contradicting_evidence_is_told_as_such() -> None:
    found = tier("movies/Film.2010.BluRay.x264.mkv", bitrate_bps=4 * M)
    assert found.reasons == (
        '"bluray" in the name',
        "video 4.0 Mb/s at 1080p, below 5 Mb/s (suggests low-quality)",
    )
    assert found.confidence < 0.5


def test_confidence_grows_with_agreement_and_falls_with_contradiction() -> None:
    rate = tier(bitrate_bps=16 * M, frame_rate=Fraction(30)).confidence
    with_audio = tier(bitrate_bps=16 * M, frame_rate=Fraction(30), sound=True).confidence
    against = tier(
        "movies/Film.2010.WEB-DL.mkv", bitrate_bps=16 * M, frame_rate=Fraction(30)
    ).confidence
    assert 0 < against < rate < with_audio < 1


def test_dts_core_is_no_evidence_but_dts_hd_is() -> None:
    core = classify(source(video(), audio(codec="dts", profile="DTS")), "a/b", TierThresholds())
    master = classify(
        source(video(), audio(codec="dts", profile="DTS-HD MA", is_lossless=True)),
        "a/b",
        TierThresholds(),
    )
    assert core.source_tier is WEB
    assert master.source_tier is REMUX
    assert master.reasons == ("lossless audio (DTS-HD MA)",)


def test_thresholds_are_data() -> None:
    thresholds = TierThresholds(remux_bitrate_1080p=3 * M, low_bitrate_1080p=1 * M)
    found = classify(source(video(bitrate_bps=4 * M)), "a/b", thresholds)
    assert found.source_tier is REMUX
    words = TierThresholds(remux_markers=("my disc",), web_markers=())
    assert classify(source(video()), "a/My.Disc.mkv", words).source_tier is REMUX


@pytest.mark.parametrize(
    ("name", "rate", "confidence"),
    [
        ("movies/film.mkv", 16 * M, 0.86),
        ("movies/Film.2010.REMUX.mkv", None, 0.8),
        ("movies/film.mkv", 8 * M, 0.67),
    ],
)
def test_confidence_of_one_sign(name: str, rate: int | None, confidence: float) -> None:
    assert tier(name, bitrate_bps=rate, frame_rate=None).confidence == confidence


def test_a_density_at_its_limit_is_neither_high_nor_low() -> None:
    film = source(video(width=1280, height=720, bitrate_bps=3 * M))
    density = film.bits_per_pixel
    assert density is not None
    high = classify(film, "a/b", TierThresholds(remux_bits_per_pixel=density))
    low = classify(film, "a/b", TierThresholds(low_bits_per_pixel=density))
    assert (high.source_tier, low.source_tier) == (WEB, WEB)


@pytest.mark.parametrize(
    ("codec", "profile", "shown"),
    [
        ("truehd", "Dolby TrueHD + Dolby Atmos", "truehd"),
        ("dts", None, "dts"),
        ("flac", None, "flac"),
    ],
)
def test_lossless_sound_is_named_as_people_know_it(
    codec: str, profile: str | None, shown: str
) -> None:
    sound = audio(codec=codec, profile=profile, is_lossless=True)
    found = classify(source(video(), sound), "a/b", TierThresholds())
    assert f"lossless audio ({shown})" in found.reasons


@pytest.mark.parametrize(
    ("codec", "height", "is_told"),
    [("hevc", 2160, False), ("hevc", 1080, True), ("vp9", 2160, True), ("av1", 2160, True)],
)
def test_hevc_of_a_disc_speaks_for_no_web_file(codec: str, height: int, is_told: bool) -> None:
    width = 3840 if height == 2160 else 1920
    found = tier("movies/Film.2010.REMUX.mkv", codec=codec, width=width, height=height)
    assert found.source_tier is REMUX
    assert any("a codec of streaming services" in reason for reason in found.reasons) is is_told

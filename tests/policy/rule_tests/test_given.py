"""Sources made of stated facts: what is stated is what conditions see, and the rest is unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from av1rules.policy.facts import FACTS
from av1rules.policy.load import load_rules
from av1rules.policy.rule_tests.given import Given, given_source

WriteRules = Callable[[str], Path]
PATH = "movies/A (1999)/A.mkv"


@pytest.fixture
def given(write_rules: WriteRules) -> Callable[..., Given]:
    ruleset = load_rules(write_rules("rules: []\n"))
    return lambda **stated: given_source(ruleset, {"path": PATH, **stated})


@pytest.mark.parametrize(
    ("name", "stated", "fact"),
    [
        ("source_tier", "remux", "remux"),
        ("video_codec", "h265", "hevc"),
        ("height", 2160, 2160),
        ("resolution", "2160p", "2160p"),
        ("bitrate", "62Mb/s", 62_000_000),
        ("bits_per_pixel", 0.2, 0.2),
        ("frame_rate", 23.976, 23.976),
        ("duration", "2h", 7200.0),
        ("size", "2GiB", 2 * 1024**3),
        ("hdr", "hdr10", frozenset({"hdr10"})),
        ("hdr", ["hdr10", "hlg"], frozenset({"hdr10", "hlg"})),
        ("dolby_vision_profile", 5, frozenset({5})),
        ("dolby_vision_profile", [], frozenset()),
        ("interlaced", True, True),
        ("audio_codec", ["truehd", "ac3"], frozenset({"truehd", "ac3"})),
        ("audio_language", ["en", None], frozenset({"eng", None})),
        ("lossless_audio", False, False),
        ("container", "matroska", "mkv"),
        ("chroma", "4:2:2", "422"),
        ("grain", 1.5, 1.5),
    ],
)
def test_a_stated_fact_is_what_conditions_see(
    given: Callable[..., Given], name: str, stated: Any, fact: Any
) -> None:
    assert getattr(given(**{name: stated}).facts, name) == fact


def test_everything_else_is_unknown(given: Callable[..., Given]) -> None:
    facts = given(video_codec="h264").facts
    assert facts.path == ("A (1999)/A.mkv", PATH)
    known = {name for name in FACTS if getattr(facts, name) is not None}
    assert known == {"path", "video_codec", "source_tier", "confidence"}


@pytest.mark.parametrize(
    ("stated", "tier"),
    [
        ({"resolution": "1080p", "bitrate": "30Mb/s"}, "remux"),
        ({"width": 1920, "height": 800, "bitrate": "3Mb/s"}, "low-quality"),
        ({"video_codec": "hevc"}, "web-dl"),
        ({"audio_codec": "dts-hd-ma"}, "remux"),
        ({"audio_codec": "pcm"}, "remux"),
        ({"lossless_audio": True}, "remux"),
        ({"path": "movies/A.REMUX.mkv"}, "remux"),
        ({"path": "movies/A.REMUX.mkv", "source_tier": "low-quality"}, "low-quality"),
    ],
)
def test_the_source_tier_is_judged_as_of_a_film(
    given: Callable[..., Given], stated: dict[str, Any], tier: str
) -> None:
    found = given(**stated)
    assert found.facts.source_tier == tier
    assert found.classification.source_tier is not None
    assert found.classification.source_tier.value == tier


def test_the_pictures_are_what_an_encode_would_get(given: Callable[..., Given]) -> None:
    main = given(chroma="422", bit_depth=10, hdr=["hdr10plus"], captions=True).source.main
    assert main is not None
    assert (main.pix_fmt, main.has_captions) == ("yuv422p10le", True)
    assert {kind.value for kind in main.hdr_kinds or ()} == {"hdr10plus"}
    assert msgspec.structs.asdict(given().source.video[0])["pix_fmt"] is None


@pytest.mark.parametrize(
    ("hdr", "profile", "transfer", "number"),
    [
        (["hdr10", "dolby-vision"], 8, "smpte2084", 1),
        (["hlg", "dolby-vision"], 8, "arib-std-b67", 4),
        (["dolby-vision"], 8, None, None),
        (["hdr10", "dolby-vision"], 7, "smpte2084", None),
    ],
)
def test_dolby_vision_lies_over_the_kind_that_is_stated(
    given: Callable[..., Given],
    hdr: list[str],
    profile: int,
    transfer: str | None,
    number: int | None,
) -> None:
    """As in the record of a film: 8.1 is over HDR10, 8.4 over HLG."""
    main = given(hdr=hdr, dolby_vision_profile=profile).source.main
    assert main is not None
    assert main.dolby_vision is not None
    assert (main.colour.transfer, main.dolby_vision.compatibility_id) == (transfer, number)

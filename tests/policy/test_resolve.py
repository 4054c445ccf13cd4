"""From facts to settings: the predecessor's table, the layers, and where each value came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.policy.facts import facts_of
from av1rules.policy.fingerprint import NAMES
from av1rules.policy.load import load_rules
from av1rules.policy.model import Review, ReviewKind, RuleSet, TierThresholds
from av1rules.policy.resolve import Decision, DecisionKind, decide
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.policy.source_tier import classify
from tests.policy.make import audio, facts, library_file, source, video

WriteRules = Callable[[str], Path]
M = 1_000_000

EVERYTHING = "rules:\n  - {name: everything, encode: {}}\n"


def decision(write_rules: WriteRules, text: str, **values: object) -> Decision:
    defaults: dict[str, object] = {
        "source_tier": "remux", "video_codec": "h264", "width": 1920, "height": 1080,
    }  # fmt: skip
    return decide(load_rules(write_rules(text)), facts(**(defaults | values)))


def settings(write_rules: WriteRules, text: str, **values: object) -> EncodeSettings:
    found = decision(write_rules, text, **values).settings
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "width", "height", "rate", "codec", "lossless", "expected"),
    [
        # REMUX: CRF 18 up to 1080p, 20 at 2160p; preset 3; film grain 8
        ("film.mkv", 1920, 1080, 25_500_000, "h264", False, (18, 3, 8)),
        ("film.mkv", 1920, 800, 16 * M, "vc1", True, (18, 3, 8)),
        ("film.mkv", 720, 576, 6 * M, "mpeg2video", False, (18, 3, 8)),
        ("film.mkv", 3840, 2160, 60 * M, "hevc", True, (20, 3, 8)),
        ("Film.2160p.REMUX.mkv", 3840, 1600, None, "hevc", False, (20, 3, 8)),
        # WEB-DL: H.264 CRF 26 at 1080p, 28 at 2160p; preset 5; no grain synthesis
        ("Show.S01E01.AMZN.WEB-DL.mkv", 1920, 1080, 8 * M, "h264", False, (26, 5, 0)),
        ("Show.S01E01.1080p.mkv", 1920, 1080, 8 * M, "h264", False, (26, 5, 0)),
        ("Show.S01E01.2160p.WEB-DL.mkv", 3840, 2160, 25 * M, "h264", False, (28, 5, 0)),
        # ... left alone if already HEVC, AV1 or VP9
        ("Show.S01E01.WEB-DL.mkv", 1920, 1080, 8 * M, "hevc", False, None),
        ("Show.S01E01.WEB-DL.mkv", 1920, 1080, 8 * M, "av1", False, None),
        ("Show.S01E01.WEB-DL.mkv", 1920, 1080, 8 * M, "vp9", False, None),
        ("film.mkv", 1920, 1080, 2 * M, "hevc", False, None),
        # LOW-QUALITY: CRF 30, preset 6, no grain synthesis
        ("film.avi", 1920, 1080, 3 * M, "h264", False, (30, 6, 0)),
        ("film.avi", 1280, 720, 700_000, "mpeg4", False, (30, 6, 0)),
        ("film.avi", 3840, 2160, 3 * M, "h264", False, (28, 5, 0)),
    ],
)
def test_defaults_of_the_predecessor(
    write_rules: WriteRules,
    name: str,
    width: int,
    height: int,
    rate: int | None,
    codec: str,
    lossless: bool,
    expected: tuple[float, int, int] | None,
) -> None:
    main = video(codec=codec, width=width, height=height, bitrate_bps=rate)
    probed = source(main, audio(is_lossless=lossless))
    file = library_file(name)
    found = decide(
        load_rules(write_rules(EVERYTHING)),
        facts_of(file, probed, classify(probed, file.library_path, TierThresholds())),
    )
    if expected is None:
        assert (found.kind, found.settings) == (DecisionKind.SKIP, None)
    else:
        assert found.settings is not None
        chosen = found.settings
        assert (chosen.crf, chosen.preset, chosen.film_grain) == expected
        assert chosen.max_size_ratio == 0.9
        assert chosen.bit_depth == 0


@pytest.mark.parametrize(
    ("width", "height", "crf"),
    [
        (1920, 1080, 18), (1920, 1088, 18), (2048, 1152, 18), (1080, 1920, 18), (None, None, 18),
        (2560, 1440, 20), (3840, 1600, 20), (2049, 800, 20), (1440, 1153, 20), (1440, 2560, 20),
    ],
)  # fmt: skip
def test_crf_by_size(
    write_rules: WriteRules, width: int | None, height: int | None, crf: float
) -> None:
    assert settings(write_rules, EVERYTHING, width=width, height=height).crf == crf


@pytest.mark.parametrize(
    ("tier", "codec", "reason"),
    [
        ("web-dl", "hevc", "already HEVC, a modern codec (encode.force: true re-encodes it)"),
        ("web-dl", "vp9", "already VP9, a modern codec (encode.force: true re-encodes it)"),
        ("remux", "av1", "already AV1, a modern codec (encode.force: true re-encodes it)"),
        ("low-quality", "av1", "already AV1, a modern codec (encode.force: true re-encodes it)"),
        ("remux", "hevc", None),
        ("web-dl", "h264", None),
        ("low-quality", "vp9", None),
    ],
)
def test_modern_codecs_are_left_alone_unless_forced(
    write_rules: WriteRules, tier: str, codec: str, reason: str | None
) -> None:
    found = decision(write_rules, EVERYTHING, source_tier=tier, video_codec=codec)
    assert found.reason == reason
    assert found.kind is (DecisionKind.ENCODE if reason is None else DecisionKind.SKIP)
    forced = "rules:\n  - {name: x, encode: {force: true}}\n"
    again = decision(write_rules, forced, source_tier=tier, video_codec=codec)
    assert again.kind is DecisionKind.ENCODE


@pytest.mark.parametrize(
    ("review", "tier", "kind", "canary", "clip_s", "origin"),
    [
        ("", "remux", "each", None, 45, "built-in remux defaults"),
        ("", "web-dl", "never", None, 45, "built-in web-dl defaults"),
        ("", "low-quality", "never", None, 45, "built-in low-quality defaults"),
        ("never", "remux", "never", None, 45, "rules.yaml:4 (rule x)"),
        ("each", "web-dl", "each", None, 45, "rules.yaml:4 (rule x)"),
        ("canary(3)", "web-dl", "canary", 3, 45, "rules.yaml:4 (rule x)"),
        ("canary ( 12 )", "remux", "canary", 12, 45, "rules.yaml:4 (rule x)"),
        ("{clip: 30s}", "remux", "each", None, 30, "built-in remux defaults"),
        ("{clip: 1min}", "web-dl", "never", None, 60, "built-in web-dl defaults"),
        ("{clip: 50, approve: each}", "web-dl", "each", None, 50, "rules.yaml:4 (rule x)"),
    ],
)
def test_review_by_rule_and_tier(
    write_rules: WriteRules,
    review: str,
    tier: str,
    kind: str,
    canary: int | None,
    clip_s: float,
    origin: str,
) -> None:
    request = f", review: {review}" if review else ""
    text = f"rules:\n  - {{name: x, encode: {{}}{request}}}\n"
    found = decision(write_rules, text, source_tier=tier)
    assert found.review == Review(kind=ReviewKind(kind), canary=canary, clip_s=clip_s)
    assert found.review_origin == origin


LAYERS = """\
version: 1
library: {roots: [/media/movies]}
defaults:
  crf: 22
  preset: 5
  film_grain: 4
  keyint: 240
profiles:
  film:
    preset: 4
    film_grain: 10
rules:
  - name: uhd
    when: {width: {min: 3000}}
    encode: {use: film, film_grain: 12, force: true}
  - name: rest
    encode: true
"""


def test_later_layers_win_and_each_value_knows_its_line(write_rules: WriteRules) -> None:
    found = decision(write_rules, LAYERS, width=3840, height=2160)
    assert found.settings == EncodeSettings(
        crf=22.0, preset=4, film_grain=12, keyint="240", force=True, deinterlace_rate="fields"
    )
    origins = {name: str(origin) for name, origin in found.origins}
    assert list(origins) == list(NAMES)
    assert origins["crf"] == "rules.yaml:4 (defaults)"
    assert origins["preset"] == "rules.yaml:10 (profile film)"
    assert origins["film_grain"] == "rules.yaml:15 (rule uhd)"
    assert origins["force"] == "rules.yaml:15 (rule uhd)"
    assert origins["tune"] == "built-in"


def test_tier_defaults_stand_lowest(write_rules: WriteRules) -> None:
    found = decision(write_rules, "defaults: {crf: 21.5}\n" + EVERYTHING)
    assert found.settings == EncodeSettings(
        crf=21.5, preset=3, film_grain=8, deinterlace_rate="fields"
    )
    origins = {name: str(origin) for name, origin in found.origins}
    assert origins["crf"] == "rules.yaml:3 (defaults)"
    assert origins["preset"] == "built-in remux defaults"


def test_every_setting_reaches_its_field(write_rules: WriteRules) -> None:
    text = """\
rules:
  - name: all
    encode:
      encoder: libsvtav1
      crf: 23.25
      preset: 6
      film_grain: 5
      film_grain_denoise: false
      tune: ms-ssim
      keyint: 10s
      bit_depth: 10
      deinterlace: bwdif
      params: {sharpness: 2, ac-bias: 1.0, enable-qm: 1}
      container: mp4
      accept: [chroma, hdr10plus]
      max_size_ratio: 1.5
      force: true
"""
    assert settings(write_rules, text) == EncodeSettings(
        encoder="libsvtav1",
        crf=23.25,
        preset=6,
        film_grain=5,
        film_grain_denoise=False,
        tune="ms-ssim",
        keyint="10s",
        bit_depth=10,
        deinterlace="bwdif",
        deinterlace_rate="fields",
        params=(("ac-bias", "1"), ("enable-qm", "1"), ("sharpness", "2")),
        container="mp4",
        accept=frozenset({Loss.CHROMA, Loss.HDR10_PLUS}),
        max_size_ratio=1.5,
        force=True,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{film_grain: 0, film_grain_denoise: false}", "{film_grain: 0}"),
        ("{crf: 24}", "{crf: 24.0}"),
        ("{params: {ac-bias: 1, scm: 0}}", "{params: {scm: 0, ac-bias: 1.00}}"),
        ("{accept: chroma}", "{accept: [chroma]}"),
        ("{bit_depth: source}", "{}"),
        ("{keyint: '240'}", "{keyint: 240}"),
        ("true", "{}"),
        ("{accept: [alpha, chroma]}", "{accept: [chroma, alpha]}"),
    ],
)
def test_two_spellings_of_one_meaning_give_equal_settings(
    write_rules: WriteRules, one: str, other: str
) -> None:
    first, second = (
        settings(write_rules, f"rules: [{{name: x, encode: {text}}}]") for text in (one, other)
    )
    assert first == second


def test_no_rule_leaves_alone(write_rules: WriteRules) -> None:
    found = decision(write_rules, "rules: []\n")
    assert found == Decision(kind=DecisionKind.NO_RULE, reason="no rule matches: left alone")


@pytest.mark.parametrize(
    ("action", "kind", "reason"),
    [
        ("skip: already good", DecisionKind.SKIP, "already good"),
        ("skip: true", DecisionKind.SKIP, "left alone by rule x"),
        ("hold: ask me", DecisionKind.HOLD, "ask me"),
        ("hold: true", DecisionKind.HOLD, "held by rule x"),
    ],
)
def test_skip_and_hold_have_a_reason(
    write_rules: WriteRules, action: str, kind: DecisionKind, reason: str
) -> None:
    found = decision(write_rules, f"rules:\n  - name: x\n    {action}\n")
    assert (found.kind, found.reason, found.settings) == (kind, reason, None)


def test_without_moving_pictures_nothing_is_encoded(write_rules: WriteRules) -> None:
    found = decision(write_rules, EVERYTHING, source_tier=None, video_codec=None)
    assert (found.kind, found.reason) == (DecisionKind.SKIP, "no video to encode")


def test_example_decides(tmp_path: Path) -> None:
    example: RuleSet = load_rules(Path(__file__).parents[2] / "rules.example.yaml")
    disc = facts(
        path=("a/film.mkv", "movies/a/film.mkv"), source_tier="remux", confidence=0.9,
        resolution="2160p", width=3840, height=2160, video_codec="hevc", lossless_audio=True,
        audio_codec=frozenset({"truehd"}), audio_language=frozenset({"eng"}),
        subtitle_language=frozenset({"eng"}), duration=7200.0, size=60 * 1024**3,
    )  # fmt: skip
    found = decide(example, disc)
    assert found.rule is not None
    assert found.settings is not None
    assert (found.rule.name, found.settings.crf, found.settings.tune) == ("uhd remux", 20.0, "vq")


@pytest.mark.parametrize("text", ["0.01s", "0.05s", "0.099s"])
def test_key_frames_closer_than_pictures_are_refused(write_rules: WriteRules, text: str) -> None:
    path = write_rules(f"rules: [{{name: x, encode: {{keyint: {text}}}}}]\n")
    with pytest.raises(Av1rulesError, match=f"{text} may be shorter than a picture is shown"):
        load_rules(path)
    least = settings(write_rules, "rules: [{name: x, encode: {keyint: 0.1s}}]\n")
    assert least.keyint == "0.1s"


TARGETED = """\
defaults: {quality_target: {mean: 95}}
profiles: {film: {crf: 24}}
rules:
  - {name: fixed, when: {width: 1920}, encode: {use: film}}
  - {name: searched, encode: true}
"""


def test_a_crf_that_overrides_a_target_takes_its_origin_away(write_rules: WriteRules) -> None:
    fixed, searched = (decision(write_rules, TARGETED, width=width) for width in (1920, 1280))
    assert fixed.settings is not None
    assert (fixed.settings.crf, fixed.settings.quality_target) == (24.0, None)
    origins = {name: str(origin) for name, origin in fixed.origins}
    assert origins["crf"] == "rules.yaml:4 (profile film)"
    assert origins["quality_target"] == "built-in"
    origins = {name: str(origin) for name, origin in searched.origins}
    assert origins["crf"] == origins["quality_target"] == "rules.yaml:3 (defaults)"


@pytest.mark.parametrize(
    ("grain", "origin"),
    [("0", "built-in"), ("8", "rules.yaml:3 (defaults)"), ("auto", "rules.yaml:3 (defaults)")],
)
def test_denoising_without_grain_is_of_nobodys_making(
    write_rules: WriteRules, grain: str, origin: str
) -> None:
    text = f"defaults: {{film_grain: {grain}, film_grain_denoise: false}}\n{EVERYTHING}"
    origins = dict(decision(write_rules, text).origins)
    assert str(origins["film_grain_denoise"]) == origin


@pytest.mark.parametrize(("width", "height"), [(None, 2160), (3840, None), (None, None)])
def test_a_film_of_unknown_size_counts_as_1080p(
    write_rules: WriteRules, width: int | None, height: int | None
) -> None:
    assert settings(write_rules, EVERYTHING, width=width, height=height).crf == 18

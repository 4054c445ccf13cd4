from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base.errors import ToolError
from av1rules.encode.encoders.description import VideoFacts
from av1rules.encode.encoders.registry import (
    ENCODER_CODECS,
    ENCODERS,
    choose_encoder,
    encoder_limits,
    encoder_options,
    encoder_settings_text,
    find_encoder,
)
from av1rules.encode.encoders.svt import PORTABLE_TUNES
from av1rules.ffmpeg.log import LogReader
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.policy.load import check_rules
from av1rules.policy.schema import load_schema
from tests.encode.make import AOM, OLD_SVT, RAV1E, SVT, TOOLS, settings

PSY = replace(SVT, name="svt-av1-psy")
FACTS = VideoFacts(frame_rate=Fraction(25))


def options(encoder: EncoderInfo, *, threads: int | None = None, **changes: Any) -> dict[str, str]:
    return dict(encoder_options(settings(**changes), encoder, FACTS, threads=threads))


def test_fractional_crf_goes_through_the_params() -> None:
    assert options(SVT, crf=30.25) == {
        "preset": "5",
        "svtav1-params": "crf=30.25:fps-num=25:fps-denom=1",
    }


def test_an_svt_without_fractions_gets_a_whole_crf() -> None:
    found = options(OLD_SVT, crf=30.5)
    assert found["crf"] == "30"
    assert "crf" not in found["svtav1-params"]
    assert encoder_limits(settings(crf=30.5), OLD_SVT) == (
        "libsvtav1 v3.1.0 takes whole CRF only: 30.5 becomes 30",
    )


def test_film_grain_always_names_its_denoising() -> None:
    assert "film-grain=8:film-grain-denoise=1" in options(SVT, film_grain=8)["svtav1-params"]
    off = options(SVT, film_grain=8, film_grain_denoise=False)["svtav1-params"]
    assert "film-grain=8:film-grain-denoise=0" in off
    assert "grain" not in options(SVT, film_grain=0)["svtav1-params"]


def test_everything_for_svt() -> None:
    found = options(SVT, crf=28, tune="ssim", keyint="10s", params=(("ac-bias", "1.0"),), threads=2)
    assert found["svtav1-params"] == (
        "crf=28:tune=2:keyint=10s:fps-num=25:fps-denom=1:ac-bias=1.0:lp=2"
    )


def test_threads_are_not_part_of_what_the_tag_says() -> None:
    job = settings(crf=28, preset=3, film_grain=8)
    assert encoder_settings_text(job, SVT, FACTS) == (
        "preset=3:crf=28:film-grain=8:film-grain-denoise=1:fps-num=25:fps-denom=1"
    )


@pytest.mark.parametrize("rate", [None, Fraction(1000), Fraction(1, 2)])
def test_svt_gets_a_usual_frame_rate_for_an_impossible_one(rate: Fraction | None) -> None:
    found = dict(encoder_options(settings(), SVT, VideoFacts(frame_rate=rate), threads=None))
    assert found["svtav1-params"] == "crf=28:fps-num=24:fps-denom=1"


def test_params_cannot_smuggle_in_a_second_parameter() -> None:
    found = options(SVT, params=(("sharpness", "1:rc=1"),))["svtav1-params"]
    assert found.endswith(r"sharpness=1\:rc\=1")


def test_reserved_params_are_refused_and_left_out() -> None:
    wanted = settings(params=(("lp", "4"), ("tbr", "2000")))
    assert encoder_limits(wanted, SVT) == (
        "the encoder parameter lp can't be set here: use run.threads_per_job",
        (
            "the encoder parameter tbr can't be set here: use crf (bit-rate modes differ from run "
            "to run)"
        ),
    )
    assert "tbr" not in options(SVT, params=wanted.params)["svtav1-params"]


def test_aom_gets_its_nearest() -> None:
    assert options(AOM, crf=28.5, preset=3, film_grain=10, keyint="10s", threads=4) == {
        "usage": "good",
        "cpu-used": "3",
        "crf": "28",
        "b": "0",
        "row-mt": "1",
        "denoise-noise-level": "10",
        "g": "250",
        "aom-params": "enable-dnl-denoising=1",
        "threads": "4",
    }


def test_rav1e_gets_its_nearest_and_says_what_it_lacks() -> None:
    assert options(RAV1E, crf=30, preset=5, film_grain=8) == {"speed": "6", "qp": "90"}
    assert encoder_limits(settings(film_grain=8, tune="ssim"), RAV1E) == (
        (
            "librav1e can't analyse film grain: film_grain 8 is left out "
            "(its photon noise is made up, not taken from the film)"
        ),
        "librav1e has no tune ssim: known is psnr",
    )


@pytest.mark.parametrize("preset", range(14))
@pytest.mark.parametrize("encoder", [SVT, AOM, RAV1E])
def test_slower_presets_never_get_faster(encoder: EncoderInfo, preset: int) -> None:
    def speed(step: int) -> int:
        found = options(encoder, preset=step)
        return int(found.get("cpu-used") or found.get("speed") or found["preset"])

    assert speed(preset) >= speed(max(preset - 1, 0))


@pytest.mark.parametrize(
    ("encoder", "changes", "limit"),
    [
        (OLD_SVT, {"crf": 65}, "takes CRF up to 63"),
        (SVT, {"crf": 30.1}, "quarter steps"),
        (SVT, {"tune": "film"}, "no tune film"),
        (PSY, {"tune": "vmaf"}, "give the number"),
        (AOM, {"crf": 66}, "up to 63"),
        (AOM, {"tune": "vq"}, "no tune vq"),
        (AOM, {"params": (("ac-bias", "1"),)}, "does not get: ac-bias"),
    ],
)
def test_limits(encoder: EncoderInfo, changes: dict[str, Any], limit: str) -> None:
    (found,) = encoder_limits(settings(**changes), encoder)
    assert limit in found


def test_nothing_to_say_where_all_is_possible() -> None:
    for encoder in (SVT, PSY, AOM, RAV1E):
        assert encoder_limits(settings(tune="psnr", keyint="240"), encoder) == ()


def test_auto_takes_the_preferred_encoder_or_else_the_best() -> None:
    assert choose_encoder(settings(), TOOLS, None) is SVT
    assert choose_encoder(settings(), TOOLS, "libaom-av1") is AOM
    assert choose_encoder(settings(), TOOLS, "svt-av1-psy") is SVT
    assert choose_encoder(settings(encoder="librav1e"), TOOLS, "libaom-av1") is RAV1E


def test_libsvtav1_is_also_what_a_fork_is_built_in_as() -> None:
    """FFmpeg has one codec for SVT-AV1 and its forks: a build holds the one or the other."""
    forked = replace(TOOLS, encoders=(PSY, AOM))
    assert choose_encoder(settings(encoder="libsvtav1"), forked, None) is PSY
    assert choose_encoder(settings(), forked, "libsvtav1") is PSY
    assert choose_encoder(settings(encoder="svt-av1-psy"), forked, "libaom-av1") is PSY


def test_a_named_encoder_that_is_missing_is_an_error() -> None:
    with pytest.raises(ToolError) as caught:
        choose_encoder(settings(encoder="svt-av1-psy"), TOOLS, None)
    assert str(caught.value) == (
        "the encoder svt-av1-psy was asked for, but FFmpeg n9.0.2 (/bin/ffmpeg) does not have it\n"
        "  hint: there is: libsvtav1, libaom-av1, librav1e; or write `encoder: auto`"
    )


def test_no_encoder_at_all_is_an_error() -> None:
    with pytest.raises(ToolError, match="has no AV1 encoder that works"):
        choose_encoder(settings(), replace(TOOLS, encoders=()), None)


def test_the_schema_names_every_encoder_best_first() -> None:
    schema = load_schema()
    named = schema["$defs"]["settings"]["properties"]["encoder"]["enum"]
    preferred = schema["properties"]["tools"]["properties"]["preferred_encoder"]["enum"]
    assert named == ["auto", *ENCODER_CODECS]
    assert [name for name in preferred if name is not None] == list(ENCODER_CODECS)


@pytest.mark.parametrize("codec", ENCODER_CODECS)
def test_an_error_of_an_encoder_is_no_damage_of_the_source(codec: str) -> None:
    log = LogReader(encoders=ENCODER_CODECS)
    log.feed(f"[{codec} @ 0x55d1] [error] Failed to initialize encoder")
    assert log.damage == {}
    assert len(log.complaints) == 1


@pytest.mark.parametrize("codec", ENCODER_CODECS)
@pytest.mark.parametrize(
    "changes", [{"film_grain": 8}, *({"tune": tune} for tune in sorted(PORTABLE_TUNES))], ids=str
)
def test_lint_warns_of_what_a_named_encoder_can_not_do(
    codec: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """The table of lint and the limits of the encoder's own module are two: they agree."""
    file = tmp_path / "rules.yaml"
    action = json.dumps({"encoder": codec, **changes})
    head = "version: 1\nlibrary: {roots: [/films]}\n"
    file.write_text(f"{head}rules: [{{name: x, encode: {action}}}]\n")
    ruleset, problems = check_rules(file)
    assert ruleset is not None, problems
    limits = encoder_limits(
        settings(encoder=codec, **changes), EncoderInfo(name=codec, codec=codec)
    )
    assert bool(problems) == bool(limits)


def test_forks_and_codecs_lead_to_one_encoder() -> None:
    assert find_encoder("svt-av1-psy") is find_encoder("libsvtav1") is ENCODERS[0]
    assert find_encoder("libx265") is None
    with pytest.raises(ToolError, match="known are: libsvtav1, libaom-av1, librav1e"):
        encoder_limits(settings(), replace(SVT, codec="libx265"))

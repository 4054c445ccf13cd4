"""Targets and gates of a rules file: what is read, what is refused, which layer wins."""

from __future__ import annotations

import pytest

from av1rules.policy.load import check_rules
from av1rules.policy.quality_spec import (
    Floor,
    GateScope,
    Metric,
    Otherwise,
    QualityGate,
    QualityTarget,
    Statistic,
)
from av1rules.policy.settings import EncodeSettings
from tests.policy.test_resolve import WriteRules, decision

P5 = Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=93.0)


def settings_of(write_rules: WriteRules, encode: str, *, defaults: str = "{}") -> EncodeSettings:
    text = f"defaults: {defaults}\nrules:\n  - name: all\n    encode: {encode}\n"
    found = decision(write_rules, text).settings
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("{p5: 93}", QualityTarget(floor=P5)),
        (
            "{metric: vmaf, p5: 93, crf: {min: 16, max: 40.25}, otherwise: best}",
            QualityTarget(floor=P5, crf_min=16.0, crf_max=40.25, otherwise=Otherwise.BEST),
        ),
        (
            "{metric: ssim, worst_second: 0.97, crf: {max: 30}}",
            QualityTarget(
                floor=Floor(metric=Metric.SSIM, statistic=Statistic.WORST_SECOND, value=0.97),
                crf_max=30.0,
            ),
        ),
    ],
)
def test_target(write_rules: WriteRules, text: str, target: QualityTarget) -> None:
    assert settings_of(write_rules, f"{{quality_target: {text}}}").quality_target == target


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("{vmaf_p5: 93}", QualityGate(floors=(P5,))),
        ("{scope: whole}", QualityGate(scope=GateScope.WHOLE)),
        (
            "{ssim_mean: 0.9, vmaf_p5: 93, scope: whole}",
            QualityGate(
                floors=(P5, Floor(metric=Metric.SSIM, statistic=Statistic.MEAN, value=0.9)),
                scope=GateScope.WHOLE,
            ),
        ),
    ],
)
def test_gate(write_rules: WriteRules, text: str, gate: QualityGate) -> None:
    assert settings_of(write_rules, f"{{quality_gate: {text}}}").quality_gate == gate


def test_of_crf_and_target_the_later_layer_wins(write_rules: WriteRules) -> None:
    target = settings_of(write_rules, "{quality_target: {p5: 93}}", defaults="{crf: 20}")
    assert (target.quality_target, target.crf) == (QualityTarget(floor=P5), 20)
    crf = settings_of(write_rules, "{crf: 20}", defaults="{quality_target: {p5: 93}}")
    assert (crf.quality_target, crf.crf) == (None, 20)


def test_of_auto_and_a_number_the_later_layer_wins(write_rules: WriteRules) -> None:
    auto = settings_of(write_rules, "{film_grain: auto}", defaults="{film_grain: 8}")
    assert (auto.film_grain_auto, auto.film_grain) == (True, 0)
    number = settings_of(write_rules, "{film_grain: 8}", defaults="{film_grain: auto}")
    assert (number.film_grain_auto, number.film_grain) == (False, 8)


def test_auto_keeps_the_wish_for_the_denoiser(write_rules: WriteRules) -> None:
    text = "{film_grain: auto, film_grain_denoise: false}"
    assert settings_of(write_rules, text).film_grain_denoise is False


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        ("{crf: 20, quality_target: {p5: 93}}", "crf and quality_target exclude each other"),
        ("{quality_target: {crf: {min: 16}}}", "expected one of mean, harmonic_mean, p5, p1"),
        ("{quality_target: {p5: 93, mean: 95}}", "found mean, p5"),
        (
            "{quality_target: {p5: 93, crf: {min: 40, max: 16}}}",
            "lowest CRF 40 is above the highest 16",
        ),
        ("{quality_target: {p5: 93, crf: {min: 60}}}", "the lowest CRF 60 is above the highest 50"),
        ("{quality_target: {metric: ssim, p5: 93}}", "SSIM p5 goes from 0 to 1, found 93"),
        ("{quality_target: {p5: 101}}", "101 is above the maximum 100"),
        ("{quality_target: {metric: vmf, p5: 93}}", "expected one of vmaf, xpsnr, ssim or psnr"),
        ("{quality_target: {p5: 93, otherwise: never}}", "expected one of best, skip or hold"),
        ("{quality_target: 93}", "expected a mapping"),
        ("{quality_gate: {}}", "expected at least one key"),
        ("{quality_gate: {vmaf: 90}}", "unknown key vmaf"),
        ("{quality_gate: {ssim_p5: 90}}", "90 is above the maximum 1"),
        ("{film_grain: automatic}", "expected auto, found the text automatic"),
    ],
)
def test_faults(write_rules: WriteRules, encode: str, message: str) -> None:
    text = f"rules:\n  - name: all\n    encode: {encode}\n"
    _, problems = check_rules(write_rules(text))
    assert message in "\n".join(problem.message for problem in problems)

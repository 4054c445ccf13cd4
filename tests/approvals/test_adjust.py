"""Settings that a person asks for: in the words of options, and back into them."""

from __future__ import annotations

import pytest

from av1rules.approvals.adjust import (
    changes_between,
    described_changes,
    differing,
    requested_changes,
    requested_variants,
)
from av1rules.base.errors import UsageError
from av1rules.policy.fingerprint import output_affecting, with_changes
from av1rules.policy.settings import EncodeSettings
from tests.approvals.decisions import REMUX


def variants(*sets: str, crfs: tuple[float, ...] = (), is_slower: bool = False) -> object:
    return requested_variants(REMUX, sets=sets, crfs=crfs, is_slower=is_slower)


def test_each_option_is_a_variant() -> None:
    assert variants("film_grain=4", "film_grain=12, preset=5", crfs=(20.0,), is_slower=True) == (
        {"film_grain": 4},
        {"preset": 5, "film_grain": 12},
        {"crf": 20.0},
        {"preset": 2},
    )


def test_commas_within_a_value_part_no_settings() -> None:
    assert variants("params={enable-qm: 1, qm-min: 0},crf=20") == (
        {"crf": 20.0, "params": (("enable-qm", "1"), ("qm-min", "0"))},
    )


@pytest.mark.parametrize("sets", [("film_grain",), ("film_grain=",), ("film_grain=4,",), ("",)])
def test_what_is_no_setting_is_refused(sets: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        variants(*sets)


def test_no_variant_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a variant of what\?"):
        variants()


@pytest.mark.parametrize(
    "changes",
    [
        {"crf": 16.25},
        {"preset": 5, "film_grain": 0},
        {"film_grain": "auto"},
        {"film_grain_denoise": False},
        {"keyint": "240", "bit_depth": 10, "deinterlace": "bwdif"},
        {"params": (("enable-qm", "1"), ("qm-min", "0"))},
        {"encoder": "libaom-av1", "tune": "psnr"},
    ],
)
def test_the_words_of_a_difference_ask_for_it(changes: dict[str, object]) -> None:
    goal = with_changes(REMUX, changes)
    words = changes_between(REMUX, goal)
    asked = requested_changes(REMUX, crf=None, is_slower=False, words=words)
    assert output_affecting(with_changes(REMUX, asked)) == output_affecting(goal)


def test_back_to_a_default() -> None:
    grained = EncodeSettings(crf=18.0, preset=3, film_grain=8, tune="0")
    plain = EncodeSettings(crf=18.0, preset=3)
    assert changes_between(grained, plain) == ("film_grain=0",)
    assert differing(grained, plain) == ("film_grain", "tune")
    assert described_changes(grained, plain) == "film_grain 0, tune default"


def test_measured_grain_is_told_with_its_number() -> None:
    measured = EncodeSettings(crf=18.0, preset=3, film_grain=12, film_grain_auto=True)
    assert described_changes(REMUX, measured) == "film_grain auto (12)"
    assert changes_between(REMUX, measured) == ("film_grain=auto",)

from __future__ import annotations

import pytest

from av1rules.base.units import UnitError
from av1rules.policy.schedule.limits import PLUGGED, MachineLimits, parse_battery


@pytest.mark.parametrize(
    ("text", "charge"), [("plugged", PLUGGED), (" Plugged ", PLUGGED), ("30%", 0.3), ("0.5", 0.5)]
)
def test_a_battery_is_a_charge_or_mains_power(text: str, charge: float) -> None:
    assert parse_battery(text) == pytest.approx(charge)


@pytest.mark.parametrize("text", ["full", "130%", "-1", ""])
def test_other_words_are_errors(text: str) -> None:
    with pytest.raises(UnitError):
        parse_battery(text)


def test_no_limit_is_none() -> None:
    assert not MachineLimits().has_any
    assert MachineLimits(viewers=1).has_any

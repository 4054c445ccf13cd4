from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from av1rules.encode.picture_times import PictureTimes, largest_drift_s, take_times


def times(tmp_path: Path, text: str) -> PictureTimes | None:
    path = tmp_path / "times"
    path.write_text(text)
    return take_times(str(path))


def test_times_are_read_and_their_file_is_gone(tmp_path: Path) -> None:
    found = times(tmp_path, "3600 1/90000\n7200 1/90000\n18000 1/90000\n")
    assert found is not None
    assert (len(found), found.tick) == (3, Fraction(1, 90000))
    assert list(found.seconds()) == [0.0, pytest.approx(0.04), pytest.approx(0.16)]
    assert found.span_s == pytest.approx(0.16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "NOPTS 1/25\n", "1 1/0\n", "1\n", "1 0/1\n", "99999999999999999999 1/25\n", "\xff\n"],
)
def test_what_is_not_whole_is_none(tmp_path: Path, text: str) -> None:
    assert times(tmp_path, text) is None


def test_no_file_is_none(tmp_path: Path) -> None:
    assert take_times(str(tmp_path / "never written")) is None


def test_drift_is_measured_against_the_first_picture(tmp_path: Path) -> None:
    source = times(tmp_path, "100 1/1000\n140 1/1000\n180 1/1000\n")
    target = times(tmp_path, "0 1/100\n4 1/100\n11 1/100\n")
    assert source is not None
    assert target is not None
    assert largest_drift_s(source, target) == pytest.approx(0.03)

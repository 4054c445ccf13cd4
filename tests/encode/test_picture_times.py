from __future__ import annotations

from array import array
from fractions import Fraction
from pathlib import Path

import pytest

from av1rules.encode.picture_times import (
    PictureTimes,
    decoded_times_args,
    encoded_times_args,
    largest_drift_s,
    spans_s,
    take_times,
)


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


def of(*ticks: int) -> PictureTimes:
    return PictureTimes(tick=Fraction(1, 1000), ticks=array("q", ticks).tobytes())


def test_no_pictures_span_nothing() -> None:
    assert (len(of()), of().span_s, of().in_order) == (0, 0.0, [])
    assert spans_s(of(), of()) == (0.0, 0.0)
    assert largest_drift_s(of(), of(0, 40)) == 0.0


def test_pictures_in_order_come_after_all_before_them() -> None:
    assert of(0, 40, 40, 30, 80, 79, 120).in_order == [0, 1, 4, 6]


def test_drift_is_that_of_pictures_in_order_that_both_have() -> None:
    """FFmpeg moves the others, since no container can hold them."""
    source = of(0, 40, 40, 80)
    assert largest_drift_s(source, of(0, 40, 60, 80)) == pytest.approx(0.0)
    assert largest_drift_s(source, of(0, 40, 60, 90)) == pytest.approx(0.01)
    assert largest_drift_s(source, of(0, 30, 60)) == pytest.approx(0.01)
    assert largest_drift_s(of(0, 40, 80), of(0, 40)) == 0.0
    assert largest_drift_s(of(0, 40), of(0, 40, 99)) == 0.0


@pytest.mark.parametrize(
    ("source", "target", "spans"),
    [
        (of(0, 40, 80), of(7, 47, 91), (0.08, 0.084)),
        (of(0, 40, 80), of(0, 40), (0.08, 0.04)),
        # The last ones come in no order and are moved: up to the last that does.
        (of(0, 40, 40), of(0, 40, 60), (0.04, 0.04)),
        (of(0, 80, 40, 40), of(0, 80, 81, 82), (0.08, 0.08)),
        (of(0, 40, 40), of(0, 40, 60, 80), (0.04, 0.08)),
        (of(0, 40, 30), of(5, 48, 60), (0.04, 0.043)),
    ],
)
def test_spans_go_to_the_last_picture_in_order(
    source: PictureTimes, target: PictureTimes, spans: tuple[float, float]
) -> None:
    assert spans_s(source, target) == pytest.approx(spans)


def test_ffmpeg_is_told_to_write_what_is_read_here() -> None:
    assert encoded_times_args("v:0", "/a/t") == (
        "-stats_enc_pre:v:0", "file:/a/t", "-stats_enc_pre_fmt:v:0", "{pts} {tb}",
    )  # fmt: skip
    assert decoded_times_args("0", "/a/t") == (
        "-stats_enc_pre:0", "file:/a/t", "-stats_enc_pre_fmt:0", "{ptsi} {tbi}",
    )  # fmt: skip

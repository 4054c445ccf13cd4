"""Sizes, durations and rates: what is read, what is refused, and that printing reads back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.units import (
    DURATION_UNITS,
    RATE_UNITS,
    SIZE_UNITS,
    UnitError,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("700", 700),
        ("2GiB", 2 * 1024**3),
        ("2 gib", 2 * 1024**3),
        ("1.5MB", 1_500_000),
        ("1kB", 1000),
        ("1 KiB", 1024),
        (" 3 TB ", 3 * 1000**4),
        ("12B", 12),
        ("5gb", 5 * 1000**3),
        ("5GB", 5 * 1000**3),
    ],
)
def test_parse_size(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("45", 45.0), ("45s", 45.0), ("10min", 600.0), ("10m", 600.0), ("1.5h", 5400.0),
     ("2d", 172_800.0), ("2w", 1_209_600.0), ("250ms", 0.25)],
)  # fmt: skip
def test_parse_duration(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("25%", 0.25), (" 12.5 % ", 0.125), ("100%", 1.0),
     ("0%", 0.0)],
)  # fmt: skip
def test_parse_share(text: str, expected: float) -> None:
    assert parse_share(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [("25", "write 25%"), ("101", None), ("101%", None), ("-1%", None), ("%", None), ("", None),
     ("5%%", None), ("5s", None), ("nan", None), ("0,5", "use a decimal point: 0.5"),
     ("2,5%", "use a decimal point: 2.5%")],
)  # fmt: skip
def test_parse_share_refuses(text: str, hint: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_share(text)
    assert caught.value.hint == hint
    assert str(caught.value) == f"expected a share such as 0.25 or 25%, found {text!r}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15Mb/s", 15_000_000), ("800kb/s", 800_000), ("1.5 Mbps", 1_500_000), ("64000", 64_000),
     ("1Gb/s", 10**9), ("15 mbps", 15_000_000), ("15mb/s", 15_000_000), ("800Kb/s", 800_000)],
)  # fmt: skip
def test_parse_rate(text: str, expected: int) -> None:
    assert parse_rate(text) == expected


BAD = ["", " ", "GiB", "-1", "1e3", "1,5GB", "2 Gigs", "2GiB more", "1.", ".5", "1.2.3", "inf"]


@pytest.mark.parametrize("text", [*BAD, "15Mb/s", "3s", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as 700MB or 2GiB, found"):
        parse_size(text)


@pytest.mark.parametrize("text", [*BAD, "3GiB", "1:30", "3 weeks", "9" * 400])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 45s, 10min or 2h, found"):
        parse_duration(text)


@pytest.mark.parametrize("text", [*BAD, "3GiB", "3Mbit", "3s", "9" * 400])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a bit rate such as 800kb/s or 15Mb/s, found"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("parse", "text", "hint"),
    [
        (parse_rate, "15MB/s", "bit rates are in bits per second: 15Mb/s"),
        (parse_rate, "15 MBps", "bit rates are in bits per second: 15Mb/s"),
        (parse_rate, "800 kB/s", "bit rates are in bits per second: 800kb/s"),
        (parse_rate, "1.5 MiB/s", "bit rates are in bits per second: 1.5Mb/s"),
        (parse_rate, "9B/s", "bit rates are in bits per second: 9b/s"),
        (parse_rate, "15 MBPS", "bit rates are in bits per second: 15Mb/s"),
        (parse_rate, "1,5Mb/s", "use a decimal point: 1.5Mb/s"),
        (parse_rate, "15MB", "write 15Mb/s"),
        (parse_rate, "15 Mbit/s", "write 15Mb/s"),
        (parse_rate, "800 kilobits", "write 800kb/s"),
        (parse_rate, "3 furlongs", None),
        (parse_size, "2 Gb", "sizes are in bytes: 2GB"),
        (parse_size, "2Gib", "sizes are in bytes: 2GiB"),
        (parse_size, "700Mb", "sizes are in bytes: 700MB"),
        (parse_size, "1,5 GB", "use a decimal point: 1.5 GB"),
        (parse_duration, "1,5h", "use a decimal point: 1.5h"),
        (parse_size, "2 gigs", "write 2GB"),
        (parse_size, "1.5 gigabytes", "write 1.5GB"),
        (parse_size, "2g", "write 2GB"),
        (parse_size, "2 dozen", None),
        (parse_duration, "1:30", "write 90s, or 90min for hours:minutes"),
        (parse_duration, "1:30:00", "write 90min"),
        (parse_duration, "1:30:05", "write 5405s"),
        (parse_duration, "1h30m", "write 90min"),
        (parse_duration, "1 h 5 min", "write 65min"),
        (parse_duration, "2 hours", "write 2h"),
        (parse_duration, "90 mins", "write 90min"),
        (parse_duration, "3 fortnights", None),
    ],
)
def test_bits_are_not_taken_for_bytes_and_the_hint_says_what_to_write(
    parse: Callable[[str], float], text: str, hint: str | None
) -> None:
    with pytest.raises(UnitError, match=f"found '{text}'") as caught:
        parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1_000_000, "977 KiB"),
     (1_023_500, "1000 KiB"), (1024**2, "1 MiB"), (1_524_713_390, "1.42 GiB"),
     (5 * 1024**4, "5 TiB"), (-2048, "-2 KiB"), (1000 * 1024**2, "1000 MiB")],
)  # fmt: skip
def test_format_size(size: int, expected: str) -> None:
    assert format_size(size) == expected


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(0, "0.00 s"), (0.52, "0.52 s"), (45, "45 s"), (59.4, "59 s"), (725, "12:05"),
     (10_965, "3:02:45"), (3599.6, "1:00:00"), (90_000, "25:00:00")],
)  # fmt: skip
def test_format_duration(duration: float, expected: str) -> None:
    assert format_duration(duration) == expected


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(25_500_000, "25.5 Mb/s"), (128_000, "128 kb/s"), (999_499, "999 kb/s"),
     (999_500, "1.0 Mb/s"), (0, "0 kb/s")],
)  # fmt: skip
def test_format_rate(rate: float, expected: str) -> None:
    assert format_rate(rate) == expected


@given(st.integers(0, 10**15))
def test_printed_size_reads_back_to_three_digits(size: int) -> None:
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.006)


@given(st.integers(1_000_000, 10**12))
def test_printed_rate_reads_back(rate: int) -> None:
    assert parse_rate(format_rate(rate)) == pytest.approx(rate, abs=50_000)


@given(
    st.sampled_from(
        [(parse_size, SIZE_UNITS), (parse_duration, DURATION_UNITS), (parse_rate, RATE_UNITS)]
    ),
    st.integers(0, 10**6),
    st.data(),
)
def test_every_unit_scales(
    pair: tuple[Callable[[str], float], dict[str, float]], number: int, data: st.DataObject
) -> None:
    parse, units = pair
    unit = data.draw(st.sampled_from(sorted(units)))
    assert parse(f"{number} {unit}") == pytest.approx(number * units[unit])


@given(st.text(max_size=20), st.sampled_from([parse_size, parse_duration, parse_rate]))
def test_any_text_is_a_number_from_0_or_refused(text: str, parse: Callable[[str], float]) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse(text) < math.inf

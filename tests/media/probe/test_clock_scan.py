"""The length of transport and program streams whose clocks jump or wrap."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from av1rules.media.probe import clock_scan
from av1rules.media.probe.clock_scan import WRAP, pictures_s, time_of_steps

PID = 0x100
FRAME = 3600
"""Ticks of a picture at 25 per second."""

HOUR = 3600 * 90_000


def _stamp(ticks: int) -> bytes:
    high, middle, low = ticks >> 30 & 7, ticks >> 15 & 0x7FFF, ticks & 0x7FFF
    return bytes(
        (0x21 | high << 1, middle >> 7, (middle << 1 & 0xFE) | 1, low >> 7, (low << 1 & 0xFE) | 1)
    )


def _pes(ticks: int) -> bytes:
    return b"\0\0\1\xe0\0\0\x80\x80\x05" + _stamp(ticks % WRAP)


def _packet(payload: bytes, *, pid: int = PID, starts: bool = False) -> bytes:
    head = bytes((0x47, (0x40 if starts else 0) | pid >> 8, pid & 0xFF, 0x10))
    return head + payload.ljust(184, b"\xff")


def _transport(times: Iterable[int], *, packets: int = 20, size: int = 188) -> bytes:
    """A picture of so many packets for each time."""
    rest = _packet(b"") * (packets - 1)
    film = b"".join(_packet(_pes(ticks), starts=True) + rest for ticks in times)
    if size == 188:
        return film
    return b"".join(b"time" + film[at : at + 188] for at in range(0, len(film), 188))


def _program(times: Iterable[int]) -> bytes:
    return b"".join(_pes(ticks) + b"\xaa" * 2000 for ticks in times)


def _run(start: int, frames: int) -> list[int]:
    return [start + number * FRAME for number in range(frames)]


PIECES = {
    "plain": [_run(0, 1500)],
    "a late start": [_run(7 * HOUR, 1500)],
    "a wrap of the clock": [_run(WRAP - 700 * FRAME, 1500)],
    "a jump forward": [_run(0, 700), _run(6 * HOUR, 800)],
    "a jump back": [_run(6 * HOUR, 700), _run(0, 800)],
    "a jump of minutes": [_run(0, 700), _run(700 * FRAME + 300 * 90_000, 800)],
    "many pieces": [_run(number * HOUR % (5 * HOUR), 75) for number in range(20)],
}


@pytest.mark.parametrize("whole", [True, False], ids=["read whole", "read at places"])
@pytest.mark.parametrize("kind", ["transport", "m2ts", "program"])
@pytest.mark.parametrize("name", PIECES)
def test_jumps_of_the_clock_are_no_time(
    name: str, kind: str, whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [ticks for piece in PIECES[name] for ticks in piece]
    path = tmp_path / "film"
    if kind == "program":
        path.write_bytes(_program(times))
    else:
        path.write_bytes(_transport(times, size=192 if kind == "m2ts" else 188))
    if not whole:
        monkeypatch.setattr(clock_scan, "READ_WHOLE_UP_TO", 0)
        monkeypatch.setattr(clock_scan, "WINDOW_BYTES", 64 * 1024)
    is_transport = kind != "program"
    found = pictures_s(
        str(path), stream_id=PID if is_transport else 0x1E0, is_transport=is_transport
    )
    assert found == pytest.approx(len(times) * FRAME / 90_000, rel=0.05)


def test_pictures_that_end_before_the_sound_count_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_scan, "READ_WHOLE_UP_TO", 0)
    path = tmp_path / "film.ts"
    path.write_bytes(_transport(_run(0, 1500)) + _packet(b"", pid=0x101) * 60_000)
    found = pictures_s(str(path), stream_id=PID, is_transport=True)
    assert found == pytest.approx(1499 * FRAME / 90_000, rel=0.05)


def test_a_stretch_of_few_bytes_is_time_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standing picture of five minutes between pictures of full size."""
    monkeypatch.setattr(clock_scan, "READ_WHOLE_UP_TO", 0)
    path = tmp_path / "film.ts"
    times = _run(0, 2 * 1500 + 7500)
    parts = (times[:1500], times[1500:9000], times[9000:])
    path.write_bytes(
        _transport(parts[0], packets=60) + _transport(parts[1], packets=1)
        + _transport(parts[2], packets=60)
    )  # fmt: skip
    found = pictures_s(str(path), stream_id=PID, is_transport=True)
    assert found == pytest.approx(times[-1] / 90_000, rel=0.01)


@pytest.mark.parametrize(
    ("ticks", "seconds"),
    [
        ((0,), 0.0),
        ((0, 90_000), 1.0),
        ((0, 7200, 3600), 0.08),  # a picture that is stored before one that is shown earlier
        ((0, 3600, 50_000_000, 50_003_600), 0.08),
        ((WRAP - 3600, 0, 3600), 0.08),
        ((0, 90_000, 180_000, 0, 90_000), 3.0),  # back by two seconds
        ((0, 9 * 90_000), 9.0),  # a gap that FFmpeg keeps
    ],
)
def test_steps_are_added_up(ticks: tuple[int, ...], seconds: float) -> None:
    assert time_of_steps(ticks) == pytest.approx(seconds)


@pytest.mark.parametrize("is_transport", [True, False])
def test_bytes_that_are_no_stream_have_no_length(is_transport: bool, tmp_path: Path) -> None:
    path = tmp_path / "film"
    for number in range(20):
        path.write_bytes(random.Random(number).randbytes(20_000))
        found = pictures_s(str(path), stream_id=PID, is_transport=is_transport)
        assert found is None or 0 <= found < 20_000
    path.write_bytes(b"")
    assert pictures_s(str(path), stream_id=PID, is_transport=is_transport) is None
    assert pictures_s(str(tmp_path / "none"), stream_id=PID, is_transport=is_transport) is None

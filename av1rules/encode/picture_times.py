"""When each picture is shown, as FFmpeg itself had it on its way: no file is read again for it.

FFmpeg writes one line a picture, beside its work: what the encoder was given while it encoded, what
the target holds while it is decoded. Both count on FFmpeg's own clock, on which a source whose
clock jumps goes on evenly; so they can be compared where the time stamps in the file can't.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from av1rules.ffmpeg.run import file_url

TIMES_NAME = "part.times"
"""Beside the unfinished file: the times of its pictures."""

MAX_PICTURES = 50_000_000
"""A day at 500 pictures a second; more is nonsense, and bounded."""

_LONGEST_LINE = 80
_TICKS = "q"  # 64 bit, as FFmpeg's own


class PictureTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The times of all pictures in the order shown, as whole ticks of `tick` seconds. `ticks` is an
    array of 64-bit numbers as bytes: a long film has hundreds of thousands."""

    tick: Fraction
    ticks: bytes

    def __len__(self) -> int:
        return len(self.ticks) // 8

    def seconds(self) -> Iterator[float]:
        """Since the first picture."""
        ticks = array(_TICKS, self.ticks)
        tick_s = float(self.tick)
        return ((one - ticks[0]) * tick_s for one in ticks)

    @property
    def span_s(self) -> float:
        """From the start of the first picture to the start of the last."""
        ticks = array(_TICKS, self.ticks)
        return float((ticks[-1] - ticks[0]) * self.tick) if ticks else 0.0

    @property
    def in_order(self) -> list[int]:
        """The pictures that come after all before them. At a join, or in a file whose times were
        written in the order of decoding, others come at the time of one before: FFmpeg moves these
        to the next free place, since no container can hold them otherwise."""
        latest, found = None, []
        for number, tick in enumerate(array(_TICKS, self.ticks)):
            if latest is None or tick > latest:
                found.append(number)
                latest = tick
        return found


def encoded_times_args(video: str, path: str) -> tuple[str, ...]:
    """Options that write the time of each picture that the encoder of `video` gets to `path`."""
    return _times_args(video, path, "{pts} {tb}")


def decoded_times_args(video: str, path: str) -> tuple[str, ...]:
    """The same of each picture as it was decoded."""
    return _times_args(video, path, "{ptsi} {tbi}")


def _times_args(video: str, path: str, line: str) -> tuple[str, ...]:
    return (f"-stats_enc_pre:{video}", file_url(path), f"-stats_enc_pre_fmt:{video}", line)


def take_times(path: str) -> PictureTimes | None:
    """The times that FFmpeg wrote to `path`, which is removed. None if it wrote none, or not all
    pictures have one."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return _read(file.readline(_LONGEST_LINE) for _ in range(MAX_PICTURES))
    except OSError:
        return None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _read(lines: Iterator[str]) -> PictureTimes | None:
    ticks, base = array(_TICKS), None
    for line in lines:
        if not line:
            break
        number, _, unit = line.strip().partition(" ")
        try:
            ticks.append(int(number))
            base = base or unit
        except (ValueError, OverflowError):
            return None
    tick = _tick(base or "")
    return PictureTimes(tick=tick, ticks=ticks.tobytes()) if tick else None


def _tick(text: str) -> Fraction | None:
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return found if found > 0 else None


def largest_drift_s(source: PictureTimes, target: PictureTimes) -> float:
    """How far a picture moved against the first one, at most, in seconds: over all pictures that
    both have, and that come in order in the source."""
    pairs = list(zip(source.seconds(), target.seconds(), strict=False))
    compared = (pairs[number] for number in source.in_order if number < len(pairs))
    return max((abs(after - before) for before, after in compared), default=0.0)


def spans_s(source: PictureTimes, target: PictureTimes) -> tuple[float, float]:
    """From the first picture to the last, in source and target: to the last one that comes in
    order, where both have the same pictures."""
    last = max(source.in_order, default=-1)
    if len(source) != len(target) or last + 1 == len(source):
        return source.span_s, target.span_s
    return list(source.seconds())[last], list(target.seconds())[last]

"""The sample aspects that MPEG-2 pictures say themselves. FFmpeg shows that of the container, or of
the first picture, for the whole film, so it can't tell that it changes on the way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.media.source import Source

_START = b"\x00\x00\x01\xb3"

_HEAD = 8
"""Start code, 12 bits each of width and height, 4 bits of aspect, 4 of rate."""

_PICTURE_ASPECTS = {2: Fraction(4, 3), 3: Fraction(16, 9), 4: Fraction(221, 100)}
"""The shape of the whole picture by MPEG-2's code; 1 is square pixels."""

_PLACE_BYTES = 4 * 1024**2
"""At each place: more than two seconds of DVD and broadcast."""

_STEP_BYTES = 64 * 1024**2
"""Read between two questions whether the run was stopped."""


def aspects_at(path: str, source: Source, *, places: int) -> tuple[str, ...]:
    """The sample aspects at some places of the file, each once, in their order. Raises OSError."""
    size = os.stat(path).st_size
    starts = (size * number // places for number in range(places))
    found = _aspects(path, source, ((start, start + _PLACE_BYTES) for start in starts))
    return tuple(dict.fromkeys(found))


def aspects_of_whole(path: str, source: Source, *, check: Callable[[], None]) -> tuple[str, ...]:
    """The sample aspects of the whole file, one more for each change, at the speed of the disk.
    Raises OSError and what `check` raises."""

    def parts() -> Iterator[tuple[int, int]]:
        for start in range(0, os.stat(path).st_size, _STEP_BYTES):
            check()
            yield start, start + _STEP_BYTES + _HEAD

    return tuple(_aspects(path, source, parts()))


def _aspects(path: str, source: Source, parts: Iterator[tuple[int, int]]) -> Iterator[str]:
    """The first one, and each that follows another."""
    main = source.main
    if main is None or not main.width or not main.height:
        return
    last: str | None = None
    with open_regular(path) as file:
        for start, end in parts:
            part = pread(file.fileno(), end - start, start)
            for code in _codes(part, main.width, main.height):
                aspect = _sample_aspect(code, main.width, main.height)
                if aspect != last:
                    yield aspect
                last = aspect


def _codes(part: bytes, width: int, height: int) -> Iterator[int]:
    """The aspect codes of all sequence headers with the size of the film: what only looks like a
    start code has another one."""
    wanted = (width << 12 | height).to_bytes(3, "big")
    place = part.find(_START + wanted)
    while place >= 0 and place + _HEAD <= len(part):
        code = part[place + 7] >> 4
        if code == 1 or code in _PICTURE_ASPECTS:
            yield code
        place = part.find(_START + wanted, place + _HEAD)


def _sample_aspect(code: int, width: int, height: int) -> str:
    if code == 1:
        return "1/1"
    value = _PICTURE_ASPECTS[code] * Fraction(height, width)
    return f"{value.numerator}/{value.denominator}"

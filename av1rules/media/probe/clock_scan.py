"""How long the pictures of a transport or program stream last, whatever its clock does.

Recordings are joined, and their clocks start anew, wrap after 26.5 hours or jump; the difference
between the last time and the first then says nothing. So the clock is read at places spread over
the file, and where two of them do not fit, between them, until the jump is found and left out.
FFmpeg does the same as it reads: what goes back, or forward by more than ten seconds, is no time of
the film. A few hundred small reads at most; the bytes are untrusted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread

TICKS_PER_S = 90_000
WRAP = 1 << 33
"""Presentation times have 33 bits."""

JUMP_S = 10.0
"""FFmpeg's own threshold (`dts_delta_threshold`): a gap that is longer is closed."""

REORDERED_S = 1.0
"""A picture is stored at most so far behind one that is shown later: 16 of them at 16 per second.
What goes back farther is a jump."""

PLACES = 24
WINDOW_BYTES = 256 * 1024
"""Some pictures at 10 Mb/s; a window without any, as of UHD, is done without."""

READ_WHOLE_UP_TO = 8 * 1024**2
"""A short file is read whole: it may be joined out of many pieces."""

MOST_READS = 200
"""Bounds the time for a file whose clock jumps everywhere; the rest is estimated by its size."""

LEAST_PACKET_BYTES = 128
"""Of a program stream, on average: those of DVD have 2048, of which most carry no time."""

UNLIKELY = 3.0
"""A stretch that takes so many times longer or shorter than others of its size is looked into."""

_TS_SIZES = (188, 192, 204)
_SYNC = 0x47


@dataclass(frozen=True, slots=True)
class Mark:
    """The times of pictures found in one window, in ticks and in order of the file, and the place
    of the first in bytes."""

    place: int
    ticks: tuple[int, ...]


def pictures_s(path: str, *, stream_id: int, is_transport: bool) -> float | None:
    """From the first picture's time to the last one's, in seconds without the jumps of the clock;
    None where no times are found. `stream_id` is the PID, or that of a program stream (0xE0).
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _Clock(file.fileno(), size, stream_id, is_transport).length_s()
    except (OSError, OverflowError):
        return None


@dataclass(slots=True)
class _Clock:
    descriptor: int
    size: int
    stream_id: int
    is_transport: bool
    reads: int = 0
    seconds_per_byte: float = field(default=0.0)

    def length_s(self) -> float | None:
        if self.size <= READ_WHOLE_UP_TO:
            whole = self._mark(0, self.size)
            return None if whole is None else time_of_steps(whole.ticks)
        step = (self.size - WINDOW_BYTES) // (PLACES - 1)
        marks = [self._mark(number * step) for number in range(PLACES)]
        found = [mark for mark in marks if mark is not None]
        if len(found) < 2:
            return None
        last = found[-1]
        if marks[-1] is None:  # the pictures end before the file does
            last = self._last_mark(last, min(last.place + step + WINDOW_BYTES, self.size))
            found[-1] = last
        self.seconds_per_byte = self._mean(found)
        stretches = sum(self._between(one, other) for one, other in pairwise(found))
        return stretches + time_of_steps(last.ticks)

    def _mark(self, place: int, length: int | None = None) -> Mark | None:
        self.reads += 1
        data = pread(self.descriptor, length or WINDOW_BYTES, place)
        find = transport_times if self.is_transport else program_times
        times = list(find(data, self.stream_id))
        if not times:
            return None
        return Mark(place=place + times[0][0], ticks=tuple(ticks for _, ticks in times))

    def _last_mark(self, low: Mark, high: int) -> Mark:
        """The last window with pictures, between one that has some and a place without."""
        while high - low.place > WINDOW_BYTES and self.reads < MOST_READS:
            middle = (low.place + high) // 2
            mark = self._mark(middle)
            if mark is None:
                high = middle
            elif mark.place > low.place:
                low = mark
            else:
                break
        return low

    def _mean(self, marks: list[Mark]) -> float:
        """Seconds of film in a byte: the median stretch, which jumps do not reach unless there is
        one in most stretches."""
        rates = [
            ticks_between(one.ticks[0], other.ticks[0]) / TICKS_PER_S / (other.place - one.place)
            for one, other in pairwise(marks)
            if other.place > one.place
        ]
        local = [rate for mark in marks if (rate := self._local_rate(mark)) is not None]
        return median(local if len(local) > len(marks) // 2 else rates) if rates else 0.0

    def _local_rate(self, mark: Mark) -> float | None:
        """Within a window; None where it has too few pictures to tell."""
        if len(mark.ticks) < 8:
            return None
        return time_of_steps(mark.ticks) / WINDOW_BYTES

    def _between(self, one: Mark, other: Mark) -> float:
        """Seconds of film between two marks."""
        length = other.place - one.place
        usual_s = max(length, 0) * self.seconds_per_byte
        clock_s = ticks_between(one.ticks[0], other.ticks[0]) / TICKS_PER_S
        if usual_s / UNLIKELY <= clock_s <= UNLIKELY * usual_s + JUMP_S:
            return clock_s
        if length <= WINDOW_BYTES:
            near = self._mark(one.place, length)
            return usual_s if near is None else time_of_steps(near.ticks)
        if self.reads >= MOST_READS:
            return usual_s
        middle = self._mark(one.place + length // 2)
        if middle is None or not one.place < middle.place < other.place:
            return usual_s
        return self._between(one, middle) + self._between(middle, other)


def ticks_between(earlier: int, later: int) -> int:
    """Forward on a clock that wraps: a time that went back is far ahead."""
    return (later - earlier) % WRAP


def time_of_steps(ticks: tuple[int, ...]) -> float:
    """Seconds from the first of these times to the last, in order of the file: pictures that are
    stored out of order go back and forth a little, jumps of the clock are left out."""
    total = reached = 0
    for before, after in pairwise(ticks):
        step = ticks_between(before, after)
        step = step - WRAP if step > WRAP // 2 else step
        is_jump = not -REORDERED_S * TICKS_PER_S <= step <= JUMP_S * TICKS_PER_S
        total = reached if is_jump else total + step
        reached = max(reached, total)
    return reached / TICKS_PER_S


def transport_times(data: bytes, pid: int) -> Iterator[tuple[int, int]]:
    """Place and presentation time of each picture of the PID that starts in this piece of a
    transport stream."""
    size, at = _packets(data)
    while size and at + 188 <= len(data):
        if data[at] != _SYNC:
            at = data.find(_SYNC, at + 1)
            if at < 0:
                return
            continue
        starts = data[at + 1] & 0x40
        if starts and ((data[at + 1] & 0x1F) << 8 | data[at + 2]) == pid:
            has_field, has_payload = data[at + 3] & 0x20, data[at + 3] & 0x10
            payload = at + 4 + (1 + data[at + 4] if has_field else 0)
            if has_payload and payload < at + 188:
                ticks = _pes_ticks(data[payload : at + 188])
                if ticks is not None:
                    yield at, ticks
        at += size


def _packets(data: bytes) -> tuple[int, int]:
    """Size of the packets and the place of the first; a size of 0 if these are none."""
    for start in range(min(len(data), 2 * max(_TS_SIZES))):
        if data[start] != _SYNC:
            continue
        for size in _TS_SIZES:
            places = range(start, min(start + 5 * size, len(data)), size)
            if len(places) >= 2 and all(data[place] == _SYNC for place in places):
                return size, start
    return 0, 0


def program_times(data: bytes, stream_id: int) -> Iterator[tuple[int, int]]:
    """Place and presentation time of each packet with one of this stream in a program stream."""
    code = bytes((0, 0, 1, stream_id & 0xFF))
    at = data.find(code)
    for _ in range(64 + len(data) // LEAST_PACKET_BYTES):
        if at < 0:
            return
        ticks = _pes_ticks(data[at : at + 64])
        if ticks is not None:
            yield at, ticks
        at = data.find(code, at + 4)


def _pes_ticks(pes: bytes) -> int | None:
    """The presentation time in the header of a PES packet (ISO 13818-1, 2.4.3.6) or of MPEG-1."""
    if len(pes) < 14 or pes[:3] != b"\0\0\1":
        return None
    if pes[6] & 0xC0 == 0x80:
        return _stamp(pes, 9) if pes[7] & 0x80 else None
    at = 6
    while at < len(pes) and pes[at] == 0xFF:  # stuffing of MPEG-1
        at += 1
    if at < len(pes) and pes[at] & 0xC0 == 0x40:  # size of its buffer
        at += 2
    return _stamp(pes, at) if at < len(pes) and pes[at] & 0xE0 == 0x20 else None


def _stamp(data: bytes, at: int) -> int | None:
    """33 bits in five bytes, with marker bits that tell a stamp from other bytes."""
    part = data[at : at + 5]
    if len(part) < 5 or not (part[0] & 1 and part[2] & 1 and part[4] & 1):
        return None
    high, middle, low = part[0] >> 1 & 7, part[1] << 7 | part[2] >> 1, part[3] << 7 | part[4] >> 1
    return high << 30 | middle << 15 | low

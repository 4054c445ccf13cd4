"""Reads what FFmpeg says of a film while it decodes all of it: how its pictures look, what changes
on the way, which streams begin late. Pure.

The pictures tell by a side branch of the filter graph (`watching`): FFmpeg's filter `showinfo`
prints those that can hold something new. Measured with 720p H.264: no difference in time, and the
encoded bytes are the same with and without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

_KEY_OR_FIRST_OF_FIELDS = r"if(key\,1\,if(interlace_type\,if(ld(0)\,0\,st(0\,1))\,0))"
"""Key frames, where size, colours and metadata may change, and the first picture of fields."""

_PRINTED = "showinfo=checksum=0,nullsink"

MOST_KINDS = 64
"""Different pictures and streams kept of one film: an untrusted file may change with each."""


def watching(filters: str) -> str:
    """The filter chain `filters` (empty: none) with the branches beside it that tell of its
    input."""
    return (
        f"split=3[film][keys][captions];[keys]select={_KEY_OR_FIRST_OF_FIELDS},{_PRINTED};"
        f"[captions]sidedata=mode=select:type=A53_CC,select=not(n),{_PRINTED};"
        f"[film]{filters or 'null'}"
    )


def summing(spans: Iterable[tuple[float, float]], filters: str) -> str:
    """The filter chain `filters` with a branch beside it that prints checksums of the pictures in
    the `spans`, in seconds."""
    wanted = "+".join(f"between(t\\,{low:.6f}\\,{high:.6f})" for low, high in spans)
    printed = f"[proof]select={wanted},showinfo=checksum=1,nullsink"
    return f"split=2[cut][proof];{printed};[cut]{filters}"


class ShownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """How a decoded picture looks, by FFmpeg's names; None for what it does not say."""

    pix_fmt: str
    width: int
    height: int
    sample_aspect: str | None = None
    is_interlaced: bool = False
    rotation: float | None = None
    range: str | None = None
    matrix: str | None = None
    primaries: str | None = None
    transfer: str | None = None
    has_captions: bool = False
    has_hdr10_plus: bool = False
    has_dolby_vision: bool = False


class PictureSum(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded picture by its time in ticks of its stream, and FFmpeg's checksum over it."""

    tick: int
    checksum: str


class LateStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that began after FFmpeg's first look: its kind ("audio"), its place in the file in
    bytes, and its time in seconds by the file's clock."""

    kind: str
    index: int
    at_byte: int | None = None
    at_s: float | None = None


_PREFIX = re.compile(r"\[Parsed_showinfo_\d+[^\]]*\] \[info\] ")
_PICTURE = re.compile(
    r"n: *\d+ pts: *(?P<tick>-?\w+).* fmt:(?P<fmt>\w+) cl:\w+ sar:(?P<sar>\d+/\d+) "
    r"s:(?P<w>\d+)x(?P<h>\d+) i:(?P<fields>.) iskey:\d type:. ?"
    r"(?:checksum:(?P<sum>[0-9A-F]{8}) plane_checksum:\[[0-9A-F ]*\] mean:\[[0-9 ]*\] "
    r"stdev:\[[0-9. ]*\] ?)?"
)
_COLOUR = re.compile(
    r"color_range:(?P<range>\S+) color_space:(?P<matrix>\S+) color_primaries:(?P<primaries>\S+) "
    r"color_trc:(?P<transfer>[a-z0-9-]+)"
)
_ROTATION = re.compile(r"displaymatrix: rotation of (-?\d+(?:\.\d+)?) degrees")
_LATE = re.compile(
    r"\[in#0[^\]]*\] \[warning\] New (?P<kind>[a-z]+) stream with index (?P<index>\d+) "
    r"at pos:(?P<pos>-?\d+) and DTS:(?P<dts>-?[\d.]+|NOPTS)s?"
)
_SOUND = re.compile(
    r"\[af#[^\]]*\] \[info\] Reconfiguring filter graph because audio parameters changed to "
    r"(\d+ Hz, .+?), (?:u8|s16|s32|s64|flt|dbl)p?(?:,|$)"
)


@dataclass(slots=True)
class FilmLog:
    """Takes lines of FFmpeg's log; keeps each different picture, sound and late stream once.
    `restarts` counts how often the size or the kind of scan is another one from a picture on;
    `sums` are the pictures that `summing` prints."""

    pictures: dict[ShownPicture, None] = field(default_factory=dict)
    restarts: int = 0
    late: dict[int, LateStream] = field(default_factory=dict)
    sounds: dict[str, None] = field(default_factory=dict)
    sums: list[PictureSum] = field(default_factory=list)
    _open: dict[str, object] = field(default_factory=dict)
    _shape: tuple[int, int, bool] | None = None

    def feed(self, line: str) -> str | None:
        """Take a line. Returns what is left of it for other readers: all of a line that is not
        only for this one, what another thread printed into one that is, or None."""
        shown = _PREFIX.match(line)
        if shown is not None:
            return self._shown(line[shown.end() :])
        if "] New " in line:
            self._begins(line)
        elif "Reconfiguring" in line and len(self.sounds) < MOST_KINDS:
            self.sounds |= {found[1]: None for found in _SOUND.finditer(line)}
        return line

    def _shown(self, text: str) -> str | None:
        if (picture := _PICTURE.match(text)) is not None:
            self._open = _picture(picture)
            if picture["sum"] and len(self.sums) < MOST_KINDS:
                tick = int(picture["tick"])
                self.sums.append(PictureSum(tick=tick, checksum=picture["sum"]))
            return text[picture.end() :] or None
        if (colour := _COLOUR.match(text)) is not None and self._open:
            words = {name: _word(value) for name, value in colour.groupdict().items()}
            shown = msgspec.convert(self._open | words, ShownPicture)
            if len(self.pictures) < MOST_KINDS:
                self.pictures[shown] = None
            shape = (shown.width, shown.height, shown.is_interlaced)
            self.restarts += self._shape not in (None, shape)
            self._shape = shape
            self._open = {}
            return text[colour.end() :] or None
        self._side_data(text)
        return None

    def _side_data(self, text: str) -> None:
        if "side data - " not in text or not self._open:
            return
        if "Closed Captions" in text:
            self._open["has_captions"] = True
        elif "SMPTE2094-40" in text:
            self._open["has_hdr10_plus"] = True
        elif "Dolby Vision" in text:
            self._open["has_dolby_vision"] = True
        elif (turn := _ROTATION.search(text)) is not None:
            self._open["rotation"] = float(turn[1])

    def _begins(self, line: str) -> None:
        found = _LATE.search(re.sub(r" @ 0x[0-9a-f]+", "", line))
        if found is None or len(self.late) >= MOST_KINDS:
            return
        index, position = int(found["index"]), int(found["pos"])
        self.late.setdefault(
            index,
            LateStream(
                kind=found["kind"],
                index=index,
                at_byte=position if position >= 0 else None,
                at_s=None if found["dts"] == "NOPTS" else float(found["dts"]),
            ),
        )


def _picture(found: re.Match[str]) -> dict[str, object]:
    aspect = found["sar"]
    return {
        "pix_fmt": found["fmt"],
        "width": int(found["w"]),
        "height": int(found["h"]),
        "sample_aspect": None if aspect.startswith("0/") else aspect,
        "is_interlaced": found["fields"] in "TB",
    }


def _word(text: str) -> str | None:
    return None if text in ("unknown", "unspecified", "reserved") else text

"""Which films are encoded in segments. Pure."""

from __future__ import annotations

import msgspec


class SegmentRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which films are encoded in segments: those whose forecast is longer than `from_s` seconds;
    None for none. `length` of a segment is in key frame distances of the encoder."""

    from_s: float | None = 3600.0
    length: int = 8

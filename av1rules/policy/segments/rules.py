"""Which films are encoded in segments. Pure."""

from __future__ import annotations

import msgspec

IDLE_FROM_S = 600.0
"""Where slots would stand idle, films are encoded in segments from this forecast on, in seconds: at
ten minutes two segments at once save more than reading all times first and joining cost."""


class SegmentRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which films are encoded in segments: those whose forecast is longer than `from_s` seconds;
    None for none. `length` of a segment is in key frame distances of the encoder."""

    from_s: float | None = 3600.0
    length: int = 8

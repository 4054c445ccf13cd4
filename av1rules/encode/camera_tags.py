"""Which tags of a phone or camera a target keeps: place, make, model, time. Pure.

Matroska holds any tag. FFmpeg's MP4 muxer writes a fixed set, or any tag in the way of QuickTime
(`use_metadata_tags`), which is where phones write theirs; covers have no place there.
"""

from __future__ import annotations

from av1rules.encode.containers import MKV
from av1rules.media.source import Source

PREFIXES = ("com.apple.quicktime.", "com.android.")
NAMES = frozenset({"location", "make", "model"})


def camera_tags(source: Source) -> tuple[str, ...]:
    """Keys of the tags by which a phone or camera says where, when and with what it filmed."""
    keys = (key for key, _ in source.tags)
    return tuple(key for key in keys if key in NAMES or key.startswith(PREFIXES))


def has_free_tags(source: Source, container: str) -> bool:
    """Whether the target's tags may have any name."""
    return container == MKV or bool(camera_tags(source) and not source.covers)

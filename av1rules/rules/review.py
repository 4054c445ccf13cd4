"""Which encodes a person wants to see before they are made, as a rule says it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DEFAULT_CLIP_S = 45.0
"""Seconds of a clip: the predecessor's, long enough for three kinds of hard scenes."""


class ReviewKind(Enum):
    EACH = "each"  # every film's clip is approved
    CANARY = "canary"  # the first few of a rule are, then the rest is released
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """`canary` is how many approvals release the rest of a rule, for CANARY; seconds of clip."""

    kind: ReviewKind = ReviewKind.NEVER
    canary: int | None = None
    clip_s: float = DEFAULT_CLIP_S

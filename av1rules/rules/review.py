"""Which encodes a person wants to see before they are made, as a rule says it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from av1rules.rules.settings import SourceTier

DEFAULT_CLIP_S = 45.0
"""Seconds of a clip: the predecessor's, long enough for three kinds of hard scenes."""

SHORTEST_CLIP_S, LONGEST_CLIP_S = 30.0, 60.0
"""The predecessor's too: shorter shows too little of each kind, longer only costs more."""

MOST_CANARIES = 1000
"""Above it `each` is meant; the schema has no say, since `canary(3)` is text to it."""


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

    @property
    def text(self) -> str:
        """As a rules file has it: `each`, `canary(3)`, `never`."""
        return self.kind.value if self.canary is None else f"{self.kind.value}({self.canary})"


TIER_REVIEWS = {
    SourceTier.REMUX: ReviewKind.EACH,
    SourceTier.WEB_DL: ReviewKind.NEVER,
    SourceTier.LOW_QUALITY: ReviewKind.NEVER,
}
"""Where no rule says otherwise: hours of encoding and the best source there is are worth a look."""

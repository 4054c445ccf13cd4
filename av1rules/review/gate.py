"""Whether an encode is worth beginning, as far as its samples tell. Pure."""

from __future__ import annotations

from av1rules.base.units import format_size
from av1rules.library.source import Source

SAMPLED_FROM_S = 600.0
"""Films shorter than this are not sampled for their size: samples would cost a large part of what
the gate during the encode finds out anyway."""

MARGIN = 1.35
"""So many times too large must a film be by its samples. The smallest that a film came to was 0.75
of what its samples said (docs/quality.md); only what is hopeless even then is left out."""


def is_worth_sampling(source: Source) -> bool:
    """Whether samples cost little beside the encode. A film of unknown length has none."""
    main = source.main
    duration_s = (main.duration_s if main is not None else None) or source.duration_s
    return duration_s is not None and duration_s >= SAMPLED_FROM_S


def hopeless(
    projected_bytes: int | None, *, source_bytes: int, max_size_ratio: float
) -> str | None:
    """Why the encode is not begun; None where it may still be small enough."""
    if projected_bytes is None or not source_bytes:
        return None
    if projected_bytes <= MARGIN * max_size_ratio * source_bytes:
        return None
    return (
        f"too large: by its samples {projected_bytes / source_bytes:.0%} of the source "
        f"({format_size(projected_bytes)}), the policy keeps at most {max_size_ratio:.0%}"
    )

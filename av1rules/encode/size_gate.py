"""The size gate: whether a result is, or would be, too large for `max_size_ratio`. Pure.

It applies three times: before an encode to the size of samples, during the encode to the projected
size, and at the end to the size of the result.
"""

from __future__ import annotations

from av1rules.base.units import format_size
from av1rules.media.source import Source

SAMPLED_FROM_S = 600.0
"""Shorter sources are not sampled for their size: the samples would cost a large part of the time
after which the live gate knows anyway."""

SAMPLE_MARGIN = 1.35
"""The samples must exceed the limit by this factor. The smallest result so far was 0.75 of what its
samples projected (docs/quality.md); only sources that fail even then are not encoded."""

LIVE_MIN_SHARE = 0.20
LIVE_MIN_FRAMES = 240
LIVE_MARGIN = 1.5
"""A running encode is stopped after a fifth of the source (and ten seconds of it) if its projected
size is 1.5 times the limit. Parts of a source differ, so the margin is wide; a result that is only
a little too large is discarded at the end."""


LENGTH_TOLERANCE = 0.05
"""A projection by a length this close is hardly another one next to `LIVE_MARGIN`."""


def is_worth_sampling(source: Source) -> bool:
    """Whether samples cost little next to the encode; False for a source of unknown duration."""
    film_s = source.film_s
    return film_s is not None and film_s >= SAMPLED_FROM_S


def too_large_by_samples(
    projected_bytes: int | None, *, source_bytes: int, max_size_ratio: float
) -> str | None:
    """Why an encode is not started; None if it may still be small enough."""
    if projected_bytes is None or not source_bytes:
        return None
    if projected_bytes <= SAMPLE_MARGIN * max_size_ratio * source_bytes:
        return None
    return (
        f"too large: by its samples {projected_bytes / source_bytes:.0%} of the source "
        f"({format_size(projected_bytes)}), the policy keeps at most {max_size_ratio:.0%}"
    )


def certain_bytes(
    size_bytes: int | None,
    *,
    frame: int | None,
    frames: int | None,
    film_s: float | None,
    length_s: float | None,
) -> int | None:
    """What a running encode will come to at least, for all that is known; None where nothing is.

    What was written is certain. A projection counts only with the measured length of the pictures
    (`length_s`), after `LIVE_MIN_SHARE` of it, and by whichever of frames (`frame` of about
    `frames`) and time (`film_s`) is farther: of pictures that come unevenly either may mislead.
    """
    if size_bytes is None:
        return None
    if not (frame and frames and film_s and length_s):
        return size_bytes
    done = max(frame / frames, film_s / length_s)
    is_enough = frame >= max(LIVE_MIN_FRAMES, frames * LIVE_MIN_SHARE)
    return round(size_bytes / min(done, 1.0)) if is_enough else size_bytes


def is_too_large_so_far(size_bytes: int, *, source_bytes: int, max_size_ratio: float) -> bool:
    """Whether to stop an encode that will come to this size at least (`certain_bytes`)."""
    return size_bytes > LIVE_MARGIN * max_size_ratio * source_bytes


def is_same_length(one_s: float | None, other_s: float | None) -> bool:
    """Whether projections by these lengths are worth the same; a length that is unknown refutes
    none."""
    if not (one_s and other_s):
        return True
    return abs(one_s - other_s) <= LENGTH_TOLERANCE * max(one_s, other_s)


def too_large(
    size_bytes: int, *, source_bytes: int, max_size_ratio: float, is_projected: bool
) -> str | None:
    """Why a result is discarded or an encode was stopped (`is_projected`); None if it is kept."""
    if not is_projected and size_bytes <= max_size_ratio * source_bytes:
        return None
    projected = "projected to be " if is_projected else ""
    return (
        f"too large: {projected}{size_bytes / source_bytes:.0%} of the source, "
        f"the policy keeps at most {max_size_ratio:.0%}"
    )

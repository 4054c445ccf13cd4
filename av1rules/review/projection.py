"""How large a film will be, as far as its test clip tells. Pure."""

from __future__ import annotations

from av1rules.library.source import Source

HARD_PASSAGES = "projected from hard passages: the film will rather be smaller"

UNKNOWN_SOUND = "sound whose bit rate is not known is left out of the projection"


def projected_bytes(
    source: Source, kept: frozenset[int], *, clip_bytes: int, clip_s: float
) -> int | None:
    """The pictures as large per second as in the clip, the tracks that are `kept` (stream numbers)
    as they are. None where a length is unknown.

    Tracks without a known rate count as nothing: subtitles are small, and sound nearly always says.
    """
    main = source.main
    duration_s = source.duration_s or (main.duration_s if main else None)
    if not duration_s or clip_s <= 0:
        return None
    rates = (audio.bitrate_bps or 0 for audio in source.audio if audio.index in kept)
    return int(clip_bytes / clip_s * duration_s + sum(rates) * duration_s / 8)

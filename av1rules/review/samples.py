"""Where samples of a film are taken. (the lead's place-holder until the real one lands)"""

from __future__ import annotations

from av1rules.library.source import Source


def sample_passages(source: Source) -> tuple[tuple[float, float], ...]:
    main = source.main
    duration = (main.duration_s if main else None) or source.duration_s or 0.0
    start = (main.start_s if main else None) or 0.0
    if duration <= 24:
        return ((start - 1, duration + 2),)
    step = duration * 0.9 / 6
    return tuple((round(start + duration * 0.05 + step * n, 3) + 0.01, 3.0) for n in range(6))

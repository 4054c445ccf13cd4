from __future__ import annotations

from enum import Enum

UHD_MIN_WIDTH = 2049


UHD_MIN_HEIGHT = 1153
"""From here on the 2160p numbers hold: DCI 2K (2048) and 1088-line 1080p still count as 1080p,
2560x1440 already as more, since it has twice the pixels and the same grain is finer."""


class Resolution(Enum):
    """Size classes by the longer and the shorter side, so that any shape finds its place."""

    SD = "sd"
    HD_720 = "720p"
    HD_1080 = "1080p"
    QHD_1440 = "1440p"
    UHD_2160 = "2160p"
    UHD_4320 = "4320p"


_CLASSES = (
    (Resolution.SD, 1024, 576),
    (Resolution.HD_720, 1280, 720),
    (Resolution.HD_1080, 2048, UHD_MIN_HEIGHT - 1),
    (Resolution.QHD_1440, 2560, 1440),
    (Resolution.UHD_2160, 4096, 2304),
)
"""Each class with its largest longer and shorter side: PAL wide, 720p, DCI 2K, QHD, DCI 4K."""


def resolution_of(width: int | None, height: int | None) -> Resolution | None:
    """The class that both sides fit in: 1920x800, 1440x1080 and 1080x1920 are 1080p."""
    if not width or not height:
        return None
    longer, shorter = max(width, height), min(width, height)
    for found, most_long, most_short in _CLASSES:
        if longer <= most_long and shorter <= most_short:
            return found
    return Resolution.UHD_4320

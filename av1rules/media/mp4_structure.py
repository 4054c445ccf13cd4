"""What an MP4 or QuickTime file says of its tracks and FFmpeg's tools do not show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

EMPTY = -1
"""The media time of an edit that shows nothing."""


class Mp4Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an edit list: show `duration_s` seconds of a track from `start_s` on, at `rate`
    times its speed; `start_s` None shows nothing."""

    start_s: Fraction | None
    duration_s: Fraction
    rate: float = 1.0


class Mp4Track(msgspec.Struct, frozen=True, kw_only=True):
    """One track. `index` is that of its stream in FFmpeg, None if it is none of its own.

    `edits` are there only if they are more than a late start and one stretch at ordinary speed.
    """

    number: int
    index: int | None
    handler: str
    is_enabled: bool = True
    alternate_group: int = 0
    references: tuple[tuple[str, tuple[int, ...]], ...] = ()
    edits: tuple[Mp4Edit, ...] = ()


class Mp4Structure(msgspec.Struct, frozen=True, kw_only=True):
    """`user_data` names the boxes of cameras and editors that FFmpeg knows nothing of."""

    tracks: tuple[Mp4Track, ...] = ()
    user_data: tuple[str, ...] = ()


def simplified(edits: Sequence[Mp4Edit], tick_s: Fraction) -> tuple[Mp4Edit, ...]:
    """The edits that matter for playback: none for a late start and one stretch.

    Stretches that follow each other without a gap are one; `tick_s` is how exactly the file can
    say it.
    """
    whole: list[Mp4Edit] = []
    for edit in edits:
        if edit.duration_s == 0 and len(edits) > 1:
            continue
        if whole and _goes_on(whole[-1], edit, tick_s):
            duration_s = whole[-1].duration_s + edit.duration_s
            whole[-1] = msgspec.structs.replace(whole[-1], duration_s=duration_s)
        else:
            whole.append(edit)
    if whole and whole[0].start_s is None:
        late, shown = whole[:1], whole[1:]
    else:
        late, shown = [], whole
    is_plain = not shown or (
        len(shown) == 1 and shown[0].start_s is not None and shown[0].rate == 1
    )
    return () if is_plain else (*late, *shown)


def _goes_on(before: Mp4Edit, after: Mp4Edit, tick_s: Fraction) -> bool:
    if before.start_s is None or after.start_s is None:
        return before.start_s is after.start_s
    gap_s = before.start_s + before.duration_s - after.start_s
    return before.rate == after.rate == 1 and abs(gap_s) <= tick_s

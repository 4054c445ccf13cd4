"""Films that somebody watches, as far as this machine shows it: files that players and media
servers have open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator

PROC = "/proc"

PLAYERS = (
    "mpv", "vlc", "ffplay", "mplayer", "smplayer", "totem", "celluloid", "dragon", "kodi", "haruna",
    "jellyfin", "EmbyServer", "Plex", "minidlna", "gerbera", "ffmpeg",
)  # fmt: skip
"""How the names of their processes begin. Others do not count: a program for torrents has open all
that it seeds, for months. An ffmpeg that is not ours is a media server's, which converts."""


def watched_films(roots: Collection[str], own: Collection[int]) -> frozenset[str] | None:
    """The paths below `roots` that players have open; None if this system does not show it. `own`
    are processes of this run."""
    try:
        names = os.listdir(PROC)
    except OSError:
        return None
    tops = tuple(f"{os.path.realpath(root)}/" for root in roots)
    processes = (int(name) for name in names if name.isdecimal())
    return frozenset(
        path
        for process in processes
        if process not in own and _is_player(process)
        for path in _open_files(process)
        if path.startswith(tops)
    )


def _is_player(process: int) -> bool:
    try:
        with open(f"{PROC}/{process}/comm", "rb") as file:
            return os.fsdecode(file.read()).startswith(PLAYERS)
    except OSError:  # it has ended
        return False


def _open_files(process: int) -> Iterator[str]:
    """Nothing of a process of another user, unless this one may look."""
    folder = f"{PROC}/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{name}")

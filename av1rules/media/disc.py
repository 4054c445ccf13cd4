"""Which files belong to a disc or a camera card: players find them by an index that names them.
Pure.

Known by path alone, which costs nothing in a plan of 100,000 files.
"""

from __future__ import annotations

import re

import msgspec


class DiscLayout(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of disc: the folder that all its films are below, their extensions, what names them,
    and a way to take the film out of it."""

    folder: str
    extensions: frozenset[str]
    index: str
    way_out: str


_PLAYLIST = "make one file of it (MakeMKV, or `mkvmerge -o film.mkv` with the playlist in {0})"
_TITLE_SET = "make one file of it (MakeMKV, or `mkvmerge -o film.mkv` with the first of its parts)"
_CARD = "copy the clips out of the card's folders"

_TRANSPORT = frozenset({"m2ts", "mts", "m2t", "ts", "ssif"})

LAYOUTS = (
    DiscLayout(
        folder="bdmv",
        extensions=_TRANSPORT,
        index="the disc's index, playlists (MPLS) and clip files (CLPI)",
        way_out=_PLAYLIST.format("BDMV/PLAYLIST"),
    ),
    DiscLayout(
        folder="bdav",
        extensions=_TRANSPORT,
        index="the disc's index, playlists (RPLS) and clip files (CLPI)",
        way_out="make one file of it (`mkvmerge -o film.mkv` with its streams in order)",
    ),
    DiscLayout(
        folder="video_ts",
        extensions=frozenset({"vob"}),
        index="the disc's IFO and BUP files",
        way_out=_TITLE_SET,
    ),
    DiscLayout(
        folder="hvdvd_ts",
        extensions=frozenset({"evo", "vob"}),
        index="the disc's IFO, MAP and playlist (XPL) files",
        way_out=_TITLE_SET,
    ),
    DiscLayout(
        folder="dvd_rtav",
        extensions=frozenset({"vro", "vob"}),
        index="the recorder's IFO file",
        way_out=_TITLE_SET,
    ),
    DiscLayout(
        folder="mpegav",
        extensions=frozenset({"dat", "mpg", "mpeg"}),
        index="the disc's INFO.VCD and ENTRIES.VCD",
        way_out=_TITLE_SET,
    ),
    DiscLayout(
        folder="m4root",
        extensions=frozenset({"mp4", "mxf"}),
        index="the camera card's MEDIAPRO.XML and clip files",
        way_out=_CARD,
    ),
    DiscLayout(
        folder="bpav",
        extensions=frozenset({"mp4", "mxf"}),
        index="the camera card's MEDIAPRO.XML and clip files",
        way_out=_CARD,
    ),
    DiscLayout(
        folder="xdroot",
        extensions=frozenset({"mxf", "mp4"}),
        index="the camera card's MEDIAPRO.XML and clip files",
        way_out=_CARD,
    ),
)
"""Compared in lower case, in this order."""

_FOLDERS = frozenset(layout.folder for layout in LAYOUTS)

_VIDEO_TS = next(layout for layout in LAYOUTS if layout.folder == "video_ts")

_TITLE_SET_NAME = re.compile(r"(?:vts_\d\d_\d|video_ts)\.vob")
"""Files of a DVD go by these names in whichever folder they were copied to."""


def disc_layout(path: str) -> DiscLayout | None:
    """The kind of disc that the file at `path` is a part of; None for any other film."""
    *folders, name = path.lower().split("/")
    if not _FOLDERS.isdisjoint(folders):
        extension = name.rpartition(".")[2]
        for layout in LAYOUTS:
            if layout.folder in folders and extension in layout.extensions:
                return layout
    return _VIDEO_TS if _TITLE_SET_NAME.fullmatch(name) else None

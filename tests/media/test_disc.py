"""Which paths are parts of a disc: by folder and extension, or by the names of a DVD."""

from __future__ import annotations

import pytest

from av1rules.media.disc import LAYOUTS, disc_layout


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/films/Film/BDMV/STREAM/00001.m2ts", "bdmv"),
        ("/films/Film/bdmv/stream/00001.M2TS", "bdmv"),
        ("/films/Film/BDMV/STREAM/SSIF/00001.ssif", "bdmv"),
        ("/cam/PRIVATE/AVCHD/BDMV/STREAM/00000.MTS", "bdmv"),
        ("/rec/BDAV/STREAM/00001.m2ts", "bdav"),
        ("/films/Film/VIDEO_TS/VTS_01_1.VOB", "video_ts"),
        ("/films/VIDEO_TS/VIDEO_TS.VOB", "video_ts"),
        ("/films/Film (1999)/VTS_02_4.vob", "video_ts"),
        ("/films/Film/HVDVD_TS/FEATURE_1.EVO", "hvdvd_ts"),
        ("/rec/DVD_RTAV/VR_MOVIE.VRO", "dvd_rtav"),
        ("/vcd/MPEGAV/AVSEQ01.DAT", "mpegav"),
        ("/cam/PRIVATE/M4ROOT/CLIP/C0001.MP4", "m4root"),
        ("/films/Film/film.m2ts", None),
        ("/films/Film/film.vob", None),
        ("/films/Film/VIDEO_TS/Film.mkv", None),
        ("/films/BDMV rips/Film.m2ts", None),
        ("/films/VTS_01_1.VOB/film.mkv", None),
        ("/films/my VTS_01_1.VOB", None),
    ],
)
def test_parts_of_a_disc(path: str, folder: str | None) -> None:
    layout = disc_layout(path)
    assert (None if layout is None else layout.folder) == folder


def test_every_layout_says_what_to_do() -> None:
    assert all(layout.index and layout.way_out for layout in LAYOUTS)

"""A film whose passages are known: black leader, dark, grainy and fast passages, credits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeClip

FILM_S = 100.0
BLACK, DARK, GRAINY, FAST, CREDITS = (0, 9), (24, 36), (48, 58), (70, 80), (90, 100)

_CALM = "gradients=s=192x112:r=12:c0=0x405060:c1=0xa0b0a0:x0=0:y0=0:x1=191:y1=111:speed=0.02"
_PARTS = (
    ("color=black:s=192x112:r=12", 9, "null"),
    (_CALM, 15, "null"),
    (_CALM, 12, "lutyuv=y='16+(val-16)*0.1'"),
    (_CALM, 12, "null"),
    (_CALM, 10, "noise=alls=14:allf=t:all_seed=7"),
    (_CALM, 12, "null"),
    ("testsrc2=s=192x112:r=12", 10, "scroll=h=0.07:v=0.03,gblur=2"),
    (_CALM, 10, "null"),
    (
        "color=black:s=192x112:r=12",
        10,
        "drawbox=60:30:70:6:white:fill,drawbox=50:50:90:6:white:fill,drawbox=70:70:50:6:white:fill",
    ),
)


@pytest.fixture(scope="session")
def known_film(make_clip: MakeClip) -> Path:
    """100 s of 12 pictures a second with a key frame every 10 s."""
    inputs = [
        word
        for source, length, _ in _PARTS
        for word in ("-f", "lavfi", "-t", str(length), "-i", source)
    ]
    chains = [
        f"[{number}]{change},format=yuv420p,setsar=1[p{number}]"
        for number, (_, _, change) in enumerate(_PARTS)
    ]
    joined = "".join(f"[p{number}]" for number in range(len(_PARTS)))
    graph = ";".join([*chains, f"{joined}concat=n={len(_PARTS)}[film]"])
    return make_clip(
        "film.mkv", *inputs, "-filter_complex", graph, "-map", "[film]",
        "-c:v", "mpeg4", "-q:v", "2", "-g", "120", "-sc_threshold", "1000000000",
    )  # fmt: skip

"""Targets that break one promise of the stream contract each, and no other: verification refuses
them in the words of this promise. See `tests/encode/test_broken_targets.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.encode.broken import CHAPTERS, DISPLAY, PQ, Bench, reasons, require_only

pytestmark = pytest.mark.real


@dataclass(frozen=True, slots=True)
class Break:
    """How FFmpeg breaks one promise of the contract, and the words of the refusal. `again` encodes
    the pictures once more, since the promise is about what is in them."""

    says: str
    options: tuple[str, ...]
    before: tuple[str, ...] = ()
    again: bool = False


def coloured(**values: str) -> tuple[str, ...]:
    return (
        "-filter:v:0",
        "setparams=" + ":".join(f"{key}={value}" for key, value in values.items()),
    )


def without(*kinds: str) -> tuple[str, ...]:
    return ("-filter:v:0", ",".join(f"sidedata=delete:type={kind}" for kind in kinds))


LIGHT, MASTERING = "CONTENT_LIGHT_LEVEL", "MASTERING_DISPLAY_METADATA"

CONTRACT = {
    "codec": Break(
        "video 0: codec should be av1, found hevc; codec should be av1, found hevc",
        (
            "-c:v:0",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            f"{PQ}:chromaloc=2:max-cll=1000,400:master-display={DISPLAY}:bframes=0",
        ),
    ),
    "language": Break(
        "audio 1: language should be ger, found eng", ("-metadata:s:a:0", "language=eng")
    ),
    "no language": Break(
        "subtitle 3: language should be fre, found none", ("-metadata:s:s:0", "language=")
    ),
    "invented language": Break(
        "audio 2: language should be none, found eng", ("-metadata:s:a:1", "language=eng")
    ),
    "title": Break(
        "audio 2: title should be Kommentar, found Film", ("-metadata:s:a:1", "title=Film")
    ),
    "invented title": Break(
        "audio 1: title should be none, found Film", ("-metadata:s:a:0", "title=Film")
    ),
    "dispositions": Break(
        "audio 2: dispositions should be comment, found comment+default",
        ("-disposition:a:1", "comment+default"),
    ),
    "no dispositions": Break(
        "subtitle 3: dispositions should be forced, found none", ("-disposition:s:0", "0")
    ),
    "a track too many": Break(
        "the streams should be: video av1, audio ac3, audio ac3, subtitle subrip; "
        "found: video av1, audio ac3, audio ac3, subtitle subrip, audio ac3",
        ("-map", "0:a:0"),
    ),
    "width": Break(
        "width should be 128, found 64; sample aspect should be 85/64, found 21/16",
        ("-filter:v:0", "crop=64:96"),
        again=True,
    ),
    "height": Break("height should be 96, found 64", ("-filter:v:0", "crop=128:64"), again=True),
    "bit depth": Break(
        "bit depth should be 10, found 8",
        ("-filter:v:0", "format=yuv420p,setparams=chroma_location=topleft"),
        again=True,
    ),
    "chroma": Break(
        "chroma should be 420, found 444; chroma location should be topleft, found none",
        ("-c:v:0", "libaom-av1", "-cpu-used", "8", "-pix_fmt:v:0", "yuv444p10le"),
        again=True,
    ),
    "sample aspect": Break("sample aspect should be 85/64, found 1", ("-aspect", "4:3")),
    "rotation": Break("rotation should be 0, found 90", (), before=("-display_rotation:v:0", "90")),
    "primaries": Break(
        "colour primaries should be bt2020, found bt709",
        coloured(color_primaries="bt709"),
        again=True,
    ),
    "transfer": Break(
        "transfer should be smpte2084, found bt709; HDR should be hdr10, found none",
        coloured(color_trc="bt709"),
        again=True,
    ),
    "matrix": Break(
        "matrix should be bt2020nc, found bt709", coloured(colorspace="bt709"), again=True
    ),
    "range": Break("range should be tv, found pc", coloured(range="pc"), again=True),
    "chroma location": Break(
        "chroma location should be topleft, found left",
        coloured(chroma_location="left"),
        again=True,
    ),
    "light levels": Break("light levels should be", without(LIGHT), again=True),
    "mastering display": Break("mastering display should be", without(MASTERING), again=True),
    "stereo": Break(
        "stereo mode should be left_right, found top_bottom",
        ("-metadata:s:v:0", "stereo_mode=top_bottom"),
    ),
    "transparency": Break(
        "transparency should be gone, found marked", ("-metadata:s:v:0", "alpha_mode=1")
    ),
    "attachments": Break("attachments should be a.ttf, found none", ("-map", "-0:t:0")),
    "covers": Break("covers should be cover.jpg, found none", ("-map", "-0:v:1")),
    "camera tags": Break("tags of the camera are missing: location", ("-metadata", "location=")),
    "no chapters": Break("expected 2 chapters, found 0", ("-map_chapters", "-1")),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_one_broken_promise_of_the_contract(name: str, bench: Bench) -> None:
    made = CONTRACT[name]
    make = bench.pictures if made.again else bench.remuxed
    require_only(reasons(bench.verified(make(*made.options, before=made.before))), made.says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CHAPTERS.format("Other", 1000), "chapter 1: title should be One, found Other"),
        (CHAPTERS.format("", 1000), "chapter 1: title should be One, found none"),
        (CHAPTERS.format("One", 1060), "chapter 2 should start at 1.0 s, found 1.06 s"),
        (CHAPTERS.format("One", 940), "chapter 2 should start at 1.0 s, found 0.94 s"),
        (CHAPTERS.format("One", 1040), None),
    ],
)
def test_chapters(text: str, says: str | None, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "meta.txt").write_text(text)
    path = tmp_path / "broken.mkv"
    both = ("-i", bench.good.path, "-i", tmp_path / "meta.txt")
    bench.ffmpeg(*both, "-map", "0", "-map_chapters", "1", "-c", "copy", path)
    found = reasons(bench.verified(path))
    assert found == ({} if says is None else {"contract": says})

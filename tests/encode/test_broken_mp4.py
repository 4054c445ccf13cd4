"""MP4 targets that break one promise of the stream contract each, and no other: made by FFmpeg, or
by a change in the bytes where FFmpeg writes it right. See `tests/encode/test_broken_contract.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ffmpeg.tools import Tools
from av1rules.policy.settings import Loss
from tests.conftest import MakeClip
from tests.encode.broken import CHAPTERS, DISPLAY, PQ, SOUNDS, SRT, Bench, reasons, require_only
from tests.encode.real import FAST, Way, go
from tests.encode.test_broken_contract import CONTRACT, Break
from tests.encode.test_real_layers import Kitchen
from tests.media.patched import box, sample_entry, with_box

pytestmark = pytest.mark.real

TRACKS = ("-map", "0:V:0", "-map", "0:a?", "-map", "0:s?")
COVER = ("-map", "0:v:1", "-disposition:v:1", "attached_pic")
HDR = f"{PQ}:chromaloc=2:max-cll=1000,400:master-display={DISPLAY}"
ROUND = box(b"vexu", box(b"proj", box(b"prji", bytes(4) + b"equi")))


@dataclass(frozen=True, slots=True)
class Mp4Bench(Bench):
    """As `Bench`, for MP4: chapters are a track there, which is not mapped."""

    kept: tuple[str, ...] = COVER

    def remuxed(self, *options: str | Path, before: Iterable[str] = ()) -> Path:
        path = self.folder / "broken.mp4"
        self.ffmpeg(
            *before, "-i", self.good.path, *TRACKS, *self.kept, "-c", "copy", "-strict",
            "unofficial", *options, path,
        )  # fmt: skip
        return path

    def patched(self, *changes: tuple[bytes, bytes]) -> Path:
        """The good target with other bytes."""
        path, data = self.folder / "broken.mp4", self.good.path.read_bytes()
        for old, new in changes:
            assert old in data
            assert len(old) == len(new)
            data = data.replace(old, new)
        path.write_bytes(data)
        return path


@pytest.fixture(scope="session")
def films(make_clip: MakeClip, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> list[Way]:
    """Films with all that the contract of an MP4 speaks of: one with a cover, one of a camera."""
    folder = tmp_path_factory.mktemp("good-mp4")
    (folder / "a.srt").write_text(SRT)
    chapters = CHAPTERS.format("One", 1000)
    (folder / "meta.txt").write_text(chapters.replace("location=+48.1+11.5/\n", ""))
    (folder / "place.txt").write_text(chapters)
    cover = make_clip("cover.jpg", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1")
    made = []
    for name, meta, more in (
        (
            "cover.mp4",
            "meta.txt",
            ("-map", "5:v", "-c:v:1", "copy", "-disposition:v:1", "attached_pic"),
        ),
        (
            "camera.mp4",
            "place.txt",
            ("-metadata", "com.apple.quicktime.make=Phone", "-movflags", "use_metadata_tags"),
        ),
    ):
        film = make_clip(
            name, "-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=2", *SOUNDS[:3],
            SOUNDS[3].format(2), *SOUNDS[4:], "-i", str(folder / "a.srt"),
            "-i", str(folder / meta), "-i", str(cover),
            "-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s", "-map_metadata", "4",
            "-filter:v:0", "setsar=4/3", "-c:v:0", "libx265", "-preset", "ultrafast",
            "-tag:v:0", "hvc1",
            "-pix_fmt:v:0", "yuv420p10le", "-x265-params", HDR, "-c:a", "ac3", "-c:s", "mov_text",
            "-metadata:s:a:0", "language=ger", "-disposition:a:0", "default",
            "-disposition:a:1", "comment", "-metadata:s:s:0", "language=fre", "-disposition:s:0",
            "default", *more,
        )  # fmt: skip
        source = folder / name
        source.write_bytes(with_box(film.read_bytes(), sample_entry(0, b"hvc1"), ROUND))
        (folder / name[:-4]).mkdir()
        made.append(go(source, folder / name[:-4], tools, replace(FAST, container="mp4")))
    return made


@pytest.fixture
def bench(films: list[Way], tools: Tools, tmp_path: Path) -> Mp4Bench:
    return Mp4Bench(films[0], tools, tmp_path)


@pytest.fixture
def camera(films: list[Way], tools: Tools, tmp_path: Path) -> Mp4Bench:
    return Mp4Bench(films[1], tools, tmp_path, ("-movflags", "use_metadata_tags"))


AS_IN_MATROSKA = (
    "language",
    "no language",
    "invented language",
    "height",
    "bit depth",
    "chroma",
    "rotation",
    "primaries",
    "transfer",
    "matrix",
    "range",
    "chroma location",
    "light levels",
    "mastering display",
    "no chapters",
)
"""Broken in the same way, and refused in the same words, in both containers."""

MP4 = {
    **{name: CONTRACT[name] for name in AS_IN_MATROSKA},
    "codec": Break(
        "video 0: codec should be av1, found hevc; codec should be av1, found hevc",
        ("-c:v:0", "libx265", "-preset", "ultrafast", "-tag:v:0", "hvc1", "-x265-params",
         f"{HDR}:bframes=0"),
    ),
    "dispositions": Break(
        "audio 1: dispositions should be none, found comment", ("-disposition:a:0", "comment")
    ),
    "no dispositions": Break(
        "audio 2: dispositions should be comment, found none", ("-disposition:a:1", "0")
    ),
    "a track too many": Break(
        "the streams should be: video av1, audio ac3, audio ac3, subtitle mov_text; "
        "found: video av1, audio ac3, audio ac3, subtitle mov_text, audio ac3",
        ("-map", "0:a:0"),
    ),
    "width": Break(
        "width should be 128, found 64; sample aspect should be 4/3, found 8/3",
        ("-filter:v:0", "crop=64:96", "-aspect:v:0", "16:9"),
        again=True,
    ),
    "sample aspect": Break("sample aspect should be 4/3, found 1", ("-aspect:v:0", "4:3")),
    "spherical": Break("spherical pictures should be", ("-strict", "normal")),
    "no covers": Break("covers should be mjpeg, found none", ("-map", "-0:v:1")),
    "another cover": Break("covers should be mjpeg, found png", ("-c:v:1", "png")),
}  # fmt: skip


def test_the_good_ones_pass_unchanged(bench: Mp4Bench, camera: Mp4Bench) -> None:
    for one in (bench, camera):
        assert one.good.failed == []
        assert reasons(one.verified(one.remuxed())) == {}
        assert reasons(one.verified(one.pictures())) == {}
        assert reasons(one.verified(one.patched())) == {}


@pytest.mark.parametrize("name", MP4)
def test_one_broken_promise_in_mp4(name: str, bench: Mp4Bench) -> None:
    made = MP4[name]
    make = bench.pictures if made.again else bench.remuxed
    require_only(reasons(bench.verified(make(*made.options, before=made.before))), made.says)


PATCHES: dict[str, tuple[tuple[bytes, bytes], str]] = {
    "sample aspect": (
        (b"pasp\x00\x00\x00\x04", b"pasp\x00\x00\x00\x03"),
        "sample aspect should be 4/3, found 1",
    ),
    "light levels": ((b"clli\x03\xe8", b"clli\x03\xe9"), "light levels should be"),
    "no mastering display": ((b"mdcv", b"free"), "mastering display should be"),
    "another sphere": ((b"prji\0\0\0\0equi", b"prji\0\0\0\0hequ"), "spherical pictures should be"),
    "language": (  # five bits a letter
        (b"\x1c\xb2\x00\x00\x00\x00\x00\x2dhdlr", b"\x15\xc7\x00\x00\x00\x00\x00\x2dhdlr"),
        "audio 1: language should be ger, found eng",
    ),
    "a chapter's title": ((b"\x03One", b"\x03Two"), "chapter 1: title should be One, found Two"),
}


@pytest.mark.parametrize("name", PATCHES)
def test_one_patched_promise_in_mp4(name: str, bench: Mp4Bench) -> None:
    change, says = PATCHES[name]
    require_only(reasons(bench.verified(bench.patched(change))), says)


VISION = box(b"dvvC", bytes([1, 0, 10 << 1 | 1, 0x30 | 4 | 1, 1 << 4]) + bytes(19))


def test_a_record_of_dolby_vision_that_is_not_kept(bench: Mp4Bench, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(in_sample_entry(bench.remuxed().read_bytes(), VISION))
    require_only(
        reasons(bench.verified(path)),
        "HDR should be hdr10, found dolby-vision+hdr10; Dolby Vision should be gone, found its "
        "record",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CHAPTERS.format("Other", 1000), "chapter 1: title should be One, found Other"),
        (CHAPTERS.format("One", 1060), "chapter 2 should start at 1.0 s, found 1.06 s"),
        (CHAPTERS.format("One", 940), "chapter 2 should start at 1.0 s, found 0.94 s"),
        (CHAPTERS.format("One", 1040), None),
    ],
)
def test_chapters_in_mp4(text: str, says: str | None, bench: Mp4Bench, tmp_path: Path) -> None:
    (tmp_path / "meta.txt").write_text(text)
    path = tmp_path / "broken.mp4"
    both = ("-i", bench.good.path, "-i", tmp_path / "meta.txt")
    rest = ("-map_chapters", "1", "-c", "copy", "-strict", "unofficial")
    bench.ffmpeg(*both, *TRACKS, *COVER, *rest, path)
    found = reasons(bench.verified(path))
    assert found == ({} if says is None else {"contract": says})


def test_tags_of_the_camera_in_mp4(camera: Mp4Bench) -> None:
    lost = camera.remuxed("-movflags", "-use_metadata_tags")
    assert reasons(camera.verified(lost)) == {
        "contract": "tags of the camera are missing: com.apple.quicktime.make"
    }
    lost = camera.remuxed("-metadata", "location=", "-metadata", "location-eng=")
    assert reasons(camera.verified(lost)) == {
        "contract": "tags of the camera are missing: location"
    }


def test_ambient_light_in_mp4(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    kitchen = Kitchen(make_clip, tmp_path)
    good = go(kitchen.ambient("light.mp4"), tmp_path, tools, replace(FAST, container="mp4"))
    assert good.failed == []
    bench = Mp4Bench(good, tools, tmp_path, ())
    require_only(
        reasons(bench.verified(bench.patched((b"amve", b"free")))),
        "the ambient viewing environment should be kept, found none",
    )


def test_a_mark_of_two_views_that_mp4_does_not_keep(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    two = make_clip(
        "views.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.6", "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-metadata:s:v", "stereo_mode=left_right",
    )  # fmt: skip
    settings = replace(FAST, container="mp4", accept=frozenset({Loss.STEREO_3D}))
    good = go(two, tmp_path, tools, settings)
    assert good.failed == []
    path = tmp_path / "broken.mp4"
    marked = box(b"st3d", bytes(4) + b"\x02")
    path.write_bytes(
        in_sample_entry(Mp4Bench(good, tools, tmp_path, ()).remuxed().read_bytes(), marked)
    )
    bench = Mp4Bench(good, tools, tmp_path, ())
    require_only(reasons(bench.verified(path)), "stereo mode should be mono, found left_right")


def in_sample_entry(data: bytes, more: bytes) -> bytes:
    """A box more in what describes the pictures; the index must lie at the end."""
    return with_box(data, sample_entry(0, b"av01"), more)

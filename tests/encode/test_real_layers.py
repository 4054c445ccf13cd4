"""Films with second layers, stereo and spherical pictures and MP4 structure, made by FFmpeg.

Each is kept, or held with a remedy; an accepted loss leaves no false mark, by ffprobe's own word.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.losses import find_losses
from av1rules.ffmpeg.tools import Tools
from av1rules.policy.settings import Loss
from tests.conftest import MakeClip
from tests.encode.real import FAST, Way, go
from tests.media.patched import (
    ONE,
    box,
    sample_entry,
    track,
    with_box,
    with_edits,
    with_reference,
    with_stream_type,
    with_units,
)

pytestmark = pytest.mark.real

PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.6")
ALPHA_PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.6,format=yuva420p")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0")
PQ = ("-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")

MVC_SLICE = bytes([0x74, 0x40, 0x00, 0x07]) + b"\xaa" * 20
SVC_SLICE = bytes([0x74, 0xC0, 0x80, 0x07]) + b"\xaa" * 20
HEVC_LAYER_SLICE = bytes([0x02, 0x09]) + b"\xaa" * 20
AMBIENT = bytes([0x4E, 0x01, 148, 8, 0x00, 0x2F, 0xE9, 0xA0, 0x3D, 0x13, 0x40, 0x42, 0x80])
H264_SLICES, HEVC_SLICES = (b"\x65", b"\x41"), (b"\x02\x01", b"\x26\x01", b"\x28\x01")


def dolby_vision(profile: int, compatibility: int, *, has_base: bool = True) -> bytes:
    """A record of level 6; without a base it is that of an enhancement layer."""
    flags = profile << 9 | 6 << 3 | 1 << 2 | (not has_base) << 1 | has_base
    content = bytes([1, 0]) + flags.to_bytes(2, "big") + bytes([compatibility << 4]) + bytes(19)
    return box(b"dvcC" if profile <= 7 else b"dvvC", content)


class Kitchen:
    """Makes the inputs: by FFmpeg alone, or with a change in the bytes."""

    def __init__(self, make_clip: MakeClip, folder: Path) -> None:
        self._make, self._folder = make_clip, folder

    def plain(self, name: str, *arguments: str) -> Path:
        return self._make(name, *arguments)

    def patched(self, name: str, path: Path, change: Callable[[bytes], bytes]) -> Path:
        target = self._folder / name
        target.write_bytes(change(path.read_bytes()))
        return target

    def with_unit(self, name: str, codec: tuple[str, ...], unit: bytes) -> Path:
        is_hevc = codec is not H264
        bare = self.plain("bare.hevc" if is_hevc else "bare.264", *PICTURES, *codec)
        slices = HEVC_SLICES if is_hevc else H264_SLICES
        changed = self.patched(f"u.{bare.suffix}", bare, lambda d: with_units(d, unit, slices))
        whole = self._folder / "whole.mp4"
        self._remux(whole, "-r", "25", "-i", str(changed))
        path = self._folder / name
        self._remux(path, "-i", str(whole))
        return path

    def _remux(self, path: Path, *arguments: str) -> None:
        made = self._make(path.name, *arguments, "-c", "copy")
        shutil.copy(made, path)

    def ambient(self, name: str) -> Path:
        return self.with_unit(name, (*HEVC, "-pix_fmt", "yuv420p10le", *PQ), AMBIENT)

    def edited(self, *edits: tuple[float, float | None, int]) -> Path:
        plain = self.plain("plain.mp4", *PICTURES, *H264)
        return self.patched("edited.mp4", plain, lambda data: with_edits(data, 0, edits))

    def two_tracks(self, change: Callable[[bytes], bytes]) -> Path:
        tag = ("-tag:v", "hvc1", "-pix_fmt", "yuv420p10le", *PQ)
        two = self.plain("two.mp4", *PICTURES, "-map", "0:v", "-map", "0:v", *HEVC, *tag)
        return self.patched("layers.mp4", two, change)

    def vision(self, profile: int, compatibility: int, *colours: str) -> Path:
        tag = ("-tag:v", "hvc1", "-pix_fmt", "yuv420p10le", *colours)
        plain = self.plain("hevc.mp4", *PICTURES, *HEVC, *tag)
        record = dolby_vision(profile, compatibility)
        return self.patched(
            "vision.mp4", plain, lambda data: with_box(data, sample_entry(0, b"hvc1"), record)
        )

    def spherical(self, projection: bytes) -> Path:
        plain = self.plain("plain.mp4", *PICTURES, *H264)
        boxes = box(b"vexu", box(b"proj", box(b"prji", bytes(4) + projection)))
        return self.patched(
            "round.mp4", plain, lambda data: with_box(data, sample_entry(0, b"avc1"), boxes)
        )

    def spherical_v1(self) -> Path:
        """As Google first marked it: XML in an extension of the track."""
        names = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://ns.google.com/videos/1.0/"
        facts = {"Spherical": "true", "Stitched": "true", "StitchingSoftware": "x"}
        facts["ProjectionType"] = "equirectangular"
        inner = "".join(f"<G:{key}>{value}</G:{key}>" for key, value in facts.items())
        head = f'<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="{names[0]}"'
        head = f'{head} xmlns:GSpherical="{names[1]}spherical/">'
        text = f"{head}{inner}</rdf:SphericalVideo>".replace("G:", "GSpherical:")
        marked = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + text.encode()
        plain = self.plain("plain.mp4", *PICTURES, *H264)
        return self.patched(
            "v1.mp4", plain, lambda data: with_box(data, track(0), box(b"uuid", marked))
        )

    def google_stereo(self) -> Path:
        plain = self.plain("plain.mp4", *PICTURES, *H264)
        stereo = box(b"st3d", bytes(4) + b"\x02")
        return self.patched(
            "st3d.mp4", plain, lambda data: with_box(data, sample_entry(0, b"avc1"), stereo)
        )


@pytest.fixture(name="kitchen")
def _kitchen(make_clip: MakeClip, tmp_path: Path) -> Kitchen:
    return Kitchen(make_clip, tmp_path)


def _el_in_own_track(data: bytes) -> bytes:
    record = dolby_vision(7, 6, has_base=False)
    return with_reference(with_box(data, sample_entry(1, b"hvc1"), record), 1, b"vdep", 1)


HELD: dict[str, tuple[Callable[[Kitchen], Path], str, Loss]] = {
    "alpha of HEVC": (
        lambda k: k.plain("a.mp4", *ALPHA_PICTURES, *HEVC, "-x265-params", "alpha=1:log-level=none",
                          "-pix_fmt", "yuva420p"), "mkv", Loss.ALPHA),
    "alpha of VP9": (
        lambda k: k.plain("a.webm", *ALPHA_PICTURES, "-c:v", "libvpx-vp9", "-deadline", "realtime",
                          "-cpu-used", "8", "-pix_fmt", "yuva420p"), "mkv", Loss.ALPHA),
    "alpha of VP8": (
        lambda k: k.plain("a8.webm", *ALPHA_PICTURES, "-c:v", "libvpx", "-auto-alt-ref", "0",
                          "-pix_fmt", "yuva420p"), "mkv", Loss.ALPHA),
    "MVC in MP4": (lambda k: k.with_unit("v.mp4", H264, MVC_SLICE), "mkv", Loss.SECOND_LAYER),
    "MVC in Matroska": (lambda k: k.with_unit("v.mkv", H264, MVC_SLICE), "mp4", Loss.SECOND_LAYER),
    "MVC in TS": (lambda k: k.with_unit("v.ts", H264, MVC_SLICE), "mkv", Loss.SECOND_LAYER),
    "SVC": (lambda k: k.with_unit("s.mkv", H264, SVC_SLICE), "mkv", Loss.SECOND_LAYER),
    "SHVC": (lambda k: k.with_unit("s.mp4", HEVC, HEVC_LAYER_SLICE), "mkv", Loss.SECOND_LAYER),
    "MVC in a track of its own": (
        lambda k: k.patched("d.ts", k.plain("two.ts", *PICTURES, "-map", "0:v", "-map", "0:v",
                                            *H264), lambda data: with_stream_type(data, 1, 0x20)),
        "mkv", Loss.SECOND_LAYER),
    "an auxiliary track": (
        lambda k: k.two_tracks(lambda data: with_reference(data, 1, b"auxl", 1)),
        "mkv", Loss.SECOND_LAYER),
    "Dolby Vision in two tracks": (
        lambda k: k.two_tracks(_el_in_own_track), "mkv", Loss.DOLBY_VISION),
    "Dolby Vision 7": (lambda k: k.vision(7, 6, *PQ), "mkv", Loss.DOLBY_VISION),
    "Dolby Vision 7 without tags": (lambda k: k.vision(7, 6), "mkv", Loss.DOLBY_VISION),
    "Dolby Vision 8.4 without tags": (lambda k: k.vision(8, 4), "mp4", Loss.DOLBY_VISION),
    "Dolby Vision 8.2 without tags": (lambda k: k.vision(8, 2), "mkv", Loss.DOLBY_VISION),
    "side by side to MP4": (
        lambda k: k.plain("s.mkv", *PICTURES, *H264, "-metadata:s:v", "stereo_mode=left_right"),
        "mp4", Loss.STEREO_3D),
    "frames in turn": (
        lambda k: k.plain("t.mp4", *PICTURES, *H264, "-x264-params", "frame-packing=5"),
        "mkv", Loss.STEREO_3D),
    "half a sphere to Matroska": (lambda k: k.spherical(b"hequ"), "mkv", Loss.SPHERICAL),
    "reordered": (lambda k: k.edited((0.2, 0.4, ONE), (0.2, 0.0, ONE)), "mkv", Loss.MP4_STRUCTURE),
    "frozen": (lambda k: k.edited((0.2, 0.0, ONE), (0.2, 0.2, 0)), "mkv", Loss.MP4_STRUCTURE),
    "slow": (lambda k: k.edited((0.6, 0.0, ONE // 2)), "mp4", Loss.MP4_STRUCTURE),
    "a gap": (
        lambda k: k.edited((0.2, 0.0, ONE), (0.2, None, ONE), (0.2, 0.4, ONE)),
        "mkv", Loss.MP4_STRUCTURE),
}  # fmt: skip
"""Input, container of the target, and the one loss that holds it."""


@pytest.mark.parametrize("name", HELD)
def test_a_film_is_held_and_once_accepted_its_target_says_nothing_false(
    name: str, kitchen: Kitchen, tmp_path: Path, tools: Tools
) -> None:
    make, container, loss = HELD[name]
    path = make(kitchen)
    settings = replace(FAST, container=container)
    held = go(path, tmp_path, tools, settings).held
    assert [one.loss for one in held] == [loss]
    assert f"`accept: [{loss.value}]`" in held[0].message
    way = go(path, tmp_path, tools, replace(settings, accept=frozenset({loss})))
    assert way.failed == []
    (video,) = _videos(way, tools)
    assert _false_marks(video) == []


def _videos(way: Way, tools: Tools) -> list[dict[str, Any]]:
    asked = (tools.ffprobe, "-v", "error", "-of", "json", "-show_streams", "-select_streams", "v")
    done = subprocess.run([*asked, str(way.path)], check=True, capture_output=True)
    streams: list[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return streams


def _false_marks(video: dict[str, Any]) -> list[str]:
    tags = {key.lower() for key in video.get("tags", {})} & {"alpha_mode", "stereo_mode"}
    sides = [
        side["side_data_type"]
        for side in video.get("side_data_list", ())
        if side["side_data_type"] in ("Spherical Mapping", "DOVI configuration record")
        or (side["side_data_type"] == "Stereo 3D" and side["type"] != "2D")
    ]
    return [*sorted(tags), *sides]


def _side(video: dict[str, Any], kind: str) -> dict[str, Any]:
    found = [one for one in video.get("side_data_list", ()) if one["side_data_type"] == kind]
    return found[0] if found else {}


def _equirectangular(kitchen: Kitchen) -> Path:
    return kitchen.spherical(b"equi")


KEPT: dict[str, tuple[Callable[[Kitchen], Path], str, str, dict[str, Any]]] = {
    "stereo of Matroska": (
        lambda k: k.plain("s.mkv", *PICTURES, *H264, "-metadata:s:v", "stereo_mode=bottom_top"),
        "mkv", "Stereo 3D", {"type": "top and bottom", "inverted": 1}),
    "frame packing": (
        lambda k: k.plain("p.mkv", *PICTURES, *H264, "-x264-params", "frame-packing=3"),
        "mkv", "Stereo 3D", {"type": "side by side", "inverted": 0}),
    "frame packing in TS": (
        lambda k: k.plain("p.ts", *PICTURES, *H264, "-x264-params", "frame-packing=4"),
        "mkv", "Stereo 3D", {"type": "top and bottom", "inverted": 0}),
    "stereo of MP4": (
        lambda k: k.google_stereo(), "mkv", "Stereo 3D", {"type": "side by side", "inverted": 0}),
    "a sphere to MP4": (
        _equirectangular, "mp4", "Spherical Mapping", {"projection": "equirectangular"}),
    "a sphere to Matroska": (
        _equirectangular, "mkv", "Spherical Mapping", {"projection": "equirectangular"}),
    "a sphere as first marked": (
        lambda k: k.spherical_v1(), "mp4", "Spherical Mapping", {"projection": "equirectangular"}),
    "half a sphere to MP4": (
        lambda k: k.spherical(b"hequ"), "mp4", "Spherical Mapping",
        {"projection": "half equirectangular"}),
    "ambient light in frames alone": (
        lambda k: k.ambient("light.mkv"), "mp4", "Ambient viewing environment",
        {"ambient_illuminance": "3140000/10000"}),
}  # fmt: skip
"""Input, container of the target, and what ffprobe shows of it."""


@pytest.mark.parametrize("name", KEPT)
def test_what_a_container_can_hold_is_kept(
    name: str, kitchen: Kitchen, tmp_path: Path, tools: Tools
) -> None:
    make, container, kind, shown = KEPT[name]
    way = go(make(kitchen), tmp_path, tools, replace(FAST, container=container))
    assert way.failed == []
    (video,) = _videos(way, tools)
    assert shown.items() <= _side(video, kind).items()


def test_the_base_of_dolby_vision_is_tagged_as_its_record_promises(
    kitchen: Kitchen, tmp_path: Path, tools: Tools
) -> None:
    accepted = replace(FAST, accept=frozenset({Loss.DOLBY_VISION}))
    for profile, compatibility, transfer in ((7, 6, "smpte2084"), (8, 4, "arib-std-b67")):
        way = go(kitchen.vision(profile, compatibility), tmp_path, tools, accepted)
        assert way.failed == []
        assert _videos(way, tools)[0]["color_transfer"] == transfer


def test_ambient_light_is_told_where_matroska_loses_it(
    kitchen: Kitchen, tmp_path: Path, tools: Tools
) -> None:
    way = go(kitchen.ambient("light.mp4"), tmp_path, tools)
    assert way.failed == []
    told = find_losses(way.source, FAST, way.job.streams, way.job.encoder)
    assert [(one.loss, one.accepted) for one in told] == [(Loss.STREAMS, True)]
    assert "ambient viewing environment" in told[0].message


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_tags_of_a_phone_are_kept(
    container: str, kitchen: Kitchen, tmp_path: Path, tools: Tools
) -> None:
    tags = {
        "com.apple.quicktime.model": "iPhone",
        "make": "Apple",
        "location": "+48.1000+011.5000/",
    }
    options = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    flags = ("-movflags", "use_metadata_tags")
    phone = kitchen.plain("phone.mov", *PICTURES, *H264, *options, *flags)
    way = go(phone, tmp_path, tools, replace(FAST, container=container))
    assert way.failed == []
    asked = (tools.ffprobe, "-v", "error", "-of", "json", "-show_format", str(way.path))
    done = subprocess.run(asked, check=True, capture_output=True)
    found = {key.lower(): value for key, value in json.loads(done.stdout)["format"]["tags"].items()}
    assert {key: found.get(key) for key in tags} == tags


@pytest.fixture(name="media2")
def _media2(media_dir: Path) -> Path:
    folder = media_dir.parent / "media-2"
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder}")
    return folder


@pytest.mark.media
@pytest.mark.parametrize("container", ["mkv", "mp4"])
@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("hevc-mv-stereo-spherical.mov", Loss.SECOND_LAYER),
        ("h264-dovi9.mp4", Loss.DOLBY_VISION),
    ],
)
def test_real_clips_are_held_and_leave_nothing_false(
    name: str, loss: Loss, container: str, media2: Path, tmp_path: Path, tools: Tools
) -> None:
    settings = replace(FAST, container=container)
    held = go(media2 / name, tmp_path, tools, settings).held
    assert [(one.loss, one.acceptable) for one in held] == [(loss, True)]
    way = go(media2 / name, tmp_path, tools, replace(settings, accept=frozenset({loss})))
    assert way.failed == []
    assert _false_marks(_videos(way, tools)[0]) == []

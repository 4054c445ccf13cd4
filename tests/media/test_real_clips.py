"""Every real clip shows the facts that its manifest line states."""

from __future__ import annotations

import csv
import os
import re
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe import ffprobe as probe
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.probe.file_head import read_head
from av1rules.media.source import AudioStream, HdrKind, Source, SubtitleStream, VideoStream
from tests.conftest import library_file

pytestmark = [pytest.mark.real, pytest.mark.media]

ODD_RATES = {
    # 1000/1 is Matroska's time base, not a rate: the pictures come every 33 ms.
    "mkv-ass.mkv": Fraction(30),
    "mkv-srt.mkv": Fraction(30),
    # No average in these containers.
    "av1-filmgrain-8bit.ivf": Fraction(30),
    "theora-vorbis.ogv": Fraction(30_000, 1001),
}
VARIABLE = {
    "h264-vfr-webcam.mov", "hevc10-hdr10plus-phone-1080p.mp4", "h264-bt601.mov", "h264-eac3.mp4",
    "h264-hi422-10bit-pq.mkv", "hevc10-hdr10-mdcv-cll.mkv",
}  # fmt: skip
"""Phones and cut clips: distances between their pictures differ by more than a quarter frame."""


def _manifest() -> list[dict[str, str]]:
    folder = Path(os.environ.get("AV1RULES_MEDIA") or Path(__file__).parents[3] / "shared/media")
    if not (folder / "MANIFEST.tsv").is_file():
        return []
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = _manifest()
READABLE = [row for row in ROWS if not row["probe_errors"].startswith("exit 1")]
BROKEN = [row for row in ROWS if row["probe_errors"].startswith("exit 1")]


def test_manifest_is_whole(media_dir: Path) -> None:
    assert len(ROWS) == 67
    assert all((media_dir / row["file"]).is_file() for row in ROWS)


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row["file"])
def test_broken_clip_is_refused(row: dict[str, str], tools: Tools, media_dir: Path) -> None:
    with pytest.raises(ProbeError):
        probe_file(library_file(media_dir / row["file"]), tools)


@pytest.mark.parametrize("row", READABLE, ids=lambda row: row["file"])
def test_clip_shows_what_its_manifest_says(
    row: dict[str, str], tools: Tools, media_dir: Path
) -> None:
    source = probe_file(library_file(media_dir / row["file"]), tools)
    assert source.container == row["container"]
    if row["duration_s"] not in ("none", "-"):
        assert source.duration_s == pytest.approx(float(row["duration_s"]), abs=0.002)
    _check_others(row, source)
    videos = [] if row["video"] == "none" else row["video"].split("; ")
    assert len(source.video) == len(videos)
    for number, stream in enumerate(source.video):
        _check_video({name: _nth(text, number) for name, text in row.items()}, stream)
    if not videos:
        assert source.main is None


@pytest.mark.parametrize("row", READABLE, ids=lambda row: row["file"])
def test_decoding_would_not_have_told_more(
    row: dict[str, str], tools: Tools, media_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short cut that spares decoding (picture_scan) loses no fact."""
    file = library_file(media_dir / row["file"])
    quick = probe_file(file, tools).main
    monkeypatch.setattr(probe, "_hints", lambda *_: None)
    slow = probe_file(file, tools).main
    if quick is None or slow is None:
        assert quick is slow
        return
    for fact in ("is_interlaced", "hdr_kinds", "mastering_display", "content_light"):
        assert getattr(quick, fact) == getattr(slow, fact), fact
    assert quick.dolby_vision == slow.dolby_vision
    assert bool(quick.has_captions) == bool(slow.has_captions)


def _nth(text: str, number: int) -> str:
    parts = text.split("; ")
    return parts[number] if number < len(parts) else parts[0]


def _check_video(row: dict[str, str], stream: VideoStream) -> None:
    codec, *_, pix_fmt = row["video"].split()
    assert stream.codec == codec
    assert stream.pix_fmt == (None if pix_fmt == "no-pix_fmt" else pix_fmt)
    assert (stream.is_decodable is False) == (pix_fmt == "no-pix_fmt")
    assert row["size"].split()[0] == f"{stream.width}x{stream.height}"
    aspect = re.search(r"sar (\d+):(\d+)", row["size"])
    wanted = Fraction(int(aspect[1]), int(aspect[2])) if aspect else Fraction(1)
    assert (stream.sample_aspect or Fraction(1)) == wanted
    turned = re.search(r"rot (-?\d+)", row["size"])
    assert stream.rotation == (int(turned[1]) if turned else None)
    depth = row["bit_depth"]
    assert stream.bit_depth == (None if depth == "?" else int(depth))
    colour = stream.colour
    shown = (colour.primaries, colour.transfer, colour.matrix, colour.range)
    assert "/".join(word or "-" for word in shown) == row["color"]
    assert bool(stream.is_interlaced) == (row["interlaced"].partition("/ ")[2][0] != "0")
    _check_rate(row, stream)
    _check_hdr(row, stream)


def _check_rate(row: dict[str, str], stream: VideoStream) -> None:
    name = row["file"]
    if name in ODD_RATES:
        assert stream.frame_rate == ODD_RATES[name]
    else:
        assert stream.frame_rate is not None
        assert float(stream.frame_rate) == pytest.approx(float(row["fps"].split()[0]), abs=0.002)
    assert (stream.is_variable_rate is True) == (name in VARIABLE)
    assert stream.bitrate_bps is None or stream.bitrate_bps > 0


def _check_hdr(row: dict[str, str], stream: VideoStream) -> None:
    output = row["hdr"]
    kinds = stream.hdr_kinds or frozenset()
    transfer = row["color"].split("/")[1]
    assert (stream.mastering_display is not None) == ("MDCV" in output)
    assert (stream.content_light is not None) == ("CLL" in output)
    assert (HdrKind.HDR10_PLUS in kinds) == ("HDR10+" in output)
    assert (HdrKind.DOLBY_VISION in kinds) == ("DOVI" in output)
    assert (HdrKind.HLG in kinds) == (transfer == "arib-std-b67")
    assert (HdrKind.HDR10 in kinds) == (transfer == "smpte2084" and "MDCV" in output)
    assert (HdrKind.PQ in kinds) == (transfer == "smpte2084" and output == "-")
    vision = re.search(r"DOVI (\d+)\.(\d+)", output)
    if vision:
        assert stream.dolby_vision is not None
        assert stream.dolby_vision.profile == int(vision[1])
        assert stream.dolby_vision.compatibility_id == int(vision[2])
        assert stream.dolby_vision.has_enhancement_layer is False


def _check_others(row: dict[str, str], source: Source) -> None:
    audio = "; ".join(_audio(stream) for stream in source.audio) or "none"
    assert audio == re.sub(r" (und|-)(?=;|$)", " -", row["audio"])
    subtitles = "; ".join(_subtitle(stream) for stream in source.subtitles) or "none"
    assert subtitles == row["subs"]
    assert len(source.chapters) == int(row["chapters"])
    extras = [] if row["attachments"] == "none" else row["attachments"].split("; ")
    shown = [
        " ".join(filter(None, ("picture", one.codec, f"{one.width}x{one.height}", one.filename)))
        if one.is_cover
        else f"attachment {one.filename} {one.mimetype}"
        for one in source.attachments
    ]
    shown += [f"data {one.tag if one.codec is None else one.codec}" for one in source.data]
    assert sorted(shown) == sorted(extras)


def _audio(stream: AudioStream) -> str:
    words = [stream.codec, stream.profile, f"{stream.channels}ch", _tongue(stream)]
    return " ".join(word for word in words if word)


def _subtitle(stream: SubtitleStream) -> str:
    return f"{stream.codec} {_tongue(stream)}"


def _tongue(stream: AudioStream | SubtitleStream) -> str:
    marks = sorted(stream.dispositions & {"comment", "forced", "hearing_impaired"})
    return "+".join([stream.language or "-", *marks])


def _main(name: str, tools: Tools, media_dir: Path) -> VideoStream:
    main = probe_file(library_file(media_dir / name), tools).main
    assert main is not None
    return main


def test_best_picture_is_the_film_not_the_first(tools: Tools, media_dir: Path) -> None:
    main = _main("h264-multivideo-movtext-nasa.mp4", tools, media_dir)
    assert (main.index, main.width, main.height) == (3, 480, 270)


@pytest.mark.parametrize(
    "name", ["mp4-coverart.mp4", "h264-coverart-1frame.mp4", "mkv-everything.mkv"]
)
def test_cover_is_never_the_film(name: str, tools: Tools, media_dir: Path) -> None:
    source = probe_file(library_file(media_dir / name), tools)
    assert [stream.codec for stream in source.video] == ["h264"]
    assert len(source.covers) == 1


def test_captions_inside_the_pictures_are_seen(tools: Tools, media_dir: Path) -> None:
    assert _main("h264-cea608-fragmented.mp4", tools, media_dir).has_captions is True
    assert _main("h264-720p30-bee.mp4", tools, media_dir).has_captions is False
    assert _main("mpeg2-480i-bff-ac3.ts", tools, media_dir).has_captions is False


def test_encrypted_film_is_not_decodable(tools: Tools, media_dir: Path) -> None:
    assert _main("encrypted-cenc.mp4", tools, media_dir).is_decodable is False


def test_lossless_sound_is_told_by_codec_and_profile(tools: Tools, media_dir: Path) -> None:
    source = probe_file(library_file(media_dir / "mkv-lossless-audio.mkv"), tools)
    assert [(one.codec, one.is_lossless) for one in source.audio] == [
        ("truehd", True),
        ("dts", True),
        ("eac3", False),
        ("flac", True),
        ("aac", False),
    ]


def test_phone_leaves_luminance_out_of_its_mastering_display(tools: Tools, media_dir: Path) -> None:
    display = _main("hevc10-hdr10plus-phone-1080p.mp4", tools, media_dir).mastering_display
    assert display is not None
    assert display.red is not None
    assert display.max_luminance is None


def test_stale_statistics_are_not_believed(tools: Tools, media_dir: Path) -> None:
    """Its tag says 14.3 Mb/s in a file of 0.75 Mb/s."""
    source = probe_file(library_file(media_dir / "mkv-pgs.mkv"), tools)
    assert source.main is not None
    assert source.bitrate_bps is not None
    assert source.main.bitrate_bps is not None
    assert source.main.bitrate_bps < source.bitrate_bps


@pytest.mark.parametrize("row", READABLE, ids=lambda row: row["file"])
def test_sparing_the_first_picture_loses_nothing(
    row: dict[str, str], tools: Tools, media_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = library_file(media_dir / row["file"])
    quick = probe_file(file, tools)
    monkeypatch.setattr(probe, "read_head", lambda path: replace(read_head(path), plain_tracks=0))
    assert quick == probe_file(file, tools)

"""Every real clip: either it is encoded and proved good, or it is held or refused, and we know why.

The table is what a person saw by looking at each outcome, not what came out.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from av1rules.base.errors import EncodeError, ProbeError
from av1rules.encode.losses import find_losses
from av1rules.encode.streams import StreamAction
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import HdrKind
from av1rules.policy.settings import Loss
from tests.conftest import MakeClip
from tests.encode.real import FAST, Way, go

pytestmark = [pytest.mark.real, pytest.mark.media]

UNREADABLE = ("broken-empty.mkv", "broken-no-moov.mp4", "broken-text.mkv")

DAMAGED = ("broken-truncated.mkv", "broken-truncated.mp4")

HOPELESS = ("audio-only.mp4", "encrypted-cenc.mp4", "hevc10-dovi5-sparks.mp4")

HELD = {
    "h264-444-testcard.mp4": {Loss.CHROMA},
    "h264-480i-tff.mkv": {Loss.INTERLACED},
    "h264-cea608-fragmented.mp4": {Loss.CAPTIONS},
    "h264-hi422-10bit-pq.mkv": {Loss.CHROMA},
    "h264-rotated-iphone.mov": {Loss.STREAMS},
    "hevc10-dovi84-hlg-rotated.mov": {Loss.STREAMS},
    "hevc10-hdr10plus-144p.mkv": {Loss.HDR10_PLUS},
    "hevc10-hdr10plus-phone-1080p.mp4": {Loss.HDR10_PLUS},
    "mkv-chapters.mkv": {Loss.CHROMA},
    "mpeg2-480i-bff-ac3.ts": {Loss.INTERLACED},
    "prores422-trail.mov": {Loss.CHROMA},
}

CHANGED = {
    "h264-720p30-dog-tmcd.mp4": ["data 2: drop"],
    "h264-chapters-data.mp4": ["data 2: drop"],
    "h264-coverart-1frame.mp4": ["cover 2: attach"],
    "h264-multivideo-movtext-nasa.mp4": ["subtitle 2: convert", "subtitle 5: convert"],
    "mkv-everything.mkv": ["cover 8: attach"],
    "mp4-coverart.mp4": ["subtitle 2: convert", "cover 3: attach"],
}
"""Streams that are not simply copied, in clips that are encoded as they are."""

PLAIN = (
    "av1-filmgrain-8bit.ivf",
    "av1-hdr10-mdcv-clli-1080p60.mp4",
    "av1-sdr-aac.mp4",
    "flv1-adpcm.flv",
    "h263-bbb.3gp",
    "h264-1080p-street-fullrange.264",
    "h264-1080p25-street-grain.mkv",
    "h264-480p-film-bw.mp4",
    "h264-720p24-park-noaudio.mp4",
    "h264-720p30-bee.mp4",
    "h264-ac3.ts",
    "h264-anamorphic-8x9.mp4",
    "h264-bt601.mov",
    "h264-eac3.mp4",
    "h264-editlist-shift.mp4",
    "h264-hi10-testcard.mp4",
    "h264-lowbitrate-bottles-40s.mp4",
    "h264-pcm24.mp4",
    "h264-rotated-portrait.mov",
    "h264-sintel-51-eng.mp4",
    "h264-vfr-webcam.mov",
    "hevc10-dovi81-144p.mkv",
    "hevc10-hdr10-mdcv-cll.mkv",
    "hevc10-hlg-chart-1080p.mp4",
    "hevc10-pq-no-static-metadata.mp4",
    "mkv-ass.mkv",
    "mkv-lossless-audio.mkv",
    "mkv-pgs.mkv",
    "mkv-srt.mkv",
    "mkv-vobsub.mkv",
    "mpeg1-bear.mpg",
    "mpeg2-bear.m2ts",
    "mpeg2-city-night-ps.mpg",
    "mpeg4-ac3-bear.avi",
    "mpeg4sp-mp3.avi",
    "msmpeg4v3-bear.asf",
    "theora-vorbis.ogv",
    "vp8-tears-of-steel-70s.webm",
    "vp9-161x121.webm",
    "vp9-opus-sar.webm",
    "vp9-tractor.webm",
    "xvid-packed-bframes.avi",
)


def changes(way: Way) -> list[str]:
    plain = (StreamAction.ENCODE, StreamAction.COPY)
    steps = [step for step in way.job.streams.steps if step.action not in plain]
    return [f"{step.kind} {step.index}: {step.action.value}" for step in steps]


def test_the_table_names_every_clip(media_dir: Path) -> None:
    named = {*UNREADABLE, *DAMAGED, *HOPELESS, *HELD, *CHANGED, *PLAIN}
    assert named == {path.name for path in media_dir.iterdir()} - {"MANIFEST.tsv"}


@pytest.mark.parametrize("name", [*PLAIN, *CHANGED])
def test_encoded_and_good(name: str, media_dir: Path, tools: Tools, tmp_path: Path) -> None:
    way = go(media_dir / name, tmp_path, tools)
    assert way.failed == []
    assert changes(way) == CHANGED.get(name, [])


@pytest.mark.parametrize("name", HELD)
def test_held_and_good_once_accepted(
    name: str, media_dir: Path, tools: Tools, tmp_path: Path
) -> None:
    held = go(media_dir / name, tmp_path, tools).held
    assert {finding.loss for finding in held} == HELD[name]
    assert all(finding.acceptable for finding in held)
    assert list(tmp_path.iterdir()) == []
    way = go(media_dir / name, tmp_path, tools, structs.replace(FAST, accept=frozenset(HELD[name])))
    assert way.failed == []


@pytest.mark.parametrize("name", ["h264-480i-tff.mkv", "mpeg2-480i-bff-ac3.ts"])
def test_deinterlaced_and_good(name: str, media_dir: Path, tools: Tools, tmp_path: Path) -> None:
    way = go(media_dir / name, tmp_path, tools, structs.replace(FAST, deinterlace="bwdif"))
    assert way.failed == []
    assert not way.target.video[0].is_interlaced


@pytest.mark.parametrize("name", HOPELESS)
def test_refused_whatever_is_accepted(
    name: str, media_dir: Path, tools: Tools, tmp_path: Path
) -> None:
    way = go(media_dir / name, tmp_path, tools, structs.replace(FAST, accept=frozenset(Loss)))
    assert not any(finding.acceptable for finding in way.held)
    assert way.held


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(name: str, media_dir: Path, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="the source is damaged"):
        go(media_dir / name, tmp_path, tools)
    assert list(tmp_path.iterdir()) == []
    way = go(
        media_dir / name, tmp_path, tools, structs.replace(FAST, accept=frozenset({Loss.DAMAGE}))
    )
    assert way.failed == []


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name: str, media_dir: Path, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(ProbeError):
        go(media_dir / name, tmp_path, tools)


@pytest.mark.parametrize(
    ("name", "losses"),
    [
        ("mkv-everything.mkv", {Loss.STREAMS}),
        ("mkv-pgs.mkv", {Loss.STREAMS}),
        ("mkv-lossless-audio.mkv", set()),
        ("flv1-adpcm.flv", set()),
        ("mp4-coverart.mp4", set()),
        ("mpeg1-bear.mpg", set()),
        ("h264-chapters-data.mp4", set()),
        ("hevc10-dovi81-144p.mkv", set()),
        ("hevc10-hdr10-mdcv-cll.mkv", set()),
        ("h264-rotated-portrait.mov", set()),
    ],
)
def test_mp4_targets(
    name: str, losses: set[Loss], media_dir: Path, tools: Tools, tmp_path: Path
) -> None:
    wanted = structs.replace(FAST, container="mp4")
    held = go(media_dir / name, tmp_path, tools, wanted).held
    assert {finding.loss for finding in held} == losses
    way = go(media_dir / name, tmp_path, tools, structs.replace(wanted, accept=frozenset(losses)))
    assert way.failed == []


def test_hdr10_plus_may_be_kept_by_libaom(
    media_dir: Path, tools: Tools, tmp_path: Path, make_clip: MakeClip
) -> None:
    if "libaom-av1" not in {item.codec for item in tools.encoders}:
        pytest.skip("this FFmpeg has no libaom-av1")
    clip = make_clip(
        "plus.mkv", "-i", str(media_dir / "hevc10-hdr10plus-144p.mkv"), "-c", "copy", "-frames:v",
        "4",
    )  # fmt: skip
    wanted = structs.replace(FAST, encoder="libaom-av1", preset=13)
    (held,) = go(clip, tmp_path, tools, wanted).held
    assert held.message.startswith("HDR10+ may be lost")
    way = go(clip, tmp_path, tools, structs.replace(wanted, accept=frozenset({Loss.HDR10_PLUS})))
    assert way.failed == []
    if tools.version >= (9, 0):
        assert HdrKind.HDR10_PLUS in (way.target.video[0].hdr_kinds or ())


@pytest.mark.parametrize(("container", "is_kept"), [("mkv", False), ("mp4", True)])
def test_ambient_viewing_environment_is_kept_or_told_of(
    container: str, is_kept: bool, media_dir: Path, tools: Tools, tmp_path: Path
) -> None:
    wanted = structs.replace(FAST, container=container, accept=frozenset({Loss.STREAMS}))
    way = go(media_dir / "hevc10-dovi84-hlg-rotated.mov", tmp_path, tools, wanted)
    assert way.failed == []
    assert way.source.video[0].has_ambient_viewing is True
    assert (way.target.video[0].has_ambient_viewing is True) == is_kept
    losses = find_losses(way.source, wanted, way.job.streams, way.job.encoder)
    output = [loss for loss in losses if "ambient viewing environment" in loss.message]
    assert (not output) == is_kept
    assert all(loss.accepted for loss in output)

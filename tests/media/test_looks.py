"""Looks along a film: no false alarm over real clips, no error for what can not be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import ProbeError
from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import lone_file
from av1rules.media.film_facts import FilmFacts, with_film
from av1rules.media.looks import look_along
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import MakeClip

CLIPS = (
    "h264-480i-tff.mkv", "h264-ac3.ts", "h264-anamorphic-8x9.mp4", "h264-rotated-iphone.mov",
    "hevc10-hdr10plus-144p.mkv", "mpeg2-480i-bff-ac3.ts", "mpeg2-bear.m2ts", "vp9-opus-sar.webm",
    "xvid-packed-bframes.avi",
)  # fmt: skip


@pytest.mark.parametrize("name", CLIPS)
def test_real_films_stay_as_they_begin(tools: Tools, media_dir: Path, name: str) -> None:
    path = str(media_dir / name)
    source = probe_file(lone_file(path), tools)
    seen = look_along(path, source, tools=tools, children=Children())
    assert seen.pictures
    assert with_film(source, seen) == source


def test_what_can_not_be_read_tells_nothing(
    tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    whole = make_clip("film.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=1")
    source = probe_file(lone_file(str(whole)), tools)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"\x00" * 4096)
    with pytest.raises(ProbeError):
        probe_file(lone_file(str(broken)), tools)
    assert look_along(str(broken), source, tools=tools, children=Children()) == FilmFacts()

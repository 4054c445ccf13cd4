"""WebVTT in Matroska, in both ways to hold it: kept, or its text converted and the rest told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.policy.settings import Loss
from tests.conftest import MakeClip, library_file
from tests.encode.real import FAST, go
from tests.hostile.forge import FILM, SUBTITLE, element, frames, matroska, track

VTT = """WEBVTT

intro
00:00.000 --> 00:00.200 position:10%
Hello <b>you</b>

00:00.240 --> 00:00.400
Good bye
"""

FILM_OPTIONS = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "x.vtt"
    path.write_text(VTT)
    return path


def text_of(film: Path, tools: Tools) -> list[str]:
    """The lines of the first subtitles, read by a call of its own."""
    argv = [tools.ffmpeg, "-v", "error", "-i", str(film), "-map", "0:s:0", "-f", "srt", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    return [line for line in done.stdout.splitlines() if any(map(str.isalpha, line))]


@pytest.mark.parametrize(
    ("container", "accept", "codec"),
    [("mkv", frozenset(), "webvtt"), ("mp4", frozenset({Loss.STREAMS}), "mov_text")],
)
def test_webm_webvtt(
    container: str,
    accept: frozenset[Loss],
    codec: str,
    make_clip: MakeClip,
    notes: Path,
    tools: Tools,
    tmp_path: Path,
) -> None:
    film = make_clip(
        "d.mkv", *FILM_OPTIONS, "-i", str(notes), "-map", "0", "-map", "1",
        "-c:v", "mpeg4", "-c:s", "copy",
    )  # fmt: skip
    assert probe_file(library_file(film), tools).subtitles[0].codec == "webvtt"
    settings = replace(FAST, container=container, accept=accept)
    way = go(film, tmp_path, tools, settings)
    assert way.failed == []
    assert [one.codec for one in way.target.subtitles] == [codec]
    assert text_of(way.path, tools) == ["Hello <b>you</b>", "Good bye"]


def cues(*texts: bytes) -> bytes:
    """Pictures, and subtitles of track 2 as mkvmerge stores them: the text alone."""
    blocks = b""
    for number, text in enumerate(texts):
        stamp = (number * 240).to_bytes(2, "big")
        block = element("a1", b"\x82" + stamp + b"\0" + text)
        more = element("75a1", element("a6", element("ee", b"\1") + element("a5", b"a\nb\n")))
        blocks += element("a0", block + element("9b", b"\xa0") + more)
    return frames() + element("1f43b675", element("e7", b"\0") + blocks)


CUES = (b"Hello <b>you</b>", b"Good bye")


@pytest.mark.parametrize(("container", "codec"), [("mkv", "subrip"), ("mp4", "mov_text")])
@pytest.mark.parametrize("maker", ["forge", "mkvmerge"])
def test_matroska_webvtt(
    container: str, codec: str, maker: str, notes: Path, tools: Tools, tmp_path: Path
) -> None:
    film = tmp_path / "s.mkv"
    tracks = FILM + track(2, SUBTITLE, b"S_TEXT/WEBVTT")
    film.write_bytes(matroska(tracks=tracks, cluster=cues(*CUES)))
    if maker == "mkvmerge":
        if shutil.which("mkvmerge") is None:
            pytest.skip("mkvmerge is not installed")
        film.write_bytes(matroska())
        argv = ["mkvmerge", "-q", "-o", str(tmp_path / "m.mkv"), str(film), str(notes)]
        subprocess.run(argv, check=True, timeout=60)
        film = tmp_path / "m.mkv"
    (subtitles,) = probe_file(library_file(film), tools).subtitles
    assert (subtitles.codec, subtitles.is_text) == ("webvtt", True)
    settings = replace(FAST, container=container)
    (held,) = go(film, tmp_path, tools, settings).held
    assert held.loss is Loss.STREAMS
    assert "places and names of its cues go" in held.message
    assert "unknown" not in held.message
    way = go(film, tmp_path, tools, replace(settings, accept=frozenset({Loss.STREAMS})))
    assert way.failed == []
    assert [one.codec for one in way.target.subtitles] == [codec]
    assert text_of(way.path, tools) == ["Hello <b>you</b>", "Good bye"]

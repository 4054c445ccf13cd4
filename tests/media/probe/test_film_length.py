"""The length of the pictures, whatever the container claims: of clips made by FFmpeg, each with
something that makes its container's duration wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.encode.encode import expected_frames
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.probe.ffprobe_json import RawPacket, RawProbe, read_probe
from av1rules.media.probe.film_length import end_argv, length_by_packets_s, matroska_claim_s
from av1rules.media.source import Source, VideoStream
from tests.conftest import MakeClip, library_file

LENGTH_S = 8
SOUND_S = 24
H264 = ("-c:v", "libx264", "-preset", "ultrafast")
PICTURES = ("-f", "lavfi", "-i", f"testsrc2=s=160x90:r=25:d={LENGTH_S}")
SOUND = ("-f", "lavfi", "-i", f"sine=d={SOUND_S}")
LATE = "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:20,000 --> 00:00:24,000\nlate\n"

Make = Callable[[MakeClip, Path], Path]


def _clip(name: str, *more: str, codec: tuple[str, ...] = H264) -> Make:
    return lambda make_clip, _: make_clip(name, *PICTURES, *codec, *more)


def _with_sound(name: str, audio: str, *more: str, codec: tuple[str, ...] = H264) -> Make:
    return lambda make_clip, _: make_clip(name, *PICTURES, *SOUND, *codec, "-c:a", audio, *more)


def _with_subtitle(name: str, codec: str) -> Make:
    def make(make_clip: MakeClip, folder: Path) -> Path:
        text = folder / "late.srt"
        text.write_text(LATE)
        film = make_clip("film.mkv", *PICTURES, *H264)
        words = ("-i", str(film), "-i", str(text), "-map", "0", "-map", "1", "-c:v", "copy")
        return make_clip(name, *words, "-c:s", codec)

    return make


def _live(make_clip: MakeClip, folder: Path) -> Path:
    """Without a duration and an index."""
    return make_clip("live.webm", *PICTURES, *SOUND, *VP8, "-c:a", "libopus", "-live", "1")


def _late_clock(make_clip: MakeClip, folder: Path) -> Path:
    """Its duration counts from zero."""
    film = make_clip("film.mkv", *PICTURES, *H264)
    words = ("-itsoffset", "1000", "-i", str(film), "-c", "copy", "-copyts")
    return make_clip("late.mkv", *words, "-avoid_negative_ts", "disabled")


def _joined(*offsets_s: int) -> Make:
    """Transport streams with clocks of their own, one after the other, as `cat` joins them."""

    def make(make_clip: MakeClip, folder: Path) -> Path:
        path = folder / "joined.ts"
        with path.open("wb") as out:
            for offset_s in offsets_s:
                words = ("-output_ts_offset", str(offset_s), "-muxdelay", "0")
                out.write(make_clip("part.ts", *PICTURES, *H264, *words).read_bytes())
        return path

    return make


def _wrong_avi(make_clip: MakeClip, folder: Path) -> Path:
    """Its headers promise ten times the frames."""
    data = bytearray(make_clip("film.avi", *PICTURES, "-c:v", "mpeg4").read_bytes())
    claim = (10 * LENGTH_S * 25).to_bytes(4, "little")
    for chunk, place in ((b"avih", 16), (b"strh", 32)):
        start = data.index(chunk) + 8 + place
        data[start : start + 4] = claim
    path = folder / "wrong.avi"
    path.write_bytes(data)
    return path


VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
FILMS: dict[str, Make] = {
    "mkv": _clip("plain.mkv"),
    "mkv with a late subtitle": _with_subtitle("late.mkv", "srt"),
    "mkv with long sound": _with_sound("sound.mkv", "aac"),
    "mkv without an index": _clip("live.mkv", "-live", "1"),
    "mkv whose clock starts late": _late_clock,
    "webm without a duration": _live,
    "mp4": _clip("plain.mp4"),
    "mp4 with a late subtitle": _with_subtitle("late.mp4", "mov_text"),
    "mp4 with long sound": _with_sound("sound.mp4", "aac"),
    "mp4 in fragments": _with_sound("sound.mp4", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "ts": _clip("plain.ts"),
    "ts with long sound": _with_sound("sound.ts", "ac3"),
    "ts that wraps": _clip("wrap.ts", "-output_ts_offset", "95440", "-muxdelay", "0"),
    "mpg with long sound": _with_sound("sound.mpg", "mp2", codec=("-c:v", "mpeg2video")),
    "avi with long sound": _with_sound("sound.avi", "mp3", codec=("-c:v", "mpeg4")),
    "avi with wrong headers": _wrong_avi,
    "flv with long sound": _with_sound("sound.flv", "aac"),
    "wmv with long sound": _with_sound("sound.wmv", "wmav2", codec=("-c:v", "wmv2")),
    "ogv with long sound": _with_sound("sound.ogv", "libvorbis", codec=("-c:v", "libtheora")),
    "mxf": _clip("plain.mxf", codec=("-c:v", "mpeg2video")),
}


def _probe(path: Path, tools: Tools) -> tuple[Source, VideoStream]:
    source = probe_file(library_file(path), tools)
    assert source.main is not None
    return source, source.main


@pytest.mark.parametrize("name", FILMS)
def test_the_pictures_are_as_long_as_they_are(
    name: str, tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    source, main = _probe(FILMS[name](make_clip, tmp_path), tools)
    assert main.duration_s == pytest.approx(LENGTH_S, abs=0.1)
    assert source.film_s == main.duration_s
    assert expected_frames(source) == pytest.approx(25 * LENGTH_S, abs=3)


@pytest.mark.parametrize(
    ("offsets_s", "pieces"),
    [((0, 20_000), 2), ((20_000, 0), 2), ((95_440, 0, 50_000), 3), ((0, 3600, 0, 3600), 4)],
)
def test_joined_recordings_are_as_long_as_their_pieces(
    offsets_s: tuple[int, ...], pieces: int, tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    source, main = _probe(_joined(*offsets_s)(make_clip, tmp_path), tools)
    assert source.duration_s is not None
    assert source.duration_s > 1000, "or the clip shows nothing"
    assert main.duration_s == pytest.approx(pieces * LENGTH_S, abs=0.2)


@pytest.mark.parametrize("name", ["mkv with a late subtitle", "mp4 with long sound"])
def test_the_bit_rate_goes_by_the_length_of_the_pictures(
    name: str, tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    path = FILMS[name](make_clip, tmp_path)
    _, main = _probe(path, tools)
    sizes = subprocess.run(
        [tools.ffprobe, "-v", "error", "-select_streams", "v", "-show_entries", "packet=size",
         "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    bits = 8 * sum(int(size.strip(",")) for size in sizes)
    assert main.bitrate_bps == pytest.approx(bits / LENGTH_S, rel=0.05)


def test_a_film_that_is_cut_off_has_no_length_of_its_own(
    tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    whole = make_clip("film.mkv", *PICTURES, *H264).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 3])
    source, main = _probe(path, tools)
    assert main.duration_s is None
    assert source.film_s == pytest.approx(LENGTH_S, abs=0.1), "what its container promised"


def test_pictures_without_times_have_no_length(tools: Tools, make_clip: MakeClip) -> None:
    source, main = _probe(make_clip("raw.264", *PICTURES, *H264), tools)
    assert (main.duration_s, source.film_s) == (None, None)


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="mkvmerge is not installed")
def test_a_stale_tag_of_the_duration_is_not_believed(
    tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    """The tags say 24 s, the subtitle makes the file 24 s long, the pictures end after 8 s."""
    text, tags, path = (tmp_path / name for name in ("late.srt", "tags.xml", "stale.mkv"))
    text.write_text(LATE)
    simple = "".join(
        f"<Simple><Name>{name}</Name><String>{value}</String></Simple>"
        for name, value in (("DURATION", "00:00:24.000000000"), ("NUMBER_OF_FRAMES", "600"))
    )
    tags.write_text(f"<Tags><Tag>{simple}</Tag></Tags>")
    film = make_clip("film.mkv", *PICTURES, *H264)
    words = ["--disable-track-statistics-tags", "--no-track-tags", "--tags", f"0:{tags}"]
    subprocess.run(["mkvmerge", "-q", "-o", path, *words, film, text], check=True)
    _, main = _probe(path, tools)
    assert main.frames == 600, "or the clip shows nothing"
    assert main.duration_s == pytest.approx(LENGTH_S, abs=0.1)


def test_a_library_as_usual_takes_no_second_question(
    tools: Tools, make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mkv", "mkv with a late subtitle", "mkv with long sound", "mp4", "ts"):
        path = FILMS[name](make_clip, tmp_path)
        monkeypatch.setattr("av1rules.media.probe.ffprobe._end_packets", _never)
        assert _probe(path, tools)[1].duration_s is not None


def _never(*_: object) -> None:
    raise AssertionError("a process for its length")


def _raw(container: str = "matroska,webm", **main: object) -> RawProbe:
    stream = {
        "index": 0, "codec_type": "video", "time_base": "1/1000", "avg_frame_rate": "25/1", **main,
    }  # fmt: skip
    output = {
        "format": {"format_name": container, "duration": "300"},
        "streams": [stream],
        "packets": [{"stream_index": 0, "pts": main.get("first", 0)}],
    }
    return read_probe(json.dumps(output).encode())


@pytest.mark.parametrize(
    ("tags", "first", "claim"),
    [
        ({"DURATION": "00:01:10.000000000"}, 0, 70.0),
        ({"DURATION": "00:01:10.000000000"}, 80, 69.92),  # FFmpeg gives the time of the end
        ({"DURATION": "00:01:10.000000000", "NUMBER_OF_FRAMES": "1750"}, 80, 70.0),  # mkvmerge
        ({"DURATION": "00:01:10.000000000", "NUMBER_OF_FRAMES": "5250"}, 0, None),  # cut since
        ({"DURATION": "00:01:10.000000000"}, 9000, None),  # may count from zero or from there
        ({"DURATION-eng": "00:01:10.000000000", "NUMBER_OF_FRAMES-eng": "1750"}, 0, 70.0),
        ({"DURATION": "soon"}, 0, None),
        ({}, 0, None),
    ],
)
def test_a_tag_is_read_in_one_way_or_not_at_all(
    tags: dict[str, str], first: int, claim: float | None
) -> None:
    raw = _raw(tags=tags, first=first)
    assert matroska_claim_s(raw.streams[0], raw) == (claim and pytest.approx(claim))


@pytest.mark.parametrize(
    ("stamps", "length_s"),
    [
        ([(9920, 40), (9960, 40)], 10.0),
        ([(9960, 40), (9920, 40)], 10.0),  # stored out of order
        ([(9960, None)], 10.0),  # as long as a frame at its rate
        ([(None, 40)], None),
        ([], None),
        ([(-80, 40)], None),
    ],
)
def test_the_last_picture_counts_with_its_duration(
    stamps: list[tuple[int | None, int | None]], length_s: float | None
) -> None:
    raw = _raw()
    last = tuple(RawPacket(stream_index=0, pts=pts, duration=lasts) for pts, lasts in stamps)
    found = length_by_packets_s(raw.streams[0], raw, last)
    assert found == (length_s and pytest.approx(length_s))


@pytest.mark.parametrize(
    ("container", "size_bytes", "is_asked"),
    [
        ("avi", 10**12, True),
        ("flv", 10**9, True),
        ("flv", 10**10, False),  # would be read through
        ("hevc", 10**9, False),
    ],
)
def test_only_what_has_an_answer_is_asked(container: str, size_bytes: int, is_asked: bool) -> None:
    raw = _raw(container)
    assert (end_argv(raw, raw.streams[0], size_bytes) is not None) is is_asked

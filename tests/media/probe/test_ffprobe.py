"""Probing runs bounded programs: stubs for what goes wrong, real ffprobe for hostile files."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import ProbeError, RunInterruptedError
from av1rules.base.process import Children
from av1rules.ffmpeg.run import DEMUXERS
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import LibraryCache, ProbeFailure
from av1rules.media.probe import ffprobe as probe
from av1rules.media.probe.bitstream_scan import NO_HINTS
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.probe.ffprobe_argv import facts_argv
from av1rules.media.probe.ffprobe_json import TEXT_LIMIT
from av1rules.media.probe.file_head import FileHead
from av1rules.media.probe.many import probe_many
from av1rules.media.source import LibraryFile, Source
from tests.conftest import MakeClip, library_file
from tests.fakes.stub import Answer, Stub

STREAM = {
    "index": 0, "codec_type": "video", "codec_name": "h264", "pix_fmt": "yuv420p", "width": 64,
    "height": 64, "field_order": "progressive", "color_transfer": "bt709",
}  # fmt: skip
FACTS = {"format": {"format_name": "mov", "duration": "2.0"}, "streams": [STREAM]}
PICTURES = {"frames": [{"stream_index": 0, "interlaced_frame": 1}]}


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
DASH = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>'


def _tools(ffprobe: Path) -> Tools:
    return Tools(
        ffmpeg="ffmpeg", ffprobe=str(ffprobe), ffmpeg_version="8", ffprobe_version="8",
        version=(8, 0), encoders=(),
    )  # fmt: skip


def _file(folder: Path, name: str = "film.mkv", data: bytes = b"\0") -> LibraryFile:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return library_file(folder / name)


def _failure(tools: Tools, file: LibraryFile, timeout_s: float = 30) -> str:
    with pytest.raises(ProbeError) as caught:
        probe_file(file, tools, timeout_s=timeout_s)
    return caught.value.message


def test_question_names_the_file_as_a_url_and_allows_only_real_containers() -> None:
    argv = facts_argv("ffprobe", "/films/-x %d:a.mkv", with_pictures=False)
    assert argv == [
        "ffprobe", "-v", "error", "-hide_banner", "-protocol_whitelist", "file", "-of",
        "json=c=1", "-format_whitelist", DEMUXERS, "-show_format", "-show_streams",
        "-show_chapters", "-show_packets", "-read_intervals", "%+#64",
        "file:/films/-x %d:a.mkv",
    ]  # fmt: skip
    allowed = set(DEMUXERS.split(","))
    assert not allowed & {"hls", "dash", "concat", "sdp", "imf", "avisynth", "vapoursynth", "lavfi"}


def test_second_question_is_asked_where_packets_do_not_tell(stub: Stub, tmp_path: Path) -> None:
    program = stub.make(
        "ffprobe",
        Answer(when=["-select_streams"], stdout=json.dumps(PICTURES)),
        Answer(stdout=json.dumps(FACTS)),
    )
    source = probe_file(_file(tmp_path / "f"), _tools(program))
    assert source.main is not None
    assert source.main.is_interlaced is True
    assert source.main.is_decodable is True
    assert len(stub.calls(program)) == 2


@pytest.mark.parametrize(
    ("plain_tracks", "more", "returncode", "calls"),
    [
        (1, {}, 0, [True]),
        (0, {}, 0, [False]),
        (2, {}, 0, [True, False]),
        (1, {}, 1, [True, False]),
        (1, {"pix_fmt": None}, 0, [True, False]),
        (1, {"codec_name": "hevc"}, 0, [True, False]),
    ],
)
def test_first_picture_is_spared_where_that_hides_nothing(
    plain_tracks: int, more: dict[str, object], returncode: int, calls: list[bool], stub: Stub,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(probe, "_hints", lambda *_: NO_HINTS)
    head = FileHead(plain_tracks=plain_tracks, data=b"")
    monkeypatch.setattr(probe, "read_head", lambda _: head)
    spared = {**FACTS, "streams": [{**STREAM, **more}]}
    program = stub.make(
        "ffprobe",
        Answer(when=["-max_pixels"], stdout=json.dumps(spared), returncode=returncode),
        Answer(stdout=json.dumps(FACTS)),
    )
    source = probe_file(_file(tmp_path / "f"), _tools(program))
    assert ["-max_pixels" in call for call in stub.calls(program)] == calls
    assert source.main is not None
    assert (source.main.pix_fmt, source.main.width) == ("yuv420p", 64)


def test_pictures_that_do_not_decode_make_an_undecodable_stream(stub: Stub, tmp_path: Path) -> None:
    program = stub.make(
        "ffprobe",
        Answer(when=["-select_streams"], returncode=1),
        Answer(stdout=json.dumps(FACTS)),
    )
    source = probe_file(_file(tmp_path / "f"), _tools(program))
    assert source.main is not None
    assert source.main.is_decodable is False


def test_words_on_standard_error_alone_are_no_failure(stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe", Answer(stdout=json.dumps(FACTS), stderr="[mov] error reading\n"))
    assert probe_file(_file(tmp_path / "f"), _tools(program)).container == "mov"


def test_failure_says_how_it_ended_and_the_last_words(stub: Stub, tmp_path: Path) -> None:
    file = _file(tmp_path / "f")
    said = f"[mov @ 0x1] moov atom not found\nfile:{file.path}: Invalid data found\n"
    program = stub.make("ffprobe", Answer(returncode=1, stderr=said))
    assert _failure(_tools(program), file) == "ffprobe failed (exit code 1): Invalid data found"


def test_probe_that_hangs_is_ended(stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe", Answer(sleep_s=30))
    started = time.monotonic()
    message = _failure(_tools(program), _file(tmp_path / "f"), timeout_s=0.5)
    assert message == "ffprobe gave no answer within 0.5 s"
    assert time.monotonic() - started < 20


def test_answer_without_end_is_cut(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "OUTPUT_BYTES", 1000)
    program = stub.make("ffprobe", Answer(stdout="x" * 200_000))
    message = _failure(_tools(program), _file(tmp_path / "f"))
    assert message == "ffprobe's answer is larger than 1000 bytes"


def test_empty_file_starts_no_program(stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe")
    assert _failure(_tools(program), _file(tmp_path / "f", data=b"")) == "the file is empty"
    assert stub.calls(program) == []


@pytest.mark.parametrize("data", [PLAYLIST, CONCAT, b"\xef\xbb\xbf# \r\n\t x", "Æ".encode()])
def test_text_starts_no_program(data: bytes, stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe")
    message = _failure(_tools(program), _file(tmp_path / "f", data=data))
    assert message == "it is a text (a playlist or script?), not a film"
    assert stub.calls(program) == []


def test_many_files_come_in_order_and_only_once_through_the_program(
    stub: Stub, tmp_path: Path
) -> None:
    program = stub.make("ffprobe", Answer(stdout=json.dumps(FACTS)))
    files = [_file(tmp_path / "f", f"{n:02}.avi") for n in range(20)]
    broken = _file(tmp_path / "f", "empty.mkv", b"")
    wanted = [*files, broken]
    with LibraryCache(tmp_path / "state") as cache:
        first = list(probe_many(wanted, _tools(program), cache, jobs=4))
    calls = len(stub.calls(program))
    with LibraryCache(tmp_path / "state") as cache:
        second = list(probe_many(wanted, _tools(program), cache, jobs=4))
    assert [file for file, _ in first] == wanted
    assert first == second
    assert first[-1] == (broken, ProbeFailure(message="the file is empty"))
    assert all(isinstance(outcome, Source) for _, outcome in first[:-1])
    assert len(stub.calls(program)) == calls


def test_hard_links_of_one_file_are_probed_as_one(stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe", Answer(stdout=json.dumps(FACTS)))
    file = _file(tmp_path / "f")
    twin = replace(file, relative_path="twin.mkv")
    os.link(file.path, twin.path)
    with LibraryCache(None) as cache:
        found = list(probe_many([file, twin], _tools(program), cache, jobs=2))
    assert [one for one, _ in found] == [file, twin]


def test_stopping_ends_the_probes(stub: Stub, tmp_path: Path) -> None:
    program = stub.make("ffprobe", Answer(sleep_s=30))
    files = [_file(tmp_path / "f", f"{n}.mkv") for n in range(10)]
    children = Children()
    timer = threading.Timer(0.5, children.stop)
    timer.start()
    started = time.monotonic()
    with LibraryCache(None) as cache:
        with pytest.raises(RunInterruptedError):
            list(probe_many(files, _tools(program), cache, jobs=2, children=children))
        known = cache.load_many((file.stat for file in files), ffprobe_version="8")
    timer.join()
    assert time.monotonic() - started < 20
    assert known == {}


@pytest.mark.real
@pytest.mark.parametrize(
    "data",
    [PLAYLIST, CONCAT, SDP, DASH, b"just some text\n" * 30, os.urandom(20_000), b"\0" * 5000],
    ids=["hls", "ffconcat", "sdp", "dash", "text", "noise", "zeros"],
)
def test_scripts_and_rubbish_dressed_as_films_are_refused(
    data: bytes, tools: Tools, tmp_path: Path
) -> None:
    message = _failure(tools, _file(tmp_path / "f", data=data))
    assert "passwd" not in message


@pytest.mark.real
def test_script_is_refused_by_name(tools: Tools, tmp_path: Path) -> None:
    assert _failure(tools, _file(tmp_path / "f", data=CONCAT + b"\0")) == (
        "the format 'concat' is not allowed as a source (a playlist or script?)"
    )


@pytest.mark.real
def test_odd_names_are_probed(tools: Tools, tmp_path: Path, make_clip: MakeClip) -> None:
    clip = make_clip(
        "tiny.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "mpeg4"
    )
    names = [b"-dash %d:x.mkv", b"new\nline 'q' \"d\".mkv", b"bytes \xff.mkv", b"http:x?y=1#z.mkv"]
    for name in names:
        path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
        path.write_bytes(clip.read_bytes())
        main = probe_file(library_file(path), tools).main
        assert main is not None
        assert (main.codec, main.width) == ("mpeg4", 64)


@pytest.mark.real
def test_megabytes_of_tags_do_no_harm(tools: Tools, tmp_path: Path, make_clip: MakeClip) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(";FFMETADATA1\n" + "".join(f"KEY{n}={'x' * 1000}\n" for n in range(3000)))
    clip = make_clip(
        "tags.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-i", str(notes),
        "-map_metadata", "1", "-c:v", "mpeg4",
    )  # fmt: skip
    source = probe_file(library_file(clip), tools)
    assert len(source.tags) >= 3000


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="memory limits need Linux")
def test_memory_limit_leaves_room_for_large_pictures(tools: Tools, make_clip: MakeClip) -> None:
    clip = make_clip(
        "8k.mkv", "-f", "lavfi", "-i", "testsrc2=s=7680x4320:r=25:d=0.12", "-c:v", "mpeg2video",
        "-qscale:v", "20",
    )  # fmt: skip
    main = probe_file(library_file(clip), tools).main
    assert main is not None
    assert (main.width, main.is_decodable) == (7680, True)


def _element(identity: str, content: bytes) -> bytes:
    size = (len(content) | 1 << 56).to_bytes(8, "big")
    return bytes.fromhex(identity) + size + content


def _matroska(*parts: bytes) -> bytes:
    """A file by hand: what FFmpeg would never write."""
    header = _element("1a45dfa3", _element("4282", b"matroska"))
    picture = _element("a3", b"\x81\x00\x00\x80" + bytes(40))
    cluster = _element("1f43b675", _element("e7", b"\x00") + picture)
    return header + _element("18538067", b"".join(parts) + cluster)


def _track(number: int, kind: bytes, codec: bytes, more: bytes = b"") -> bytes:
    count = number.to_bytes(3, "big")
    facts = _element("d7", count) + _element("73c5", count) + _element("83", kind)
    return _element("ae", facts + _element("86", codec) + more)


PIXELS = _element("e0", _element("b0", b"\x40") + _element("ba", b"\x40"))
FILM = _track(1, b"\x01", b"V_VP8", PIXELS)


@pytest.mark.real
def test_ten_thousand_streams_are_refused_soon(tools: Tools, tmp_path: Path) -> None:
    subtitles = b"".join(_track(n, b"\x11", b"S_TEXT/UTF8") for n in range(2, 10_002))
    file = _file(tmp_path / "f", data=_matroska(_element("1654ae6b", FILM + subtitles)))
    started = time.monotonic()
    assert _failure(tools, file) == "it has more streams than FFmpeg takes (1000)"
    assert time.monotonic() - started < 20


@pytest.mark.real
def test_many_streams_are_probed_soon(tools: Tools, tmp_path: Path) -> None:
    subtitles = b"".join(_track(n, b"\x11", b"S_TEXT/UTF8") for n in range(2, 900))
    file = _file(tmp_path / "f", data=_matroska(_element("1654ae6b", FILM + subtitles)))
    started = time.monotonic()
    assert len(probe_file(file, tools).subtitles) == 898
    assert time.monotonic() - started < 20


@pytest.mark.real
def test_tag_of_ten_megabytes_is_cut(tools: Tools, tmp_path: Path) -> None:
    title = _element("1549a966", _element("7ba9", b"x" * 10_000_000))
    file = _file(tmp_path / "f", data=_matroska(title, _element("1654ae6b", FILM)))
    started = time.monotonic()
    source = probe_file(file, tools)
    assert time.monotonic() - started < 20
    assert source.tags == (("title", "x" * TEXT_LIMIT),)

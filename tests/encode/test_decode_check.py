"""A whole source or target is decoded; what is wrong with it is said, also where it just ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, ProbeError, UnansweredProbeError
from av1rules.base.process import Children
from av1rules.encode.decode_check import _early_end, source_problem, target_problem
from av1rules.ffmpeg.tools import Tools
from av1rules.media.encryption import encrypted_text
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source, SubtitleStream
from tests.conftest import MakeClip, library_file
from tests.encode.make import TOOLS, audio, source, video
from tests.fakes.stub import Answer, Stub


@pytest.mark.parametrize(
    ("promised_s", "start_s", "film_s", "is_early"),
    [
        (100.0, 0.0, 98.0, False),
        (100.0, 0.0, 97.9, True),
        (1000.0, 0.0, 990.0, False),  # of a long film, a hundredth
        (1000.0, 0.0, 989.9, True),
        (100.0, 5.0, 93.0, False),
        (100.0, 5.0, 92.9, True),
        (100.0, -5.0, 97.9, True),
        (None, 0.0, 0.0, False),
    ],
)
def test_an_end_before_the_promised_one(
    promised_s: float | None, start_s: float, film_s: float, *, is_early: bool
) -> None:
    found = _early_end(source(duration_s=promised_s, start_s=start_s), film_s)
    assert (found is not None) is is_early
    if found is not None:
        assert found == f"it ends after {film_s:.1f} s, its header promises {promised_s:.1f} s"


SILENT = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1", "-c:v", "mpeg4")


def promising(clip: Path, path: Path, seconds: float) -> Path:
    """The Matroska clip with another length in its header, in ticks of 1 ms."""
    content = clip.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + struct.pack(">d", seconds * 1000) + content[at + 8 :])
    return path


@pytest.mark.real
@pytest.mark.parametrize(("seconds", "says"), [
    (60.0, "it ends after 1.0 s, its header promises 60.0 s"), (2.5, None),
])  # fmt: skip
def test_a_source_that_ends_early_is_damaged(
    seconds: float, says: str | None, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    path = promising(make_clip("whole.mkv", *SILENT), tmp_path / "a.mkv", seconds)
    found = probe_file(library_file(path), tools)
    assert source_problem(str(path), found, tools=tools, children=Children()) == says


@pytest.mark.real
def test_a_target_without_av1_is_none(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip("whole.mkv", *SILENT)
    found = target_problem(str(clip), tools=tools, children=Children())
    assert found == "it holds no AV1 pictures"
    text = tmp_path / "a.mkv"
    text.write_text("no film")
    found = target_problem(str(text), tools=tools, children=Children())
    assert found is not None
    assert found.startswith("can't be read as video: ")


# --- what FFmpeg says, by stub programs ---

AV1 = source(main=video(codec="av1"))
CUT_MATROSKA = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\0\0\0\0\0\x03\xe8" + b"\xec\x81\0"
"""A segment of 1,000 bytes that ends after three."""


@dataclass
class Stubs:
    """`ffmpeg` says this; its first call tells the arguments."""

    stub: Stub
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    calls: list[list[str]] = field(default_factory=list)

    def _tools(self, *answers: Answer, flags: str) -> tuple[Tools, Path]:
        ffmpeg = self.stub.make("ffmpeg", *answers)
        ffprobe = self.stub.make("ffprobe", Answer(stdout=flags))
        return replace(TOOLS, ffmpeg=str(ffmpeg), ffprobe=str(ffprobe)), ffmpeg

    def source(
        self,
        *answers: Answer,
        film: Source = AV1,
        flags: str = "K__\n",
        content: bytes = b"",
    ) -> str | None:
        tools, ffmpeg = self._tools(*answers, flags=flags)
        path = self.folder / "a.mkv"
        path.write_bytes(content)
        try:
            return source_problem(str(path), film, tools=tools, children=Children())
        finally:
            self.calls = self.stub.calls(ffmpeg)

    def target(
        self, *answers: Answer, film: Source | Exception = AV1, content: bytes = b""
    ) -> str | None:
        tools, ffmpeg = self._tools(*answers, flags="")
        path = self.folder / "a.mkv"
        path.write_bytes(content)

        def probe(*_: object, **__: object) -> Source:
            if isinstance(film, Exception):
                raise film
            return film

        self.monkeypatch.setattr("av1rules.encode.decode_check.probe_file", probe)
        try:
            return target_problem(str(path), tools=tools, children=Children())
        finally:
            self.calls = self.stub.calls(ffmpeg)


@pytest.fixture
def stubs(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stubs:
    return Stubs(stub, tmp_path, monkeypatch)


def says(*lines: str, ends: int = 0, until_s: int = 100, when: tuple[str, ...] = ()) -> Answer:
    return Answer(
        when=when,
        stderr="".join(f"{line}\n" for line in lines),
        stdout=f"frame=1\nout_time_us={until_s}000000\nprogress=end\n",
        returncode=ends,
    )


BAD = "[h264 @ 0x1] [error] corrupt picture"
WORSE = "[ac3 @ 0x2] [error] corrupt sound"
WARNED = "[h264 @ 0x1] [warning] odd"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (says(), None),
        (says(WARNED), None),
        (says(until_s=98), None),
        (says(until_s=97), "it ends after 97.0 s, its header promises 100.0 s"),
        (says(BAD), "corrupt picture"),
        (says(BAD, BAD), "corrupt picture (2 times)"),
        (says(BAD, WORSE), "corrupt picture; and 1 other complaint"),
        (says(BAD, WORSE, "[x @ 0x3] [error] y"), "corrupt picture; and 2 other complaints"),
        (says(WARNED, "[error] it can't go on", ends=1), "exit code 1: it can't go on"),
        (says(WARNED, ends=1), "exit code 1: FFmpeg gave no reason"),
        (says(BAD, ends=1), "corrupt picture"),
    ],
)
def test_damage_of_a_source(answer: Answer, found: str | None, stubs: Stubs) -> None:
    said = stubs.source(answer)
    if found is not None and found.startswith("exit code 1: "):
        assert (said or "").endswith(found.removeprefix("exit code 1")), said
    else:
        assert said == found


@pytest.mark.parametrize("kind", ["source", "target"])
def test_an_end_from_outside_is_no_damage(kind: str, stubs: Stubs) -> None:
    judge = stubs.source if kind == "source" else stubs.target
    with pytest.raises(Av1rulesError, match="decoding was cut short: FFmpeg was killed") as raised:
        judge(says(BAD, ends=137))
    assert raised.value.where == str(stubs.folder / "a.mkv")
    assert raised.value.hint


NO_SUCH = "[error] no decoder found for: exotic"


def test_what_is_missing_at_the_end_is_damage_though_nobody_complained(stubs: Stubs) -> None:
    found = stubs.source(says(), content=CUT_MATROSKA)
    assert found == "it is cut off: 997 B are missing at its end"


def test_a_track_without_a_decoder_is_only_read(stubs: Stubs) -> None:
    film = source(
        audio=(audio(1, "ac3"), audio(2, "exotic"), audio(3, "exotic")),
        subtitles=(SubtitleStream(index=4, codec="subrip"),),
    )
    answers = (says(when=("-c:2", "-c:3", "-c:4")), says(NO_SUCH, ends=1))
    assert stubs.source(*answers, film=film) is None
    first, second = stubs.calls
    assert [second[at + 1] for at, one in enumerate(second) if one == "-map"] == [
        "0:0", "0:1", "0:2", "0:3", "0:4",
    ]  # fmt: skip
    copied = [[one for one in call if one.startswith("-c:")] for call in (first, second)]
    assert copied == [["-c:4"], ["-c:2", "-c:3", "-c:4"]]


def test_each_missing_decoder_is_left_out_once(stubs: Stubs) -> None:
    film = source(audio=(audio(1, "exotic"), audio(2, "rare")))
    other = "[error] no decoder found for: rare"
    answers = (
        says(when=("-c:1", "-c:2")), says(other, ends=1, when=("-c:1",)), says(NO_SUCH, ends=1),
    )  # fmt: skip
    assert stubs.source(*answers, film=film) is None
    assert len(stubs.calls) == 3
    assert stubs.source(says(NO_SUCH, ends=1), film=film) is not None  # it says so for ever
    unneeded = says(NO_SUCH, until_s=100)  # and if it ends well, nothing is tried again
    stubs.folder.joinpath("stubs", "ffmpeg.log").unlink()
    assert stubs.source(unneeded, film=film) is None
    assert len(stubs.calls) == 1


def test_what_comes_before_the_first_key_frame_is_no_damage(stubs: Stubs) -> None:
    copying, looking = ("-copyinkf",), ("-fps_mode:v", "-bsf:0")
    alone = "[h264 @ 0x1] [error] no frame"
    answers = (says(alone, when=copying), says(alone, when=looking), says(alone))
    assert stubs.source(*answers, flags="___\n___\nK__\n") is None
    answers = (says(alone, when=copying), says(alone, BAD, when=looking), says(alone))
    assert stubs.source(*answers, flags="___\n___\nK__\n") == "corrupt picture"


def test_an_encrypted_source_is_not_decoded(stubs: Stubs) -> None:
    found = stubs.source(says(), film=replace(AV1, encryption="cenc"))
    assert found == encrypted_text("cenc")
    assert stubs.calls == []


@pytest.mark.parametrize(
    ("answer", "content", "found"),
    [
        (says(), b"", None),
        (says(), CUT_MATROSKA, "it is cut off: 997 B are missing at its end"),
        (says(WARNED, BAD, WORSE, ends=1), b"", "does not decode: corrupt picture"),
        (says("it just ends", ends=3), b"", "does not decode: exit code 3"),
    ],
)
def test_damage_of_a_target(
    answer: Answer, content: bytes, found: str | None, stubs: Stubs
) -> None:
    assert stubs.target(answer, content=content) == found


def test_the_av1_of_a_target_is_decoded_and_all_else_read(stubs: Stubs) -> None:
    second = replace(
        source(audio=(audio(1, "ac3"),)),
        video=(video(codec="png"), video(codec="av1", index=2)),
    )
    assert stubs.target(says(), film=second) is None
    (call,) = stubs.calls
    maps = [call[at + 1] for at, one in enumerate(call) if one == "-map"]
    assert maps == ["0:2", "0:0", "0:1"]
    assert stubs.target(says(), film=source()) == "it holds no AV1 pictures"


def test_a_target_that_can_not_be_probed(stubs: Stubs) -> None:
    found = stubs.target(says(), film=ProbeError("no film"))
    assert found == "can't be read as video: no film"
    with pytest.raises(Av1rulesError, match="no answer") as raised:
        stubs.target(says(), film=UnansweredProbeError("no answer"))
    assert raised.value.where == str(stubs.folder / "a.mkv")

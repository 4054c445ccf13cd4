"""A whole source or target is decoded; what is wrong with it is said, also where it just ends."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.encode.decode_check import _early_end, source_problem, target_problem
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import MakeClip, library_file
from tests.encode.make import source


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

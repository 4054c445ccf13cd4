"""The index of real MP4 files, and of files that are broken in every place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from av1rules.media import mp4_boxes
from av1rules.media.mp4_boxes import read_mp4
from tests.conftest import MakeClip
from tests.media.patched import (
    ONE,
    box,
    track,
    with_box,
    with_edits,
    with_reference,
    with_track_head,
)

INPUT = (
    "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4",
    "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-c:a", "aac",
)  # fmt: skip


@pytest.fixture(name="plain")
def _plain(make_clip: MakeClip) -> bytes:
    return make_clip("plain.mp4", *INPUT).read_bytes()


def _written(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    return str(path)


@pytest.mark.real
@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")], ids=["last", "first"])
def test_an_ordinary_file_says_nothing_new(options: tuple[str, ...], make_clip: MakeClip) -> None:
    path = make_clip("index.mp4", *INPUT, *options)
    found = read_mp4(str(path), {1: 0, 2: 1})
    assert found is not None
    assert [(t.number, t.index, t.handler, t.is_enabled) for t in found.tracks] == [
        (1, 0, "vide", True),
        (2, 1, "soun", True),
    ]
    assert not any(one.edits or one.references for one in found.tracks)
    assert found.user_data == ()


@pytest.mark.real
def test_what_a_track_says_is_read(plain: bytes, tmp_path: Path) -> None:
    data = with_edits(plain, 0, [(0.2, 0.2, ONE), (0.2, 0.0, ONE // 2)])
    data = with_track_head(with_reference(data, 1, b"fall", 1), 1, group=7, is_enabled=False)
    data = with_box(data, track(0), box(b"udta", box(b"GPMF", b"abc") + box(b"name", b"n")))
    found = read_mp4(_written(tmp_path, data), {1: 0, 2: 1})
    assert found is not None
    video, sound = found.tracks
    assert [(e.start_s, e.duration_s, e.rate) for e in video.edits] == [
        (Fraction(1, 5), Fraction(1, 5), 1.0),
        (Fraction(0), Fraction(1, 5), 0.5),
    ]
    assert (sound.alternate_group, sound.is_enabled) == (7, False)
    assert sound.references == (("fall", (1,)),)
    assert found.user_data == ("GPMF",)


@pytest.mark.real
def test_other_files_have_no_structure(make_clip: MakeClip, tmp_path: Path) -> None:
    assert read_mp4(str(make_clip("other.mkv", *INPUT)), {}) is None
    assert read_mp4(str(tmp_path / "none.mp4"), {}) is None
    assert read_mp4(str(tmp_path), {}) is None


@pytest.mark.real
def test_boxes_beyond_the_limit_end_the_reading(
    plain: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = plain + box(b"free", b"") * 50
    assert read_mp4(_written(tmp_path, many), {}) is not None
    monkeypatch.setattr(mp4_boxes, "MAX_BOXES", 20)
    assert read_mp4(_written(tmp_path, box(b"free", b"") * 50 + many), {}) is None


@pytest.mark.real
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6))
def test_a_broken_index_does_no_harm(
    plain: bytes, tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    broken = bytearray(plain)
    start = plain.index(b"moov")
    for at, value in changes:
        broken[(start + at) % len(broken)] = value
    found = read_mp4(_written(tmp_path, bytes(broken)), {1: 0})
    if not changes:
        assert found is not None
    if found is not None:
        assert all(isinstance(track.edits, tuple) for track in found.tracks)

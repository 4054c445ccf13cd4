"""The last entry of Matroska's index, of real files and of damaged ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from av1rules.media.matroska.cues import last_key_frame_s
from tests.conftest import MakeClip

FILM = (
    "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=6", "-f", "lavfi", "-i", "sine=d=20",
    "-c:a", "aac", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
)  # fmt: skip


@pytest.mark.parametrize(
    ("order", "position"), [(("-map", "0", "-map", "1"), 0), (("-map", "1", "-map", "0"), 1)]
)
def test_the_last_key_frame_is_found(
    order: tuple[str, ...], position: int, make_clip: MakeClip
) -> None:
    path = make_clip("film.mkv", *FILM, *order)
    assert last_key_frame_s(str(path), position=position) == 4.0
    assert last_key_frame_s(str(path), position=2) is None, "there are two tracks"


def test_a_file_without_an_index_tells_nothing(make_clip: MakeClip, tmp_path: Path) -> None:
    live = make_clip("live.mkv", *FILM, "-live", "1")
    assert last_key_frame_s(str(live), position=0) is None
    assert last_key_frame_s(str(tmp_path / "none.mkv"), position=0) is None
    for name, data in (("empty", b""), ("text", b"WEBVTT\n"), ("zeros", bytes(9000))):
        (tmp_path / name).write_bytes(data)
        assert last_key_frame_s(str(tmp_path / name), position=0) is None


def test_damaged_bytes_give_a_time_or_nothing(make_clip: MakeClip, tmp_path: Path) -> None:
    """Whatever the bytes, it comes to an end without an error."""
    whole = make_clip("film.mkv", *FILM).read_bytes()
    chance, path = random.Random(7), tmp_path / "damaged.mkv"
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(4):
            head = chance.random() < 0.7
            place = chance.randrange(600) if head else len(data) - 1 - chance.randrange(300)
            data[place] = chance.randrange(256)
        path.write_bytes(
            data[: len(data) - (chance.randrange(200) if chance.random() < 0.2 else 0)]
        )
        found = last_key_frame_s(str(path), position=0)
        assert found is None or found >= 0

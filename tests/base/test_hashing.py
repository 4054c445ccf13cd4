"""Content keys find change anywhere they look, digests change with every byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.hashing import SAMPLE_BYTES, content_key, file_digest
from av1rules.base.text import text_digest


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "film.mkv"
    path.write_bytes(data)
    return path


def test_content_key_starts_with_the_size(tmp_path: Path) -> None:
    assert content_key(_file(tmp_path, b"x" * 1000)).startswith("1000-")


def test_content_key_of_an_empty_file(tmp_path: Path) -> None:
    assert content_key(_file(tmp_path, b"")).startswith("0-")


def test_content_key_is_the_same_for_the_same_bytes_under_another_name(tmp_path: Path) -> None:
    first = content_key(_file(tmp_path, b"abc" * 300_000))
    (tmp_path / "film.mkv").rename(tmp_path / "other.mp4")
    assert content_key(tmp_path / "other.mp4") == first


@pytest.mark.parametrize("at", [0, SAMPLE_BYTES - 1, 8 * SAMPLE_BYTES - 1, 300_000])
def test_content_key_of_a_small_file_sees_every_byte(tmp_path: Path, at: int) -> None:
    data = bytearray(8 * SAMPLE_BYTES)
    before = content_key(_file(tmp_path, bytes(data)))
    data[at] = 1
    assert content_key(_file(tmp_path, bytes(data))) != before


def test_content_key_of_a_large_file_sees_head_tail_and_inner_blocks(tmp_path: Path) -> None:
    size = 64 * SAMPLE_BYTES + 17
    path = _file(tmp_path, bytes(size))
    before = content_key(path)
    last = size - SAMPLE_BYTES
    for at in (0, size - 1, *(last * step // 7 for step in range(1, 7))):
        data = bytearray(size)
        data[at] = 1
        path.write_bytes(data)
        assert content_key(path) != before, at


def test_file_digest_names_its_kind_and_sees_every_byte(tmp_path: Path) -> None:
    data = bytearray(9 * 1024 * 1024)
    before = file_digest(_file(tmp_path, bytes(data)))
    data[5 * 1024 * 1024] = 1
    assert before.startswith("xxh3-128:")
    assert file_digest(_file(tmp_path, bytes(data))) != before


def test_file_digest_stops_when_the_check_raises(tmp_path: Path) -> None:
    def check() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        file_digest(_file(tmp_path, b"x"), check=check)


def test_text_digest_takes_names_that_are_not_utf8() -> None:
    assert text_digest("a\udcff") != text_digest("a")

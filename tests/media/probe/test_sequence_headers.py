"""Sample aspects that MPEG-2 says itself, found in bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.media.probe.sequence_headers import aspects_at, aspects_of_whole
from tests.encode.make import source, video

FILM = source(main=video(codec="mpeg2video", width=720, height=576))


def header(code: int, *, width: int = 720, height: int = 576) -> bytes:
    return b"\x00\x00\x01\xb3" + (width << 12 | height).to_bytes(3, "big") + bytes([code << 4 | 3])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((header(2),), ("16/15",)),
        ((header(2), header(3)), ("16/15", "64/45")),
        ((header(3), header(2), header(2), header(3)), ("64/45", "16/15", "64/45")),
        ((header(1), header(4)), ("1/1", "221/125")),
        ((header(0), header(15)), ()),
        ((header(2), header(3, width=704)), ("16/15",)),
        ((header(2)[:6],), ()),
        ((b"\x00\x00\x01\xb3",), ()),
        ((), ()),
    ],
)
def test_aspects_in_the_order_of_the_film(
    tmp_path: Path, parts: tuple[bytes, ...], expected: tuple[str, ...]
) -> None:
    path = tmp_path / "film.m2v"
    path.write_bytes((b"x" * 5_000).join((b"", *parts)))
    assert aspects_of_whole(str(path), FILM, check=lambda: None) == expected
    assert aspects_at(str(path), FILM, places=4) == tuple(dict.fromkeys(expected))


def test_a_run_that_is_stopped_reads_no_further(tmp_path: Path) -> None:
    path = tmp_path / "film.m2v"
    path.write_bytes(header(2))

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        aspects_of_whole(str(path), FILM, check=stop)

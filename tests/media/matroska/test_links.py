"""A file that another one of its folder plays as a part of its own is found out."""

from __future__ import annotations

import os
from pathlib import Path

from av1rules.media.matroska import schema as ids
from av1rules.media.matroska.links import linking_file
from tests.media.ebml_bytes import element, matroska

OPENING = b"\1" * 16


def episode() -> bytes:
    atom = element("ChapterAtom", element("ChapterSegmentUID", OPENING))
    return matroska(element(ids.CHAPTERS, element("EditionEntry", atom)))


def test_the_file_that_links_is_named(tmp_path: Path) -> None:
    opening = tmp_path / "opening.mkv"
    opening.write_bytes(matroska(element(ids.INFO, element("SegmentUID", OPENING))))
    (tmp_path / "broken.mkv").write_bytes(b"x")
    assert linking_file(str(opening), OPENING.hex()) is None
    (tmp_path / "one.mkv").write_bytes(episode())
    os.utime(tmp_path, ns=(1, 1))  # the clock of the file system may be coarse
    assert linking_file(str(opening), OPENING.hex()) == "one.mkv"
    assert linking_file(str(opening), "02" * 16) is None
    assert linking_file(str(tmp_path / "one.mkv"), OPENING.hex()) is None


def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    class Memo(dict[str, str]):
        def put(self, key: str, value: str) -> None:
            self[key] = value

    memo, path = Memo(), tmp_path / "one.mkv"
    path.write_bytes(episode())
    opening = str(tmp_path / "opening.mkv")
    assert linking_file(opening, OPENING.hex(), memo) == "one.mkv"
    (key,) = memo
    memo[key] = "{}"
    assert linking_file(opening, OPENING.hex(), memo) is None
    path.write_bytes(episode() + b"more")
    os.utime(tmp_path, ns=(2, 2))
    assert linking_file(opening, OPENING.hex(), memo) == "one.mkv"


def test_a_folder_that_is_gone_links_to_nothing(tmp_path: Path) -> None:
    assert linking_file(str(tmp_path / "gone" / "a.mkv"), OPENING.hex()) is None

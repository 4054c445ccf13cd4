"""What the cache says is what was put in for this very file; losing it never hurts."""

from __future__ import annotations

import sqlite3
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.media import cache as cache_module
from av1rules.media import cache as identity
from av1rules.media.cache import FILE_NAME, LibraryCache, ProbeFailure, content_key_of, stat_key
from av1rules.media.source import (
    Chapter,
    Colour,
    ContentLight,
    FileStat,
    HdrKind,
    MasteringDisplay,
    Source,
    VideoStream,
)
from tests.conftest import library_file

STAT = FileStat(device=1, inode=2, size_bytes=3, mtime_ns=4, ctime_ns=5)
VIDEO = VideoStream(
    index=0,
    codec="hevc",
    frame_rate=Fraction(24000, 1001),
    sample_aspect=Fraction(8, 9),
    colour=Colour(transfer="smpte2084"),
    hdr_kinds=frozenset({HdrKind.HDR10, HdrKind.DOLBY_VISION}),
    mastering_display=MasteringDisplay(red=(0.68, 0.32), max_luminance=1000.0),
    content_light=ContentLight(max_cll=1000, max_fall=200),
    dispositions=frozenset({"default"}),
    title="emoji \U0001f3ac",
)
SOURCE = Source(
    container="matroska,webm",
    size_bytes=3,
    duration_s=1.5,
    video=(VIDEO,),
    chapters=(Chapter(start_s=0.0, end_s=1.0, title=None),),
    main_index=0,
    tags=(("title", "x"),),
)


def _load(cache: LibraryCache, stat: FileStat = STAT, version: str = "8.0") -> object:
    return cache.load_many([stat], ffprobe_version=version).get(stat_key(stat))


def test_probes_come_back_equal_after_a_restart(tmp_path: Path) -> None:
    failure = ProbeFailure(message="not media")
    other = replace(STAT, inode=9)
    with LibraryCache(tmp_path) as cache:
        cache.put_probe(STAT, SOURCE, ffprobe_version="8.0")
        cache.put_probe(other, failure, ffprobe_version="8.0")
    with LibraryCache(tmp_path) as cache:
        assert _load(cache) == SOURCE
        assert _load(cache, other) == failure


@pytest.mark.parametrize(
    "changed", [{"size_bytes": 99}, {"mtime_ns": 99}, {"inode": 99}, {"device": 99}]
)
def test_changed_file_is_not_known(changed: dict[str, int]) -> None:
    with LibraryCache(None) as cache:
        cache.put_probe(STAT, SOURCE, ffprobe_version="8.0")
        assert _load(cache, replace(STAT, **changed)) is None


def test_other_ffprobe_or_parser_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with LibraryCache(None) as cache:
        cache.put_probe(STAT, SOURCE, ffprobe_version="8.0")
        assert _load(cache, version="8.1") is None
        monkeypatch.setattr(cache_module, "PARSER_VERSION", -1)
        assert _load(cache) is None


def test_inodes_of_64_bits_and_thousands_of_files() -> None:
    stats = [replace(STAT, inode=(1 << 64) - 1 - number) for number in range(2000)]
    with LibraryCache(None) as cache:
        for stat in stats:
            cache.put_probe(stat, ProbeFailure(message=str(stat.inode)), ffprobe_version="8")
        found = cache.load_many(stats, ffprobe_version="8")
    assert len(found) == 2000
    assert found[stat_key(stats[7])] == ProbeFailure(message=str(stats[7].inode))


def test_memos_come_back_after_a_restart(tmp_path: Path) -> None:
    with LibraryCache(tmp_path) as cache:
        assert cache.get("a") is None
        cache.put("a", "1")
        cache.put("a", "2")
    with LibraryCache(tmp_path) as cache:
        assert cache.get("a") == "2"


@pytest.mark.parametrize("text", [b"", b"this is no database " * 1000, b"SQLite format 3\0" * 99])
def test_damaged_cache_is_started_anew(tmp_path: Path, text: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(text)
    with LibraryCache(tmp_path) as cache:
        cache.put("a", "1")
    with LibraryCache(tmp_path) as cache:
        assert cache.get("a") == "1"


def test_cache_of_another_version_is_started_anew(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 77")
    connection.close()
    with LibraryCache(tmp_path) as cache:
        cache.put("a", "1")
    with LibraryCache(tmp_path) as cache:
        assert cache.get("a") == "1"


def test_folder_that_can_not_be_made_leaves_a_cache_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with LibraryCache(tmp_path / "file" / "state") as cache:
        cache.put("a", "1")
        assert cache.get("a") == "1"


def test_tables_lost_under_way_do_not_fail_a_run(tmp_path: Path) -> None:
    with LibraryCache(tmp_path) as cache:
        other = sqlite3.connect(tmp_path / FILE_NAME)
        other.executescript("DROP TABLE probes; DROP TABLE memos;")
        other.close()
        assert cache.get("a") is None
        cache.put("a", "1")
        assert cache.get("a") == "1"


def test_damaged_row_is_not_known(tmp_path: Path) -> None:
    with LibraryCache(tmp_path) as cache:
        cache.put_probe(STAT, SOURCE, ffprobe_version="8.0")
        cache.flush()
        other = sqlite3.connect(tmp_path / FILE_NAME)
        other.execute("UPDATE probes SET source = '{\"container\": 1}'")
        other.commit()
        other.close()
        assert _load(cache) is None


def test_threads_may_share_it(tmp_path: Path) -> None:
    with LibraryCache(tmp_path) as cache:

        def work(first: int) -> None:
            for number in range(first, first + 200):
                stat = replace(STAT, inode=number)
                cache.put_probe(stat, SOURCE, ffprobe_version="8.0")
                cache.put(str(number), "x")

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1000, 2000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = [
            replace(STAT, inode=n) for first in (0, 1000, 2000) for n in range(first, first + 200)
        ]
        assert len(cache.load_many(stats, ffprobe_version="8.0")) == 600


def test_content_key_is_read_once_per_state_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"one")
    reads: list[Path] = []

    def read(path: Path) -> str:
        reads.append(path)
        return content_key(path)

    monkeypatch.setattr(identity, "content_key", read)
    with LibraryCache(None) as cache:
        first = content_key_of(library_file(path), cache)
        assert content_key_of(library_file(path), cache) == first
        assert len(reads) == 1
        path.write_bytes(b"other")
        assert content_key_of(library_file(path), cache) != first

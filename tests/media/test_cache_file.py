"""`cache_v2.sql` is a cache as an earlier av1rules wrote it: its probes are kept, not made anew."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.media import cache as cache_module
from av1rules.media import cache_file
from av1rules.media.cache import FILE_NAME, LibraryCache, ProbeFailure, stat_key
from av1rules.media.cache_file import packed_key, unpacked_key
from av1rules.media.source import FileStat, Source
from tests.media.test_cache import SOURCE, STAT
from tests.media.test_packed_memo import FILM

OLD = Path(__file__).with_name("cache_v2.sql")
FAILED = replace(STAT, inode=(1 << 64) - 1)
OTHER_FFPROBE = replace(STAT, inode=5, mtime_ns=1_795_724_245_314_482_238)
KEY_ONLY = replace(STAT, inode=7)
BROKEN, EMPTY = replace(STAT, inode=8), replace(STAT, inode=9)
KEY = "3-000102030405060708090a0b0c0d0e0f"
ALL = (STAT, FAILED, OTHER_FFPROBE, KEY_ONLY, BROKEN, EMPTY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache_module, "PARSER_VERSION", 5)  # as in the file
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.executescript(OLD.read_text())
    return tmp_path


def _assert_is_all_there(folder: Path) -> None:
    with LibraryCache(folder) as cache:
        assert cache.load_many(ALL, ffprobe_version="8.0") == {
            stat_key(STAT): SOURCE,
            stat_key(FAILED): ProbeFailure(message="not media"),
        }
        other = cache.load_many(ALL, ffprobe_version="7.1")
        assert other == {stat_key(OTHER_FFPROBE): replace(SOURCE, container="avi")}
        keys = {stat_key(STAT): KEY, stat_key(KEY_ONLY): "9-of another form"}
        assert cache.content_keys(ALL) == keys
        assert cache.get("a memo") == "its value"


def test_an_older_cache_is_brought_along(folder: Path) -> None:
    _assert_is_all_there(folder)
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (cache_file.SCHEMA_VERSION,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    _assert_is_all_there(folder)


def test_what_is_known_of_whole_films_is_brought_along(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.execute("INSERT INTO memos VALUES ('film', ?)", (FILM,))
        db.commit()
    with LibraryCache(folder) as cache:
        assert cache.get("film") == FILM
        with cache.reading_ahead(["film", "a memo", "none"], {}):
            assert [cache.get(key) for key in ("film", "a memo", "none")] == [
                FILM, "its value", None
            ]  # fmt: skip
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db:
        stored = db.execute("SELECT typeof(value) FROM memos ORDER BY key").fetchall()
        assert stored == [("text",), ("blob",)]


def test_no_more_than_a_batch_of_rows_is_read_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_file, "_BATCH_ROWS", 2)
    _assert_is_all_there(folder)


def test_a_migration_that_is_killed_starts_again(folder: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from av1rules.media import cache_file\n"
        "pack, left = cache_file.pack_json, iter(range(2))\n"
        "def kill_at_the_second(text):\n"
        "    if next(left, None) is None: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return pack(text)\n"
        "cache_file.pack_json, cache_file._BATCH_ROWS = kill_at_the_second, 1\n"
        "cache_file.open_cache(Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    _assert_is_all_there(folder)


def test_a_migration_that_fails_for_want_of_space_leaves_the_old_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(text: bytes) -> bytes:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(cache_file, "pack_json", full)
        with LibraryCache(folder) as cache:
            assert cache.load_many(ALL, ffprobe_version="8.0") == {}
    _assert_is_all_there(folder)


def test_two_starts_at_once_bring_it_along_once(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        starts = [pool.submit(_assert_is_all_there, folder) for _ in range(4)]
    assert [one.exception() for one in starts] == [None] * 4


def test_an_earlier_av1rules_at_work_goes_on_until_it_is_done(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("BEGIN")
        before = older.execute("SELECT count(*) FROM content_keys").fetchone()
        _assert_is_all_there(folder)
        assert older.execute("SELECT count(*) FROM content_keys").fetchone() == before


def test_the_file_gives_its_space_back(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.executescript(OLD.read_text())
        row = (b'{"container":"' + b"x" * 4000 + b'"}',)
        for number in range(3000):
            db.execute(f"INSERT INTO probes VALUES (2, {number}, 3, 4, 5, '5:8.0', ?, NULL)", row)
        db.commit()
    before = (tmp_path / FILE_NAME).stat().st_size
    LibraryCache(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_size < before / 10


@pytest.mark.parametrize(
    ("key", "size", "stored"),
    [
        (KEY, 3, bytes(range(16))),
        (KEY, 4, KEY),  # the file was another when its row was written
        ("3-0001", 3, "3-0001"),
        ("3-" + "A" * 32, 3, "3-" + "A" * 32),
        ("3-" + "é" * 32, 3, "3-" + "é" * 32),
        ("", 0, ""),
    ],
)
def test_content_keys_take_16_bytes(key: str, size: int, stored: bytes | str) -> None:
    assert packed_key(key, size) == stored
    assert unpacked_key(stored, size) == key


def _states(cache: LibraryCache, stat: FileStat) -> tuple[object, object]:
    known = cache.known([stat], ffprobe_version="8").get(stat_key(stat))
    return (None, None) if known is None else (known.probe(), known.content_key)


@pytest.mark.parametrize("probe_first", [True, False])
@pytest.mark.parametrize("film", [SOURCE, ProbeFailure(message="not media")])
def test_probe_and_key_of_one_state_share_a_row_and_a_new_state_replaces_both(
    film: Source | ProbeFailure, probe_first: bool
) -> None:
    newer = replace(STAT, mtime_ns=99)
    with LibraryCache(None) as cache:

        def put(stat: FileStat, *, probe: bool) -> None:
            if probe:
                cache.put_probe(stat, film, ffprobe_version="8")
            else:
                cache.put_content_key(stat, KEY)
            cache.flush()

        put(STAT, probe=probe_first)
        put(STAT, probe=not probe_first)
        assert _states(cache, STAT) == (film, KEY)
        put(newer, probe=probe_first)
        half = (film, None) if probe_first else (None, KEY)
        assert (_states(cache, STAT), _states(cache, newer)) == ((None, None), half)

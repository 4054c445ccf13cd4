from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.service.spool import put_word, read_words, remove_words, waiting_words


def test_words_are_read_in_order_and_removed(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    assert waiting_words(spool) == ()
    for number in range(3):
        put_word(spool, sender="me", event="changed", changed=[f"/films/{number}.mkv"])
    words = read_words(waiting_words(spool))
    assert {word.entry.changed for word in words if word.entry} == {
        (f"/films/{number}.mkv",) for number in range(3)
    }
    assert remove_words(words) == ()
    assert list(spool.iterdir()) == []
    assert remove_words(words) == ()


def test_a_name_that_is_not_utf_8_does_not_hold_up_the_word(tmp_path: Path) -> None:
    put_word(tmp_path, sender="x", event="e", changed=[os.fsdecode(b"/films/\xff.mkv")])
    (word,) = read_words(waiting_words(tmp_path))
    assert word.entry is not None
    assert word.entry.changed == ("/films/?.mkv",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"changed": 7}', b"\xff\xfe", b"x" * 999])
def test_what_is_no_word_is_known_as_such(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    (word,) = read_words(waiting_words(tmp_path))
    assert word.entry is None


def test_links_pipes_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"sender": "secret"}')
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "link.json").symlink_to(secret)
    os.mkfifo(spool / "pipe.json")
    (spool / ".half.json").write_text("{}")
    (spool / "note.txt").write_text("{}")
    words = read_words(waiting_words(spool))
    assert [word.entry for word in words] == [None, None]
    assert remove_words(words) == ()
    assert secret.exists()


def test_a_folder_by_the_name_of_a_word_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    words = read_words(waiting_words(tmp_path))
    assert remove_words(words) == (tmp_path / "folder.json",)


def test_a_spool_that_can_t_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="could not be told") as raised:
        put_word(tmp_path / "file" / "spool", sender="x", event="e", changed=["/x"])
    assert raised.value.where == str(tmp_path / "file" / "spool")


def test_a_word_is_whole_from_the_first_moment(tmp_path: Path) -> None:
    path = put_word(tmp_path, sender="x", event="e", changed=["/x"] * 1000)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert stat.S_ISREG(path.stat().st_mode)

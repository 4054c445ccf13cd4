"""Real notifications of real folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.service.file_events import (
    ChangedPaths,
    FileEvents,
    RootEvents,
    identities,
    quiet_folders,
)
from tests.service.watched import until

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
nas:/films /mnt/nas nfs4 rw 0 0
pool /mnt/pool fuse.mergerfs rw 0 0
/dev/sdb1 /mnt/nas/local xfs rw 0 0
"""


def is_told(changed: ChangedPaths, path: Path, again: Callable[[], object]) -> Callable[[], bool]:
    """Whether the path is told of; what is done `again` each time: the watch may begin late."""

    def look() -> bool:
        again()
        return str(path) in changed.take()

    return look


def test_new_files_are_told_of(tmp_path: Path) -> None:
    changed = ChangedPaths(())
    new = tmp_path / "folder" / "new.mkv"
    new.parent.mkdir()
    with FileEvents([str(tmp_path)], changed) as events:
        until(is_told(changed, new, lambda: new.write_bytes(b"x")), "a new file")
        assert events.why_not is None


def test_what_av1rules_does_is_no_news(tmp_path: Path) -> None:
    changed = ChangedPaths([str(tmp_path / "out")])
    for name in ("out/a.mkv", "films/.av1rules-1/part.mkv", "films/.av1rules-trash/a.mkv"):
        changed.add(str(tmp_path / name))
    assert changed.take() == frozenset()
    changed.add_own("/films/target.mkv")
    changed.add("/films/target.mkv")
    changed.add("/films/other.mkv")
    assert changed.take() == {"/films/other.mkv"}


def test_more_changes_than_anybody_counts_are_bounded() -> None:
    changed = ChangedPaths(())
    for number in range(5000):
        changed.add(f"/films/{number}")
    assert len(changed.take()) == 1000
    assert changed.take() == frozenset()


def test_network_file_systems_and_pools_do_not_tell() -> None:
    folders = ["/films", "/mnt/nas/films", "/mnt/pool/a", "/mnt/nas/local/films"]
    assert quiet_folders(folders, MOUNTS) == {
        "/mnt/nas/films": "nfs4",
        "/mnt/pool/a": "fuse.mergerfs",
    }


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no more watches"),
        (OSError('OS file watch limit reached. about ["/films"]'), "no more watches"),
        (RuntimeError("odd"), "does not tell: odd"),
    ],
)
def test_a_system_that_can_t_is_told_once(
    problem: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    def fail(*_given: object, **_more: object) -> None:
        raise problem

    monkeypatch.setattr(watchfiles, "watch", fail)
    said: list[str] = []
    events = RootEvents(ChangedPaths(()), say=said.append, is_on=True)

    def is_said() -> bool:
        events.follow([str(tmp_path)])
        return bool(said)

    until(is_said, "the reason")
    events.follow([str(tmp_path)])
    assert len(said) == 1
    assert words in said[0]
    events.close()


def test_a_disk_that_comes_and_goes_is_followed(tmp_path: Path) -> None:
    root, away = tmp_path / "films", tmp_path / "away"
    root.mkdir()
    changed = ChangedPaths(())
    events = RootEvents(changed, say=print, is_on=True)
    assert events.follow([str(root)])
    assert not events.follow([str(root)])
    root.rename(away)
    assert events.follow([str(root)])
    assert identities([str(root)]) == ((str(root), None),)
    root.mkdir()
    assert events.follow([str(root)])
    changed.take()
    new = root / "new.mkv"
    until(is_told(changed, new, lambda: new.write_bytes(b"x")), "a file on the other disk")
    events.close()


def test_without_events_nothing_is_watched(tmp_path: Path) -> None:
    threads = len(os.listdir("/proc/self/task"))
    events = RootEvents(ChangedPaths(()), say=print, is_on=False)
    assert events.follow([str(tmp_path)])
    assert len(os.listdir("/proc/self/task")) == threads

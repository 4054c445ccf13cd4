"""The spool: a folder into which other programs put a word about files, one file each.

Each word appears as a whole, by a rename, and is removed once a round has planned after it: a word
that a killed watcher had read is read again. It is a hint only: the walk says what is there. So
whoever may write into the folder can make the watcher look, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import make_folders, open_regular
from av1rules.base.units import now_text

_SUFFIX = ".json"
_MOST_BYTES = 256 * 1024
_MOST_ENTRIES = 10_000
"""More are read in the next round."""

_FOLDER_MODE = 0o777  # as the umask has it: Sonarr may run as another user of the group


class SpoolEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a program said: `changed` paths are new or other files, `deleted` ones are gone, as that
    program sees them. `event` is its own word, `sender` its name; `at` is ISO 8601."""

    at: str = ""
    sender: str = ""
    event: str = ""
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


class SpoolWord(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and its file; `entry` is None if nobody can read it."""

    path: Path
    entry: SpoolEntry | None


def put_word(
    spool: Path, *, sender: str, event: str, changed: Sequence[str], deleted: Sequence[str] = ()
) -> Path:
    """Write an entry, whole or not at all. Raises UsageError if the folder can't be written."""
    entry = SpoolEntry(
        at=now_text(), sender=sender, event=event, changed=tuple(changed), deleted=tuple(deleted)
    )
    name = f"{entry.at.replace(':', '')}-{uuid.uuid4().hex[:12]}"
    temp, goal = spool / f".{name}.tmp", spool / f"{name}{_SUFFIX}"
    try:
        make_folders(spool, mode=_FOLDER_MODE)
        try:
            temp.write_bytes(msgspec.json.encode(_without_surrogates(entry)))
            os.rename(temp, goal)
        finally:
            temp.unlink(missing_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the watcher could not be told: {problem.strerror}",
            where=str(spool),
            hint="the user of this program must be able to write there; watch.spool in the rules "
            "file sets another folder",
        ) from problem
    return goal


def waiting_words(spool: Path) -> tuple[Path, ...]:
    """The files of entries, the oldest first; none if the folder is missing or can't be read."""
    try:
        names = os.listdir(spool)
    except OSError:
        return ()
    found = sorted(name for name in names if name.endswith(_SUFFIX) and name[0] != ".")
    return tuple(spool / name for name in found[:_MOST_ENTRIES])


def read_words(paths: Iterable[Path]) -> tuple[SpoolWord, ...]:
    """These entries; without those that went meanwhile."""
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.append(SpoolWord(path=path, entry=_read(path)))
    return tuple(found)


def remove_words(words: Iterable[SpoolWord]) -> tuple[Path, ...]:
    """Remove entries that a round has covered; returns those that can't be removed."""
    left = []
    for word in words:
        try:
            word.path.unlink(missing_ok=True)
        except OSError:
            left.append(word.path)
    return tuple(left)


def _read(path: Path) -> SpoolEntry | None:
    """Whatever lies there may be planted: no link is followed, and no pipe waited for. Raises
    FileNotFoundError."""
    try:
        if path.is_symlink():
            return None
        with open_regular(path) as file:
            return msgspec.json.decode(file.read(_MOST_BYTES), type=SpoolEntry)
    except FileNotFoundError:
        raise
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _without_surrogates(entry: SpoolEntry) -> SpoolEntry:
    """JSON has no bytes that are not UTF-8; the paths are hints, and the walk finds the file."""

    def plain(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path.encode("utf-8", "replace").decode() for path in paths)

    return msgspec.structs.replace(
        entry, changed=plain(entry.changed), deleted=plain(entry.deleted)
    )

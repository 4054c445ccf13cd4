"""Changes of files below the roots, by the system's notification (watchfiles, an extra).

They are hints: a round walks the library whatever they say, and network file systems send none for
what other machines do. There, without the extra and where the system has no more watches to give,
the interval alone brings a round; the caller tells that once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from av1rules.base.files import TRASH_FOLDER, is_at_or_below, is_temp_name
from av1rules.base.text import printable
from av1rules.operations.doctor import NETWORK_FILE_SYSTEMS, file_system_of, mount_table

STEP_MS = 500
"""How often the library looks for what the system told: two wake-ups a second cost nothing."""

_DEBOUNCE_MS = 2000

_MOST_PATHS = 1000
"""More changes than that are one: all of the library may have changed."""

_OWN_S = 30.0
"""For so long after an own change its notification may come."""

OVERLAID = frozenset({"fuse.mergerfs", "fuse.unionfs", "fuse.mhddfs", "fuse.shfs", "vboxsf"})
"""What is changed below them is not told above: pools of disks and folders of a host."""

Folders = tuple[tuple[str, tuple[int, int] | None], ...]
"""Folders with device and inode; None if one is missing."""


def identities(folders: Iterable[str]) -> Folders:
    """The folders as they are now: another disk under the same name is another folder."""
    return tuple((folder, _identity(folder)) for folder in folders)


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def quiet_folders(folders: Iterable[str], mounts: str) -> dict[str, str]:
    """Those of whose changes the system tells nothing, or not all, with the file system's type."""
    found = {folder: file_system_of(Path(folder), mounts) for folder in folders}
    deaf = NETWORK_FILE_SYSTEMS | OVERLAID
    return {folder: kind for folder, kind in found.items() if kind in deaf and kind is not None}


class ChangedPaths:
    """Paths that changed, collected by one thread and taken by another."""

    def __init__(self, ignored: Sequence[str]) -> None:
        self._ignored = tuple(ignored)
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._own: dict[str, float] = {}

    def ignore(self, folders: Sequence[str]) -> None:
        """From now on, what happens at or below these folders is no news."""
        self._ignored = tuple(folders)

    def add(self, path: str) -> None:
        """A path that the system named, unless it is one of ours."""
        parts = path.split(os.sep)
        if TRASH_FOLDER in parts or any(is_temp_name(part) for part in parts):
            return
        if any(is_at_or_below(path, folder) for folder in self._ignored):
            return
        with self._lock:
            if len(self._paths) < _MOST_PATHS:
                self._paths.add(path)

    def add_own(self, path: str) -> None:
        """A file that the watcher made or moved itself just now: no news."""
        now = time.monotonic()
        with self._lock:
            kept = self._own if len(self._own) < _MOST_PATHS else {}
            self._own = {one: at for one, at in kept.items() if now - at < _OWN_S}
            self._own[path] = now

    def take(self) -> frozenset[str]:
        """All that changed since the last call but what the watcher did."""
        now = time.monotonic()
        with self._lock:
            own = {path for path, at in self._own.items() if now - at < _OWN_S}
            found = frozenset(self._paths - own)
            self._paths.clear()
        return found


class FileEvents:
    """Watches folders in a thread of its own until it is closed. `why_not` says why it can't."""

    def __init__(self, folders: Sequence[str], changed: ChangedPaths) -> None:
        self.why_not: str | None = None
        self._changed = changed
        self._ended = threading.Event()
        self._folders = tuple(folders)
        self._thread = threading.Thread(target=self._serve, daemon=True, name="file-events")

    def __enter__(self) -> Self:
        if self._folders:
            self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def close(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * STEP_MS / 1000)

    def _serve(self) -> None:
        try:
            # An extra, and 30 ms to import.
            from watchfiles import watch  # noqa: PLC0415
        except ImportError:
            self.why_not = "watchfiles is not installed (pip install 'av1rules[watch]')"
            return
        try:
            for changes in watch(
                *self._folders,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._ended,
                raise_interrupt=False,
                force_polling=False,  # it would look at each file three times a second
                ignore_permission_denied=True,
            ):
                for _kind, path in changes:
                    self._changed.add(path)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the interval is left
            self.why_not = _why_not(problem)


def _why_not(problem: Exception) -> str:
    text = printable(str(problem), limit=200)
    if _is_out_of_watches(problem):
        return (
            "the system has no more watches for folders to give (raise "
            "fs.inotify.max_user_watches and max_user_instances with sysctl)"
        )
    return f"the system does not tell: {text}"


def _is_out_of_watches(problem: Exception) -> bool:
    """watchfiles passes some errors of the system on as text."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EMFILE):
        return True
    words = ("limit", "no space left", "too many open files", "os error 28", "os error 24")
    return any(word in str(problem).lower() for word in words)


class RootEvents:
    """File events of the folders that can have them; begun anew when a disk comes or goes, since
    what was watched on another disk is not what lies there now."""

    def __init__(self, changed: ChangedPaths, *, say: Callable[[str], None], is_on: bool) -> None:
        self._changed = changed
        self._say = say
        self._is_on = is_on
        self._events: FileEvents | None = None
        self._watched: Folders = ()
        self._said: set[str] = set()

    def follow(self, folders: Iterable[str]) -> bool:
        """Watch these from now on; returns whether a folder came, went or is another."""
        now = identities(folders)
        self._tell_failure()
        if now == self._watched:
            return False
        self.close()
        self._watched = now
        if self._is_on:
            self._begin()
        return True

    def close(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def _begin(self) -> None:
        there = [folder for folder, found in self._watched if found is not None]
        mounts = ""
        with contextlib.suppress(OSError):
            mounts = mount_table()
        deaf = quiet_folders(there, mounts)
        for folder, kind in deaf.items():
            self._tell(
                f"{printable(folder)} is on {kind}, which does not tell of all changes: it is "
                "looked at each interval"
            )
        self._events = FileEvents([one for one in there if one not in deaf], self._changed)
        self._events.__enter__()

    def _tell_failure(self) -> None:
        if self._events is not None and self._events.why_not is not None:
            self._tell(f"changes are seen each interval only: {self._events.why_not}")

    def _tell(self, text: str) -> None:
        """Each thing once."""
        if text not in self._said:
            self._said.add(text)
            self._say(text)

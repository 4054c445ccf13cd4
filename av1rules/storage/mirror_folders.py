"""The folders of targets in a mirror: none stays behind empty that av1rules made or emptied."""

from __future__ import annotations

import contextlib
import os
import threading

from av1rules.base.files import fsync_folder, is_at_or_below, make_folders


class MirrorFolders:
    """The folders that one run makes below `top`, the root of the mirror (None: there is no
    mirror). Safe to use from many threads: no folder goes while a job makes another in it."""

    def __init__(self, top: str | None = None) -> None:
        self._top = top
        self._made: set[str] = set()
        self._lock = threading.Lock()

    def make(self, folder: str) -> None:
        """`make_folders`, remembering what was missing. Raises OSError."""
        with self._lock:
            self._make(folder)

    def make_private(self, folder: str) -> None:
        """Make a private folder, and those missing above it. Raises OSError."""
        with self._lock:
            self._make(os.path.dirname(folder))
            os.mkdir(folder, mode=0o700)

    def _make(self, folder: str) -> None:
        place = folder
        while self._is_inside(place) and not os.path.isdir(place):
            self._made.add(place)
            place = os.path.dirname(place)
        make_folders(folder)

    def remove_unused(self, folder: str) -> None:
        """Remove `folder` and those above it that this run made, as far as they are empty."""
        with self._lock:
            while folder in self._made and _removed(folder):
                self._made.discard(folder)
                folder = os.path.dirname(folder)
        with contextlib.suppress(OSError):
            fsync_folder(folder)

    def _is_inside(self, folder: str) -> bool:
        return self._top is not None and folder != self._top and is_at_or_below(folder, self._top)


def remove_emptied(folder: str, top: str) -> None:
    """Remove `folder` and those above it but below `top`, as far as they are empty: a file of ours
    went from there. What went does not come back after a loss of power, as far as the disk can."""
    while folder != top and is_at_or_below(folder, top) and _removed(folder):
        folder = os.path.dirname(folder)
    with contextlib.suppress(OSError):
        fsync_folder(folder)


def _removed(folder: str) -> bool:
    """Whether the folder is gone now; one that is not empty stays."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:  # it went before a kill
        return True
    except OSError:
        return False
    return True

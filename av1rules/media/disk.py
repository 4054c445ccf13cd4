"""What a plan asks of the disk. It asks through this interface alone, so that what was recorded of
a disk elsewhere can answer as well."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from av1rules.ffmpeg.tools import ToolMemo, Tools  # the walk needs neither


class FolderEntry(Protocol):
    """A name in a folder: what of `os.DirEntry` is used."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    def inode(self) -> int: ...

    def is_dir(self, *, follow_symlinks: bool = True) -> bool: ...

    def is_file(self, *, follow_symlinks: bool = True) -> bool: ...

    def is_symlink(self) -> bool: ...

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result: ...


class Disk(ABC):
    """Answers for paths; whatever is not there or not known raises OSError, as of `os`."""

    is_recorded = False
    """Whether the answers were recorded: no file can be read then, and no program run."""

    @abstractmethod
    def now_s(self) -> float:
        """The time of the answers, in seconds since the epoch."""

    @abstractmethod
    def scandir(self, path: str) -> AbstractContextManager[Iterator[FolderEntry]]: ...

    @abstractmethod
    def stat(self, path: str | bytes) -> os.stat_result: ...

    @abstractmethod
    def lstat(self, path: str | bytes) -> os.stat_result: ...

    @abstractmethod
    def read_link(self, path: str) -> str: ...

    @abstractmethod
    def real_path(self, path: str | os.PathLike[str]) -> str:
        """The path with links resolved, as far as it exists."""

    @abstractmethod
    def content_key(self, path: str) -> str: ...

    @abstractmethod
    def head_key(self, path: str) -> str: ...

    @abstractmethod
    def is_same(self, path: str, other: str) -> bool:
        """Whether two files hold the same bytes."""

    @abstractmethod
    def provenance_of(self, path: str, tools: Tools) -> str | None:
        """The tag that av1rules wrote into a file; None for a file of others. Raises ProbeError."""

    @abstractmethod
    def linking_file(self, path: str, segment_uid: str, memo: ToolMemo | None) -> str | None:
        """See `media/matroska/links.py`."""

    def device_at(self, folder: str) -> int:
        """The device that holds the folder, or would once it is made. Raises OSError."""
        while not self.is_folder(folder) and folder != (above := os.path.dirname(folder)):
            folder = above
        return self.stat(folder).st_dev

    def lexists(self, path: str) -> bool:
        """Whether something has this name, be it a link that leads nowhere."""
        try:
            self.lstat(path)
        except (OSError, ValueError):
            return False
        return True

    def has_entries(self, folder: str) -> bool:
        """Whether something is in the folder; not if it can't be read."""
        try:
            with self.scandir(folder) as entries:
                return any(True for _ in entries)
        except OSError:
            return False

    def is_folder(self, path: str) -> bool:
        try:
            return S_ISDIR(self.stat(path).st_mode)
        except (OSError, ValueError):
            return False

    def is_file(self, path: str) -> bool:
        try:
            return S_ISREG(self.stat(path).st_mode)
        except (OSError, ValueError):
            return False

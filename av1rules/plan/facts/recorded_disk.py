"""A disk as it was recorded: answers from memory, and never asks the one of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager

import msgspec

from av1rules.base.errors import ProbeError
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.media.cache import LibraryCache
from av1rules.media.disk import Disk, FolderEntry
from av1rules.media.source import FileStat, Source
from av1rules.plan.facts.lines import NodeKind, RecordedStat

_NODE = struct.Struct("<BQQqqqQ")
"""Kind and stat, packed: there may be a million of them."""

_MODES = {
    NodeKind.FILE: stat.S_IFREG | 0o644,
    NodeKind.FOLDER: stat.S_IFDIR | 0o755,
    NodeKind.LINK: stat.S_IFLNK | 0o777,
    NodeKind.OTHER: stat.S_IFIFO | 0o644,
}

_KINDS = tuple(_MODES)

_MOST_LINKS = 40
"""Links that lead to each other, as the kernel counts them."""

_NO_STAT = RecordedStat(0, 0, 0, 0, 0)


class SeenFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was found inside a file where a target is or was."""

    head_key: str | None = None
    is_probed: bool = False
    provenance: str | None = None


class RecordedDisk(Disk):
    """Filled while facts are read. What was not recorded is not there, or raises OSError that says
    so."""

    is_recorded = True

    def __init__(self, cache: LibraryCache, *, now_s: float, ffprobe_version: str) -> None:
        self._cache = cache
        self._now_s = now_s
        self._ffprobe_version = ffprobe_version
        self._folders: dict[str, dict[str, bytes]] = {"/": {}}
        self._links: dict[str, str] = {}
        self._problems: dict[str, int] = {}
        self._devices: dict[str, int] = {}
        self._real: list[tuple[str, str]] = []
        self._seen: dict[str, SeenFile] = {}
        self._linked_by: dict[str, str] = {}

    # --- filled

    def add_top(self, path: str, real_path: str, *, device: int, is_there: bool = True) -> None:
        """A root or the output."""
        self._real.append((path.rstrip("/"), real_path.rstrip("/")))
        self._devices[real_path.rstrip("/")] = device
        if is_there:
            self.add_folder(real_path.rstrip("/") or "/")

    def add_folder(self, path: str) -> dict[str, bytes]:
        """The names in a folder, which is there with all folders above it."""
        found = self._folders.get(path)
        if found is not None:
            return found
        found = self._folders[path] = {}
        below = path
        while below not in ("", "/"):
            above, _, name = below.rpartition("/")
            is_known = (above or "/") in self._folders
            names = self._folders.setdefault(above or "/", {})
            names.setdefault(name, _packed(NodeKind.FOLDER, _NO_STAT))
            if is_known:
                break
            below = above
        return found

    def add(self, path: str, kind: NodeKind, found: RecordedStat, link: str | None = None) -> None:
        """Raises ValueError for figures that no disk has."""
        folder, _, name = path.rpartition("/")
        self.add_folder(folder or "/")[name] = _packed(kind, found)
        if kind is NodeKind.FOLDER:
            self.add_folder(path)
        if link is not None:
            self._links[path] = link

    def add_problem(self, path: str, number: int) -> None:
        self._problems[path] = number

    def add_seen(self, path: str, seen: SeenFile) -> None:
        self._seen[path] = seen

    def add_linking_file(self, path: str, name: str) -> None:
        self._linked_by[path] = name

    # --- asked

    def now_s(self) -> float:
        return self._now_s

    def scandir(self, path: str) -> AbstractContextManager[Iterator[FolderEntry]]:
        place = self._at(self._followed(path))
        names = self._folders.get(place)
        if place in self._problems:
            raise _problem(self._problems[place], path)
        if names is None:
            raise _problem(errno.ENOENT, path)
        return contextlib.nullcontext(iter([_Entry(self, path, name) for name in names]))

    def lstat(self, path: str | bytes) -> os.stat_result:
        place = self._at(os.fsdecode(path))
        folder, _, name = place.rpartition("/")
        packed = self._folders.get(folder or "/", {}).get(name)
        if packed is not None:
            kind, *numbers = _NODE.unpack(packed)
            if _KINDS[kind] is not NodeKind.FOLDER:
                return _result(_KINDS[kind], numbers)
        if place in self._folders and place not in self._problems:
            return _result(NodeKind.FOLDER, [self._device_of(place), 0, 0, 0, 0, 2])
        raise _problem(self._problems.get(place, errno.ENOENT), place)

    def stat(self, path: str | bytes) -> os.stat_result:
        return self.lstat(self._followed(os.fsdecode(path)))

    def _followed(self, path: str) -> str:
        """The path that links lead to."""
        for _ in range(_MOST_LINKS):
            if not stat.S_ISLNK(self.lstat(path).st_mode):
                return path
            path = os.path.normpath(os.path.join(os.path.dirname(path), self.read_link(path)))
        raise _problem(errno.ELOOP, path)

    def read_link(self, path: str) -> str:
        link = self._links.get(self._at(path))
        if link is None:
            self.lstat(path)
            raise _problem(errno.EINVAL, path)
        return link

    def real_path(self, path: str | os.PathLike[str]) -> str:
        return self._at(os.fspath(path))

    def device_at(self, folder: str) -> int:
        return self._device_of(self._at(folder))

    def content_key(self, path: str) -> str:
        key = self._cache.content_key_at(FileStat.of(self.stat(path)))
        if key is None:
            raise _not_recorded("its content", path)
        return key

    def head_key(self, path: str) -> str:
        seen = self._seen.get(self._at(path))
        if seen is None or seen.head_key is None:
            raise _not_recorded("its head", path)
        return seen.head_key

    def is_same(self, path: str, other: str) -> bool:
        return self.content_key(path) == self.content_key(other)

    def provenance_of(self, path: str, tools: Tools) -> str | None:
        seen = self._seen.get(self._at(path))
        if seen is not None and seen.is_probed:
            return seen.provenance
        with contextlib.suppress(OSError):
            stats = (FileStat.of(self.stat(path)),)
            known = self._cache.load_many(stats, ffprobe_version=self._ffprobe_version)
            for source in known.values():
                if isinstance(source, Source):
                    return source.provenance
        raise ProbeError("its facts were not recorded", where=path)

    def linking_file(self, path: str, segment_uid: str, memo: ToolMemo | None) -> str | None:
        return self._linked_by.get(self._at(path))

    def _at(self, path: str) -> str:
        """The path without links above it, as far as they were recorded: those of the tops."""
        place = os.path.normpath(path) if "/." in path or "//" in path else path.rstrip("/") or "/"
        for given, real in self._real:
            if given != real and (place == given or place.startswith(f"{given}/")):
                return real + place[len(given) :]
        return place

    def _device_of(self, folder: str) -> int:
        while folder and folder not in self._devices:
            folder = folder.rpartition("/")[0]
        return self._devices.get(folder, 0)


class _Entry:
    """A name of a recorded folder, as `os.DirEntry`."""

    def __init__(self, disk: RecordedDisk, folder: str, name: str) -> None:
        self._disk = disk
        self.name = name
        self.path = f"{folder.rstrip('/')}/{name}"

    def inode(self) -> int:
        return self._disk.lstat(self.path).st_ino

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self._mode(follow_symlinks=follow_symlinks))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISREG(self._mode(follow_symlinks=follow_symlinks))

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self._mode(follow_symlinks=False))

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._disk.stat(self.path) if follow_symlinks else self._disk.lstat(self.path)

    def _mode(self, *, follow_symlinks: bool) -> int:
        try:
            return self.stat(follow_symlinks=follow_symlinks).st_mode
        except OSError:
            return 0


def _packed(kind: NodeKind, found: RecordedStat) -> bytes:
    try:
        return _NODE.pack(
            _KINDS.index(kind),
            found.device,
            found.inode,
            found.size_bytes,
            found.mtime_ns,
            found.ctime_ns,
            found.links,
        )
    except struct.error as problem:
        raise ValueError(f"a figure of a file is out of range: {problem}") from problem


def _result(kind: NodeKind, numbers: list[int]) -> os.stat_result:
    device, inode, size_bytes, mtime_ns, ctime_ns, links = numbers
    mtime_s, ctime_s = mtime_ns / 1e9, ctime_ns / 1e9
    seconds = (int(mtime_s), int(mtime_s), int(ctime_s))
    plain = (_MODES[kind], inode, device, links, 0, 0, size_bytes, *seconds)
    return os.stat_result((*plain, mtime_s, mtime_s, ctime_s, mtime_ns, mtime_ns, ctime_ns))


def _problem(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _not_recorded(what: str, path: str) -> OSError:
    return OSError(errno.ENODATA, f"{what} was not recorded", path)

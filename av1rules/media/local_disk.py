"""The disks of this machine."""

from __future__ import annotations

import filecmp
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from av1rules.base.hashing import content_key, head_key
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.media.cache import lone_file
from av1rules.media.disk import Disk, FolderEntry
from av1rules.media.matroska.links import linking_file
from av1rules.media.probe.ffprobe import probe_file


class LocalDisk(Disk):
    """Asks the operating system, and ffprobe."""

    def now_s(self) -> float:
        return time.time()

    def scandir(self, path: str) -> AbstractContextManager[Iterator[FolderEntry]]:
        return os.scandir(path)

    def stat(self, path: str | bytes) -> os.stat_result:
        return os.stat(path)

    def lstat(self, path: str | bytes) -> os.stat_result:
        return os.lstat(path)

    def read_link(self, path: str) -> str:
        return os.readlink(path)

    def real_path(self, path: str | os.PathLike[str]) -> str:
        return os.path.realpath(path)

    def content_key(self, path: str) -> str:
        return content_key(path)

    def head_key(self, path: str) -> str:
        return head_key(path)

    def is_same(self, path: str, other: str) -> bool:
        return filecmp.cmp(path, other, shallow=False)

    def provenance_of(self, path: str, tools: Tools) -> str | None:
        return probe_file(lone_file(path), tools).provenance

    def linking_file(self, path: str, segment_uid: str, memo: ToolMemo | None) -> str | None:
        return linking_file(path, segment_uid, memo)


LOCAL_DISK = LocalDisk()

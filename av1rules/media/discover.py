"""Walks the roots for candidate files: no links followed, markers and globs obeyed, sorted.

Knows nothing of what is inside a file. One `stat` for each file with a video extension, none for
the others: 100,000 files must cost little more than reading their folders.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from enum import Enum
from stat import S_ISREG
from typing import Self

import msgspec
from wcmatch import glob

from av1rules.base.overlap import Overlap
from av1rules.media.disk import Disk
from av1rules.media.folders import MARKER, Folder, FolderTree, in_chunks, stat_of
from av1rules.media.source import FileStat, LibraryFile

VIDEO_EXTENSIONS = frozenset(
    {
        "mkv", "mk3d", "mp4", "m4v", "mov", "qt", "avi", "divx", "webm", "ts", "m2ts", "mts", "m2t",
        "mpg", "mpeg", "mpe", "m2v", "vob", "wmv", "asf", "flv", "f4v", "ogv", "ogm", "3gp", "3g2",
        "mxf", "rm", "rmvb", "dv", "y4m", "ivf", "264", "h264", "265", "h265", "hevc", "obu",
    }
)  # fmt: skip
"""Containers and raw streams that FFmpeg reads as video; no playlists."""

GLOB_FLAGS = glob.GLOBSTAR | glob.BRACE | glob.DOTGLOB
"""How patterns read, the same as in rules: `**`, `{a,b}`, and names with a leading dot match."""

FUTURE_TOLERANCE_S = 86_400.0
"""A time further ahead than any clock or zone error was written by a copy tool, not just now."""


class SkipReason(Enum):
    """Why a candidate is skipped in this run."""

    EXCLUDED = "excluded"  # by `exclude`, or not matched by `include`
    TOO_SMALL = "too small"
    SETTLING = "settling"  # changed a moment ago: probably still being copied
    MARKED = "marked"  # by an .av1skip file


class Candidate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    file: LibraryFile
    skip_reason: SkipReason | None


class FolderSideFiles(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The files of one folder that are no films but may belong to some, with their inodes. What
    `exclude` leaves out is not among them. `below` is the folder's path below the root."""

    root_name: str
    root: str
    below: str
    names: bytes  # each followed by "/", which no name has
    inodes: bytes

    @classmethod
    def of(cls, root_name: str, root: str, below: str, files: Sequence[tuple[str, int]]) -> Self:
        """`files` are names and inodes: there may be a million of them, and some words each."""
        return cls(
            root_name=root_name,
            root=root,
            below=below,
            names=b"".join(os.fsencode(f"{name}/") for name, _ in files),
            inodes=array("Q", (inode for _, inode in files)).tobytes(),
        )

    def files(self) -> Iterator[tuple[str, int]]:
        """Names and inodes."""
        inodes = array("Q")
        inodes.frombytes(self.inodes)
        return zip(os.fsdecode(self.names).split("/"), inodes, strict=False)


class WalkProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A root, folder or file that could not be read; `is_root` if a whole root is missing."""

    root_name: str
    path: str
    message: str
    is_root: bool = False


class _Globs(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns compiled once. What starts with `**/` and matches below the root also matches the
    library path, so `free` ones need one look; `bound` ones need two."""

    free: re.Pattern[str] | None
    bound: re.Pattern[str] | None

    def matches(self, file: LibraryFile) -> bool:
        return self.matches_path(file.root_name, file.relative_path)

    def matches_path(self, root_name: str, relative_path: str) -> bool:
        whole = f"{root_name}/{relative_path}"
        if self.free is not None and self.free.match(whole):
            return True
        return self.bound is not None and bool(
            self.bound.match(relative_path) or self.bound.match(whole)
        )


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the walk was asked for, patterns compiled."""

    include: _Globs | None
    exclude: _Globs | None
    extensions: frozenset[str]
    min_size: int
    settle_s: float
    now_s: float
    excluded_folders: frozenset[str]
    excluded_files: Container[str]
    on_side_files: Callable[[FolderSideFiles], None] | None
    on_folder: Callable[[str, Folder], None] | None
    disk: Disk | None


def walk(
    roots: Sequence[tuple[str, str]],
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    extensions: frozenset[str] = VIDEO_EXTENSIONS,
    min_size: int,
    settle_s: float,
    now_s: float,
    excluded_folders: Sequence[str] = (),
    excluded_files: Container[str] = frozenset(),
    on_side_files: Callable[[FolderSideFiles], None] | None = None,
    on_folder: Callable[[str, Folder], None] | None = None,
    disk: Disk | None = None,
) -> Iterator[Candidate | WalkProblem]:
    """Every candidate below `roots` (name, path): root by root, sorted within each folder.

    The order is by code points, for UTF-8 names that of their bytes. A file found twice through
    overlapping roots comes once, under the first. Symbolic links are never followed (a root itself
    may be one), nor devices, pipes or sockets. Ours (`.av1rules-*`), resource forks (`._*`) and
    `excluded_files` (absolute paths) are not reported at all; other names with a leading dot are
    films like any other. Patterns match the path below the root or the library path.
    Unchanged for `settle_s` seconds, by mtime and ctime, is settled; a time more than a day ahead
    of `now_s` counts as settled.
    `on_side_files` is called with the other files of each folder that has some, `include` aside,
    `on_folder` with each folder and its path, before its candidates are asked for their stat.
    `disk`: None for those of this machine.
    """
    real_path = os.path.realpath if disk is None else disk.real_path
    is_folder = os.path.isdir if disk is None else disk.is_folder
    choice = _Choice(
        include=_compiled(include),
        exclude=_compiled(exclude),
        extensions=extensions,
        min_size=min_size,
        settle_s=settle_s,
        now_s=now_s,
        excluded_folders=frozenset(real_path(path) for path in excluded_folders),
        excluded_files=excluded_files,
        on_side_files=on_side_files,
        on_folder=on_folder,
        disk=disk,
    )
    walked: set[str] = set()
    for name, path in roots:
        root = real_path(path).rstrip("/")  # "" for the root of the file system
        if not is_folder(root or "/"):
            message = "the root does not exist or is not a folder (is its disk mounted?)"
            yield WalkProblem(root_name=name, path=path, message=message, is_root=True)
        elif not any(root == other or root.startswith(f"{other}/") for other in walked):
            yield from _walk_root(name, root, choice, walked)
        walked.add(root)


def _compiled(patterns: Sequence[str]) -> _Globs | None:
    if not patterns:
        return None
    free = [pattern for pattern in patterns if pattern.startswith("**/")]
    bound = [pattern for pattern in patterns if not pattern.startswith("**/")]
    return _Globs(free=_expression(free), bound=_expression(bound))


def _expression(patterns: list[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    wanted, _ = glob.translate(patterns, flags=GLOB_FLAGS)
    return re.compile("|".join(f"(?:{pattern})" for pattern in wanted))


def _walk_root(
    name: str, root: str, choice: _Choice, walked: set[str]
) -> Iterator[Candidate | WalkProblem]:
    def may_enter(path: str) -> bool:
        return path not in choice.excluded_folders and path not in walked

    with Overlap() as overlap:
        tree = FolderTree(
            root,
            choice.extensions,
            may_enter,
            overlap,
            with_side_files=choice.on_side_files is not None,
            disk=choice.disk,
        )
        folders = _reporting_side_files(tree, name, root, choice)
        chunks = in_chunks(folders, overlap)
        for folder, entries, stats in overlap.in_order("stat", stat_of, chunks):
            if folder.problem is not None:
                yield WalkProblem(
                    root_name=name,
                    path=tree.path_of(folder),
                    message=f"cannot read the folder: {folder.problem.strerror}",
                    is_root=not folder.below,
                )
            prefix = f"{folder.below}/" if folder.below else ""
            for entry, seen in zip(entries, stats, strict=True):
                if isinstance(seen, OSError):
                    if not isinstance(seen, FileNotFoundError):  # gone since the folder was read
                        message = f"cannot read the file: {seen.strerror}"
                        yield WalkProblem(root_name=name, path=entry.path, message=message)
                elif S_ISREG(seen.st_mode) and entry.path not in choice.excluded_files:
                    file = LibraryFile(
                        root_name=name,
                        root=root,
                        relative_path=prefix + entry.name,
                        stat=FileStat.of(seen),
                    )
                    skip_reason = _set_aside(file, entry.name, choice, folder)
                    yield Candidate(file=file, skip_reason=skip_reason)


def _reporting_side_files(
    folders: Iterable[Folder], name: str, root: str, choice: _Choice
) -> Iterator[Folder]:
    """The folders, each after its side files were reported."""
    report, exclude = choice.on_side_files, choice.exclude
    for folder in folders:
        if choice.on_folder is not None:
            choice.on_folder(f"{root}/{folder.below}" if folder.below else root, folder)
        found = () if report is None or folder.listing is None else folder.listing.side_files
        prefix = f"{folder.below}/" if folder.below else ""
        kept = [
            (side, inode)
            for side, inode in found
            if exclude is None or not exclude.matches_path(name, prefix + side)
        ]
        if kept and report is not None:
            report(FolderSideFiles.of(name, root, folder.below, kept))
        yield folder


def _set_aside(file: LibraryFile, name: str, choice: _Choice, folder: Folder) -> SkipReason | None:
    if folder.is_marked or _has_marker(name, folder):
        return SkipReason.MARKED
    if not _is_included(file, choice):
        return SkipReason.EXCLUDED
    stat = file.stat
    if stat.size_bytes < choice.min_size:
        return SkipReason.TOO_SMALL
    latest_s = max(stat.mtime_ns, stat.ctime_ns) / 1e9
    if latest_s > choice.now_s - choice.settle_s and not is_settled(
        stat.mtime_ns, stat.ctime_ns, now_s=choice.now_s, settle_s=choice.settle_s
    ):
        return SkipReason.SETTLING
    return None


def _has_marker(name: str, folder: Folder) -> bool:
    markers = folder.listing.markers if folder.listing is not None else ()
    return bool(markers) and (
        name + MARKER in markers or name.rpartition(".")[0] + MARKER in markers
    )


def is_settled(mtime_ns: int, ctime_ns: int, *, now_s: float, settle_s: float) -> bool:
    """Both times long past, or so far ahead that a copy tool must have set them. Pure."""
    ages_s = (now_s - mtime_ns / 1e9, now_s - ctime_ns / 1e9)
    return all(age >= settle_s or age < -FUTURE_TOLERANCE_S for age in ages_s)


def _is_included(file: LibraryFile, choice: _Choice) -> bool:
    if choice.exclude is not None and choice.exclude.matches(file):
        return False
    return choice.include is None or choice.include.matches(file)

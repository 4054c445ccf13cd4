"""Walks the roots for candidate files: no links followed, markers and globs obeyed, sorted.

Knows nothing of what is inside a file. One `stat` for each file with a video extension, none for
the others: 100,000 files must cost little more than reading their folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator, Sequence
from enum import Enum
from operator import itemgetter
from stat import S_ISREG

import msgspec
from wcmatch import glob

from av1rules.base.files import is_temp_name
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

MARKER = ".av1skip"
"""In a folder: it and all below is left alone. As a suffix beside a file: that file is."""

PRUNED_FOLDERS = frozenset(
    {
        "lost+found", "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot",
        "$RECYCLE.BIN", "System Volume Information", ".av1rules", ".Trash", ".Trashes",
        ".snapshots", ".snapshot", ".zfs", ".git", ".recycle", ".AppleDouble", ".stfolder",
        ".stversions",
    }
)  # fmt: skip
"""Bins, snapshots and indexes that NAS systems and desktops keep inside a share."""

APPLE_DOUBLE_PREFIX = "._"
"""What macOS writes beside each file on a share, extension and all: a resource fork, no film."""

FUTURE_TOLERANCE_S = 86_400.0
"""A time further ahead than any clock or zone error was written by a copy tool, not just now."""


class SkipReason(Enum):
    """Why a candidate is skipped in this run."""

    EXCLUDED = "excluded"  # by `exclude`, or not matched by `include`
    TOO_SMALL = "too small"
    SETTLING = "settling"  # changed a moment ago: probably still being copied
    MARKED = "marked"  # by an .av1skip file


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    file: LibraryFile
    skip_reason: SkipReason | None


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
        whole = file.library_path
        if self.free is not None and self.free.match(whole):
            return True
        return self.bound is not None and bool(
            self.bound.match(file.relative_path) or self.bound.match(whole)
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
) -> Iterator[Candidate | WalkProblem]:
    """Every candidate below `roots` (name, path): root by root, sorted within each folder.

    The order is by code points, for UTF-8 names that of their bytes. A file found twice through
    overlapping roots comes once, under the first. Symbolic links are never followed (a root itself
    may be one), nor devices, pipes or sockets. Ours (`.av1rules-*`), resource forks (`._*`) and
    `excluded_files` (absolute paths) are not reported at all; other names with a leading dot are
    films like any other. Patterns match the path below the root or the library path.
    Unchanged for `settle_s` seconds, by mtime and ctime, is settled; a time more than a day ahead
    of `now_s` counts as settled.
    """
    choice = _Choice(
        include=_compiled(include),
        exclude=_compiled(exclude),
        extensions=extensions,
        min_size=min_size,
        settle_s=settle_s,
        now_s=now_s,
        excluded_folders=frozenset(os.path.realpath(path) for path in excluded_folders),
        excluded_files=excluded_files,
    )
    walked: set[str] = set()
    for name, path in roots:
        root = os.path.realpath(path).rstrip("/")  # "" for the root of the file system
        if not os.path.isdir(root or "/"):
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
    todo: list[tuple[str, bool]] = [("", False)]  # folder below the root, marked from above
    while todo:
        below, marked = todo.pop()
        folder = f"{root}/{below}" if below else root
        try:
            with os.scandir(folder or "/") as entries:
                folders, files = _sorted_entries(entries, choice.extensions)
        except OSError as problem:
            yield WalkProblem(
                root_name=name,
                path=folder,
                message=f"cannot read the folder: {problem.strerror}",
                is_root=not below,
            )
            continue
        marked = marked or MARKER in files
        prefix = f"{below}/" if below else ""
        for entry in files.values():
            if entry is None:
                continue
            found = _candidate(name, root, prefix, entry, choice)
            if isinstance(found, LibraryFile):
                yield Candidate(
                    file=found, skip_reason=_set_aside(found, choice, files, marked=marked)
                )
            elif found is not None:
                yield found
        for child in reversed(folders):
            path = f"{folder}/{child}"
            if path not in choice.excluded_folders and path not in walked:
                todo.append((prefix + child, marked))


def _sorted_entries(
    entries: Iterator[os.DirEntry[str]], extensions: frozenset[str]
) -> tuple[list[str], dict[str, os.DirEntry[str] | None]]:
    """Sub-folders worth entering; candidate files, and markers (with no entry) among them."""
    folders: list[str] = []
    files: list[tuple[str, os.DirEntry[str] | None]] = []
    for entry in entries:
        name = entry.name
        if name.endswith(MARKER):
            files.append((name, None))
        elif entry.is_dir(follow_symlinks=False):
            if name not in PRUNED_FOLDERS and not name.startswith((".Trash-", ".av1rules")):
                folders.append(name)
        else:
            stem, _, extension = name.rpartition(".")
            if stem and extension.lower() in extensions and not _is_never_a_film(name):
                files.append((name, entry))
    folders.sort()
    files.sort(key=itemgetter(0))
    return folders, dict(files)


def _is_never_a_film(name: str) -> bool:
    return name.startswith(APPLE_DOUBLE_PREFIX) or is_temp_name(name)


def _candidate(
    name: str, root: str, prefix: str, entry: os.DirEntry[str], choice: _Choice
) -> LibraryFile | WalkProblem | None:
    try:
        seen = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # gone since the folder was read
    except OSError as problem:
        message = f"cannot read the file: {problem.strerror}"
        return WalkProblem(root_name=name, path=entry.path, message=message)
    if not S_ISREG(seen.st_mode):
        return None
    below = prefix + entry.name
    if choice.excluded_files and f"{root}/{below}" in choice.excluded_files:
        return None
    return LibraryFile(
        root_name=name,
        root=root,
        relative_path=below,
        stat=FileStat.of(seen),
    )


def _set_aside(
    file: LibraryFile,
    choice: _Choice,
    siblings: dict[str, os.DirEntry[str] | None],
    *,
    marked: bool,
) -> SkipReason | None:
    if marked or _has_marker(file.relative_path.rpartition("/")[2], siblings):
        return SkipReason.MARKED
    if not _is_included(file, choice):
        return SkipReason.EXCLUDED
    stat = file.stat
    if stat.size_bytes < choice.min_size:
        return SkipReason.TOO_SMALL
    latest_s = max(stat.mtime_ns, stat.ctime_ns) / 1e9
    if latest_s > choice.now_s - choice.settle_s and not _is_settled(stat, choice):
        return SkipReason.SETTLING
    return None


def _has_marker(name: str, siblings: dict[str, os.DirEntry[str] | None]) -> bool:
    return name + MARKER in siblings or name.rpartition(".")[0] + MARKER in siblings


def _is_settled(stat: FileStat, choice: _Choice) -> bool:
    """Both times long past, or so far ahead that a copy tool must have set them."""
    ages_s = (choice.now_s - stat.mtime_ns / 1e9, choice.now_s - stat.ctime_ns / 1e9)
    return all(age >= choice.settle_s or age < -FUTURE_TOLERANCE_S for age in ages_s)


def _is_included(file: LibraryFile, choice: _Choice) -> bool:
    if choice.exclude is not None and choice.exclude.matches(file):
        return False
    return choice.include is None or choice.include.matches(file)

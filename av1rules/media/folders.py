"""Reads the folders below a root, in the order of the walk; ahead of it on a slow disk."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from av1rules.base.files import TEMP_PREFIX
from av1rules.base.overlap import Overlap
from av1rules.media.disk import Disk, FolderEntry

if TYPE_CHECKING:
    from concurrent.futures import Future

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

_NEVER_A_FILM = (APPLE_DOUBLE_PREFIX, TEMP_PREFIX)

FOLDERS_AHEAD = 64
"""Folders that are read ahead on a slow disk: two a thread."""

MOST_FOLDERS_HELD = 4 * FOLDERS_AHEAD
"""Folders read ahead that the walk has not come to: more than those next in order, since folders
that are found inside them come first. Four levels of folders overlap in full."""

ENTRIES_AHEAD = 500
"""A folder with more entries is read in its turn: what is read ahead stays below 128,000."""

OWN_SUFFIXES = (".av1rules.json", ".av1rules.txt")
"""Of receipts beside a target."""

_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
"""What desktops leave in every folder that they show."""

_UNFINISHED = (".part", ".!qB", ".!ut", ".crdownload", ".aria2", ".partial~", ".tmp")
"""What downloads are called while they are under way."""

_ENTRIES_A_CALL = 100  # of a folder: the kernel hands over about as many at a time

Seen = os.stat_result | OSError


class Listing(msgspec.Struct, frozen=True):
    """What of a folder matters. `files` are sorted backwards, to be taken from the end, so that
    those of a folder of 50,000 are not all held with their stats. `side_files` are the others with
    their inodes, if they were asked for."""

    folders: list[str]
    files: list[FolderEntry]
    markers: set[str]
    side_files: list[tuple[str, int]]


class Folder(msgspec.Struct, eq=False):
    """A folder below the root: its listing or its problem once the walk has come to it."""

    below: str
    is_marked: bool = False
    listing: Listing | None = None
    problem: OSError | None = None
    answer: Future[Listing | None] | None = None
    is_expanded: bool = False


class FolderTree:
    """The folders below `root` that `may_enter` (given their path) admits, each before those in it.

    Of a folder only candidates for films (by extension), markers and sub-folders are listed, and
    on request the side files.
    """

    def __init__(
        self,
        root: str,
        extensions: frozenset[str],
        may_enter: Callable[[str], bool],
        overlap: Overlap,
        *,
        with_side_files: bool = False,
        disk: Disk | None = None,
    ) -> None:
        """`disk`: None for those of this machine."""
        scandir = os.scandir if disk is None else disk.scandir
        self._root = root
        self._list = functools.partial(
            _list, scandir=scandir, extensions=extensions, with_side_files=with_side_files
        )
        self._list_if_small = functools.partial(
            _list_if_small, scandir=scandir, extensions=extensions, with_side_files=with_side_files
        )
        self._may_enter = may_enter
        self._overlap = overlap
        self._todo = [Folder("")]  # the next one last
        self._held = 0

    def __iter__(self) -> Iterator[Folder]:
        todo = self._todo
        while todo:
            if self._overlap.is_on:
                self._read_ahead()
            folder = todo.pop()
            self._read(folder)
            if not folder.is_expanded:
                todo.extend(self._children(folder))
            yield folder

    def path_of(self, folder: Folder) -> str:
        return f"{self._root}/{folder.below}" if folder.below else self._root

    def _read(self, folder: Folder) -> None:
        """Sets its listing, or its problem."""
        try:
            if folder.answer is not None:
                self._held -= 1
                folder.listing = folder.answer.result()
            if folder.listing is None:
                started = time.perf_counter()
                listing = folder.listing = self._list(self.path_of(folder))
                found = len(listing.folders) + len(listing.files) + len(listing.side_files)
                seconds = time.perf_counter() - started
                self._overlap.note("folder", 1 + found // _ENTRIES_A_CALL, seconds)
        except OSError as problem:
            folder.problem = problem

    def _children(self, folder: Folder) -> list[Folder]:
        """Its sub-folders, the first one last."""
        folder.is_expanded = True
        listing = folder.listing
        if listing is None:
            return []
        marked = folder.is_marked = folder.is_marked or MARKER in listing.markers
        path, prefix = self.path_of(folder), f"{folder.below}/" if folder.below else ""
        return [
            Folder(prefix + name, marked)
            for name in reversed(listing.folders)
            if self._may_enter(f"{path}/{name}")
        ]

    def _read_ahead(self) -> None:
        """Begins to read the next folders, and those below what has been read of them."""
        todo = self._todo
        position = len(todo) - 1
        for _ in range(FOLDERS_AHEAD):
            if position < 0:
                return
            folder = todo[position]
            if folder.answer is None:
                if self._held < MOST_FOLDERS_HELD:
                    path = self.path_of(folder)
                    folder.answer = self._overlap.submit(self._list_if_small, path)
                    self._held += 1
            elif not folder.is_expanded and folder.answer.done():
                children = self._expand_early(folder)
                todo[position:position] = children
                position += len(children)
            position -= 1

    def _expand_early(self, folder: Folder) -> list[Folder]:
        """The sub-folders of one that was read ahead; none of one left for its turn."""
        if folder.answer is None or folder.answer.exception() is not None:
            return []
        folder.listing = folder.answer.result()
        return [] if folder.listing is None else self._children(folder)


def in_chunks(
    folders: Iterable[Folder], overlap: Overlap
) -> Iterator[tuple[Folder, list[FolderEntry]]]:
    """The files of each folder, a few at a time; a folder with a problem comes once, with none."""
    for folder in folders:
        if folder.listing is None:
            yield folder, []
            continue
        files = folder.listing.files
        while files:
            chunk = files[-overlap.chunk :]
            del files[-len(chunk) :]
            chunk.reverse()
            yield folder, chunk


def stat_of(entry: FolderEntry) -> Seen:
    """Its `lstat`, or why there is none."""
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as problem:
        return problem


_ScanDir = Callable[[str], AbstractContextManager[Iterator[FolderEntry]]]


def _list(
    path: str, *, scandir: _ScanDir, extensions: frozenset[str], with_side_files: bool
) -> Listing:
    with scandir(path or "/") as entries:
        return _sorted_entries(entries, extensions, with_side_files=with_side_files)


def _list_if_small(
    path: str, *, scandir: _ScanDir, extensions: frozenset[str], with_side_files: bool
) -> Listing | None:
    """None if the folder has more than `ENTRIES_AHEAD` entries."""
    with scandir(path or "/") as entries:
        first = list(islice(entries, ENTRIES_AHEAD + 1))
        if len(first) > ENTRIES_AHEAD:
            return None
        return _sorted_entries(first, extensions, with_side_files=with_side_files)


def _sorted_entries(
    entries: Iterable[FolderEntry], extensions: frozenset[str], *, with_side_files: bool
) -> Listing:
    """Sub-folders worth entering, candidate files, markers, and side files."""
    folders: list[str] = []
    files: dict[str, FolderEntry] = {}
    markers: set[str] = set()
    side_files: list[tuple[str, int]] = []
    for entry in entries:
        name = entry.name
        if name.endswith(MARKER):
            markers.add(name)
        elif entry.is_dir(follow_symlinks=False):
            if name not in PRUNED_FOLDERS and not name.startswith((".Trash-", ".av1rules")):
                folders.append(name)
        else:
            stem, _, extension = name.rpartition(".")
            is_film = extension in extensions or extension.lower() in extensions
            if stem and is_film and not name.startswith(_NEVER_A_FILM):
                files[name] = entry
            elif with_side_files and entry.is_file(follow_symlinks=False) and _is_side_file(name):
                side_files.append((name, entry.inode()))
    folders.sort()
    side_files.sort()
    in_turn = [files[name] for name in sorted(files, reverse=True)]
    return Listing(folders, in_turn, markers, side_files)


def _is_side_file(name: str) -> bool:
    """Whether a file that is no film belongs to the library: not ours, no litter, finished."""
    is_ours = name.endswith(OWN_SUFFIXES) or name.startswith(_NEVER_A_FILM)
    return not (is_ours or name in _LITTER or name.endswith(_UNFINISHED))

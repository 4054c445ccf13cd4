"""The folders of a library and of its output as lines, and the films in them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

import msgspec

from av1rules.media.discover import VIDEO_EXTENSIONS, Candidate, SkipReason, walk
from av1rules.media.folders import Folder
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.source import FileStat
from av1rules.plan.facts.lines import (
    FileLine,
    FolderLine,
    NodeKind,
    RecordedEntry,
    RecordedRoot,
    RecordedStat,
    text_of_path,
)
from av1rules.plan.rest.whole import rest_of
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Rest, RuleSet


class CollectedDisk(msgspec.Struct, kw_only=True):
    """`films` are all files with a video extension; those that a plan leaves out have their reason.
    `tops` are the folders that were walked, with links resolved."""

    films: list[Candidate]
    folders: list[FolderLine]
    tops: list[str]


def has_side_files(ruleset: RuleSet) -> bool:
    """Whether a plan reads files that are no films."""
    return rest_of(ruleset) is not Rest.LEAVE


def collect_disk(workspace: Workspace) -> CollectedDisk:
    """All of the library and its output. Raises RunInterruptedError."""
    ruleset = workspace.ruleset
    output, own = ruleset.output, str(ruleset.run.state_dir)
    found = CollectedDisk(films=[], folders=[], tops=[])
    with_side_files = has_side_files(ruleset)

    def add_folder(path: str, folder: Folder) -> None:
        workspace.children.check()
        found.folders += _library_folder(path or "/", folder)

    wanted = frozenset(ruleset.library.extensions) or VIDEO_EXTENSIONS
    library = ruleset.library
    for step in walk(
        [(root.name, str(root.path)) for root in library.roots],
        include=library.include,
        exclude=library.exclude,
        extensions=wanted | VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=workspace.disk.now_s(),
        excluded_folders=[own, *map(str, filter(None, (output.root, output.temp_dir)))],
        on_side_files=(lambda _: None) if with_side_files else None,
        on_folder=add_folder,
    ):
        if isinstance(step, Candidate):
            found.films.append(step if _has_extension(step, wanted) else _left_out(step))
    found.tops = [os.path.realpath(root.path) for root in library.roots]
    if output.root is not None:
        top = os.path.realpath(output.root)
        found.folders += _all_folders(workspace, top, os.path.realpath(own))
        found.tops.append(top)
    return found


def _has_extension(film: Candidate, wanted: frozenset[str]) -> bool:
    extension = film.file.relative_path.rpartition(".")[2]
    return extension in wanted or extension.lower() in wanted


def _left_out(film: Candidate) -> Candidate:
    return msgspec.structs.replace(film, skip_reason=SkipReason.EXCLUDED)


def recorded_top(name: str, path: str) -> RecordedRoot:
    real = os.path.realpath(path)
    return RecordedRoot(
        name=text_of_path(name),
        path=text_of_path(path),
        real_path=text_of_path(real),
        device=LOCAL_DISK.device_at(real),
        is_there=os.path.isdir(real),
    )


def recorded_stat(found: FileStat) -> RecordedStat:
    return RecordedStat(
        found.device,
        found.inode,
        found.size_bytes,
        found.mtime_ns,
        found.ctime_ns,
        found.links,
    )


def recorded_file(path: str) -> FileLine | None:
    """Any path, by itself; None if nothing is there."""
    try:
        kind, seen, link = _node(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        return FileLine(path=text_of_path(path), errno=problem.errno)
    shown = None if link is None else text_of_path(link)
    return FileLine(path=text_of_path(path), kind=kind, stat=seen, link=shown)


def _library_folder(path: str, folder: Folder) -> Iterator[FolderLine]:
    """What a folder holds besides films; nothing of one with films alone, whose paths name it."""
    if folder.problem is not None:
        yield FolderLine(path=text_of_path(path), errno=folder.problem.errno)
    listing = folder.listing
    if listing is None:
        return
    odd = sorted(one.name for one in listing.files if not one.is_file(follow_symlinks=False))
    sides = [name for name, _ in listing.side_files]
    names = [*odd, *sorted(listing.markers), *sides]
    entries = tuple(one for name in names for one in _entry(path, name))
    if entries or len(odd) == len(listing.files):
        yield FolderLine(path=text_of_path(path), entries=entries)


def _all_folders(workspace: Workspace, top: str, left: str) -> Iterator[FolderLine]:
    """All there is below the output."""
    for folder, names, files in os.walk(top):
        workspace.children.check()
        names[:] = sorted(name for name in names if f"{folder}/{name}" != left)
        links = [name for name in names if os.path.islink(f"{folder}/{name}")]
        entries = (one for name in (*sorted(files), *links) for one in _entry(folder, name))
        yield FolderLine(path=text_of_path(folder), entries=tuple(entries))


def _entry(folder: str, name: str) -> Iterator[RecordedEntry]:
    with contextlib.suppress(OSError):  # gone since
        kind, seen, link = _node(f"{folder.rstrip('/')}/{name}")
        shown = None if link is None else text_of_path(link)
        yield RecordedEntry(text_of_path(name), kind, seen, shown)


def _node(path: str) -> tuple[NodeKind, RecordedStat, str | None]:
    """Raises OSError."""
    seen = os.lstat(path)
    found = recorded_stat(FileStat.of(seen))
    if stat.S_ISREG(seen.st_mode):
        return NodeKind.FILE, found, None
    if stat.S_ISDIR(seen.st_mode):
        return NodeKind.FOLDER, found, None
    if stat.S_ISLNK(seen.st_mode):
        return NodeKind.LINK, found, os.readlink(path)
    return NodeKind.OTHER, found, None

"""Where targets are and belong: the files in their folders, and the place of a source by that of
its target."""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec.structs import replace

from av1rules.base.files import is_at_or_below
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import lone_file
from av1rules.media.discover import WalkProblem, walk
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.target_state import target_path
from av1rules.policy.model import OutputMode, RuleSet


def target_files(
    ruleset: RuleSet, paths: tuple[str, ...] = (), disk: Disk = LOCAL_DISK
) -> Iterator[LibraryFile | WalkProblem]:
    """Every video file in the folders of targets, or at or below `paths`, and the folders that
    can't be read. Files have the names that the ledger would use."""
    root = ruleset.output.root
    if root is None:
        yield from _walked(ruleset, paths, disk)
        return
    real = disk.real_path(root)
    for found in _walked(ruleset, paths, disk):
        is_named = isinstance(found, WalkProblem) or found.root == str(root)
        if is_named or not is_at_or_below(found.path, real):
            yield found
        else:  # the ledger names it as the rules do, even if `output.root` is a link
            yield replace(found, root=str(root), relative_path=os.path.relpath(found.path, real))


def _walked(
    ruleset: RuleSet, paths: tuple[str, ...], disk: Disk
) -> Iterator[LibraryFile | WalkProblem]:
    yield from (lone_file(path, disk) for path in paths if not disk.is_folder(path))
    folders = [("", path) for path in paths if disk.is_folder(path)]
    if not paths:
        folders = _places(ruleset)
    pruned = [ruleset.run.state_dir, *filter(None, (ruleset.output.temp_dir,))]
    for step in walk(
        folders,
        include=(),
        exclude=(),
        min_size=0,
        settle_s=0,
        now_s=disk.now_s(),
        excluded_folders=[str(path) for path in pruned],
        disk=disk,
    ):
        yield step if isinstance(step, WalkProblem) else step.file


def _places(ruleset: RuleSet) -> list[tuple[str, str]]:
    output = ruleset.output
    if output.mode is OutputMode.MIRROR and output.root is not None:
        return [("", str(output.root))]
    return [(root.name, str(root.path)) for root in ruleset.library.roots]


def in_library(ruleset: RuleSet, path: str, disk: Disk = LOCAL_DISK) -> tuple[str, str, str] | None:
    """Name of the root, root, and path below it; None for a path in no root."""
    for root in ruleset.library.roots:
        real = disk.real_path(root.path).rstrip("/")
        if is_at_or_below(path, real) and path != real:
            return root.name, real, path[len(real) + 1 :]
    return None


def former_place(ruleset: RuleSet, source: LibraryFile, target: str, container: str) -> LibraryFile:
    """Where the source was when its target was made, by the target's path. If that is another place
    than now and free, source or target was renamed since, and a plan moves the target."""
    if target == target_path(source, ruleset.output, container):
        return source
    home = _home_of_target(ruleset, source, target)
    if home is None:
        return source
    name, root, stem = home
    below = f"{stem}{os.path.splitext(source.relative_path)[1]}"
    was = replace(source, root_name=name, root=root, relative_path=below)
    return source if os.path.lexists(was.path) else was


def _home_of_target(
    ruleset: RuleSet, source: LibraryFile, target: str
) -> tuple[str, str, str] | None:
    """Name of the root, root, and path without extension of the source, by the path of its
    target."""
    output = ruleset.output
    stem = os.path.splitext(target)[0]
    if output.mode is not OutputMode.MIRROR or output.root is None:
        return in_library(ruleset, stem.removesuffix(output.suffix))
    if not is_at_or_below(target, str(output.root)):
        return None
    name, _, below = os.path.relpath(stem, output.root).partition("/")
    roots = {root.name: os.path.realpath(root.path) for root in ruleset.library.roots}
    # A root that is no longer in the rules: assume that it was beside the current one.
    root = roots.get(name) or f"{os.path.dirname(source.root)}/{name}"
    return (name, root, below) if below else None


def is_misplaced(ruleset: RuleSet, row: TargetRow, disk: Disk = LOCAL_DISK) -> bool:
    """Whether the target is not where the rules of today put that of its source, since a user moved
    it: within the output of a mirror, or beside its source."""
    output, home = ruleset.output, in_library(ruleset, row.source_path, disk)
    is_mirror = output.mode is OutputMode.MIRROR
    if home is None or output.mode is OutputMode.REPLACE:
        return False
    if is_mirror and not is_at_or_below(row.target, str(output.root)):
        return False  # the output was another one
    name, root, below = home
    file = LibraryFile(root_name=name, root=root, relative_path=below, stat=_NO_STAT)
    return target_path(file, output, row.settings.container) != row.target


_NO_STAT = FileStat(device=0, inode=0, size_bytes=0, mtime_ns=0, ctime_ns=0)


def row_at(
    ruleset: RuleSet,
    row: TargetRow,
    file: LibraryFile,
    *,
    has_replaced: bool,
    disk: Disk = LOCAL_DISK,
) -> TargetRow:
    """The row of a target that now is `file`. The source that it replaced has the same stem, so
    that `undo` restores it under the new name; any other stays the source as long as it is there,
    else the target's place says which source it is of."""
    now = replace(row, target=file.path, target_mtime_ns=file.stat.mtime_ns)
    stem, extension = os.path.splitext(file.path)[0], os.path.splitext(row.source_path)[1]
    if not has_replaced:
        if _has_size(row.source_path, row.source_bytes, disk):
            return now
        stem = _source_stem(ruleset, file.path, disk) or os.path.splitext(row.source_path)[0]
    home = in_library(ruleset, f"{stem}{extension}", disk)
    if home is None or (not has_replaced and f"{stem}{extension}" == file.path):
        return now
    name, root, below = home
    return replace(now, source=f"{name}/{below}", source_path=f"{root}/{below}")


def _has_size(path: str, size_bytes: int, disk: Disk) -> bool:
    try:
        return disk.stat(path).st_size == size_bytes
    except OSError:
        return False


def _source_stem(ruleset: RuleSet, target: str, disk: Disk) -> str | None:
    """The source's path without extension, by the path of its target; None if the name is none that
    a target gets."""
    output, stem = ruleset.output, os.path.splitext(target)[0]
    if output.mode is not OutputMode.MIRROR:
        return stem.removesuffix(output.suffix) if stem.endswith(output.suffix) else None
    name, _, below = os.path.relpath(stem, output.root).partition("/")
    roots = {root.name: disk.real_path(root.path) for root in ruleset.library.roots}
    return f"{roots[name]}/{below}" if name in roots and below else None

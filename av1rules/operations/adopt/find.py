"""Finds what an adoption needs: files that may be targets, sources, originals in the trash."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Container, Iterator
from functools import cached_property

import msgspec
from msgspec.structs import replace

from av1rules.base.files import is_at_or_below
from av1rules.base.hashing import content_key
from av1rules.ledger.provenance import Provenance
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.discover import WalkProblem, walk
from av1rules.media.source import LibraryFile
from av1rules.plan.target_state import target_path
from av1rules.plan.workspace import Workspace, walk_roots
from av1rules.policy.model import OutputMode, RuleSet
from av1rules.storage.trash_folder import TRASH_FOLDER, is_disk_there


class AdoptedOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a target: `file` is its place in the library, `path` the actual file. They
    differ for an original in the trash."""

    file: LibraryFile
    path: str

    @property
    def is_in_trash(self) -> bool:
        return self.path != self.file.path


def target_files(
    workspace: Workspace, paths: tuple[str, ...]
) -> tuple[list[LibraryFile], list[str]]:
    """Every video file in the folders of targets, or at or below `paths`, and the folders that
    can't be read. Files have the names that the ledger would use."""
    ruleset = workspace.ruleset
    files = [lone_file(path) for path in paths if not os.path.isdir(path)]
    folders = [("", path) for path in paths if os.path.isdir(path)]
    if not paths:
        folders = _places(ruleset)
    problems: list[str] = []
    pruned = [ruleset.run.state_dir, *filter(None, (ruleset.output.temp_dir,))]
    for step in walk(
        folders,
        include=(),
        exclude=(),
        min_size=0,
        settle_s=0,
        now_s=time.time(),
        excluded_folders=[str(path) for path in pruned],
    ):
        workspace.children.check()
        if isinstance(step, WalkProblem):
            problems.append(f"{step.path}: {step.message}")
        else:
            files.append(step.file)
    return [_named_by_rules(ruleset, file) for file in files], problems


def _places(ruleset: RuleSet) -> list[tuple[str, str]]:
    output = ruleset.output
    if output.mode is OutputMode.MIRROR and output.root is not None:
        return [("", str(output.root))]
    return [(root.name, str(root.path)) for root in ruleset.library.roots]


def _named_by_rules(ruleset: RuleSet, file: LibraryFile) -> LibraryFile:
    """The ledger names a target below `output.root` as the rules do, even if that is a link."""
    root = ruleset.output.root
    if root is None:
        return file
    real = os.path.realpath(root)
    if not is_at_or_below(file.path, real):
        return file
    return replace(file, root=str(root), relative_path=os.path.relpath(file.path, real))


def in_library(ruleset: RuleSet, path: str) -> tuple[str, str, str] | None:
    """Name of the root, root, and path below it; None for a path in no root."""
    for root in ruleset.library.roots:
        real = os.path.realpath(root.path).rstrip("/")
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


class SourceIndex:
    """Finds the library's files by content. The size is part of a content key, so only files of
    that size are read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def find(self, provenance: Provenance, target: str) -> AdoptedOrigin | None:
        """The file that a target was made from. Among copies, the one whose target it is by the
        current rules."""
        output = self._workspace.ruleset.output
        container = provenance.settings.container
        candidates = sorted(
            self._by_size.get(provenance.source_bytes, ()),
            key=lambda file: target_path(file, output, container) != target,
        )
        for file in candidates:
            try:
                if content_key_of(file, self._workspace.cache) == provenance.content_key:
                    return AdoptedOrigin(file=file, path=file.path)
            except OSError:  # gone or unreadable: not a candidate
                continue
        return None

    @cached_property
    def _by_size(self) -> dict[int, list[LibraryFile]]:
        found: dict[int, list[LibraryFile]] = defaultdict(list)
        ruleset = self._workspace.ruleset
        for step in walk_roots(ruleset, ruleset.library.roots):
            self._workspace.children.check()
            if not isinstance(step, WalkProblem):
                found[step.file.stat.size_bytes].append(step.file)
        return found


class TrashIndex:
    """Finds originals in the trash folders of the target's folder and of those above it."""

    def __init__(self, workspace: Workspace) -> None:
        self._ruleset = workspace.ruleset
        self._listed: dict[str, dict[int, list[str]]] = {}
        self._taken = {kept.path for kept in workspace.ledger.kept.entries()}

    def find(self, provenance: Provenance, target: str) -> AdoptedOrigin | None:
        """The original that the target replaced. Its former name is that of the target with the
        extension of the file in the trash. Each file is returned once."""
        home = in_library(self._ruleset, target)
        if home is None:
            return None
        name, root, below = home
        for path in self._of_size(provenance.source_bytes, target, root):
            try:
                if content_key(path) != provenance.content_key:
                    continue
                stat = lone_file(path).stat
            except OSError:
                continue
            self._taken.add(path)
            place = os.path.splitext(below)[0] + os.path.splitext(path)[1]
            file = LibraryFile(root_name=name, root=root, relative_path=place, stat=stat)
            return AdoptedOrigin(file=file, path=path)
        return None

    def _of_size(self, size_bytes: int, target: str, root: str) -> Iterator[str]:
        folder = os.path.dirname(target)
        while is_at_or_below(folder, root):
            for path in self._listing(f"{folder}/{TRASH_FOLDER}").get(size_bytes, ()):
                if path not in self._taken:
                    yield path
            folder = os.path.dirname(folder)

    def _listing(self, folder: str) -> dict[int, list[str]]:
        if folder not in self._listed:
            self._listed[folder] = _by_size(folder)
        return self._listed[folder]


def _by_size(folder: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for base, _, names in os.walk(folder):
        for name in names:
            path = f"{base}/{name}"
            try:
                found[os.lstat(path).st_size].append(path)
            except OSError:
                continue
    return found


def renamed_from(
    workspace: Workspace, file: LibraryFile, sizes: Container[int]
) -> TargetRow | None:
    """The row of the target that `file` was before it was renamed: its target is missing although
    the disk is mounted, and has the same content. `sizes` are those of all targets. Raises
    OSError."""
    if file.stat.size_bytes not in sizes:
        return None
    for row in workspace.ledger.of_own_content(content_key_of(file, workspace.cache)):
        is_gone = row.target != file.path and not os.path.lexists(row.target)
        if is_gone and is_disk_there(workspace.ruleset, row.target):
            return row
    return None

"""Finds what an adoption needs: files that may be targets, sources, originals in the trash."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import TRASH_FOLDER, is_at_or_below
from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.ledger.provenance import Provenance
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.discover import WalkProblem
from av1rules.media.source import LibraryFile
from av1rules.plan.moved.places import in_library
from av1rules.plan.names.find import place_on_disk
from av1rules.plan.names.match import WantedName
from av1rules.plan.target_state import target_path
from av1rules.plan.workspace import Workspace, walk_roots
from av1rules.policy.model import RuleSet


class AdoptedOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a target: `file` is its place in the library, `path` the actual file. They
    differ for an original in the trash."""

    file: LibraryFile
    path: str

    @property
    def is_in_trash(self) -> bool:
        return self.path != self.file.path


def places_to_adopt(ruleset: RuleSet, names: Sequence[WantedName]) -> tuple[str, ...]:
    """The files and folders that `names` mean: targets, by their paths or by the library paths of
    their films, and folders. Raises UsageError for one that does not exist."""
    return tuple(map(partial(_place_to_adopt, ruleset), names))


def _place_to_adopt(ruleset: RuleSet, name: WantedName) -> str:
    """Any existing path is looked at: a target need not be where the rules put it today."""
    roots = ruleset.library.root_paths
    output = ruleset.output.root
    targets = {} if output is None else {root: f"{output}/{root}" for root in roots}
    place = place_on_disk(name, targets) or place_on_disk(name, roots)
    if place is None and os.path.lexists(name.places[0]):
        place = os.path.realpath(name.places[0])
    if place is None:
        raise UsageError(
            "no such file or folder",
            where=printable(name.text),
            hint="name a target or a folder, by its path or as `av1rules plan` shows it",
        )
    return place


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
        self._ruleset, self._ledger = workspace.ruleset, workspace.ledger
        self._listed: dict[str, dict[int, list[str]]] = {}

    @cached_property
    def _taken(self) -> set[str]:
        return set(self._ledger.kept.paths())

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

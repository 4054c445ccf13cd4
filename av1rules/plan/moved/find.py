"""Finds targets that a user renamed or moved, by their content: files that the ledger does not know
where they are, of targets that are no longer where it has them. Files of another size are not read.
"""

from __future__ import annotations

import itertools
import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property

from msgspec.structs import replace

from av1rules.base.files import TRASH_FOLDER, is_at_or_below
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.moved import NOTHING_MOVED, MovedFiles, MovedTarget
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry
from av1rules.ledger.valid_targets import ValidTargets
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.disk import Disk
from av1rules.media.source import LibraryFile
from av1rules.plan.context import PlanContext
from av1rules.plan.draft import Draft
from av1rules.plan.found import Found
from av1rules.plan.items import ActiveItem, PlanItem, with_note
from av1rules.plan.moved.places import in_library, row_at, target_files
from av1rules.plan.orphans import has_hash
from av1rules.plan.safety_stop import known_files
from av1rules.plan.target_state import TargetOwner, inspect_target
from av1rules.plan.target_stats import with_target_stats
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode, RuleSet
from av1rules.storage.trash_folder import is_disk_there

_OF_ANOTHER = (TargetOwner.FOREIGN, TargetOwner.NOT_A_FILE)


Listed = tuple[str, int]
"""A file by its path, and its size in bytes."""


def listed(file: LibraryFile) -> Listed:
    return file.path, file.stat.size_bytes


def find_moved(workspace: Workspace, lost: Sequence[str], files: Iterable[Listed]) -> MovedFiles:
    """Which of these `files` are targets that are not at their recorded places (`lost`), or the
    originals of undone results. A file that the ledger has at its own place is none. Raises
    LedgerError."""
    ledger, disk = workspace.ledger, workspace.disk
    written = ledger.written(lost)
    undone = [one for one in ledger.kept.undone() if not disk.lexists(one.row.source_path)]
    sizes = {one.target_bytes for one in written.values()}
    sizes |= {entry.row.source_bytes for entry in undone}
    if not sizes:
        return NOTHING_MOVED
    found = _by_content(workspace, files, sizes)
    left: dict[str, list[str]] = defaultdict(list)
    for target, one in written.items():
        if one.target_key in found:
            left[one.target_key].append(target)
    places: dict[str, LibraryFile] = {}
    for key, targets in left.items():
        gone = [target for target in targets if _has_left(workspace, target, key)]
        places |= _paired(gone, found[key])
    moved = tuple(
        _moved_target(workspace, row, places[row.target]) for row in ledger.rows_of([*places])
    )
    entries = (*_of_moved(workspace, moved), *_of_undone(workspace, undone, found))
    return MovedFiles(targets=moved, entries=entries)


def follow_in_library(scope: PlanContext, found: Found) -> PlanContext:
    """The plan's start with the targets that moved within the library, where the modes beside and
    replace have them."""
    workspace, ledger = scope.workspace, scope.workspace.ledger
    if workspace.ruleset.output.mode is OutputMode.MIRROR:
        return scope
    forgotten = ledger.forgotten()
    if len(found.at_home) == ledger.valid.count() and not forgotten and not ledger.kept.undone():
        return scope
    at_home = array("q", sorted(found.at_home))
    lost = [os.fsdecode(path) for path in ledger.valid.paths() if not has_hash(at_home, hash(path))]
    files = _listed(workspace, found)
    return scope.following(find_moved(workspace, [*lost, *forgotten], files))


def _listed(workspace: Workspace, found: Found) -> Iterator[Listed]:
    """All files of the walk, by path and size, but targets beside their sources."""
    disk, library = workspace.disk, workspace.ruleset.library
    roots = [disk.real_path(root.path).rstrip("/") for root in library.roots]
    for root, inventory in found.files.inventories(roots).items():
        for path, (size_bytes, _) in known_files(inventory.packed):
            yield f"{root}/{path}", size_bytes


def follow_in_output(scope: PlanContext, draft: Draft) -> PlanContext:
    """The plan's start with the targets that moved within the output of a mirror, which is only
    walked if some are missing and something else changed. `draft` has what is decided already:
    these targets are at their places."""
    workspace, valid = scope.workspace, scope.workspace.ledger.valid
    has_news = any(folder.unknown for folder in draft.folders)
    if workspace.ruleset.output.mode is not OutputMode.MIRROR or not has_news:
        return scope
    claims = array("q", sorted(draft.claims))
    open_ones = (path for path in valid.paths() if not has_hash(claims, hash(path)))
    lost = [*_not_as_written(valid, open_ones, workspace.disk), *workspace.ledger.forgotten()]
    if not lost:
        return scope
    steps = target_files(workspace.ruleset, disk=workspace.disk)
    files = (one for one in steps if isinstance(one, LibraryFile))
    return scope.following(find_moved(workspace, lost, map(listed, files)))


def _not_as_written(valid: ValidTargets, targets: Iterable[bytes], disk: Disk) -> Iterator[str]:
    """Those that are not there with their size and time."""
    stats = with_target_stats(((target, target) for target in targets), disk)
    while part := list(itertools.islice(stats, BATCH)):
        rows = valid.of([target for target, _ in part])
        for target, stat in part:
            if stat is None or (stat.st_size, stat.st_mtime_ns) != rows[target][1:3]:
                yield os.fsdecode(target)


BATCH = 256
"""Targets that are looked up in the ledger together."""


def with_move_noted(scope: PlanContext, row: PlanItem) -> PlanItem:
    """The row of a target that a user moved says so, whatever becomes of it."""
    moved = scope.moved.get(row.file.path)
    if moved is None or isinstance(row, ActiveItem):
        return row
    return with_note(row, f"moved from {scope.former_name(moved)}")


def _by_content(
    workspace: Workspace, files: Iterable[Listed], sizes: Collection[int]
) -> dict[str, list[LibraryFile]]:
    """The files of these sizes that are no target at its place, by content key."""
    found: dict[str, list[LibraryFile]] = defaultdict(list)
    for path, size_bytes in files:
        workspace.children.check()
        if size_bytes not in sizes:
            continue
        row = workspace.ledger.find(path)
        try:
            file = lone_file(path, workspace.disk)
            if row is not None and is_at_home(row, file):
                continue
            key = content_key_of(file, workspace.cache, workspace.disk)
        except OSError:  # gone or unreadable: no candidate
            continue
        if row is None or row.target_key != key:
            found[key].append(file)
    return found


def is_at_home(row: TargetRow, file: LibraryFile) -> bool:
    """Whether the target is there as written, by size and time."""
    stat = file.stat
    return (row.target_bytes, row.target_mtime_ns) == (stat.size_bytes, stat.mtime_ns)


def _has_left(workspace: Workspace, target: str, key: str) -> bool:
    """Whether the target is certainly no longer at its recorded place: nothing is there although
    its disk is, or the target of another row, or a file that av1rules did not make."""
    disk = workspace.disk
    if not disk.lexists(target):
        is_in = _is_in(workspace, target)
        return not is_in or is_disk_there(workspace.ruleset, target, disk)
    try:
        there = content_key_of(lone_file(target, disk), workspace.cache, disk)
    except OSError:
        return not disk.is_file(target)
    if there == key:
        return False
    if workspace.ledger.of_own_content(there):
        return True
    row = workspace.ledger.find(target)
    found = inspect_target(target, row, workspace.tools, disk)
    return found is None or found.place in _OF_ANOTHER


def _is_in(workspace: Workspace, path: str) -> bool:
    """Whether a path is in a root or the output of today: of another folder, the rules no longer
    say that a disk is to be there."""
    return any(is_at_or_below(path, top) for top in _tops(workspace))


def _tops(workspace: Workspace) -> list[str]:
    ruleset, disk = workspace.ruleset, workspace.disk
    tops = [disk.real_path(root.path) for root in ruleset.library.roots]
    if ruleset.output.root is not None:
        tops += [str(ruleset.output.root), disk.real_path(ruleset.output.root)]
    return tops


def _paired(wanted: Sequence[str], files: Sequence[LibraryFile]) -> dict[str, LibraryFile]:
    """One file for each path, as far as there are: first those whose paths end most alike."""
    pairs = sorted(
        (
            (_common_end(path, file.path), path, file.path, file)
            for path in wanted
            for file in files
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    given: dict[str, LibraryFile] = {}
    taken: set[str] = set()
    for _, path, place, file in pairs:
        if path not in given and place not in taken:
            given[path] = file
            taken.add(place)
    return given


def _common_end(one: str, other: str) -> int:
    """How many of the last parts of two paths are the same."""
    ends = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    return next((n for n, (a, b) in enumerate(ends) if a != b), 0)


def _moved_target(workspace: Workspace, row: TargetRow, file: LibraryFile) -> MovedTarget:
    is_replacing = workspace.ruleset.output.mode is OutputMode.REPLACE
    has_replaced = is_replacing or has_original(workspace.ledger, row)
    ruleset, disk = workspace.ruleset, workspace.disk
    now = row_at(ruleset, row, file, has_replaced=has_replaced, disk=disk)
    home = in_library(ruleset, now.target, disk) if has_replaced else None
    film = now.source if home is None else f"{home[0]}/{home[2]}"
    return MovedTarget(was=row, now=now, film=film)


def has_original(ledger: Ledger, row: TargetRow) -> bool:
    """Whether a target took its source's place."""
    return ledger.kept.original_of(row.target, row.content_key) is not None


def _of_moved(workspace: Workspace, moved: Iterable[MovedTarget]) -> Iterator[TrashEntry]:
    """The originals of moved targets; they moved too if their root did."""
    for one in moved:
        entry = workspace.ledger.kept.original_of(one.was.target, one.was.content_key)
        if entry is not None:
            yield _entry_at(workspace, entry, one.now)


def _of_undone(
    workspace: Workspace, undone: Sequence[TrashEntry], found: dict[str, list[LibraryFile]]
) -> Iterator[TrashEntry]:
    """Results in the trash whose originals are at another place now."""
    at_home = {entry.row.source_path for entry in workspace.ledger.kept.undone()}
    by_key: dict[str, dict[str, TrashEntry]] = defaultdict(dict)
    for entry in undone:
        by_key[entry.row.content_key][entry.row.source_path] = entry
    for key, entries in by_key.items():
        files = [file for file in found.get(key, ()) if file.path not in at_home]
        for source_path, file in _paired(list(entries), files).items():
            entry, home = (
                entries[source_path],
                in_library(workspace.ruleset, file.path, workspace.disk),
            )
            if home is None:
                continue
            target = os.path.splitext(file.path)[0] + os.path.splitext(entry.row.target)[1]
            source = f"{home[0]}/{home[2]}"
            row = replace(entry.row, target=target, source=source, source_path=file.path)
            yield _entry_at(workspace, entry, row)


def _entry_at(workspace: Workspace, entry: TrashEntry, row: TargetRow) -> TrashEntry:
    was = entry.row

    def renamed(path: str) -> str:
        for old, new in ((was.target, row.target), (was.source_path, row.source_path)):
            if path.startswith(old):
                return new + path[len(old) :]
        return path

    side_files = tuple((renamed(old), renamed(new)) for old, new in entry.side_files)
    return replace(entry, row=row, side_files=side_files, path=_place_in_trash(workspace, entry))


def _place_in_trash(workspace: Workspace, entry: TrashEntry) -> str:
    """Where the file in the trash is: the trash folder may have moved with its root."""
    before, mark, below = entry.path.partition(f"/{TRASH_FOLDER}/")
    if entry.gone_at is None and mark and not workspace.disk.lexists(entry.path):
        for top in _tops(workspace):
            path = f"{top}{mark}{below}"
            try:
                if top != before and workspace.disk.content_key(path) == entry.content_key:
                    return path
            except OSError:
                continue
    return entry.path


class TargetSearch:
    """Looks for single targets, or originals that were put back, by their content; walks the
    folders of targets once, at the first that is asked for. `key_of` is the content key of a file
    and raises OSError."""

    def __init__(
        self, ledger: Ledger, ruleset: RuleSet, key_of: Callable[[LibraryFile], str]
    ) -> None:
        self._ledger = ledger
        self._ruleset = ruleset
        self._key_of = key_of

    def places_of(self, size_bytes: int, key: str) -> Iterator[str]:
        """Files with this content, but those that the ledger has as targets at their places."""
        for file in self._by_size.get(size_bytes, ()):
            try:
                is_alike = self._key_of(file) == key
            except OSError:  # gone or unreadable
                continue
            known = self._ledger.find(file.path) if is_alike else None
            if is_alike and (known is None or known.target_key != key):
                yield file.path

    @cached_property
    def _by_size(self) -> dict[int, list[LibraryFile]]:
        undone = self._ledger.kept.undone()
        sizes = self._ledger.target_sizes() | {entry.row.source_bytes for entry in undone}
        found: dict[int, list[LibraryFile]] = defaultdict(list)
        for file in target_files(self._ruleset):
            if isinstance(file, LibraryFile) and file.stat.size_bytes in sizes:
                found[file.stat.size_bytes].append(file)
        return found

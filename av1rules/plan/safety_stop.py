"""The safety stop: whether too many of the files that a root held before are missing now.

An unmounted disk looks like an emptied library. Acting on that would move, trash or encode files
for no reason, so a run refuses instead.
"""

from __future__ import annotations

import functools
import itertools
import os
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from difflib import get_close_matches

import msgspec

from av1rules.base.text import counted, printable
from av1rules.media.discover import WalkProblem
from av1rules.media.disk import Disk
from av1rules.media.source import LibraryFile
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode

MANY_MISSING = 5
"""Fewer missing files than this are taken as deleted one by one; from here on their share
decides."""


_SHOWN = 3


Mark = tuple[int, int]
"""Size in bytes and mtime in ns: what a renamed or moved file keeps."""


class SafetyStop(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run must not act: `where`, what is wrong, and what to do."""

    where: str
    message: str
    hint: str

    @property
    def text(self) -> str:
        return f"{self.where}: {self.message} ({self.hint})"


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one root as the walk found them; `packed` is the form in which they are
    stored."""

    root: str
    packed: bytes


_FORM = b"\x02"
"""The first byte of an inventory: files in parts, so that they are never all in memory. Inventories
of earlier versions are zlib's alone, and begin otherwise."""

_FILES_A_PART = 256

_Listed = tuple[bytes, Mark]


class _InventoryWriter:
    """Packs the files of one root as they are found."""

    def __init__(self) -> None:
        self._ended = 0
        self._part: list[_Listed] = []
        self._packed = bytearray(_FORM)
        self._packer = zlib.compressobj(1)

    def add(self, path: str, mark: Mark) -> None:
        self._part.append((os.fsencode(path), mark))
        if len(self._part) == _FILES_A_PART:
            self._end_part()

    @property
    def count(self) -> int:
        return self._ended + len(self._part)

    def _end_part(self) -> None:
        part = msgspec.msgpack.encode(self._part)
        self._packed += self._packer.compress(len(part).to_bytes(4, "big") + part)
        self._ended += len(self._part)
        self._part.clear()

    def finish(self) -> bytes:
        self._end_part()
        return bytes(self._packed + self._packer.flush())


class FoundFiles:
    """All files that a walk finds, by root. `roots_with_targets` hold targets of ours, which proves
    that their disks are mounted."""

    def __init__(self) -> None:
        self.roots_with_targets: set[str] = set()
        self._roots: dict[str, _InventoryWriter] = defaultdict(_InventoryWriter)
        self._finished: dict[str, Inventory] = {}

    def add(self, file: LibraryFile) -> None:
        stat = file.stat
        self._roots[file.root].add(file.relative_path, (stat.size_bytes, stat.mtime_ns))

    def count(self, root: str) -> int:
        return self._roots[root].count

    def inventories(self, roots: Iterable[str]) -> dict[str, Inventory]:
        """Of these roots and all others where files were found; nothing can be added then."""
        for root in dict.fromkeys((*roots, *self._roots)):
            if root not in self._finished:
                self._finished[root] = Inventory(root=root, packed=self._roots[root].finish())
        return self._finished


def take_inventory(root: str, files: Iterable[tuple[str, Mark]]) -> Inventory:
    """`files` are paths below the root with their marks, in the order of the walk."""
    writer = _InventoryWriter()
    for path, mark in files:
        writer.add(path, mark)
    return Inventory(root=root, packed=writer.finish())


def known_files(packed: bytes) -> Iterator[tuple[str, Mark]]:
    """The files of an inventory; none if it can't be read, since it is only a precaution."""
    parts = _parts(packed) if packed.startswith(_FORM) else _whole(packed)
    try:
        if packed.startswith(_FORM):
            deque(_pieces(packed), maxlen=0)  # its checksum is at its end
        for part in parts:
            for path, mark in msgspec.msgpack.decode(part, type=list[_Listed]):
                yield os.fsdecode(path), mark
    except (zlib.error, msgspec.MsgspecError):
        return


def _whole(packed: bytes) -> Iterator[bytes]:
    yield zlib.decompress(packed)


def _parts(packed: bytes) -> Iterator[bytes]:
    held = bytearray()
    for piece in _pieces(packed):
        held += piece
        while len(held) >= 4 and len(held) >= (end := 4 + int.from_bytes(held[:4], "big")):
            yield bytes(held[4:end])
            del held[:end]


def _pieces(packed: bytes) -> Iterator[bytes]:
    """Raises zlib.error if it is damaged."""
    unpacker = zlib.decompressobj()
    rest = packed[len(_FORM) :]
    while not unpacker.eof:
        piece = unpacker.decompress(rest, 65_536)
        rest = unpacker.unconsumed_tail
        if not piece and not rest and not unpacker.eof:
            raise zlib.error("its end is missing")
        yield piece


def missing_files(
    known: Iterable[tuple[str, Mark]],
    found: Iterable[tuple[str, Mark]],
    *,
    elsewhere: Iterable[Mark],
    is_there: Callable[[str], bool],
) -> list[str]:
    """Known files of a root that are gone: not found under their name, nor under another name with
    the same size and mtime (`elsewhere`: the marks of all roots), nor present but left out by the
    walk (`is_there`: the rules changed their extensions, or we replaced the file)."""
    gone = _not_found(known, found)
    marks = set(gone.values())
    if not marks:
        return []
    renamed = set()
    for size, mtime_ns in elsewhere:
        renamed |= marks & {(size, mtime_ns), (size, NO_TIME)}
    return [path for path, mark in gone.items() if mark not in renamed and not is_there(path)]


def _not_found(
    known: Iterable[tuple[str, Mark]], found: Iterable[tuple[str, Mark]]
) -> dict[str, Mark]:
    """Both are in the order of the walk, so that little is held at a time."""
    gone: dict[str, Mark] = {}
    new: set[str] = set()
    for before, now in itertools.zip_longest(known, found):
        if before is not None:
            gone[before[0]] = before[1]
        if now is not None:
            new.add(now[0])
        for path in (before and before[0], now and now[0]):
            if path in gone and path in new:
                del gone[path]
                new.discard(path)
    return gone


def check_root(
    where: str, *, known: int, found: int, lost: Sequence[str], max_lost: float
) -> SafetyStop | None:
    """The safety stop for one reachable root, if it needs one."""
    if not lost or not known:
        return None
    if found == 0:
        return SafetyStop(
            where=where,
            message=f"the root is empty, but held {counted(known, 'file')} at the last run",
            hint="is its disk mounted? If they are really gone: --accept-missing",
        )
    share = len(lost) / known
    if share <= max_lost or (max_lost > 0 and len(lost) < MANY_MISSING):
        return None
    some = ", ".join(printable(path, limit=60) for path in sorted(lost)[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return SafetyStop(
        where=where,
        message=(
            f"{len(lost)} of {known} known files are gone ({share:.0%}, "
            f"library.max_lost allows {max_lost:.0%}): {some}{more}"
        ),
        hint="is a disk below it not mounted? If they are really gone: --accept-missing",
    )


NO_TIME = -1


def check_roots(
    workspace: Workspace,
    files: FoundFiles,
    problems: Sequence[WalkProblem],
    *,
    replaced: Container[str],
) -> tuple[tuple[Inventory, ...], tuple[SafetyStop, ...]]:
    """The changed inventories of all roots that could be walked, and the safety stops. `files` are
    all that the walk found, and `replaced` the paths of originals that our targets replaced."""
    broken = {problem.root_name: problem for problem in problems if problem.is_root}
    roots, disk = workspace.ruleset.library.roots, workspace.disk
    paths = {root.name: disk.real_path(root.path).rstrip("/") for root in roots}
    inventories = files.inventories(paths.values())
    changed: list[Inventory] = []
    safety_stops: list[SafetyStop] = []
    for root in roots:
        shown = printable(str(root.path))
        if (problem := broken.get(root.name)) is not None:
            was_there = _was_there(workspace, root.name, paths[root.name])
            safety_stops.append(
                _missing_root(str(root.path), problem.message, was_there=was_there, disk=disk)
            )
            continue
        path = paths[root.name]
        before, now = workspace.ledger.inventories.of_root(path), inventories[path]
        if before != now.packed:
            changed.append(now)
            known = _Counted(
                _known_by_targets(workspace, root.name) if before is None else known_files(before)
            )
            missing = missing_files(
                known,
                known_files(now.packed),
                elsewhere=_marks(inventories.values()),
                is_there=functools.partial(_is_there, path, replaced, disk),
            )
            safety_stop = check_root(
                shown,
                known=known.count,
                found=files.count(path) + (path in files.roots_with_targets),
                lost=missing,
                max_lost=workspace.ruleset.library.max_lost,
            )
            if safety_stop is not None:
                safety_stops.append(safety_stop)
    return tuple(changed), tuple(safety_stops)


def _was_there(workspace: Workspace, name: str, path: str) -> bool:
    if workspace.ledger.inventories.of_root(path) is not None:
        return True
    return any(True for _ in _known_by_targets(workspace, name))


def _missing_root(path: str, message: str, *, was_there: bool, disk: Disk) -> SafetyStop:
    """A root that can't be read. One that never was there may be misspelt: nothing is lost then,
    and there is nothing to accept."""
    where = printable(path)
    if disk.is_recorded:
        hint = "export the facts again with these rules, or correct library.roots"
        return SafetyStop(where=where, message="the facts have no such root", hint=hint)
    if was_there or disk.lexists(path):
        hint = "mount its disk, or take it out of library.roots; else: --accept-missing"
        return SafetyStop(where=where, message=message, hint=hint)
    place, missing = os.path.dirname(path), os.path.basename(path)
    while not disk.is_folder(place):
        place, missing = os.path.dirname(place), os.path.basename(place)
    hint = "correct library.roots, or create it"
    if (near := _nearest(place, missing, disk)) is not None:
        hint = f"did you mean {printable(near)}? Correct library.roots, or create it"
    message = f"there is no such folder; the nearest that exists is {printable(place)}"
    return SafetyStop(where=where, message=message, hint=hint)


def _nearest(place: str, missing: str, disk: Disk) -> str | None:
    """A folder in `place` whose name is like the missing one."""
    try:
        with disk.scandir(place) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return None
    found = get_close_matches(missing, names, n=1)
    return os.path.join(place, found[0]) if found else None


class _Counted:
    """Files, counted as they pass."""

    def __init__(self, files: Iterable[tuple[str, Mark]]) -> None:
        self.count = 0
        self._files = files

    def __iter__(self) -> Iterator[tuple[str, Mark]]:
        for file in self._files:
            self.count += 1
            yield file


def _marks(inventories: Iterable[Inventory]) -> Iterator[Mark]:
    return (mark for one in inventories for _, mark in known_files(one.packed))


def _is_there(root: str, replaced: Container[str], disk: Disk, path: str) -> bool:
    whole = f"{root}/{path}"
    return whole in replaced or disk.lexists(whole)


def _known_by_targets(workspace: Workspace, name: str) -> Iterator[tuple[str, Mark]]:
    """What a root of this name must have held, if it has no inventory (its path changed, or the
    ledger is older): the sources of its targets. Their mtimes are unknown."""
    prefix = f"{name}/"
    marks = {
        source.removeprefix(prefix): (size, NO_TIME)
        for source, size in workspace.ledger.sources()
        if source.startswith(prefix)
    }
    return iter(marks.items())


def check_output(workspace: Workspace) -> SafetyStop | None:
    """The safety stop if the whole output is missing: if its disk is not mounted, the library must
    not be encoded again onto the disk below."""
    root = workspace.ruleset.output.root
    if workspace.ruleset.output.mode is not OutputMode.MIRROR or root is None:
        return None
    below = f"{root}/"
    disk = workspace.disk
    is_empty, count = not disk.has_entries(str(root)), 0
    for target in workspace.ledger.targets():
        if not target.startswith(below):
            continue
        count += 1
        if not is_empty and disk.lexists(target):
            return None
    if not count or (not is_empty and count < MANY_MISSING):
        return None
    return SafetyStop(
        where=printable(str(root)),
        message="all of output.root is missing, but the ledger has "
        f"{counted(count, 'target')} there",
        hint="is its disk mounted? If the targets are really gone: --accept-missing",
    )

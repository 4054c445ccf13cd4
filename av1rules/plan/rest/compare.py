"""Compares what a mirror should hold beside targets with ledger and disk, folder by folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from stat import S_ISREG

from msgspec import Struct, field

from av1rules.base.files import is_at_or_below
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import (
    StandIn,
    StandInBrief,
    is_as_placed,
    mark_of,
    signed_inode,
)
from av1rules.media.disk import Disk
from av1rules.plan.context import PlanRequest
from av1rules.plan.orphans import is_gone
from av1rules.plan.rest.items import (
    PlaceCause,
    Placement,
    Removal,
    RemovalCause,
    RestProblem,
    RestProblemKind,
)
from av1rules.plan.rest.wanted import MirrorFolder, WantedFile, link_text
from av1rules.policy.model import Rest

SMALL_BYTES = 1024 * 1024
"""Side files up to this size are read to find that they are there already."""


class Listed(Struct, frozen=True, gc=False):
    """A name in the mirror, as its folder lists it."""

    inode: int
    is_link: bool


class Differences(Struct, kw_only=True):
    """What the comparison has found so far."""

    in_place: int = 0
    waiting: int = 0
    place: list[Placement] = field(default_factory=list)
    marks: list[tuple[int, int, int]] = field(default_factory=list)  # of the sources of `place`
    remove: list[Removal] = field(default_factory=list)
    forget: list[str] = field(default_factory=list)
    problems: list[RestProblem] = field(default_factory=list)
    out_of_reach: dict[str, int] = field(default_factory=dict)  # files by root


class Comparison(Struct, frozen=True, kw_only=True):
    """What every folder is compared with. `mirror` is the real path of `output_root`; `coming` the
    sources of targets that the run makes, by place; `made` the targets of sources whose rule makes
    none any more. `pending` is what a killed run put in place. `is_whole`: what is missing is
    really missing."""

    ledger: Ledger
    kind: Rest
    output_root: str
    mirror: str
    coming: Mapping[str, str]
    made: Mapping[str, str]
    pending: Mapping[str, StandIn]
    other_disks: frozenset[str]
    request: PlanRequest
    is_whole: bool
    now_s: float
    settle_s: float
    disk: Disk


def compare_folder(scope: Comparison, path: str, folder: MirrorFolder, found: Differences) -> None:
    """Compare one folder of the mirror with what it should hold."""
    briefs = scope.ledger.stand_ins.briefs(path)
    if not (folder.wanted or briefs):
        return
    listing = _listing(path, scope.disk)
    real = scope.mirror + path[len(scope.output_root) :]
    for name, wanted in folder.wanted.items():
        brief = briefs.get(name)
        if wanted.is_film and _has_target(scope, path, wanted, listing, briefs):
            folder.encoded.add(name)
            continue
        link = ""
        if scope.kind is Rest.SYMLINK:
            link = link_text(wanted.source_path, real, mirror=scope.mirror, root=folder.root)
        if _is_in_place(scope, wanted, brief, listing.get(name), link):
            found.in_place += 1
        else:
            row = scope.ledger.stand_ins.find(f"{path}/{name}") if brief is not None else None
            _look_closer(scope, f"{path}/{name}", wanted, link, row, folder, found)
    for name in briefs:
        is_wanted = name in folder.wanted and name not in folder.encoded
        if not is_wanted and name not in folder.undecided:
            _unwanted(scope, f"{path}/{name}", found, is_encoded=name in folder.encoded)


def _listing(path: str, disk: Disk) -> dict[str, Listed]:
    with contextlib.suppress(OSError), disk.scandir(path) as entries:
        return {
            entry.name: Listed(signed_inode(entry.inode()), entry.is_symlink()) for entry in entries
        }
    return {}


def _has_target(
    scope: Comparison,
    path: str,
    wanted: WantedFile,
    listing: Mapping[str, Listed],
    briefs: Mapping[str, StandInBrief],
) -> bool:
    """Whether the film stands in the mirror as a target, or another file has the target's name."""
    if wanted.target is None:
        return wanted.source_path in scope.made
    folder, name = os.path.split(wanted.target)
    there = listing.get(name) if folder == path else None
    if there is None:
        return False
    brief = briefs.get(name)
    if brief is not None:
        is_link = brief.kind == Rest.SYMLINK.value
        return there.is_link != is_link or not (is_link or there.inode == brief.inode)
    return wanted.target not in scope.pending


def _is_in_place(
    scope: Comparison,
    wanted: WantedFile,
    brief: StandInBrief | None,
    there: Listed | None,
    link: str,
) -> bool:
    """Whether nothing has changed, as far as the listings of both folders tell."""
    kind = scope.kind
    if brief is None or there is None or brief.kind != kind.value:
        return False
    if kind is Rest.SYMLINK:
        return there.is_link and brief.link == os.fsencode(link)
    if kind is Rest.HARDLINK:
        return there.inode == brief.inode == signed_inode(wanted.inode)
    size, mtime_ns = _size_and_time(wanted, scope.disk)
    return there.inode == brief.inode and (size, mtime_ns) == (
        brief.source_bytes,
        brief.source_mtime_ns,
    )


def _size_and_time(wanted: WantedFile, disk: Disk) -> tuple[int, int]:
    if wanted.stat is not None:
        return wanted.stat.size_bytes, wanted.stat.mtime_ns
    try:
        found = disk.lstat(wanted.source_path)
    except OSError:
        return (-1, 0)
    return found.st_size, found.st_mtime_ns


def _look_closer(
    scope: Comparison,
    path: str,
    wanted: WantedFile,
    link: str,
    row: StandIn | None,
    folder: MirrorFolder,
    found: Differences,
) -> None:
    """A place that is not as it should be, by its listing; `row` is what was put there."""
    try:
        source = scope.disk.lstat(wanted.source_path)
    except OSError:
        return  # it went since the walk
    if not S_ISREG(source.st_mode):
        return
    if not wanted.is_film and 0 <= scope.now_s - source.st_mtime < scope.settle_s:
        found.waiting += 1
        return
    row = row or scope.pending.get(path)
    is_there = scope.disk.lexists(path)
    is_ours = row is not None and is_as_placed(row, scope.disk)
    if is_ours and row is not None and _fits(row, scope.kind, link, source):
        found.in_place += 1
        return
    owner = scope.coming.get(path)
    if owner is not None and owner != wanted.source_path:
        if not is_ours:
            _problem(found, RestProblemKind.IS_TARGET, path, wanted)
        return
    if is_there and not is_ours:
        if _is_there_already(path, wanted, source, scope.disk):
            found.in_place += 1
        elif scope.ledger.find(path) is not None:
            _problem(found, RestProblemKind.IS_TARGET, path, wanted)
        else:
            kind = RestProblemKind.TAKEN if row is None else RestProblemKind.CHANGED
            _problem(found, kind, path, wanted)
        return
    if folder.root in scope.other_disks:
        found.out_of_reach[folder.root] = found.out_of_reach.get(folder.root, 0) + 1
        return
    found.place.append(
        Placement(
            kind=scope.kind,
            source_path=wanted.source_path,
            library_path=wanted.library_path,
            path=path,
            link=link,
            size_bytes=source.st_size,
            is_film=wanted.is_film,
            cause=_cause(row, scope.kind, source, is_there=is_there),
            replaces=row if is_there else None,
            target=wanted.target if wanted.is_coming else None,
        )
    )
    found.marks.append(mark_of(source))


def _fits(row: StandIn, kind: Rest, link: str, source: os.stat_result) -> bool:
    if row.kind is not kind:
        return False
    if kind is Rest.SYMLINK:
        return row.link == link
    inode = signed_inode(source.st_ino)
    if kind is Rest.HARDLINK:
        return row.inode == inode
    return (row.source_bytes, row.source_mtime_ns) == (source.st_size, source.st_mtime_ns)


def _cause(
    row: StandIn | None, kind: Rest, source: os.stat_result, *, is_there: bool
) -> PlaceCause:
    if row is None:
        return PlaceCause.NEW
    if not is_there:
        return PlaceCause.LOST
    is_same = row.kind is kind and row.source_mark != mark_of(source)
    return PlaceCause.REPLACED if is_same else PlaceCause.OTHER_LINK


def _is_there_already(path: str, wanted: WantedFile, source: os.stat_result, disk: Disk) -> bool:
    """Whether a file that we did not put there does as well: another name of the source, or a copy
    of a side file, which `side_files: carry` makes."""
    try:
        found = disk.stat(path)
        if os.path.samestat(found, source):
            return True
        is_like = S_ISREG(found.st_mode) and found.st_size == source.st_size
        if wanted.is_film or not is_like or source.st_size > SMALL_BYTES:
            return False
        return disk.is_same(path, wanted.source_path)
    except OSError:
        return False


def _problem(found: Differences, kind: RestProblemKind, path: str, wanted: WantedFile) -> None:
    found.problems.append(RestProblem(kind=kind, path=path, source_path=wanted.source_path))


def _unwanted(scope: Comparison, path: str, found: Differences, *, is_encoded: bool) -> None:
    """A stand-in of the ledger that should not be there."""
    row = scope.ledger.stand_ins.find(path)
    if row is None:
        return
    if not scope.disk.lexists(path):
        if scope.disk.is_folder(_disk_of(scope, row)):  # else its disk is not there
            found.forget.append(path)
        return
    if not is_as_placed(row, scope.disk):  # a target took its place, or a user
        found.forget.append(path)
        return
    cause = _removal_cause(scope, row, is_encoded=is_encoded)
    if cause is not None:
        found.remove.append(Removal(stand_in=row, cause=cause))


def _disk_of(scope: Comparison, row: StandIn) -> str:
    is_below = scope.output_root and is_at_or_below(row.folder, scope.output_root)
    return scope.output_root if is_below else row.folder


def _removal_cause(scope: Comparison, row: StandIn, *, is_encoded: bool) -> RemovalCause | None:
    """None: it stays, since nothing is certain."""
    if is_encoded:
        return RemovalCause.ENCODED
    request = scope.request
    if request.only or not request.covers_path(row.source_path):
        return None
    if scope.kind is Rest.LEAVE:
        return RemovalCause.TURNED_OFF
    if not scope.is_whole:
        return None
    return (
        RemovalCause.SOURCE_GONE if is_gone(row.source_path, scope.disk) else RemovalCause.LEFT_OUT
    )


def unvisited(scope: Comparison, visited: Collection[str]) -> Iterator[str]:
    """The folders of the mirror that hold stand-ins, but nothing that should be there."""
    return (path for path in scope.ledger.stand_ins.folders() if path not in visited)

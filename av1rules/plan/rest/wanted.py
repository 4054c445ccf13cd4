"""Which files of the library should stand in the mirror without having a target there. Pure."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from av1rules.media.discover import FolderSideFiles, SkipReason
from av1rules.media.source import FileStat
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import ActiveItem, Copy, Encode, Fresh, Move, PlanAction, PlanItem
from av1rules.plan.rows import PlanRows


class WantedFile(Struct, frozen=True, kw_only=True, gc=False):
    """A file that should stand in the mirror. `stat` is None where the walk did not ask for it;
    `inode` is known of every file. `target` is where its own target is or would be, and
    `is_coming` says that this run makes it."""

    source_path: str
    library_path: str
    inode: int
    stat: FileStat | None = None
    target: str | None = None
    is_coming: bool = False

    @property
    def is_film(self) -> bool:
        return self.stat is not None


class MirrorFolder(Struct, kw_only=True):
    """What a folder of the mirror should hold beside targets, by name. `undecided` names stay as
    they are; `encoded` ones are of films that have or get a target by a move."""

    source_folder: str = ""
    root: str = ""
    wanted: dict[str, WantedFile] = {}
    undecided: set[str] = set()
    encoded: set[str] = set()


class WalkedFiles(Struct, frozen=True, kw_only=True):
    """What the walk found beside the planned items: films that are no part of the library, or that
    were written to a moment ago (by path), and side files."""

    set_aside: dict[str, SkipReason] = {}
    side_files: list[FolderSideFiles] = []


_Place = tuple[str, str, str]
"""Name of the root, root, and a folder below it."""


def wanted_folders(
    output_root: str,
    rows: PlanRows,
    walked: WalkedFiles,
    request: PlanRequest,
    *,
    has_include: bool,
) -> Iterator[tuple[str, MirrorFolder]]:
    """The folders of the mirror by their paths, one at a time: those with films first.

    `has_include`: side files count only where a film of the library is in their folder, above or
    below it.
    """
    near = _near_films(rows, walked) if has_include else None
    sides: dict[_Place, FolderSideFiles] = {
        (found.root_name, found.root, found.below): found for found in walked.side_files
    }
    for place, items in itertools.groupby(rows.other_than(PlanAction.FRESH), key=_place_of):
        folder = _folder_at(place)
        for row in items:
            _add_film(folder, row, walked, request)
        if (found := sides.pop(place, None)) is not None:
            _add_side_files(folder, found, request, near)
        yield _mirrored(output_root, place), folder
    for place, found in sides.items():
        folder = _folder_at(place)
        _add_side_files(folder, found, request, near)
        yield _mirrored(output_root, place), folder


def _place_of(row: PlanItem) -> _Place:
    file = row.file
    return file.root_name, file.root, file.relative_path.rpartition("/")[0]


def _folder_at(place: _Place) -> MirrorFolder:
    _, root, below = place
    return MirrorFolder(
        source_folder=f"{root}/{below}" if below else root,
        root=root,
        wanted={},
        undecided=set(),
        encoded=set(),
    )


def _mirrored(output_root: str, place: _Place) -> str:
    root_name, _, below = place
    return f"{output_root}/{root_name}/{below}" if below else f"{output_root}/{root_name}"


def _add_film(
    folder: MirrorFolder, row: PlanItem, walked: WalkedFiles, request: PlanRequest
) -> None:
    file = row.file
    name = file.relative_path.rpartition("/")[2]
    reason = walked.set_aside.get(file.path)
    if reason is SkipReason.EXCLUDED:
        return
    if reason is SkipReason.SETTLING or not request.wants(file, row.rule):
        folder.undecided.add(name)
    elif isinstance(row, Move):
        folder.encoded.add(name)
    elif not isinstance(row, Fresh):
        folder.wanted[name] = WantedFile(
            source_path=file.path,
            library_path=file.library_path,
            inode=file.stat.inode,
            stat=file.stat,
            target=row.target,
            is_coming=isinstance(row, Encode | Copy),
        )


def _add_side_files(
    folder: MirrorFolder, found: FolderSideFiles, request: PlanRequest, near: _NearFilms | None
) -> None:
    if near is not None and not near.holds(folder.source_folder):
        return
    prefix = f"{found.root_name}/{found.below}/" if found.below else f"{found.root_name}/"
    is_asked = not request.only and request.covers_path(folder.source_folder)
    for name, inode in found.files():
        if is_asked:
            folder.wanted[name] = WantedFile(
                source_path=f"{folder.source_folder}/{name}",
                library_path=f"{prefix}{name}",
                inode=inode,
            )
        else:
            folder.undecided.add(name)


class _NearFilms(Struct, frozen=True, kw_only=True):
    """The folders of films, and those with all above them."""

    of_films: Collection[str]
    above_films: Collection[str]

    def holds(self, folder: str) -> bool:
        """Whether a film is in the folder, in one above it, or below it."""
        if folder in self.above_films:
            return True
        while folder != os.path.dirname(folder):
            if folder in self.of_films:
                return True
            folder = os.path.dirname(folder)
        return folder in self.of_films


def _near_films(rows: PlanRows, walked: WalkedFiles) -> _NearFilms:
    films = {
        _folder_at(_place_of(row)).source_folder
        for row in rows
        if walked.set_aside.get(row.file.path) is not SkipReason.EXCLUDED
    }
    return _NearFilms(of_films=films, above_films=_with_those_above(films))


def _with_those_above(folders: Iterable[str]) -> set[str]:
    """The folders and all above them."""
    found: set[str] = set()
    for folder in folders:
        while folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)  # noqa: PLW2901 - climbs
    return found


def coming_targets(rows: PlanRows) -> Mapping[str, str]:
    """The source of each target that a run makes or moves."""
    return {row.target: row.file.path for row in rows.in_full if isinstance(row, ActiveItem)}


def link_text(source_path: str, folder: str, *, mirror: str, root: str) -> str:
    """The text of a symbolic link in `folder` (real path): relative where library and mirror have a
    folder in common below which both can be mounted elsewhere, absolute where they have none."""
    if os.path.commonpath((mirror, root)) == "/":
        return source_path
    return os.path.relpath(source_path, folder)


def by_mark(rows: Iterable[tuple[tuple[int, int, int], int]]) -> dict[tuple[int, int, int], int]:
    """The index of what alone has a mark."""
    found: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for mark, number in rows:
        found[mark].append(number)
    return {mark: numbers[0] for mark, numbers in found.items() if len(numbers) == 1}

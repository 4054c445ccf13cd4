"""What the walk finds, and what of it the last plan has decided already. Nothing is read of a film
itself; of its target size and time are.
"""

from __future__ import annotations

import itertools
import operator
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.mapping import canonical_json
from av1rules.ledger.records import tools_used
from av1rules.ledger.stand_ins import untouched_ns
from av1rules.ledger.valid_targets import ValidTarget
from av1rules.media.discover import Candidate, SkipReason, WalkProblem, is_settled
from av1rules.media.source import LibraryFile
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.draft import Draft
from av1rules.plan.items import PlanAction
from av1rules.plan.names.of_plan import with_films
from av1rules.plan.packed.cache import PlanCache
from av1rules.plan.packed.item import LibraryFolder, PackedItem, StoredItems, file_name, packed_of
from av1rules.plan.rest.wanted import WalkedFiles
from av1rules.plan.rest.whole import rest_of
from av1rules.plan.rows import PlanRows
from av1rules.plan.safety_stop import FoundFiles
from av1rules.plan.target_stats import with_target_stats
from av1rules.policy.model import OnToolsChange, Rest

SKIP_CAUSES = {
    SkipReason.EXCLUDED: ("excluded by library.include or library.exclude",),
    SkipReason.TOO_SMALL: ("smaller than library.min_size",),
    SkipReason.SETTLING: ("written to within library.settle: left for next time",),
    SkipReason.MARKED: ("marked with .av1skip",),
}

BATCH = 256
"""Files whose targets are looked up in the ledger together."""


class Found(msgspec.Struct, kw_only=True):
    """`files` are all that the walk found, `problems` those of the walk. The draft has items of
    those files only that the plan is asked for by `request`, whose names are found by now.
    `at_home` are hashes of the paths of our targets that are in the library as written. `walked` is
    what the walk found for the rest of a mirror."""

    request: PlanRequest
    draft: Draft
    files: FoundFiles
    problems: list[WalkProblem]
    at_home: array[int]
    walked: WalkedFiles


class _Folder(msgspec.Struct, kw_only=True, eq=False):
    """A folder of the walk with what the last plan decided in it."""

    folder: LibraryFolder
    files: list[Candidate]
    rivals: frozenset[int]
    before: StoredItems | None
    known: dict[bytes, PackedItem]


_Asked = tuple[_Folder, Candidate, PackedItem | None]


def find_files(scope: PlanContext, cache: PlanCache) -> Found:
    """Walk the library. Raises RunInterruptedError once the workspace is stopping, UsageError for a
    name that means no film."""
    found = Found(
        request=scope.request,
        draft=Draft(),
        files=FoundFiles(),
        problems=[],
        at_home=array("q"),
        walked=WalkedFiles(set_aside={}, side_files=[]),
    )
    candidates = _candidates(scope, found)
    if scope.request.names:  # only a list of all files tells which ones a part of a name means
        listed = list(candidates)
        candidates = iter(listed)
        found.request = with_films(
            scope.request,
            [one.file for one in listed],
            found.problems,
            roots=scope.workspace.ruleset.library.root_paths,
            ledger=scope.workspace.ledger,
            disk=scope.workspace.disk,
        )
        scope = msgspec.structs.replace(scope, request=found.request)
    folders = _with_known(scope, cache, _folders(candidates, scope))
    judged = _judged(scope, with_target_stats(_asked(scope, folders), scope.workspace.disk))
    for folder, decided in itertools.groupby(judged, key=operator.itemgetter(0)):
        found.draft.add(
            folder.folder,
            (one for _, one in decided),
            rivals=folder.rivals,
            before=folder.before,
            known=folder.known.values(),
        )
    return found


def _candidates(scope: PlanContext, found: Found) -> Iterator[Candidate]:
    """The files of the library without our own targets that stand beside them."""
    ruleset, valid = scope.workspace.ruleset, scope.workspace.ledger.valid
    disk = scope.workspace.disk
    roots = (disk.real_path(root.path).rstrip("/") for root in ruleset.library.roots)
    has_targets = any(valid.has_any_below(root) for root in roots)
    has_rest = rest_of(ruleset) is not Rest.LEAVE
    on_side_files = found.walked.side_files.append if has_rest else None
    touches = scope.workspace.ledger.own_touches.known()
    steps = scope.workspace.walk(ruleset, ruleset.library.roots, on_side_files)
    while part := list(itertools.islice(steps, BATCH)):
        ours: dict[bytes, ValidTarget] = {}
        if has_targets:
            files = (one.file for one in part if isinstance(one, Candidate))
            ours = valid.of([os.fsencode(file.path) for file in files])
        for one in part:
            scope.workspace.children.check()
            if isinstance(one, WalkProblem):
                found.problems.append(one)
                continue
            is_ours = bool(ours) and _is_target(one.file, ours)
            if is_ours:
                found.at_home.append(hash(os.fsencode(one.file.path)))
            if is_ours and not scope.is_in_place_of_source(one.file):
                found.files.roots_with_targets.add(one.file.root)
            else:
                found.files.add(one.file)
                item = _without_own_touches(scope, one, touches)
                if has_rest and item.skip_reason in _UNSURE:
                    found.walked.set_aside[item.file.path] = item.skip_reason
                yield item


_UNSURE = frozenset({SkipReason.EXCLUDED, SkipReason.SETTLING})
"""Why a film is kept out of the rest of a mirror."""


def _without_own_touches(
    scope: PlanContext, found: Candidate, touches: Mapping[tuple[int, int], int]
) -> Candidate:
    """A film that nothing but a hard link of ours changed a moment ago is settled."""
    if found.skip_reason is not SkipReason.SETTLING or not touches:
        return found
    stat = found.file.stat
    ctime_ns = untouched_ns(touches, stat.inode, stat.ctime_ns)
    settle_s = scope.workspace.ruleset.library.settle_s
    if is_settled(stat.mtime_ns, ctime_ns, now_s=scope.workspace.disk.now_s(), settle_s=settle_s):
        return replace(found, skip_reason=None)
    return found


def _is_target(file: LibraryFile, ours: dict[bytes, ValidTarget]) -> bool:
    """Whether this is a target as we wrote it, not merely another file of the same name."""
    row = ours.get(os.fsencode(file.path))
    return row is not None and row[1:3] == (file.stat.size_bytes, file.stat.mtime_ns)


def _folders(candidates: Iterable[Candidate], scope: PlanContext) -> Iterator[_Folder]:
    """The files by folder: of a plan of some paths only those, and those of the same stem, which
    might claim the same target."""

    def place(item: Candidate) -> tuple[str, str, str]:
        return item.file.root_name, item.file.root, item.file.relative_path.rpartition("/")[0]

    request = scope.request
    for (name, root, below), group in itertools.groupby(candidates, key=place):
        files = list(group)
        stems = [item.file.relative_path.rpartition(".")[0] for item in files]
        is_covered = True
        if not request.is_whole:
            wanted = {
                stem for stem, item in zip(stems, files, strict=True) if request.covers(item.file)
            }
            files = [item for stem, item in zip(stems, files, strict=True) if stem in wanted]
            stems = [stem for stem in stems if stem in wanted]
            is_covered = all(request.covers(item.file) for item in files)
        if files:
            folder = LibraryFolder(root_name=name, root=root, below=below)
            rivals = _rivals(stems) if is_covered else frozenset(range(len(files)))
            yield _Folder(folder=folder, files=files, rivals=rivals, before=None, known={})


def _rivals(stems: Sequence[str]) -> frozenset[int]:
    """The places of files that only their extensions distinguish."""
    counts = Counter(stems)
    if len(counts) == len(stems):
        return frozenset()
    return frozenset(place for place, stem in enumerate(stems) if counts[stem] > 1)


def _with_known(
    scope: PlanContext, cache: PlanCache, folders: Iterable[_Folder]
) -> Iterator[_Folder]:
    for folder in folders:
        if not scope.request.force:
            folder.before = cache.of_folder(folder.folder.key)
            folder.known = cache.holding(folder.before)
        yield folder


def _asked(scope: PlanContext, folders: Iterable[_Folder]) -> Iterator[tuple[_Asked, bytes | None]]:
    """Each file with what is known of it, and the target whose state decides whether it holds."""
    for folder in folders:
        for item in folder.files:
            seen = folder.known.get(file_name(item.file)) if folder.known else None
            if seen is not None and not seen.is_of(item.file.stat):
                seen = None
            is_fresh = seen is not None and seen.action is PlanAction.FRESH
            target = seen.target if seen is not None and is_fresh else None
            yield (folder, item, seen), target if item.skip_reason is None else None


def _judged(
    scope: PlanContext, asked: Iterable[tuple[_Asked, os.stat_result | None]]
) -> Iterator[tuple[_Folder, PackedItem | LibraryFile]]:
    """The packed item of each file, or the file if it has none that holds."""
    rest, check = iter(asked), _fresh_check(scope)
    valid = scope.workspace.ledger.valid
    while part := list(itertools.islice(rest, BATCH)):
        there = (seen for (_, _, seen), stat in part if stat is not None)
        rows = valid.of([seen.target for seen in there if seen is not None and seen.target])
        for (folder, item, seen), stat in part:
            file = item.file
            if item.skip_reason in _OPEN and scope.moved and file.path in scope.moved:
                yield folder, file  # it is known as a whole, however lately it was moved
            elif item.skip_reason is not None:
                causes = _skip_causes(scope, item.skip_reason, file)
                is_as_before = seen is not None and not seen.is_lasting and seen.causes == causes
                skipped = None if not is_as_before else seen
                yield folder, skipped or packed_of(file, PlanAction.LEFT_ALONE, causes)
            elif seen is None or not seen.is_lasting or (seen.as_made and scope.request.redo):
                yield folder, file
            elif seen.action is PlanAction.FRESH:
                is_still = check(seen, rows.get(seen.target or b""), stat)
                yield folder, seen if is_still else file
            else:
                yield folder, file if scope.is_in_place_of_source(file) else seen


_OPEN = (None, SkipReason.SETTLING)


def _skip_causes(scope: PlanContext, reason: SkipReason, file: LibraryFile) -> tuple[str, ...]:
    moved = scope.moved.get(file.path) if scope.moved else None
    if moved is None:
        return SKIP_CAUSES[reason]
    return (*SKIP_CAUSES[reason], f"moved from {scope.former_name(moved)}")


def _fresh_check(
    scope: PlanContext,
) -> Callable[[PackedItem, ValidTarget | None, os.stat_result | None], bool]:
    """Whether a target that was fresh is so today, by ledger and disk."""
    ruleset, faults = scope.workspace.ruleset, scope.faults
    current = _tools_texts(scope.workspace.tools)
    redo = ruleset.tools.on_change is OnToolsChange.REDO

    def is_still_fresh(
        seen: PackedItem, row: ValidTarget | None, stat: os.stat_result | None
    ) -> bool:
        if row is None or stat is None or row.fingerprint != seen.fingerprint:
            return False
        if row.size_bytes != stat.st_size or row.mtime_ns != stat.st_mtime_ns:
            return False
        if row.tools not in current and (redo or not seen.has_other_tools):
            return False
        return not (faults and os.fsdecode(seen.target or b"") in faults)

    return is_still_fresh


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(canonical_json(tools_used(encoder, tools)) for encoder in tools.encoders)


def has_settling(rows: PlanRows) -> bool:
    """Whether files were left that may still be growing."""
    causes = SKIP_CAUSES[SkipReason.SETTLING]
    return rows.count_kinds(lambda kind: kind.causes == causes) > 0

"""The trash: lists its files, selects some of them, and deletes those that are safe to delete."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path

import msgspec

from av1rules.base.events import Outcome
from av1rules.base.files import TRASH_FOLDER
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.system.removal import remove_below
from av1rules.base.text import printable
from av1rules.base.units import format_size, now_text
from av1rules.execute.recorder import RunCounters, RunRecorder
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import PairOrigin, TrashEntry, TrashKind
from av1rules.plan.moved.find import TargetSearch
from av1rules.policy.model import Originals, OriginalsKind, RuleSet
from av1rules.storage.trash_folder import is_disk_there, remove_empty_folders


class TrashState(StrEnum):
    THERE = "there"
    MISSING = "missing"  # removed by another program
    NO_DISK = "its disk is not there"


class TrashItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is or should be in the trash. `until` (UTC) is when it expires by policy, None:
    never. `frees_bytes` is 0 if the file has other hard links. `mount` is the mount point."""

    kept: TrashEntry
    state: TrashState
    until: datetime | None
    frees_bytes: int
    mount: str | None


def list_trash(ledger: Ledger, ruleset: RuleSet) -> Iterator[TrashItem]:
    """Every entry that was not purged, oldest first; without its `receipt` and `facts`."""
    mounts: dict[int, str] = {}
    return (_inspect(entry, ruleset, mounts) for entry in ledger.kept.listed())


def _inspect(kept: TrashEntry, ruleset: RuleSet, mounts: dict[int, str]) -> TrashItem:
    limit = until(kept, ruleset.output.originals)
    try:
        found = os.lstat(kept.path)
    except OSError:
        state = TrashState.MISSING if is_disk_there(ruleset, kept.path) else TrashState.NO_DISK
        return TrashItem(kept=kept, state=state, until=limit, frees_bytes=0, mount=None)
    if found.st_dev not in mounts:
        mounts[found.st_dev] = _mount_of(kept.path)
    return TrashItem(
        kept=kept,
        state=TrashState.THERE,
        until=limit,
        frees_bytes=found.st_size if found.st_nlink == 1 else 0,
        mount=mounts[found.st_dev],
    )


def _mount_of(path: str) -> str:
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def until(kept: TrashEntry, originals: Originals) -> datetime | None:
    """When a file in the trash expires by policy (UTC); None: never."""
    if kept.kind is not TrashKind.ORIGINAL or originals.kind is not OriginalsKind.KEEP_FOR:
        return None
    assert originals.keep_s is not None
    try:
        return datetime.fromisoformat(kept.at) + timedelta(seconds=originals.keep_s)
    except OverflowError:  # kept for thousands of years
        return None


class TrashSelection(msgspec.Struct, frozen=True, kw_only=True):
    """Selects files in the trash, by `runs` or by `paths` (absolute); without both, all. A path is
    that of the file in the trash, of its former place, of its target, or of a folder above one."""

    runs: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    kind: TrashKind | None = None
    older_than_s: float | None = None

    def holds(self, kept: TrashEntry, now: datetime) -> bool:
        if self.kind not in (None, kept.kind):
            return False
        if self.older_than_s is not None:
            age_s = (now - datetime.fromisoformat(kept.at)).total_seconds()
            if age_s <= self.older_than_s:
                return False
        is_any = not self.runs and not self.paths
        return is_any or kept.run in self.runs or any(_concerns(kept, p) for p in self.paths)


def _concerns(kept: TrashEntry, path: str) -> bool:
    below = f"{path.rstrip('/')}/"
    names = (kept.path, kept.place, kept.row.target, kept.row.source_path)
    return any(name == path or name.startswith(below) for name in names)


Check = Callable[[], None]
"""Called between the chunks of a long read; raises to interrupt it."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one file: deleted, or the reason why not, and what to do (`hint`).
    `was_there` is False if somebody else had removed it before. `given_up`: why it was the last
    copy of that version of its film."""

    kept: TrashEntry
    refusal: str | None = None
    hint: str | None = None
    given_up: str | None = None
    freed_bytes: int = 0
    was_there: bool = True


def purge(
    ledger: Ledger,
    ruleset: RuleSet,
    entries: Iterable[TrashEntry],
    *,
    is_verified: bool = True,
    with_orphans: bool = False,
    with_last_copies: bool = False,
    is_dry: bool = False,
    check: Check | None = None,
) -> Iterator[Purged]:
    """Delete these files from the trash, under the run lock. A file that is not safe to delete
    stays, with the reason; `with_last_copies` gives up those too whose counterpart is not there.
    `is_dry`: only say what would become of each.

    `is_verified`: the counterpart (the target of an original, or the original of a result) is read
    completely and compared, where a user may have moved it to; otherwise only its size is checked.
    Orphans have no counterpart. Raises LedgerError, and what `check` raises.
    """
    search = TargetSearch(ledger, ruleset, lambda file: content_key(file.path))
    for kept in entries:
        if not os.path.lexists(kept.path):
            yield _already_purged(ledger, ruleset, kept, is_dry=is_dry)
            continue
        refusal = _orphan_problem(kept, with_orphans=with_orphans) or _problem_in_trash(kept)
        lost = None
        if refusal is None:
            lost = _never_verified(kept) or _counterpart_problem(
                ledger, search, kept, is_verified=is_verified, check=check
            )
        if refusal is None and (lost is None or with_last_copies):
            done = _to_delete(kept) if is_dry else _delete(ledger, kept)
            yield msgspec.structs.replace(done, given_up=lost)
        else:
            is_last = refusal is None
            yield Purged(kept=kept, refusal=refusal or lost, hint=_way_out(kept, is_last=is_last))


def _way_out(kept: TrashEntry, *, is_last: bool) -> str:
    """The commands that end the stay of a file that is not safe to delete."""
    path = shlex.quote(printable(kept.path))
    taken = f"`av1rules originals restore {path} --to FOLDER` takes it out of the trash"
    if not is_last:
        return taken
    return f"{taken}; `av1rules originals purge --last-copy {path}` gives it up"


def purge_expired(
    ledger: Ledger, ruleset: RuleSet, *, check: Check | None = None, now: datetime | None = None
) -> Iterator[Purged]:
    """Delete the originals that have expired by `originals: keep for ...`. Yields each that
    was deleted or stays for a reason. For the start of a run, before it has originals of its
    own."""
    kind = ruleset.output.originals.kind
    if kind is OriginalsKind.DELETE:
        yield from _deletions_of_crashed_runs(ledger, ruleset)
    if kind is not OriginalsKind.KEEP_FOR:
        return
    today = now or datetime.now(UTC)
    expired = (
        kept
        for kept in ledger.kept.entries()
        if kept.gone_at is None
        and (limit := until(kept, ruleset.output.originals)) is not None
        and limit < today
    )
    # Together: each call of its own might look through the library for targets that moved.
    yield from purge(ledger, ruleset, expired, check=check)


def record_purge(purged: Purged, recorder: RunRecorder, counters: RunCounters) -> None:
    """Count one file in the record of a run; a refusal with its reason."""
    if purged.refusal is None:
        if purged.was_there:
            counters.add(Outcome.PURGED)
        return
    counters.add(Outcome.REFUSED)
    kept = purged.kept
    detail = f"kept {printable(kept.path)}: {purged.refusal}"
    recorder.tell(FilmFinding(film=kept.row.source, kind=FindingKind.REFUSED, detail=detail))


def _deletions_of_crashed_runs(ledger: Ledger, ruleset: RuleSet) -> Iterator[Purged]:
    """Record the deletions of a run that was killed before it could. Originals that it did not get
    to delete stay until a user purges them."""
    for kept in ledger.kept.entries():
        if kept.gone_at is None and not os.path.lexists(kept.path):
            yield _already_purged(ledger, ruleset, kept, is_dry=False)


def purged_line(purged: Purged) -> str:
    """The outcome for one file, as a message."""
    kept = purged.kept
    what = f"{kept.kind.value} of {printable(kept.row.source)}"
    if purged.refusal is not None:
        hint = f"\n  hint: {purged.hint}" if purged.hint else ""
        return f"kept the {what} in {printable(kept.path)}: {purged.refusal}{hint}"
    if not purged.was_there:
        return f"the {what} was already gone: {printable(kept.path)}"
    last = f", the last copy: {purged.given_up}" if purged.given_up else ""
    return f"deleted the {what} ({format_size(kept.size_bytes)}){last}"


def _already_purged(ledger: Ledger, ruleset: RuleSet, kept: TrashEntry, *, is_dry: bool) -> Purged:
    """Record that the file was removed, unless only its disk is missing."""
    if not is_disk_there(ruleset, kept.path):
        return Purged(kept=kept, refusal="its disk is not mounted", was_there=False)
    if is_dry:
        return Purged(kept=kept, was_there=False)
    if TRASH_FOLDER in Path(kept.path).parts:
        with contextlib.suppress(OSError):
            remove_empty_folders(kept.path)  # a purge was killed after it had deleted the file
    _mark_purged(ledger, kept)
    return Purged(kept=kept, was_there=False)


def _mark_purged(ledger: Ledger, kept: TrashEntry) -> None:
    ledger.kept.mark_gone(kept.id, now_text())


def _orphan_problem(kept: TrashEntry, *, with_orphans: bool) -> str | None:
    if kept.kind is not TrashKind.ORPHAN or with_orphans:
        return None
    return "its source is gone, so it may be the last copy: only --kind orphan deletes it"


def _problem_in_trash(kept: TrashEntry) -> str | None:
    """Why the file itself must not be deleted; None if it may be."""
    parts = Path(kept.path).parts
    if TRASH_FOLDER not in parts[:-1] or ".." in parts:
        return f"it is not below a folder {TRASH_FOLDER}"
    try:
        is_file = stat.S_ISREG(os.lstat(kept.path).st_mode)
        if is_file and content_key(kept.path) == kept.content_key:
            return None
    except OSError as problem:
        return f"it can't be read: {problem.strerror}"
    return "the file there is not the one that was moved to the trash"


def _never_verified(kept: TrashEntry) -> str | None:
    """Why the AV1 file in place of an original is no reason to delete it."""
    if kept.kind is not TrashKind.ORIGINAL or kept.origin is not PairOrigin.UNVERIFIED:
        return None
    return f"its AV1 file is another program's, never verified: {printable(kept.row.target)}"


def _counterpart_problem(
    ledger: Ledger,
    search: TargetSearch,
    kept: TrashEntry,
    *,
    is_verified: bool,
    check: Check | None,
) -> str | None:
    """What is wrong with the counterpart of the file. An orphan has none."""
    if kept.kind is TrashKind.ORPHAN:
        return None
    row = kept.row
    if kept.kind is TrashKind.RESULT:
        what, size_bytes, digest = "its original", row.source_bytes, row.source_digest
        places = [row.source_path]
        others = search.places_of(size_bytes, row.content_key)
    else:
        what, size_bytes, digest = "its target", row.target_bytes, row.target_digest
        # It may have been renamed since: any place that the ledger has for it counts.
        places = [row.target, *(other.target for other in ledger.of_own_content(row.target_key))]
        others = search.places_of(size_bytes, row.target_key)
    wanted = digest if is_verified else None
    first_problem: str | None = None
    for place in chain(dict.fromkeys(places), others):
        problem = _file_problem(place, size_bytes, wanted, check)
        if problem is None:
            return None
        first_problem = first_problem or problem
    return f"{what} {first_problem}"


def _file_problem(
    path: str, size_bytes: int, digest: str | None, check: Check | None
) -> str | None:
    shown = printable(path)
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return f"is not a regular file: {shown}"
        if found.st_size != size_bytes:
            return f"has {found.st_size} bytes, not {size_bytes}: {shown}"
        if digest is not None and file_digest(path, check=check) != digest:
            return f"is not what was written: {shown}"
    except FileNotFoundError:
        return f"is not there: {shown}"
    except OSError as problem:
        return f"can't be read ({problem.strerror}): {shown}"
    return None


def _to_delete(kept: TrashEntry) -> Purged:
    found = os.lstat(kept.path)
    return Purged(kept=kept, freed_bytes=found.st_size if found.st_nlink == 1 else 0)


def _delete(ledger: Ledger, kept: TrashEntry) -> Purged:
    """Delete the file for good, then record it. After a crash in between the next purge does."""
    try:
        freed = _unlink(kept.path)
        remove_empty_folders(kept.path)
    except OSError as problem:
        shown = printable(str(problem.filename or kept.path))
        return Purged(kept=kept, refusal=f"{problem.strerror or problem}: {shown}")
    _mark_purged(ledger, kept)
    return Purged(kept=kept, freed_bytes=freed)


def _unlink(path: str) -> int:
    """Delete a file below its trash folder without following any symbolic link below that; returns
    the bytes that this freed. Raises OSError."""
    folders = Path(path).parent.parts
    top = folders.index(TRASH_FOLDER)
    found = remove_below(
        os.path.join(*folders[: top + 1]), folders[top + 1 :], os.path.basename(path)
    )
    return found.st_size if found.st_nlink == 1 else 0

"""Puts files back from the trash: the originals of a run or of single files, results, orphans.

An undo is a replacement like the one that it reverts, so an undo can be undone in the same way.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

import msgspec

from av1rules.base.errors import Av1rulesError, RunInterruptedError, UsageError
from av1rules.base.events import Outcome
from av1rules.base.files import is_at_or_below
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.text import printable
from av1rules.execute.move import follow_moved, tell_followed
from av1rules.execute.replace_original import undo_entry
from av1rules.execute.rest.give_way import remove_stand_in
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.moved import MovedFiles
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.operations.moved_files import moved_from, moved_to
from av1rules.plan.workspace import Workspace

_RUN = re.compile(r"r?(\d+)")
LAST = "last"


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one entry, or what it would be (`is_planned`); `refusal` says why it is not
    undone."""

    kept: TrashEntry
    refusal: str | None = None
    is_planned: bool = False


def find_entries(ledger: Ledger, words: Sequence[str]) -> tuple[TrashEntry, ...]:
    """The entries that `words` select: runs (`12`, `r12`, or `last`, the last encode run) or
    absolute paths of files, current or former. Raises UsageError for a word that selects none."""
    found: dict[int, TrashEntry] = {}
    for word in words:
        entries = _of_path(ledger, word) if os.path.isabs(word) else _of_run(ledger, word)
        if not entries:
            raise UsageError(
                "the trash has nothing to put back",
                where=printable(word),
                hint="`av1rules originals list` shows the trash; in the modes mirror and beside "
                "nothing is replaced: the original is in its place",
            )
        found.update((entry.id, entry) for entry in entries)
    # The newest first: the last change is undone first.
    return tuple(found[number] for number in sorted(found, reverse=True))


def find_moved_entries(session: Session, words: Sequence[str]) -> tuple[TrashEntry, ...]:
    """`find_entries` for a library in which a user renamed or moved films since the last run: the
    ledger follows them first, so that a file comes back where its film now is. Raises like it."""
    workspace = session.workspace
    _follow(moved_to(workspace, [word for word in words if os.path.isabs(word)]), session)
    entries = find_entries(workspace.ledger, words)
    targets = [entry.row.target for entry in entries if _was_replaced(entry)]
    followed = _follow(moved_from(workspace, targets), session)
    now = {entry.id: entry for entry in followed.entries}
    return tuple(now.get(entry.id, entry) for entry in entries)


def find_entries_now(workspace: Workspace, words: Sequence[str]) -> tuple[TrashEntry, ...]:
    """What `find_moved_entries` will find, without a change to the ledger: for a look at what an
    undo would do. Raises like it."""
    moved = moved_to(workspace, [word for word in words if os.path.isabs(word)])
    found: dict[int, TrashEntry] = {}
    for word in words:
        here = [entry for entry in moved.entries if _is_at_or_below(entry, word)]
        entries = here or find_entries(workspace.ledger, [word])
        found.update((entry.id, entry) for entry in entries)
    targets = [entry.row.target for entry in found.values() if _was_replaced(entry)]
    now = {entry.id: entry for entry in moved_from(workspace, targets).entries}
    return tuple(now.get(number, found[number]) for number in sorted(found, reverse=True))


def _is_at_or_below(entry: TrashEntry, word: str) -> bool:
    places = (entry.row.target, entry.row.source_path)
    return os.path.isabs(word) and any(is_at_or_below(place, word) for place in places)


def _follow(moved: MovedFiles, session: Session) -> MovedFiles:
    workspace = session.workspace
    followed = follow_moved(moved, workspace.ledger, workspace.ruleset.output)
    tell_followed(followed, session.sink)
    return followed


def _was_replaced(entry: TrashEntry) -> bool:
    return entry.kind is TrashKind.ORIGINAL and entry.gone_at is None


def _of_run(ledger: Ledger, word: str) -> tuple[TrashEntry, ...]:
    match = _RUN.fullmatch(word)
    number = _last_run(ledger) if word == LAST else int(match[1]) if match else None
    if number is None:
        return ()
    entries = ledger.kept.of_run(number)
    if not entries and (undone_by := _undone_by(ledger, number)):
        runs = " ".join(map(str, undone_by))
        raise UsageError(
            f"run {number} is undone already",
            where=printable(word),
            hint=f"`av1rules undo {runs}` puts its AV1 files back; "
            "`av1rules runs` lists the runs before it",
        )
    return entries


def _last_run(ledger: Ledger) -> int | None:
    """The last encode run that moved files to the trash, undone or not: an undo is not one."""
    records = {record.id: record for record in ledger.runs.latest()}
    runs = ledger.kept.runs() | {number for number, record in records.items() if record.trashed}
    encode_runs = (
        number for number in runs if number not in records or records[number].kind is RunKind.RUN
    )
    return max(encode_runs, default=None)


def _undone_by(ledger: Ledger, number: int) -> tuple[int, ...]:
    """The runs that undid a run, newest first."""
    runs = {
        entry.run
        for entry in ledger.kept.listed()
        if entry.kind is TrashKind.RESULT and entry.row.run == number and entry.run is not None
    }
    return tuple(sorted(runs, reverse=True))


def _of_path(ledger: Ledger, path: str) -> tuple[TrashEntry, ...]:
    """The newest entry of one file, or of each file in a current or former folder."""
    entries = ledger.kept.at_path(path)
    if not entries:
        below = path.rstrip("/") + "/"
        entries = tuple(
            entry
            for entry in reversed(ledger.kept.entries())
            if entry.place.startswith(below) or entry.path == path
        )
    newest: dict[str, TrashEntry] = {}
    # A film may have taken the name of one that is gone: what is in its place comes first.
    for entry in sorted(entries, key=lambda entry: not _is_in_place(ledger, entry)):
        newest.setdefault(entry.row.target, entry)
    return tuple(newest.values())


def _is_in_place(ledger: Ledger, entry: TrashEntry) -> bool:
    """Whether this is the original of the target that the ledger has there."""
    row = ledger.find(entry.row.target) if entry.kind is TrashKind.ORIGINAL else None
    return row is not None and row.content_key == entry.row.content_key


def plan_undo(ledger: Ledger, entries: Sequence[TrashEntry]) -> tuple[Undone, ...]:
    """What an undo would do, by a look at the files: it reads them whole only when it acts."""
    require = functools.partial(_require_undoable, ledger)
    return tuple(
        Undone(kept=kept, refusal=_refusal(kept, require), is_planned=True) for kept in entries
    )


def undo(session: Session, entries: Sequence[TrashEntry]) -> Iterator[Undone]:
    """Undo each entry, and record it. One that can't be undone never stops the others."""
    check, ledger = session.workspace.children.check, session.workspace.ledger

    def act(kept: TrashEntry) -> None:
        _require_undoable(ledger, kept)
        if file_digest(kept.path, check=check) != kept.digest:
            raise _changed_in_trash(kept)
        _require_undoable(ledger, kept)  # reading it whole took its time
        if kept.kind is TrashKind.ORPHAN:
            remove_stand_in(session, kept.place)
        undo_entry(session, kept)

    for kept in entries:
        check()
        refusal = _refusal(kept, act)
        if refusal is None:
            session.counters.add(Outcome.UNDONE)
        else:
            session.counters.add(Outcome.REFUSED)
            finding = FilmFinding(film=kept.row.source, kind=FindingKind.REFUSED, detail=refusal)
            session.recorder.tell(finding)
        yield Undone(kept=kept, refusal=refusal)


def _refusal(kept: TrashEntry, act: Callable[[TrashEntry], None]) -> str | None:
    """Why one entry is not undone; None if it is. Raises RunInterruptedError."""
    try:
        act(kept)
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        return str(problem)
    except OSError as problem:
        return f"{problem.strerror or problem}: {printable(str(problem.filename or kept.path))}"
    return None


def _changed_in_trash(kept: TrashEntry) -> Av1rulesError:
    return Av1rulesError(f"it is not what was moved to the trash: {printable(kept.path)}")


def _require_undoable(ledger: Ledger, kept: TrashEntry) -> None:
    """Raise Av1rulesError unless the file in the trash is there as it was and its place is free, as
    far as that shows without reading it whole. Raises OSError."""
    if kept.gone_at is not None:
        raise Av1rulesError(f"it was purged on {kept.gone_at}")
    if not os.path.lexists(kept.path):
        raise Av1rulesError(f"it is no longer there: {printable(kept.path)}")
    if content_key(kept.path) != kept.content_key:
        raise _changed_in_trash(kept)
    if kept.kind is TrashKind.ORPHAN:
        if ledger.stand_ins.standing(kept.place) is None:  # that gives way
            _require_free(kept.place)
        return
    row = kept.row
    is_original = kept.kind is TrashKind.ORIGINAL
    current = row.target if is_original else row.source_path
    expected_key = row.target_key if is_original else row.content_key
    if os.path.lexists(current) and content_key(current) != expected_key:
        raise Av1rulesError(
            f"the file in its place was changed or replaced since: {printable(current)}",
            hint="move it away, then undo again; or `av1rules originals restore "
            f"{shlex.quote(printable(kept.path))} --to FOLDER` takes this one out of the trash",
        )
    if current != kept.place:
        _require_free(kept.place)


def _require_free(place: str) -> None:
    if os.path.lexists(place):
        raise Av1rulesError(
            f"another file is in its place: {printable(place)}", hint="move it away first"
        )

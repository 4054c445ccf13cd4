"""Puts files back from the trash: the originals of a run or of single files, results, orphans.

An undo is a replacement like the one that it reverts, so an undo can be undone in the same way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.text import printable
from av1rules.execute.replace_original import undo_entry
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import TrashEntry, TrashKind

_RUN = re.compile(r"r?(\d+)")
LAST = "last"


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one entry; `refusal` says why it was not undone."""

    kept: TrashEntry
    refusal: str | None = None

    @property
    def text(self) -> str:
        place = printable(self.kept.place)
        if self.refusal is not None:
            return f"{place}: not undone: {self.refusal}"
        what = {
            TrashKind.ORIGINAL: "the original is back",
            TrashKind.RESULT: "the AV1 file is back, the original is in the trash again",
            TrashKind.ORPHAN: "the target is back",
        }[self.kept.kind]
        return f"{place}: {what}"


def find_entries(ledger: Ledger, words: Sequence[str]) -> tuple[TrashEntry, ...]:
    """The entries that `words` select: runs (`12`, `r12`, `last`) or absolute paths of files,
    current or former. Raises UsageError for a word that selects none."""
    found: dict[int, TrashEntry] = {}
    for word in words:
        entries = _of_run(ledger, word) if not os.path.isabs(word) else _of_path(ledger, word)
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


def _of_run(ledger: Ledger, word: str) -> tuple[TrashEntry, ...]:
    if word == LAST:
        runs = [entry.run for entry in ledger.kept.entries() if entry.run is not None]
        return ledger.kept.of_run(max(runs)) if runs else ()
    match = _RUN.fullmatch(word)
    return ledger.kept.of_run(int(match[1])) if match else ()


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
    for entry in entries:
        newest.setdefault(entry.row.target, entry)
    return tuple(newest.values())


def undo(session: Session, entries: Sequence[TrashEntry]) -> Iterator[Undone]:
    """Undo each entry. One that can't be undone never stops the others."""
    for kept in entries:
        session.workspace.children.check()
        try:
            _require_undoable(session, kept)
            undo_entry(session, kept)
        except Av1rulesError as problem:
            yield Undone(kept=kept, refusal=str(problem))
        except OSError as problem:
            why = f"{problem.strerror or problem}: {printable(str(problem.filename or kept.path))}"
            yield Undone(kept=kept, refusal=why)
        else:
            yield Undone(kept=kept)


def _require_undoable(session: Session, kept: TrashEntry) -> None:
    """Raise Av1rulesError unless the file in the trash is unchanged and its place is free."""
    if kept.gone_at is not None:
        raise Av1rulesError(f"it was purged on {kept.gone_at}")
    check = session.workspace.children.check
    if not os.path.lexists(kept.path):
        raise Av1rulesError(f"it is no longer there: {printable(kept.path)}")
    if file_digest(kept.path, check=check) != kept.digest:
        raise Av1rulesError(f"it is not what was moved to the trash: {printable(kept.path)}")
    if kept.kind is TrashKind.ORPHAN:
        _require_free(kept.place)
        return
    row = kept.row
    is_original = kept.kind is TrashKind.ORIGINAL
    current = row.target if is_original else row.source_path
    expected_key = row.target_key if is_original else row.content_key
    if os.path.lexists(current) and content_key(current) != expected_key:
        raise Av1rulesError(
            f"the file in its place was changed or replaced since: {printable(current)}",
            hint="move it away, then undo again",
        )
    if current != kept.place:
        _require_free(kept.place)


def _require_free(place: str) -> None:
    if os.path.lexists(place):
        raise Av1rulesError(
            f"another file is in its place: {printable(place)}", hint="move it away first"
        )

"""Which planned rows need no encode, because their target exists already or will be made by another
row: targets that follow a renamed source, and copies of one content. Pure, but for `again`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from av1rules.base.text import printable
from av1rules.graph.planned import Donor, PlanAction, PlanRow, Work
from av1rules.graph.targets import block_collisions


class Again(Protocol):
    """Looks at a row once more, without the donors (targets) that others have `taken`. `is_free`:
    what stands in its place moves away."""

    def __call__(self, row: PlanRow, taken: frozenset[str], *, is_free: bool) -> PlanRow: ...


def settle_donors(
    rows: Sequence[PlanRow], again: Again, *, copies: bool, whole: bool
) -> list[PlanRow]:
    """The rows, each donor given to one mover only, later rows of the same content and settings
    made copies of the first (`copies`), and places looked at that are still taken.

    `whole`: all of the library is planned, so that what stands in a place and is nobody's donor
    really belongs to no source any more.
    """
    settled = list(rows)
    given: dict[str, int] = {}
    while True:
        for is_exact in (True, False):  # what needs no encode after its move goes first
            _give(settled, given, again, is_exact=is_exact)
        if not _let_in(settled, given, again):
            break
    settled = block_collisions(_closed(row) for row in settled)
    _leave_what_is_redone(settled, frozenset(given), again)
    if copies:
        settled = _copies_of_the_first(settled)
    return _free_places(settled, whole=whole)


def _give(rows: list[PlanRow], given: dict[str, int], again: Again, *, is_exact: bool) -> None:
    """The first row that wants a donor gets it (`given`: by target); the others look for another
    one, as long as there are any."""
    wishes = [n for n, row in enumerate(rows) if _moving(row) and _is_exact(row) is is_exact]
    while wishes:
        denied: list[int] = []
        for number in wishes:
            donor = _moving(rows[number])
            if donor is not None and given.setdefault(donor, number) != number:
                denied.append(number)
        taken, leaving = frozenset(given), _leaving(rows, given)
        for number in denied:
            row = rows[number]
            rows[number] = again(row, taken, is_free=row.target in leaving)
        wishes = denied


def _leaving(rows: Sequence[PlanRow], given: Mapping[str, int]) -> frozenset[str]:
    """The targets that move to another place."""
    return frozenset(donor for donor, number in given.items() if rows[number].target != donor)


def _let_in(rows: list[PlanRow], given: Mapping[str, int], again: Again) -> bool:
    """Look again at rows whose place is taken by the target of another source, where that moves
    away; whether there were any."""
    leaving = _leaving(rows, given)
    waiting = [n for n, row in enumerate(rows) if _is_kept_out(row) and row.target in leaving]
    for number in waiting:
        rows[number] = again(rows[number], frozenset(given), is_free=True)
    return bool(waiting)


def _is_kept_out(row: PlanRow) -> bool:
    return row.action is PlanAction.BLOCKED and row.work is not None


def _closed(row: PlanRow) -> PlanRow:
    return replace(row, work=None) if _is_kept_out(row) else row


def _leave_what_is_redone(rows: list[PlanRow], given: frozenset[str], again: Again) -> None:
    """No copy of a target that is itself overwritten in this run, nobody knows when."""
    redone = {
        row.target
        for row in rows
        if row.work is not None and row.work.found is not None and row.target is not None
        if row.action in (PlanAction.ENCODE, PlanAction.COPY) and _moving(row) is None
    }
    for number, row in enumerate(rows):
        donor = row.work.donor if row.work is not None else None
        if donor is None or donor.row is None or donor.is_move:
            continue
        if donor.row.target in redone:
            rows[number] = again(row, given | redone, is_free=False)


def _is_exact(row: PlanRow) -> bool:
    donor = row.work.donor if row.work is not None else None
    return donor is not None and donor.row is not None and donor.row.fingerprint == row.fingerprint


def _moving(row: PlanRow) -> str | None:
    """The target that follows its source to this row."""
    donor = row.work.donor if row.work is not None else None
    return donor.row.target if donor is not None and donor.is_move and donor.row else None


def _copies_of_the_first(rows: list[PlanRow]) -> list[PlanRow]:
    """Of rows with the same content and settings one is made, the others get its target."""
    first: dict[str, PlanRow] = {}
    for number, row in enumerate(rows):
        if row.work is None or row.action not in (PlanAction.ENCODE, PlanAction.MOVE):
            continue
        maker = first.setdefault(row.work.fingerprint, row)
        if maker is row or row.action is PlanAction.MOVE:
            continue
        moves = row.work.donor  # its own target still follows it, to be replaced then
        donor = replace(moves or Donor(row=None), task=maker.file.library_path)
        cause = f"same content as {printable(maker.file.library_path)}: made once"
        work: Work = replace(row.work, donor=donor)
        rows[number] = replace(row, action=PlanAction.COPY, causes=(*row.causes, cause), work=work)
    return rows


def _free_places(rows: list[PlanRow], *, whole: bool) -> list[PlanRow]:
    """What stands in a row's place and moves away itself is gone when the row is made; in a mover's
    place it is put aside else, if nothing can need it any more."""
    leaving = {target for row in rows if (target := _moving(row)) is not None}
    for number, row in enumerate(rows):
        work = row.work
        if work is None:
            continue
        if work.known is not None and work.known.target in leaving and _moving(row) is None:
            rows[number] = replace(row, work=replace(work, known=None, found=None))
        if work.displaces is None:
            continue
        if work.displaces.target in leaving:
            rows[number] = replace(row, work=replace(work, displaces=None))
        elif not whole:
            cause = (
                f"its place is still taken by the target of {printable(work.displaces.source)}: "
                "plan or run without PATH, so that all that moved is seen"
            )
            rows[number] = replace(row, action=PlanAction.BLOCKED, causes=(cause,), work=None)
    return rows

"""Which planned rows need no encode, because their target exists already or will be made by another
row: targets that follow a renamed source, and copies of one content. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from av1rules.base.text import printable
from av1rules.graph.planned import Donor, PlanAction, PlanRow, Work


def settle_donors(rows: Sequence[PlanRow], *, copies: bool, whole: bool) -> list[PlanRow]:
    """The rows, each donor given to one mover only, later rows of the same content and settings
    made copies of the first (`copies`), and places looked at that are still taken.

    `whole`: all of the library is planned, so that what stands in a place and is nobody's donor
    really belongs to no source any more.
    """
    settled = _one_mover_each(list(rows))
    if copies:
        settled = _copies_of_the_first(settled)
    return _free_places(settled, whole=whole)


def _one_mover_each(rows: list[PlanRow]) -> list[PlanRow]:
    """The first row that wants a donor gets it; for the others it is as if there were none."""
    taken: set[str] = set()
    for number, row in enumerate(rows):
        donor = _moving(row)
        if donor is None:
            continue
        if donor in taken:
            rows[number] = _without_donor(row)
        taken.add(donor)
    return rows


def _moving(row: PlanRow) -> str | None:
    """The target that follows its source to this row."""
    donor = row.work.donor if row.work is not None else None
    return donor.row.target if donor is not None and donor.is_move and donor.row else None


def _without_donor(row: PlanRow) -> PlanRow:
    assert row.work is not None
    work = replace(row.work, donor=None, known=None, found=None, displaces=None)
    return replace(row, action=PlanAction.ENCODE, causes=("new",), work=work)


def _copies_of_the_first(rows: list[PlanRow]) -> list[PlanRow]:
    """Of rows with the same content and settings one is made, the others get its target."""
    first: dict[str, PlanRow] = {}
    for number, row in enumerate(rows):
        if row.work is None or row.action not in (PlanAction.ENCODE, PlanAction.MOVE):
            continue
        maker = first.setdefault(row.work.fingerprint, row)
        if maker is row or row.action is PlanAction.MOVE:
            continue
        donor = Donor(row=None, task=maker.file.library_path)
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

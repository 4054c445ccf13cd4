"""Finds the receipt of a film, by its target or its source, which may be gone from the disk."""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import Receipt, parse_receipt
from av1rules.plan.names.find import find_films
from av1rules.plan.names.match import NamedFilm, WantedName


def find_receipt(ledger: Ledger, name: WantedName) -> Receipt | None:
    """The newest receipt of the one film that `name` means; None if its targets have none. Raises
    UsageError if it means no film that was encoded, or several."""
    targets = _at_place(ledger, name) or _by_name(ledger, name)
    return next(filter(None, (_receipt(ledger, target) for target in targets)), None)


def _receipt(ledger: Ledger, target: str) -> Receipt | None:
    """The receipt with the places of now: it was written when the target was made."""
    stored, row = ledger.receipt(target), ledger.find(target)
    if stored is None or row is None:
        return None
    return replace(parse_receipt(stored), source=row.source_path, target=row.target)


def _at_place(ledger: Ledger, name: WantedName) -> tuple[str, ...]:
    """The targets at, or made from, the file of this path: without a look at all other films."""
    for place in name.places:
        alike = _with_content(ledger, place)
        if alike and place not in alike:
            return alike
        if ledger.find(place) is not None:
            return (place,)
        if made := ledger.made_from(place):
            return made
    return ()


def _by_name(ledger: Ledger, name: WantedName) -> tuple[str, ...]:
    known = list(ledger.names())
    films = [NamedFilm(source, (source_path, target)) for source, source_path, target in known]
    chosen = find_films(
        (name,),
        films,
        takes_one=True,
        none_text="the ledger has no receipt of this name",
        none_hint="name a target that av1rules made with this rules file, or its source",
    )
    rows = ledger.rows_of([known[at][2] for at in chosen])
    return tuple(row.target for row in sorted(rows, key=lambda row: row.built_at, reverse=True))


def _with_content(ledger: Ledger, path: str) -> tuple[str, ...]:
    """The targets of this content: a user may have renamed one since it was recorded."""
    try:
        return tuple(row.target for row in ledger.of_own_content(content_key(path)))
    except OSError:
        return ()

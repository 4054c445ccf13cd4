"""The films that users mean when they control a run: found without a plan, since it must be at
once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from av1rules.base.files import is_at_or_below
from av1rules.ledger.ledger import Ledger
from av1rules.plan.names.find import find_films, place_on_disk
from av1rules.plan.names.match import NamedFilm, WantedName
from av1rules.plan.safety_stop import known_files
from av1rules.policy.model import RuleSet


def controlled_films(
    ledger: Ledger, ruleset: RuleSet, wanted: Sequence[WantedName]
) -> tuple[str, ...]:
    """The library paths of the films that names mean: of those that the last run found, that are
    worked on or held already, and of what lies on the disk. Raises UsageError for a name of no
    film."""
    named: dict[str, None] = {}
    others: list[WantedName] = []
    for name in wanted:
        if (film := _on_disk(name, ruleset) or _of_target(name, ledger)) is not None:
            named[film] = None
        else:
            others.append(name)
    if others:
        films = list(_known(ledger, ruleset))
        for at in find_films(others, films, none_hint=_hint(films)):
            named[films[at].name] = None
    return tuple(named)


def _hint(films: Sequence[NamedFilm]) -> str | None:
    return None if films else "no run has seen a film yet: name it by its path on disk"


def _on_disk(wanted: WantedName, ruleset: RuleSet) -> str | None:
    """The library path of a file that the name is, or the path of."""
    roots = ruleset.library.root_paths
    place = place_on_disk(wanted, roots)
    if place is None or not os.path.isfile(place):
        return None
    for name, root in roots.items():
        top = os.path.realpath(root)
        if is_at_or_below(place, top):
            return f"{name}/{os.path.relpath(place, top)}"
    return None


def _of_target(wanted: WantedName, ledger: Ledger) -> str | None:
    rows = (ledger.find(place) for place in wanted.places)
    return next((row.source for row in rows if row is not None), None)


def _known(ledger: Ledger, ruleset: RuleSet) -> Iterator[NamedFilm]:
    """Each once, with the paths on disk that it may have."""
    names = dict.fromkeys(
        (
            *(job.source for job in ledger.jobs_in_progress()),
            *(one.film for one in ledger.controls.current().entries if one.film),
        )
    )
    for root in ruleset.library.roots:
        packed = ledger.inventories.of_root(str(root.path))
        names |= dict.fromkeys(
            f"{root.name}/{path}" for path, _ in (known_files(packed) if packed else ())
        )
    roots = ruleset.library.root_paths
    for name in names:
        top, _, below = name.partition("/")
        yield NamedFilm(name, (f"{roots[top]}/{below}",) if top in roots else ())

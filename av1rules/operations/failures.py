"""The failures of films that the ledger remembers, by the names of the films."""

from __future__ import annotations

import os
from collections.abc import Sequence

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.plan.names.find import no_film, place_on_disk
from av1rules.plan.names.match import FilmNames, NamedFilm, WantedName
from av1rules.policy.model import RuleSet


def failures_of(
    ledger: Ledger, ruleset: RuleSet, names: Sequence[WantedName]
) -> tuple[Attempt, ...]:
    """The failures of the films that `names` mean, gone from the disk or not; all if there are no
    names. A film that did not fail is no fault; raises UsageError for a name of no film at all."""
    failed = ledger.attempts(AttemptResult.FAILED)
    if not names:
        return failed
    roots = ruleset.library.root_paths
    films = [NamedFilm(one.source, _paths_of(one.source, roots)) for one in failed]
    among_failed = FilmNames(films)
    chosen: set[int] = set()
    for name in names:
        match = among_failed.match(name)
        chosen.update(match.films)
        if match.kind is None and place_on_disk(name, roots) is None:
            _require_known(ledger, name, films)
    return tuple(failed[at] for at in sorted(chosen))


def _require_known(ledger: Ledger, name: WantedName, failed: list[NamedFilm]) -> None:
    """Raise UsageError for a name of no film that was encoded."""
    encoded = [NamedFilm(source, (path, target)) for source, path, target in ledger.names()]
    if FilmNames(encoded).match(name).kind is None:
        raise no_film((name,), [film.name for film in (*failed, *encoded)])


def _paths_of(source: str, roots: dict[str, str]) -> tuple[str, ...]:
    """The paths on disk that a library path has, or had."""
    below = {
        root: source[len(name) + 1 :]
        for name, root in roots.items()
        if source.startswith(f"{name}/")
    }
    paths = (
        f"{top}/{rest}" for root, rest in below.items() for top in (root, os.path.realpath(root))
    )
    return tuple(dict.fromkeys(paths))

"""Files in the trash by the names of their films: sources, targets, places in the trash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from av1rules.ledger.trash_table import TrashEntry
from av1rules.plan.names.find import no_film, place_on_disk
from av1rules.plan.names.match import EXACT, INEXACT, FilmNames, NamedFilm, WantedName, is_cut_from

_HINT = (
    "`av1rules originals list` shows the trash; in the modes mirror and beside nothing is "
    "replaced: the original is in its place"
)


def places_in_trash(
    entries: Iterable[TrashEntry], names: Sequence[WantedName], *, roots: Mapping[str, str]
) -> tuple[str, ...]:
    """The former places of the files in the trash that `names` mean, of films too that are gone
    from the library; of a file that is named by its place in the trash, that place; and files and
    folders that exist, since a film may have been renamed. `roots` are paths by their names.

    Raises UsageError for a name that means none of these.
    """
    known = tuple(entries) if names else ()
    films = [_named(entry) for entry in known]
    among = FilmNames(films)
    places: dict[str, None] = {}
    for name in names:
        match = among.match(name, EXACT)
        on_disk = None if match.films else _on_disk(name, roots)
        if on_disk is not None:
            places[on_disk] = None
            continue
        found = match.films or among.match(name, INEXACT).films
        if not found:
            text = "the trash has nothing of this name"
            raise no_film((name,), [film.name for film in films], none_text=text, none_hint=_HINT)
        for entry in (known[at] for at in found):
            is_in_trash = entry.path in name.places or is_cut_from(name.text, entry.path)
            places[entry.path if is_in_trash else entry.place] = None
    return tuple(places)


def _on_disk(name: WantedName, roots: Mapping[str, str]) -> str | None:
    found = place_on_disk(name, roots)
    return found or next(filter(os.path.lexists, reversed(name.places)), None)


def _named(entry: TrashEntry) -> NamedFilm:
    row = entry.row
    return NamedFilm(row.source, (entry.place, entry.path, row.target, row.source_path))

"""The films that the names of a plan mean: among those that the walk found, else in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import WalkProblem
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.source import LibraryFile
from av1rules.plan.context import PlanRequest
from av1rules.plan.names.find import no_film, place_on_disk, require_one
from av1rules.plan.names.match import EXACT, INEXACT, FilmNames, NamedFilm, NameKind, WantedName


def with_places(
    request: PlanRequest,
    *,
    roots: Mapping[str, str],
    ledger: Ledger,
    disk: Disk = LOCAL_DISK,
) -> PlanRequest:
    """The request with the paths of all names that are those of a file or folder of the library, or
    of a target: they are found without a walk. `roots` are paths by their names."""
    if not request.names:
        return request
    paths = set(request.paths or ())
    names: list[WantedName] = []
    for name in request.names:
        place = place_on_disk(name, roots, disk) or _source_of_target(name, roots, ledger, disk)
        if place is None or (request.takes_one and not disk.is_file(place)):
            names.append(name)
        else:
            paths.add(place)
    return replace(request, names=tuple(names), paths=frozenset(paths))


def with_films(
    request: PlanRequest,
    found: Sequence[LibraryFile],
    problems: Sequence[WalkProblem],
    *,
    roots: Mapping[str, str],
    ledger: Ledger,
    disk: Disk = LOCAL_DISK,
) -> PlanRequest:
    """The request with the paths of all films that its names mean, among those `found` or in the
    ledger.

    Raises UsageError for names that mean no film, for a film that is gone from the disk unless
    `problems` may be why, and with `takes_one` for a name that means several.
    """
    search = _Search(found, ledger)
    films = [search.films_of(name) for name in request.names]
    unknown = [name for name, paths in zip(request.names, films, strict=True) if paths is None]
    if unknown:
        raise _unknown(unknown, found, problems, roots, search.recorded, disk)
    if request.takes_one:
        for name, paths in zip(request.names, films, strict=True):
            require_one(name, [search.name_of(path) for path in paths or ()])
    if search.gone and not problems:
        raise _gone(search.gone)
    chosen = (path for paths in films for path in paths or ())
    return replace(request, names=(), paths=frozenset((*(request.paths or ()), *chosen)))


def _source_of_target(
    name: WantedName, roots: Mapping[str, str], ledger: Ledger, disk: Disk
) -> str | None:
    """The source of a target of this path, or the target that replaced it, if it is there."""
    for place in name.places:
        row = ledger.find(place)
        for path in () if row is None else (row.source_path, row.target):
            if (found := place_on_disk(WantedName("", (path,)), roots, disk)) is not None:
                return found
    return None


def _unknown(
    unknown: Sequence[WantedName],
    found: Sequence[LibraryFile],
    problems: Sequence[WalkProblem],
    roots: Mapping[str, str],
    recorded: Sequence[NamedFilm],
    disk: Disk,
) -> UsageError:
    shown = ", ".join(map(printable, roots.values()))
    if any(disk.lexists(place) for place in unknown[0].places):
        return UsageError(
            "not below any root of the library",
            where=printable(unknown[0].text),
            hint=f"the roots are {shown}",
        )
    names = [*(file.library_path for file in found), *(film.name for film in recorded)]
    hint = f"no film was found below {shown}"
    if problems:
        problem = problems[0]
        hint = f"a part of the library could not be read: {problem.path}: {problem.message}"
    return no_film(unknown, names, none_hint=hint if problems or not names else None)


def _gone(names: Sequence[str]) -> UsageError:
    return UsageError(
        "this film is no longer in the library, only in the ledger",
        where=printable(names[0]),
        hint="`av1rules receipt` shows how its target was made, `av1rules plan` what becomes of it",
    )


class _Search:
    """Films of the walk, and what the ledger knows beyond them, which is read if needed."""

    def __init__(self, found: Sequence[LibraryFile], ledger: Ledger) -> None:
        self._found = found
        self._ledger = ledger
        self._names = FilmNames([NamedFilm(one.library_path, (one.path,)) for one in found])
        self.gone: list[str] = []

    def films_of(self, wanted: WantedName) -> tuple[str, ...] | None:
        """The paths of the films that `wanted` means; empty if they are gone, None if unknown."""
        steps = (
            (self._among_found, EXACT),
            (self._among_recorded, EXACT),
            (self._among_found, INEXACT),
            (self._among_recorded, INEXACT),
        )
        for find, kinds in steps:
            if (films := find(wanted, kinds)) is not None:
                return films
        return None

    @cached_property
    def recorded(self) -> list[NamedFilm]:
        """The films of the ledger."""
        return [
            NamedFilm(source, (source_path, target))
            for source, source_path, target in self._ledger.names()
        ]

    @cached_property
    def _recorded_names(self) -> FilmNames:
        return FilmNames(self.recorded)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {one.library_path: one.path for one in self._found}

    @cached_property
    def _by_path(self) -> dict[str, str]:
        return {one.path: one.library_path for one in self._found}

    def name_of(self, path: str) -> str:
        return self._by_path.get(path, path)

    def _among_found(self, wanted: WantedName, kinds: Sequence[NameKind]) -> tuple[str, ...] | None:
        match = self._names.match(wanted, kinds)
        return None if match.kind is None else tuple(self._found[at].path for at in match.films)

    def _among_recorded(
        self, wanted: WantedName, kinds: Sequence[NameKind]
    ) -> tuple[str, ...] | None:
        match = self._recorded_names.match(wanted, kinds)
        if match.kind is None:
            return None
        films = [self.recorded[at] for at in match.films]
        places = [place for film in films if (place := self._place_of(film)) is not None]
        if not places:
            self.gone += [film.name for film in films]
        return tuple(places)

    def _place_of(self, film: NamedFilm) -> str | None:
        """Where the walk found a film of the ledger, or the target that replaced it."""
        known = self._by_name.get(film.name)
        return known or next((path for path in film.paths if path in self._by_path), None)

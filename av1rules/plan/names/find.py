"""Finds the films that names mean, among those of a command; says what else may be meant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from av1rules.base.errors import UsageError
from av1rules.base.files import is_at_or_below
from av1rules.base.text import counted, plural, printable
from av1rules.media.disk import Disk
from av1rules.plan.names.match import FilmNames, NamedFilm, WantedName
from av1rules.plan.names.nearest import nearest

NO_FILM = "no film has this name"

_MOST_SHOWN = 20
"""Films of a list from which a user chooses."""


def wanted_name(text: str) -> WantedName:
    """A name as typed, with the paths on disk that it may be; of these, none need exist."""
    whole = os.path.abspath(text)
    folder, name = os.path.split(whole)
    real_folder = os.path.join(os.path.realpath(folder), name)  # a link itself may be a target
    places = tuple(dict.fromkeys((whole, real_folder, os.path.realpath(whole))))
    pattern = text if text.startswith("/") else f"{_escaped(os.getcwd())}/{text}"
    return WantedName(text, places, os.path.normpath(pattern))


def _escaped(path: str) -> str:
    """A path without characters that mean something in globs."""
    return "".join(f"\\{one}" if one in "*?[]{}()|!+@\\" else one for one in path)


def place_on_disk(
    wanted: WantedName, roots: Mapping[str, str], disk: Disk | None = None
) -> str | None:
    """The existing file or folder that `wanted` names, by its library path, or by a path at, below
    or above one of `roots` (their paths by their names); with links resolved. None if there is
    none. `disk`: None for those of this machine."""
    real_path = os.path.realpath if disk is None else disk.real_path
    lexists = os.path.lexists if disk is None else disk.lexists
    text = wanted.text.rstrip("/")
    tops = {name: real_path(root) for name, root in roots.items()}
    named = (
        os.path.normpath(f"{top}/{text[len(name) :]}")
        for name, top in tops.items()
        if is_at_or_below(text, name)
    )
    placed = (
        place
        for place in wanted.places
        if any(is_at_or_below(place, top) or is_at_or_below(top, place) for top in tops.values())
    )
    return next(filter(lexists, (*named, *placed)), None)


def find_films(
    wanted: Sequence[WantedName],
    films: Sequence[NamedFilm],
    *,
    takes_one: bool = False,
    none_text: str = NO_FILM,
    none_hint: str | None = None,
) -> tuple[int, ...]:
    """The films that the names mean, as indexes in the order of the names.

    Raises UsageError for names that mean none: `none_text`, with the nearest names, or `none_hint`
    if there are none; and, with `takes_one`, for a name that means several.
    """
    names = FilmNames(films)
    matches = [names.match(one) for one in wanted]
    unknown = [one for one, match in zip(wanted, matches, strict=True) if match.kind is None]
    if unknown:
        raise no_film(
            unknown, [film.name for film in films], none_text=none_text, none_hint=none_hint
        )
    if takes_one:
        for one, match in zip(wanted, matches, strict=True):
            require_one(one, [films[at].name for at in match.films])
    return tuple(dict.fromkeys(at for match in matches for at in match.films))


def require_one(wanted: WantedName, names: Sequence[str]) -> None:
    """Raise UsageError, with the list, if a name means several films."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) <= 1:
        return
    shown = [f"  {printable(name)}" for name in distinct[:_MOST_SHOWN]]
    if len(distinct) > _MOST_SHOWN:
        shown.append(f"  ... and {len(distinct) - _MOST_SHOWN} more")
    raise UsageError(
        "\n".join([f"{counted(len(distinct), 'film')} are meant, and this takes one:", *shown]),
        where=printable(wanted.text),
        hint="give more of the name, or all of it as printed here",
    )


def no_film(
    wanted: Sequence[WantedName],
    names: Sequence[str],
    *,
    none_text: str = NO_FILM,
    none_hint: str | None = None,
) -> UsageError:
    """The error for names that no film has; those of all films give the nearest ones."""
    text = wanted[0].text
    more = f" (nor {counted(len(wanted) - 1, 'other name')})" if len(wanted) > 1 else ""
    found = nearest(text, list(dict.fromkeys(names)))
    hint = none_hint or "`av1rules plan --all` lists all films"
    if found:
        hint = f"the nearest {plural(len(found), 'name is', 'names are')}:" + "".join(
            f"\n    {printable(name)}" for name in found
        )
    return UsageError(f"{none_text}{more}", where=printable(text), hint=hint)

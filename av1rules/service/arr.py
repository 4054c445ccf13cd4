"""What Sonarr and Radarr tell a custom script in its environment. Pure.

Names as in their `CustomScript.cs`; the case of variables differs between systems and versions, so
it does not count. Lists of paths are joined by `|`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_PREFIXES = {"sonarr_": "Sonarr", "radarr_": "Radarr"}

_CHANGED = (
    "episodefile_path", "episodefile_paths", "moviefile_path", "moviefile_paths",
    "addedepisodepaths",
)  # fmt: skip
_GONE = (
    "deletedpaths", "episodefile_previouspaths", "moviefile_previouspaths",
)  # fmt: skip
_DELETIONS = frozenset({"episodefiledelete", "moviefiledelete"})
"""Here the path of the file is that of one that is gone."""

_WHOLE_FOLDERS = {"seriesdelete": "series_path", "moviedelete": "movie_path"}

_RENAME = "rename"
"""Older versions name no files then."""

_TEST = "test"


class ArrEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`sender` is the instance by its name, `event` the word of the program (`Download`)."""

    sender: str
    event: str
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def is_test(self) -> bool:
        return self.event.lower() == _TEST

    @property
    def is_about_files(self) -> bool:
        """Whether files changed: a grab or a health check is nothing to the library."""
        return bool(self.changed or self.deleted)


def arr_event(environment: Mapping[str, str]) -> ArrEvent | None:
    """The event that the environment tells; None if neither program set it."""
    values = {name.lower(): value for name, value in environment.items()}
    prefix = next((one for one in _PREFIXES if values.get(f"{one}eventtype")), None)
    if prefix is None:
        return None
    own = {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }
    event = own["eventtype"]
    paths = _listed(own, _CHANGED)
    gone = _listed(own, _GONE)
    if event.lower() in _DELETIONS:
        paths, gone = (), (*gone, *paths)
    elif (folder := _WHOLE_FOLDERS.get(event.lower())) is not None:
        paths, gone = (), (*gone, *_listed(own, (folder,)))
    elif event.lower() == _RENAME and not paths:
        paths = _listed(own, ("series_path", "movie_path"))
    sender = own.get("instancename") or _PREFIXES[prefix]
    return ArrEvent(sender=sender, event=event, changed=paths, deleted=gone)


def _listed(values: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of these variables, each once."""
    found = (path for name in names for path in values.get(name, "").split("|"))
    return tuple(dict.fromkeys(path for path in found if path))

"""Which Matroska files of a folder play another file as a part of their own (linked segments)."""

from __future__ import annotations

import functools
import os

from av1rules.media.matroska import read_matroska
from av1rules.media.matroska_facts import structure_of

EXTENSIONS = (".mkv", ".webm", ".mk3d")

MAX_FILES = 2000
"""Files of one folder that are looked into, by name; a season has some twenty."""


def linking_file(path: str, segment_uid: str) -> str | None:
    """The name of a file in the same folder that links to this segment: players look nowhere else.

    None if there is none, or the folder can't be read.
    """
    folder, own = os.path.split(path)
    try:
        changed_ns = os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None
    names = _links_in(folder or ".", changed_ns).get(segment_uid, ())
    return next((name for name in names if name != own), None)


@functools.lru_cache(maxsize=64)  # a walk goes from folder to folder
def _links_in(folder: str, _changed_ns: int) -> dict[str, tuple[str, ...]]:
    """The files that link to each segment, by its UID."""
    links: dict[str, tuple[str, ...]] = {}
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower().endswith(EXTENSIONS))
    except OSError:
        return links
    for name in names[:MAX_FILES]:
        try:
            structure = structure_of(read_matroska(os.path.join(folder, name)))
        except OSError:
            continue
        for uid in structure.links:
            links[uid] = (*links.get(uid, ()), name)
    return links

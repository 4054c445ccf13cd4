"""Which Matroska files of a folder play another file as a part of their own (linked segments)."""

from __future__ import annotations

import functools
import os

import msgspec

from av1rules.base.text import printable, text_digest
from av1rules.ffmpeg.tools import ToolMemo
from av1rules.media.matroska.facts import structure_of
from av1rules.media.matroska.read import read_matroska

EXTENSIONS = (".mkv", ".webm", ".mk3d")

MAX_FILES = 2000
"""Files of one folder that are looked into, by name; a season has some twenty."""

Links = dict[str, tuple[str, ...]]
"""The names, safe for a terminal, of the files that link to a segment, by its UID."""


def linking_file(path: str, segment_uid: str, memo: ToolMemo | None = None) -> str | None:
    """The name, safe for a terminal, of a file in the same folder that links to this segment:
    players look nowhere else.

    None if there is none, or the folder can't be read. With a `memo`, files that have not changed
    are not read again.
    """
    folder, own = os.path.split(path)
    state = _state_of(folder or ".")
    names = _links_in(folder or ".", state, memo).get(segment_uid, ())
    return next((name for name in names if name != printable(own)), None)


class _FolderState(msgspec.Struct, frozen=True):
    """The Matroska files of a folder; `digest` changes with any of them."""

    names: tuple[str, ...]
    digest: str


@functools.lru_cache(maxsize=64)  # a walk goes from folder to folder
def _listed(folder: str, _changed_ns: int) -> _FolderState:
    seen = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(EXTENSIONS) and entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    seen.append((entry.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    except OSError:
        return _FolderState((), "")
    seen = sorted(seen)[:MAX_FILES]
    return _FolderState(tuple(name for name, *_ in seen), text_digest(f"{folder}\n{seen!r}"))


def _state_of(folder: str) -> _FolderState:
    try:
        return _listed(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return _FolderState((), "")


def _links_in(folder: str, state: _FolderState, memo: ToolMemo | None) -> Links:
    key = f"matroska-links:{state.digest}"
    known = memo.get(key) if memo is not None and state.names else None
    if known is not None:
        return msgspec.json.decode(known, type=Links)
    links = _read_links(folder, state.names)
    if memo is not None and state.names:
        memo.put(key, msgspec.json.encode(links).decode())
    return links


def _read_links(folder: str, names: tuple[str, ...]) -> Links:
    links: Links = {}
    for name in names:
        try:
            structure = structure_of(read_matroska(os.path.join(folder, name)))
        except OSError:
            continue
        for uid in structure.links:
            links[uid] = (*links.get(uid, ()), printable(name))
    return links

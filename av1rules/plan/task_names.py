"""Names of doit tasks: a source's library path in a form that doit and a shell accept. Pure."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

GROUP = "encode"
CLIP_GROUP = "clip"
MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP = "measure", "search", "sample"
GROUPS = (GROUP, CLIP_GROUP, MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP)

_PLAIN = " !#$&'()+,-./:;@^_`{}~"
"""Kept as they are. `=` doit refuses, `*?[]` are patterns to it; `%` is the escape itself."""


def task_name(library_path: str) -> str:
    """The sub-task's name; readable for ordinary names, unique and reversible for all."""
    if library_path.isprintable():
        return "".join(
            character if character.isalnum() or character in _PLAIN else _escape(character)
            for character in library_path
        )
    return quote_from_bytes(os.fsencode(library_path), safe=_PLAIN)


def _escape(character: str) -> str:
    return quote_from_bytes(os.fsencode(character), safe="")


def source_of_task(task_id: str, group: str = GROUP) -> str | None:
    """The library path of a task id `encode:NAME` (or of another group); None for any other."""
    found, colon, name = task_id.partition(":")
    return os.fsdecode(unquote_to_bytes(name)) if found == group and colon else None

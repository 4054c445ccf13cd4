"""Names of the tasks of a plan, and the library path behind each. Pure."""

from __future__ import annotations

import os
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

GROUP = "encode"
CLIP_GROUP = "clip"
MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP = "measure", "search", "sample"
GROUPS = (GROUP, CLIP_GROUP, MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP)


_PLAIN = " !#$&'()+,-./:;@^_`{}~"
"""Characters kept as they are. doit refuses `=` and takes `*?[]` as patterns; `%` is the escape."""

_NOT_PLAIN = re.compile(rf"[^\w{re.escape(_PLAIN)}]")
"""One search instead of a look at each character: every plan names a task a film."""


def task_name(library_path: str) -> str:
    """The sub-task's name; readable for ordinary names, unique and reversible for all."""
    if library_path.isprintable():
        return _NOT_PLAIN.sub(_escape, library_path)
    return quote_from_bytes(os.fsencode(library_path), safe=_PLAIN)


def _escape(found: re.Match[str]) -> str:
    return quote_from_bytes(os.fsencode(found[0]), safe="")


def source_of_task(task_id: str, group: str = GROUP) -> str | None:
    """The library path of a task id `encode:NAME` (or of another group); None for any other."""
    found, colon, name = task_id.partition(":")
    return os.fsdecode(unquote_to_bytes(name)) if found == group and colon else None

"""The tag by which our outputs are known as ours: how it is written, and how it is found. Pure.

Matroska keeps a tag of our own naming. MP4 keeps none, so there it is a line `AV1RULES={...}` in
one of the tags that every player knows; remuxed into another container it is still there.
"""

from __future__ import annotations

from collections.abc import Iterable

PROVENANCE_TAG = "AV1RULES"

TEXT_TAGS = ("comment", "synopsis", "description")
"""Where the line goes: the first of these that the source leaves free, else below its comment."""

_MARK = f"{PROVENANCE_TAG}="


def text_tag(provenance: str, tags: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Name and text of the tag that carries `provenance` beside the container's own `tags`."""
    there = dict(tags)
    free = next((key for key in TEXT_TAGS if key not in there), None)
    if free is not None:
        return free, f"{_MARK}{provenance}"
    return TEXT_TAGS[0], f"{there[TEXT_TAGS[0]]}\n{_MARK}{provenance}"


def find_provenance(tags: Iterable[tuple[str, str]]) -> str | None:
    """What our own tag says, without its mark; None in a file that is not ours. Keys as probed, in
    lower case."""
    there = dict(tags)
    if (own := there.get(PROVENANCE_TAG.lower())) is not None:
        return own
    lines = (line for key in TEXT_TAGS for line in there.get(key, "").splitlines())
    return next((line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)), None)

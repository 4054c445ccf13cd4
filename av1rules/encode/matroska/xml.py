"""Chapters and tags as MKVToolNix's XML, from elements as they were read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from av1rules.media.matroska.ebml import Element

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML can't hold, escaped or not."""

_ESCAPES = {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
"""Else a parser makes one kind of line end of all."""

_TIMES = frozenset({"ChapterTimeStart", "ChapterTimeEnd"})


def chapters_xml(editions: Iterable[Element]) -> str:
    return _document("Chapters", editions)


def tags_xml(tags: Iterable[Element]) -> str:
    return _document("Tags", tags)


def legal_text(text: str) -> str:
    """Without what XML can't hold."""
    return _ILLEGAL.sub("", text)


def _document(root: str, elements: Iterable[Element]) -> str:
    body = "".join(part for element in elements for part in _element(element))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{body}</{root}>\n'


def _element(element: Element) -> Iterator[str]:
    name, value = element.name, element.value
    if name.startswith("0x"):
        return
    if value is None:
        yield f"<{name}>"
        for child in element.children:
            yield from _element(child)
        if name == "Simple" and not (element.first("String") or element.first("Binary")):
            yield "<String></String>"  # required here, not so in Matroska
        yield f"</{name}>"
    elif isinstance(value, bytes):
        yield f'<{name} format="hex">{value.hex()}</{name}>'
    elif isinstance(value, str):
        yield f"<{name}>{escape(legal_text(value), _ESCAPES)}</{name}>"
    else:
        text = _time(int(value)) if name in _TIMES else str(value)
        yield f"<{name}>{text}</{name}>"


def _time(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:09}"

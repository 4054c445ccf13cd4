"""Chapters and tags of Matroska, as mkvmerge reads them, by the name that a `Structure` gives."""

from __future__ import annotations


def _atom(uid: int, start: float, title: str, *, inside: str = "", language: str = "en") -> str:
    return (
        f"<ChapterAtom><ChapterUID>{uid}</ChapterUID>"
        f"<ChapterTimeStart>00:00:{start:012.9f}</ChapterTimeStart>"
        f"<ChapterDisplay><ChapterString>{title}</ChapterString>"
        f"<ChapLanguageIETF>{language}</ChapLanguageIETF></ChapterDisplay>{inside}</ChapterAtom>"
    )


def _edition(uid: int, atoms: str, flags: str = "") -> str:
    return f"<EditionEntry><EditionUID>{uid}</EditionUID>{flags}{atoms}</EditionEntry>"


def _document(root: str, content: str) -> str:
    return f'<?xml version="1.0"?>\n<{root}>{content}</{root}>\n'


_TWO_TITLES = (
    "<ChapterDisplay><ChapterString>Auftakt</ChapterString>"
    "<ChapLanguageIETF>de</ChapLanguageIETF></ChapterDisplay>"
)
_HIDDEN = _atom(7, 1, "hidden").replace(
    "<ChapterTime", "<ChapterFlagHidden>1</ChapterFlagHidden><ChapterTime", 1
)
_PARTS = (
    "<ChapterAtom><ChapterUID>{uid}</ChapterUID>"
    "<ChapterTimeStart>00:00:0{start}.000000000</ChapterTimeStart>"
    "<ChapterTimeEnd>00:00:0{end}.000000000</ChapterTimeEnd></ChapterAtom>"
)

CHAPTERS = {
    "nested": _document(
        "Chapters",
        _edition(1, _atom(2, 0, "Act 1", inside=_atom(3, 0.5, "Scene")) + _atom(4, 1, "Act 2")),
    ),
    "two languages": _document(
        "Chapters", _edition(1, _atom(2, 0, "Opening", inside=_TWO_TITLES))
    ),
    "hidden": _document("Chapters", _edition(1, _atom(2, 0, "shown") + _HIDDEN)),
    "two editions": _document(
        "Chapters", _edition(1, _atom(2, 0, "Cut")) + _edition(5, _atom(6, 0, "Long cut"))
    ),
    "ordered": _document(
        "Chapters",
        _edition(
            1,
            _PARTS.format(uid=2, start=1, end=2) + _PARTS.format(uid=3, start=0, end=1),
            "<EditionFlagOrdered>1</EditionFlagOrdered>",
        ),
    ),
}  # fmt: skip


def _simple(name: str, value: str, inside: str = "") -> str:
    return f"<Simple><Name>{name}</Name><String>{value}</String>{inside}</Simple>"


def _tag(target: int, kind: str, content: str) -> str:
    targets = f"<TargetTypeValue>{target}</TargetTypeValue><TargetType>{kind}</TargetType>"
    return f"<Tag><Targets>{targets}</Targets>{content}</Tag>"


TAGS = {
    "collection": _document(
        "Tags",
        _tag(70, "COLLECTION", _simple("TITLE", "Saga"))
        + _tag(50, "MOVIE", _simple("TITLE", "One")),
    ),
    "season": _document("Tags", _tag(60, "SEASON", _simple("PART_NUMBER", "2"))),
    "nested and repeated": _document(
        "Tags",
        _tag(
            50, "MOVIE",
            _simple("ACTOR", "Ann", _simple("CHARACTER", "Eve")) + _simple("ACTOR", "Bob"),
        ),
    ),
}  # fmt: skip

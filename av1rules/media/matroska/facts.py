"""What a Matroska file holds that FFmpeg neither shows nor writes, as facts of a source. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from av1rules.base.text import counted, printable
from av1rules.media.matroska.ebml import Element
from av1rules.media.matroska.read import SHOWN_TRACK_TYPES, MatroskaFile

SHOWN_ITEMS = 4
SHOWN_LENGTH = 60

ALBUM_LEVEL = 50
"""The target type of a tag that names none: the film itself."""

NO_LANGUAGE = frozenset({"", "und"})


class MatroskaFeature(StrEnum):
    """One kind of thing that FFmpeg drops, flattens or changes."""

    ORDERED_EDITIONS = "ordered editions"
    LINKED_SEGMENTS = "linked segments"
    SEGMENT_FAMILY = "segment family"
    TRACK_OPERATION = "track operation"
    HIDDEN_TRACKS = "tracks FFmpeg does not show"
    LANGUAGES = "language tags"
    DISABLED_TRACKS = "disabled tracks"
    EDITIONS = "editions"
    NESTED_CHAPTERS = "nested chapters"
    HIDDEN_CHAPTERS = "hidden or disabled chapters"
    CHAPTER_TITLES = "chapter titles by language"
    CHAPTER_DETAILS = "details of chapters"
    TAGS = "tags with targets or parts"
    ATTACHMENTS = "descriptions of attached files"
    FILE_NAME = "segment file name"
    UNKNOWN_ELEMENTS = "elements of a later version"


_UNKNOWN = MatroskaFeature.UNKNOWN_ELEMENTS

PLAYBACK = frozenset(
    {
        MatroskaFeature.ORDERED_EDITIONS,
        MatroskaFeature.LINKED_SEGMENTS,
        MatroskaFeature.SEGMENT_FAMILY,
        MatroskaFeature.TRACK_OPERATION,
        MatroskaFeature.HIDDEN_TRACKS,
    }
)
"""Without these a player shows another film: in another order, without its opening, with a layer
missing."""

_SEGMENT_UID_BYTES = 16


class StructureFact(msgspec.Struct, frozen=True, kw_only=True):
    """One feature that is there, and what of it: `pt-BR (audio 1)`, safe for a terminal."""

    feature: MatroskaFeature
    detail: str


class MatroskaStructure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The structure beyond what FFmpeg shows. `segment_uid` (hex) is the name that other files may
    link to, `links` are the segments that this one plays along with. `is_readable` False: it is
    damaged or beyond all limits, so the rest is not known."""

    is_readable: bool = True
    segment_uid: str | None = None
    links: tuple[str, ...] = ()
    facts: tuple[StructureFact, ...] = ()

    @property
    def features(self) -> frozenset[MatroskaFeature]:
        return frozenset(fact.feature for fact in self.facts)


UNREADABLE = MatroskaStructure(is_readable=False)


def structure_of(file: MatroskaFile | None) -> MatroskaStructure:
    """The facts of a file as read; None means it could not be read."""
    if file is None:
        return UNREADABLE
    details: dict[MatroskaFeature, list[str]] = {}
    for feature, detail in _found(file):
        details.setdefault(feature, []).append(detail)
    uid = file.info.hex("SegmentUID")
    return MatroskaStructure(
        segment_uid=uid if uid is not None and len(uid) == 2 * _SEGMENT_UID_BYTES else None,
        links=tuple(sorted({*_links(file)} - {uid})),
        facts=tuple(
            StructureFact(feature=feature, detail=_shown(details[feature]))
            for feature in MatroskaFeature
            if feature in details
        ),
    )


def _shown(items: Iterable[str]) -> str:
    texts = list(dict.fromkeys(printable(item, limit=SHOWN_LENGTH) for item in items))
    more = f" and {len(texts) - SHOWN_ITEMS} more" if len(texts) > SHOWN_ITEMS else ""
    return ", ".join(texts[:SHOWN_ITEMS]) + more


def atoms(element: Element) -> Iterator[Element]:
    """All chapters below an edition or a chapter, parents first."""
    for atom in element.all("ChapterAtom"):
        yield atom
        yield from atoms(atom)


def _links(file: MatroskaFile) -> Iterator[str]:
    for name in ("PreviousSegmentUID", "NextSegmentUID"):
        if (uid := file.info.hex(name)) is not None:
            yield uid
    for edition in file.editions:
        yield from (uid for atom in atoms(edition) if (uid := atom.hex("ChapterSegmentUID")))


def _found(file: MatroskaFile) -> Iterator[tuple[MatroskaFeature, str]]:
    yield from _segment(file)
    yield from _tracks(file)
    yield from _editions(file)
    yield from ((MatroskaFeature.TAGS, what) for tag in file.tags for what in _tag(tag))
    # FFmpeg carries those of other files over as titles.
    covers = (
        item for item in file.attachments if item.description and item.mimetype.startswith("image/")
    )
    yield from ((MatroskaFeature.ATTACHMENTS, item.description) for item in covers)


def _segment(file: MatroskaFile) -> Iterator[tuple[MatroskaFeature, str]]:
    info = file.info
    for name, text in (("Previous", "the segment before"), ("Next", "the segment after")):
        is_there = info.hex(f"{name}SegmentUID") or info.text(f"{name}SegmentFilename")
        if is_there:
            yield MatroskaFeature.LINKED_SEGMENTS, text
    if info.hex("SegmentFamily") or info.first("ChapterTranslate"):
        yield MatroskaFeature.SEGMENT_FAMILY, "files that belong together"
    if own_name := info.text("SegmentFilename"):
        yield MatroskaFeature.FILE_NAME, own_name


def _tracks(file: MatroskaFile) -> Iterator[tuple[MatroskaFeature, str]]:
    for number, track in enumerate(file.tracks):
        kind = SHOWN_TRACK_TYPES.get(track.number("TrackType") or 0)
        name = f"{kind or 'track'} {number}"
        if kind is None or not track.text("CodecID"):
            yield MatroskaFeature.HIDDEN_TRACKS, name
            continue
        if track.first("TrackOperation"):
            yield MatroskaFeature.TRACK_OPERATION, name
        if track.number("FlagEnabled", 1) == 0:
            yield MatroskaFeature.DISABLED_TRACKS, name
        tag = track.text("LanguageIETF")
        if tag is not None and says_more(tag, track.text("Language") or "eng"):
            yield MatroskaFeature.LANGUAGES, f"{tag} ({name})"


def says_more(tag: str, code: str) -> bool:
    """Whether a BCP 47 tag says more than the ISO 639-2 code beside it: a region, a script, or a
    language that the code does not have."""
    if tag in NO_LANGUAGE:
        return False
    return "-" in tag or code in NO_LANGUAGE or (len(tag) == 3 and tag != code)


def _editions(file: MatroskaFile) -> Iterator[tuple[MatroskaFeature, str]]:
    if len(file.editions) > 1:
        yield MatroskaFeature.EDITIONS, counted(len(file.editions), "list", "lists of chapters")
    for edition in file.editions:
        if edition.number("EditionFlagOrdered"):
            yield MatroskaFeature.ORDERED_EDITIONS, "parts played in their own order"
        if edition.number("EditionFlagHidden"):
            yield MatroskaFeature.HIDDEN_CHAPTERS, "a hidden list"
        yield from _unknown(edition, _PLAIN_EDITION)
        for atom in edition.all("ChapterAtom"):
            if atom.first("ChapterAtom"):
                yield MatroskaFeature.NESTED_CHAPTERS, _title(atom)
        for atom in atoms(edition):
            yield from _chapter(atom)


_PLAIN_EDITION = frozenset(
    {"EditionUID", "EditionFlagHidden", "EditionFlagDefault", "EditionFlagOrdered", "ChapterAtom"}
)
_PLAIN_CHAPTER = frozenset(
    {
        "ChapterUID", "ChapterTimeStart", "ChapterTimeEnd", "ChapterFlagHidden",
        "ChapterFlagEnabled", "ChapterSegmentUID", "ChapterDisplay", "ChapterAtom",
        "ChapterSegmentEditionUID",
    }
)  # fmt: skip
"""What FFmpeg carries over, or another feature is about."""


def _unknown(element: Element, plain: frozenset[str]) -> Iterator[tuple[MatroskaFeature, str]]:
    others = (child.name for child in element.children if child.name not in plain)
    for name in others:
        is_known = not name.startswith("0x")
        yield MatroskaFeature.CHAPTER_DETAILS if is_known else _UNKNOWN, name


def _title(atom: Element) -> str:
    display = atom.first("ChapterDisplay")
    return (display and display.text("ChapterString")) or "a chapter without a title"


def _chapter(atom: Element) -> Iterator[tuple[MatroskaFeature, str]]:
    yield from _unknown(atom, _PLAIN_CHAPTER)
    if atom.first("ChapterSegmentUID"):
        yield MatroskaFeature.LINKED_SEGMENTS, f"{_title(atom)} in another file"
    if atom.number("ChapterFlagHidden") or atom.number("ChapterFlagEnabled", 1) == 0:
        yield MatroskaFeature.HIDDEN_CHAPTERS, _title(atom)
    displays = list(atom.all("ChapterDisplay"))
    languages = dict.fromkeys(code for display in displays for code in display_languages(display))
    if len(displays) > 1 or set(languages) - {"eng"}:
        yield from ((MatroskaFeature.CHAPTER_TITLES, code) for code in languages)


def display_languages(display: Element) -> tuple[str, ...]:
    """The languages of a chapter's title: codes, and BCP 47 tags where they say more. `eng` is what
    muxers write unasked, and what Matroska means without a word."""
    codes = [str(child.value) for child in display.all("ChapterLanguage")]
    tags = [str(child.value) for child in display.all("ChapLanguageIETF")]
    more = [tag for tag in tags if says_more(tag, codes[0] if codes else "und")]
    if not tags and not codes:
        codes = ["eng"]
    country = display.text("ChapterCountry")
    region = f"-{country}" if country and not more else ""
    known = [f"{code}{region}" for code in codes if code not in NO_LANGUAGE]
    return tuple(dict.fromkeys([*known, *more]))


def _tag(tag: Element) -> Iterator[str]:
    """What FFmpeg's flat list of tags can't say of this one."""
    target = tag.first("Targets") or Element("Targets")
    level = target.number("TargetTypeValue", ALBUM_LEVEL)
    if target.text("TargetType") or level != ALBUM_LEVEL:
        yield target.text("TargetType") or f"level {level}"
    uids = [child for child in target.children if child.name.endswith("UID") and child.value]
    if len(uids) > 1 or target.first("EditionUID"):
        yield "tags of several targets" if len(uids) > 1 else "tags of an edition"
    simple = list(tag.all("Simple"))
    counts = Counter(child.text("Name") or "" for child in simple)
    yield from (f"{name} {count} times" for name, count in counts.items() if count > 1)
    for child in simple:
        name = child.text("Name") or "a tag without a name"
        if child.first("Simple"):
            yield f"{name} with parts"
        if child.first("Binary"):
            yield f"{name} in binary"
        if "-" in (child.text("TagLanguageIETF") or ""):
            yield f"{name} in {child.text('TagLanguageIETF')}"

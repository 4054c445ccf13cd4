"""Each kind of structure that FFmpeg drops is named; what it keeps is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.media.matroska import schema as ids
from av1rules.media.matroska.facts import (
    UNREADABLE,
    MatroskaFeature,
    MatroskaStructure,
    says_more,
    structure_of,
)
from av1rules.media.matroska.read import read_matroska
from tests.media.ebml_bytes import element, matroska, track

F = MatroskaFeature


def edition(*parts: bytes) -> bytes:
    return element(ids.CHAPTERS, element("EditionEntry", *parts))


def chapter(*parts: bytes) -> bytes:
    return element("ChapterAtom", *parts)


def title(text: str, *languages: bytes) -> bytes:
    return element("ChapterDisplay", element("ChapterString", text), *languages)


def tag(*targets: bytes, simple: bytes = b"") -> bytes:
    entry = simple or element("Simple", element(0x45A3, "TITLE"), element("String", "x"))
    return element(ids.TAGS, element("Tag", element("Targets", *targets), entry))


def info(*parts: bytes) -> bytes:
    return element(ids.INFO, *parts)


def structure(tmp_path: Path, data: bytes) -> MatroskaStructure:
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    return structure_of(read_matroska(str(path)))


ENGLISH = element("ChapterLanguage", "eng")
GERMAN = element("ChapterLanguage", "ger")
SIMPLE = element(0x45A3, "ACTOR")

CASES: list[tuple[str, bytes, dict[MatroskaFeature, str]]] = [
    ("plain", matroska(edition(chapter(title("One", ENGLISH))), tag()), {}),
    ("statistics", matroska(tag(element(0x63C5, 1001), element("TargetTypeValue", 50))), {}),
    ("previous", matroska(info(element("PreviousSegmentUID", b"\1" * 16))),
     {F.LINKED_SEGMENTS: "the segment before"}),
    ("next by name", matroska(info(element("NextSegmentFilename", "b.mkv"))),
     {F.LINKED_SEGMENTS: "the segment after"}),
    ("family", matroska(info(element("SegmentFamily", b"\1" * 16))),
     {F.SEGMENT_FAMILY: "files that belong together"}),
    ("own name", matroska(info(element("SegmentFilename", "a\x1b.mkv"))),
     {F.FILE_NAME: "a\\x1b.mkv"}),
    ("ordered", matroska(edition(element("EditionFlagOrdered", 1), chapter())),
     {F.ORDERED_EDITIONS: "parts played in their own order"}),
    ("hidden edition", matroska(edition(element("EditionFlagHidden", 1), chapter())),
     {F.HIDDEN_CHAPTERS: "a hidden list"}),
    ("two editions", matroska(edition(chapter()), edition(chapter())),
     {F.EDITIONS: "2 lists of chapters"}),
    ("nested", matroska(edition(chapter(title("Part"), chapter()))), {F.NESTED_CHAPTERS: "Part"}),
    ("hidden", matroska(edition(chapter(element("ChapterFlagHidden", 1), title("x")))),
     {F.HIDDEN_CHAPTERS: "x"}),
    ("disabled", matroska(edition(chapter(element("ChapterFlagEnabled", 0)))),
     {F.HIDDEN_CHAPTERS: "a chapter without a title"}),
    ("another file", matroska(edition(chapter(element("ChapterSegmentUID", b"\2" * 16)))),
     {F.LINKED_SEGMENTS: "a chapter without a title in another file"}),
    ("two titles", matroska(edition(chapter(title("One", ENGLISH), title("Eins", GERMAN)))),
     {F.CHAPTER_TITLES: "eng, ger"}),
    ("one foreign title", matroska(edition(chapter(title("Eins", GERMAN)))),
     {F.CHAPTER_TITLES: "ger"}),
    ("physical", matroska(edition(chapter(element("ChapterPhysicalEquiv", 60)))),
     {F.CHAPTER_DETAILS: "ChapterPhysicalEquiv"}),
    ("a later version", matroska(edition(chapter(element(0x4588, 1)))),
     {F.UNKNOWN_ELEMENTS: "0x4588"}),
    ("language", matroska(tracks=track(1, 1, "V_AV1", element("LanguageIETF", "pt-BR"))),
     {F.LANGUAGES: "pt-BR (video 0)"}),
    ("plain language", matroska(tracks=track(1, 1, "V_AV1", element("LanguageIETF", "en"))), {}),
    ("disabled track", matroska(tracks=track(1) + track(2, 2, "A_AC3", element("FlagEnabled", 0))),
     {F.DISABLED_TRACKS: "audio 1"}),
    ("planes", matroska(tracks=track(1, 1, "V_AV1", element("TrackOperation", b""))),
     {F.TRACK_OPERATION: "video 0"}),
    ("buttons", matroska(tracks=track(1) + track(2, 18, "B_VOBBTN")), {F.HIDDEN_TRACKS: "track 1"}),
    ("collection",
     matroska(tag(element("TargetTypeValue", 70), element("TargetType", "COLLECTION"))),
     {F.TAGS: "COLLECTION"}),
    ("level", matroska(tag(element("TargetTypeValue", 30))), {F.TAGS: "level 30"}),
    ("tag of an edition", matroska(tag(element(0x63C9, 4))), {F.TAGS: "tags of an edition"}),
    ("two targets", matroska(tag(element(0x63C5, 4), element(0x63C5, 5))),
     {F.TAGS: "tags of several targets"}),
    ("repeated", matroska(tag(simple=element("Simple", SIMPLE) * 2)), {F.TAGS: "ACTOR 2 times"}),
    ("parts", matroska(tag(simple=element("Simple", SIMPLE, element("Simple", SIMPLE)))),
     {F.TAGS: "ACTOR with parts"}),
    ("binary", matroska(tag(simple=element("Simple", SIMPLE, element("Binary", b"\1")))),
     {F.TAGS: "ACTOR in binary"}),
    ("tag language",
     matroska(tag(simple=element("Simple", SIMPLE, element("TagLanguageIETF", "es-419")))),
     {F.TAGS: "ACTOR in es-419"}),
]  # fmt: skip


@pytest.mark.parametrize(("data", "facts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_structure_is_named(tmp_path: Path, data: bytes, facts: dict[MatroskaFeature, str]) -> None:
    found = structure(tmp_path, data)
    assert {fact.feature: fact.detail for fact in found.facts} == facts


def test_every_feature_has_a_case() -> None:
    named = {feature for _, _, facts in CASES for feature in facts}
    assert set(MatroskaFeature) - named == {F.ATTACHMENTS}  # its own test


def test_descriptions_of_covers_are_named_but_not_of_fonts(tmp_path: Path) -> None:
    def file(mime: str) -> bytes:
        texts = (element("FileMimeType", mime), element("FileDescription", f"a {mime}"))
        return element(0x61A7, *texts)

    both = element(ids.ATTACHMENTS, file("font/ttf"), file("image/png"))
    (fact,) = structure(tmp_path, matroska(both)).facts
    assert (fact.feature, fact.detail) == (F.ATTACHMENTS, "a image/png")


def test_links_and_the_own_name_are_told_apart(tmp_path: Path) -> None:
    own, other = b"\1" * 16, b"\2" * 16
    chapters = edition(
        chapter(element("ChapterSegmentUID", own)), chapter(element("ChapterSegmentUID", other))
    )
    found = structure(tmp_path, matroska(info(element("SegmentUID", own)), chapters))
    assert (found.segment_uid, found.links) == (own.hex(), (other.hex(),))


def test_many_details_are_cut(tmp_path: Path) -> None:
    many = edition(*(chapter(title(f"{n}" * 100), chapter()) for n in range(9)))
    (fact,) = structure(tmp_path, matroska(many)).facts
    assert fact.detail.endswith(" and 5 more")
    assert len(fact.detail) < 300


def test_unreadable_is_not_the_same_as_plain(tmp_path: Path) -> None:
    assert structure(tmp_path, b"x") == UNREADABLE
    assert structure(tmp_path, matroska()) == MatroskaStructure()


@pytest.mark.parametrize(
    ("tag", "code", "expected"),
    [
        ("en", "eng", False), ("pt-BR", "por", True), ("zh-Hant", "chi", True),
        ("und", "und", False), ("", "eng", False), ("de", "und", True), ("yue", "chi", True),
        ("yue", "yue", False), ("es-419", "spa", True),
    ],
)  # fmt: skip
def test_a_tag_says_more_than_its_code(tag: str, code: str, expected: bool) -> None:
    assert says_more(tag, code) is expected

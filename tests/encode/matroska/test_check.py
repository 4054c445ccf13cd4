"""Targets whose Matroska structure breaks one promise each, changed by mkvpropedit after a good
encode: verification refuses them for exactly this reason."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.encode.job import Blame
from av1rules.execute.worker import VerifiedEncode, WorkerContext, encode_and_verify
from av1rules.ffmpeg.mkvtoolnix import find_mkvpropedit
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import MakeClip, library_file
from tests.encode import make
from tests.encode import mkvtoolnix as mkv
from tests.encode.broken import Bench, reasons
from tests.encode.real import FAST, Way

pytestmark = pytest.mark.real

OWN, PREVIOUS, NEXT = (digit * 32 for digit in "123")
HIDDEN = "<ChapterFlagHidden>1</ChapterFlagHidden>"
ENDS = "<ChapterTimeEnd>00:00:01.000</ChapterTimeEnd>"
EINS = (
    "<ChapterDisplay><ChapterString>Eins</ChapterString><ChapterLanguage>ger</ChapterLanguage>"
    "<ChapLanguageIETF>de-AT</ChapLanguageIETF></ChapterDisplay>"
)
CHAPTERS = (
    "<EditionEntry><EditionUID>11</EditionUID>"
    f"{mkv.atom(1, 0, 'One', ENDS + EINS)}{mkv.atom(3, 1, 'Two', mkv.atom(2, 1, 'Inner', HIDDEN))}"
    "</EditionEntry><EditionEntry><EditionUID>12</EditionUID>"
    "<EditionFlagHidden>1</EditionFlagHidden>"
    f"{mkv.atom(4, 0, 'Other')}</EditionEntry>"
)
TAGS = (
    "<Tag><Targets><TargetTypeValue>70</TargetTypeValue><TargetType>COLLECTION</TargetType>"
    "</Targets><Simple><Name>TITLE</Name><String>Show</String></Simple></Tag>"
    "<Tag><Targets><TargetTypeValue>60</TargetTypeValue></Targets><Simple><Name>ACTOR</Name>"
    "<String>A</String><TagLanguageIETF>de</TagLanguageIETF><Simple><Name>CHARACTER</Name>"
    "<String>X</String></Simple></Simple></Tag>"
)


@pytest.fixture(scope="session")
def kept(
    make_clip: MakeClip, tools: Tools, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Way, Tools]:
    """A film with all of the structure that is compared, and its good target."""
    mkv.require_mkvtoolnix()
    tools = replace(tools, mkvpropedit=find_mkvpropedit("auto"))
    folder = tmp_path_factory.mktemp("structure")
    film = make_clip(
        "film.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=2", "-f", "lavfi", "-i",
        "sine=d=2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3",
    )  # fmt: skip
    (folder / "a.ttf").write_bytes(bytes(range(256)))
    path = folder / "source.mkv"
    mkv.run(
        "mkvmerge", "-q", "-o", path, "--title", "Film", "--segment-uid", f"0x{OWN}",
        "--link-to-previous", f"0x{PREVIOUS}", "--link-to-next", f"0x{NEXT}",
        "--chapters", mkv.xml(folder, "Chapters", CHAPTERS),
        "--global-tags", mkv.xml(folder, "Tags", TAGS),
        "--attachment-description", "letters", "--attachment-mime-type", "font/ttf",
        "--attachment-name", "a.ttf", "--attach-file", folder / "a.ttf",
        "--language", "1:pt-BR", "--track-enabled-flag", "1:0", film,
    )  # fmt: skip
    source = probe_file(library_file(path), tools)
    job = make.job(
        source_path=str(path), source=source, settings=FAST, encoder=tools.encoders[0],
        target=str(folder / "target.mkv"),
    )  # fmt: skip
    result = encode_and_verify(job, tools, WorkerContext())
    assert isinstance(result, VerifiedEncode)
    way = Way(source=source, held=(), job=job, outcome=result.encoded, verified=result.verified)
    return way, tools


@pytest.fixture
def bench(kept: tuple[Way, Tools], tmp_path: Path) -> Bench:
    return Bench(*kept, tmp_path)


def edited(bench: Bench, *words: str | Path) -> Path:
    """A copy of the good target that mkvpropedit has changed."""
    path = bench.folder / "broken.mkv"
    shutil.copy(bench.good.path, path)
    if words:
        mkv.run("mkvpropedit", path, *words)
    return path


def test_the_good_one_passes(bench: Bench) -> None:
    assert bench.good.failed == []
    assert reasons(bench.verified(edited(bench))) == {}


@dataclass(frozen=True, slots=True)
class Change:
    words: tuple[str, ...]
    says: str
    parts: int = 1


EDITS = {
    "segment": Change(
        ("--edit", "info", "--set", f"segment-uid=0x{NEXT}"),
        f"the segment's segment-uid should be {OWN}, found {NEXT}",
    ),
    "previous": Change(
        ("--edit", "info", "--delete", "prev-uid"),
        f"the segment's prev-uid should be {PREVIOUS}, found none",
    ),
    "next": Change(
        ("--edit", "info", "--set", f"next-uid=0x{OWN}"),
        f"the segment's next-uid should be {NEXT}, found {OWN}",
    ),
    "name of another": Change(
        ("--edit", "info", "--set", "next-filename=b.mkv"),
        "the segment's next-filename should be none, found b.mkv",
    ),
    "title": Change(
        ("--edit", "info", "--set", "title=Other"),
        "the segment's title should be Film, found Other",
    ),
    "track": Change(  # its tags are about no track then
        ("--edit", "track:2", "--set", "track-uid=77"), "track 2: UID should be", parts=3
    ),
    "language": Change(
        ("--edit", "track:2", "--set", "language-ietf=pt-PT"),
        "track 2: language should be por-br, found por-pt",
    ),
    "enabled": Change(
        ("--edit", "track:2", "--set", "flag-enabled=1"),
        "track 2: disabled should be True, found False",
    ),
    "disabled": Change(
        ("--edit", "track:1", "--set", "flag-enabled=0"),
        "track 1: disabled should be False, found True",
    ),
    "attachment": Change(
        ("--attachment-uid", "77", "--update-attachment", "name:a.ttf"),
        "attachment a.ttf: UID or description changed",
    ),
    "description": Change(
        ("--attachment-description", "other", "--update-attachment", "name:a.ttf"),
        "attachment a.ttf: UID or description changed",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_one_property_that_changed(name: str, bench: Bench) -> None:
    change = EDITS[name]
    verified = bench.verified(edited(bench, *change.words))
    found = reasons(verified)
    assert list(found) == ["structure"]
    assert found["structure"].startswith(change.says)
    assert len(found["structure"].split("; ")) == change.parts
    assert verified.blame is Blame.STRUCTURE


XML = {
    "title of a chapter": (
        "chapters", "<ChapterString>Eins<", "<ChapterString>Zwei<",
        "edition 1, chapter 1: titles should be ['Eins', 'One'], found ['Zwei', 'One']"),
    "language of a title": (
        "chapters", "<ChapLanguageIETF>de-AT<", "<ChapLanguageIETF>de-CH<",
        "edition 1, chapter 1: languages of a title should be ['deu-at'], found ['deu-ch']"),
    "hidden chapter": (
        "chapters", "<ChapterFlagHidden>1<", "<ChapterFlagHidden>0<",
        "edition 1, chapter 2, chapter 1 should be"),
    "start of a chapter": (
        "chapters", "<ChapterUID>2</ChapterUID><ChapterTimeStart>00:00:01.0",
        "<ChapterUID>2</ChapterUID><ChapterTimeStart>00:00:01.2",
        "edition 1, chapter 2, chapter 1 should be"),
    "UID of an edition": (
        "chapters", "<EditionUID>12<", "<EditionUID>13<", "edition 2 should be"),
    "hidden edition": (
        "chapters", "<EditionFlagHidden>1<", "<EditionFlagHidden>0<", "edition 2 should be"),
    "text of a tag": (
        "tags", "<String>Show<", "<String>Shot<", "the tag with TITLE is missing or changed"),
    "target of a tag": (
        "tags", "<TargetTypeValue>60<", "<TargetTypeValue>50<",
        "the tag with ACTOR is missing or changed"),
    "language of a tag": (
        "tags", "<TagLanguageIETF>de<", "<TagLanguageIETF>fr<",
        "the tag with ACTOR is missing or changed"),
    "tag inside a tag": (
        "tags", "<String>X<", "<String>Y<", "the tag with ACTOR is missing or changed"),
}  # fmt: skip


@pytest.mark.parametrize("name", XML)
def test_one_chapter_or_tag_that_changed(name: str, bench: Bench) -> None:
    kind, old, new, says = XML[name]
    found = reasons(bench.verified(rewritten(bench, kind, old, new)))
    assert list(found) == ["structure"]
    assert found["structure"].startswith(says)


MISSING = {
    "chapter inside a chapter": (
        "chapters", "<ChapterAtom>((?!<ChapterAtom>).)*<ChapterUID>2<.*?</ChapterAtom>", "",
        "edition 1, chapter 2: chapters below should be 1, found 0"),
    "edition": (
        "chapters", "<EditionEntry>(?:(?!<EditionEntry>).)*<EditionUID>12<.*?</EditionEntry>", "",
        "2 editions are promised, 1 found"),
    "tag": (
        "tags", "<Tag>(?:(?!<Tag>).)*<String>Show<.*?</Tag>", "",
        "the tag with TITLE is missing or changed"),
    "tag too many": (
        "tags", "</Tags>", "<Tag><Simple><Name>MOOD</Name><String>x</String></Simple></Tag></Tags>",
        "a tag was added"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_a_chapter_or_tag_too_few_or_many(name: str, bench: Bench) -> None:
    kind, pattern, new, says = MISSING[name]
    found = reasons(bench.verified(rewritten(bench, kind, re.compile(pattern), new)))
    assert found == {"structure": says}


def rewritten(bench: Bench, kind: str, old: str | re.Pattern[str], new: str) -> Path:
    """A copy of the good target with other chapters or tags: one text of them exchanged."""
    path = edited(bench)
    text = mkv.chapters(path) if kind == "chapters" else mkv.tags(path)
    changed, count = re.subn(old if isinstance(old, re.Pattern) else re.escape(old), new, text)
    assert count == 1, (old, text)
    file = bench.folder / "changed.xml"
    file.write_text(changed, encoding="utf-8")
    word = str(file) if kind == "chapters" else f"all:{file}"
    mkv.run("mkvpropedit", path, f"--{kind}", word)
    return path

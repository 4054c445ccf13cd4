"""The structure of Matroska sources: kept where mkvpropedit is there, else declared or held.

What is kept is read back by mkvmerge and mkvextract.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import EncodeError
from av1rules.encode.losses import find_losses
from av1rules.encode.matroska.structure import is_structure_kept, lost_facts, structure_losses
from av1rules.encode.streams import plan_streams
from av1rules.execute.worker import VerifiedEncode, WorkerContext, encode_and_verify
from av1rules.ffmpeg.mkvtoolnix import find_mkvpropedit
from av1rules.ffmpeg.tools import SideProgram, Tools
from av1rules.media.matroska.facts import (
    UNREADABLE,
    MatroskaFeature,
    MatroskaStructure,
    StructureFact,
)
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.policy.settings import EncodeSettings, Loss
from tests.conftest import MakeClip, library_file
from tests.encode import make
from tests.encode import mkvtoolnix as mkv
from tests.encode.real import FAST
from tests.fakes.stub import Answer, Stub

F = MatroskaFeature
ACCEPTING = replace(FAST, accept=frozenset({Loss.MATROSKA_STRUCTURE}))
OWN, OTHER = "0102030405060708090a0b0c0d0e0f10", "ffeeddccbbaa99887766554433221100"


def with_facts(*features: MatroskaFeature, uid: str | None = None) -> Source:
    facts = tuple(StructureFact(feature=feature, detail="x") for feature in features)
    return make.source(matroska=MatroskaStructure(segment_uid=uid, facts=facts))


# --- what becomes of it, before the encode ---


@pytest.mark.parametrize(
    ("features", "container", "has_mkvpropedit", "held", "remedy"),
    [
        ((), "mkv", False, [], ""),
        ((F.LANGUAGES, F.TAGS), "mkv", True, [], ""),
        ((F.LANGUAGES, F.TAGS), "mkv", False, [False], ""),
        ((F.LANGUAGES,), "mp4", True, [False], ""),
        ((F.ORDERED_EDITIONS,), "mkv", True, [], ""),
        ((F.ORDERED_EDITIONS,), "mkv", False, [True], "install MKVToolNix"),
        ((F.LINKED_SEGMENTS, F.EDITIONS), "mkv", False, [True, False], "install MKVToolNix"),
        ((F.LINKED_SEGMENTS,), "mp4", True, [True], "`container: mkv`"),
        ((F.TRACK_OPERATION,), "mkv", True, [True], ""),
        ((F.SEGMENT_FAMILY, F.LANGUAGES), "mkv", True, [True], ""),
    ],
)
def test_losses_are_held_only_where_playback_depends_on_them(
    features: tuple[MatroskaFeature, ...],
    container: str,
    has_mkvpropedit: bool,
    held: list[bool],
    remedy: str,
) -> None:
    found = structure_losses(with_facts(*features), container, has_mkvpropedit=has_mkvpropedit)
    assert [loss.is_held for loss in found] == held
    assert all(remedy in loss.remedy for loss in found if loss.is_held)


def test_a_file_that_others_play_is_held_unless_its_name_is_kept() -> None:
    source = with_facts(uid=OWN)
    (loss,) = structure_losses(source, "mkv", has_mkvpropedit=False, linked_by="one.mkv")
    assert loss.is_held
    assert "one.mkv plays this file" in loss.message
    assert structure_losses(source, "mkv", has_mkvpropedit=True, linked_by="one.mkv") == ()
    (loss,) = structure_losses(source, "mp4", has_mkvpropedit=True, linked_by="one.mkv")
    assert loss.is_held


def test_an_unreadable_structure_is_said() -> None:
    source = make.source(matroska=UNREADABLE)
    (loss,) = structure_losses(source, "mkv", has_mkvpropedit=True)
    assert (loss.is_held, "can't be read" in loss.message) == (False, True)
    assert not is_structure_kept(source, "mkv", has_mkvpropedit=True)


def test_no_matroska_has_no_structure() -> None:
    assert structure_losses(make.source(), "mkv", has_mkvpropedit=False) == ()
    assert lost_facts(make.source(), "mkv", has_mkvpropedit=False) == ()
    assert not is_structure_kept(make.source(), "mkv", has_mkvpropedit=True)


def test_a_rule_can_accept_what_is_held() -> None:
    source, settings = with_facts(F.ORDERED_EDITIONS), make.settings()
    (held,) = find_losses(source, settings, plan_streams(source, settings))
    assert (held.loss, held.accepted) == (Loss.MATROSKA_STRUCTURE, False)
    assert "`accept: [matroska-structure]`" in held.message
    settings = make.settings(accept=frozenset({Loss.MATROSKA_STRUCTURE}))
    (taken,) = find_losses(source, settings, plan_streams(source, settings))
    assert taken.accepted


# --- real encodes ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`options` for mkvmerge, given a folder for files; `kept` looks at the target; `features` are
    what the source has."""

    name: str
    options: Callable[[Path], list[str | Path]]
    features: frozenset[MatroskaFeature]
    kept: Callable[[Path], bool]


def _chapters(body: str) -> Callable[[Path], list[str | Path]]:
    return lambda folder: ["--chapters", mkv.xml(folder, "Chapters", body)]


def _tags(body: str) -> Callable[[Path], list[str | Path]]:
    return lambda folder: ["--global-tags", mkv.xml(folder, "Tags", body)]


def _edition(uid: int, flags: str, *atoms: str) -> str:
    return f"<EditionEntry><EditionUID>{uid}</EditionUID>{flags}{''.join(atoms)}</EditionEntry>"


def _language(tag: str) -> Case:
    return Case(
        name=tag,
        options=lambda folder: ["--language", f"1:{tag}"],
        features=frozenset({F.LANGUAGES}),
        kept=lambda path: mkv.track_properties(path)[1].get("language_ietf") == tag,
    )


ORDERED = "<EditionFlagOrdered>1</EditionFlagOrdered>"
ENDS = "<ChapterTimeEnd>00:00:01.000</ChapterTimeEnd>"
LINK = f'{ENDS}<ChapterSegmentUID format="hex">{OTHER}</ChapterSegmentUID>'
NESTED = re.compile("<ChapterAtom>(?:(?!</ChapterAtom>).)*<ChapterAtom>")
TWO_TITLES = (
    "<ChapterDisplay><ChapterString>Eins</ChapterString><ChapterLanguage>ger</ChapterLanguage>"
    "<ChapLanguageIETF>de-AT</ChapLanguageIETF></ChapterDisplay>"
)

CASES = [
    *(_language(tag) for tag in ("pt-BR", "zh-Hant", "es-419", "en-GB", "sr-Latn-RS", "yue")),
    Case(
        name="disabled track",
        options=lambda folder: ["--track-enabled-flag", "1:0"],
        features=frozenset({F.DISABLED_TRACKS}),
        kept=lambda path: mkv.track_properties(path)[1]["enabled_track"] is False,
    ),
    Case(
        name="two editions",
        options=_chapters(
            _edition(11, "", mkv.atom(1, 0, "A")) + _edition(12, "", mkv.atom(2, 1, "B"))
        ),
        features=frozenset({F.EDITIONS}),
        kept=lambda path: (
            mkv.chapters(path).count("<EditionEntry>") == 2
            and "<EditionUID>12</EditionUID>" in mkv.chapters(path)
        ),
    ),
    Case(
        name="ordered",
        options=_chapters(_edition(11, ORDERED, mkv.atom(1, 1, "A", ENDS.replace("01", "02")))),
        features=frozenset({F.ORDERED_EDITIONS}),
        kept=lambda path: ORDERED in mkv.chapters(path),
    ),
    Case(
        name="linked chapter",
        options=_chapters(_edition(11, ORDERED, mkv.atom(1, 0, "Opening", LINK))),
        features=frozenset({F.ORDERED_EDITIONS, F.LINKED_SEGMENTS}),
        kept=lambda path: OTHER in mkv.chapters(path).replace(" ", ""),
    ),
    Case(
        name="nested and hidden",
        options=_chapters(
            _edition(
                11, "", mkv.atom(1, 0, "A",
                    mkv.atom(2, 1, "B", "<ChapterFlagHidden>1</ChapterFlagHidden>")),
            )
        ),
        features=frozenset({F.NESTED_CHAPTERS, F.HIDDEN_CHAPTERS}),
        kept=lambda path: (
            NESTED.search(mkv.chapters(path)) is not None
            and "<ChapterFlagHidden>1</ChapterFlagHidden>" in mkv.chapters(path)
        ),
    ),
    Case(
        name="titles in two languages",
        options=_chapters(_edition(11, "", mkv.atom(1, 0, "One", TWO_TITLES))),
        features=frozenset({F.CHAPTER_TITLES}),
        kept=lambda path: (
            "<ChapterString>One" in mkv.chapters(path)
            and "<ChapterString>Eins" in mkv.chapters(path)
            and "<ChapLanguageIETF>de-AT" in mkv.chapters(path)
        ),
    ),
    Case(
        name="previous and next",
        options=lambda folder: [
            "--segment-uid", f"0x{OWN}", "--link-to-previous", f"0x{OTHER}",
            "--link-to-next", f"0x{OTHER[::-1]}",
        ],
        features=frozenset({F.LINKED_SEGMENTS}),
        kept=lambda path: [
            mkv.identify(path)["container"]["properties"].get(f"{which}segment_uid")
            for which in ("", "previous_", "next_")
        ] == [OWN, OTHER, OTHER[::-1]],
    ),
    Case(
        name="tags with targets",
        options=_tags(
            "<Tag><Targets><TargetTypeValue>70</TargetTypeValue><TargetType>COLLECTION</TargetType>"
            "</Targets><Simple><Name>TITLE</Name><String>The &lt;Show&gt;</String></Simple></Tag>"
            "<Tag><Targets><TargetTypeValue>60</TargetTypeValue><TargetType>SEASON</TargetType>"
            "</Targets><Simple><Name>PART_NUMBER</Name><String>2</String></Simple></Tag>"
        ),
        features=frozenset({F.TAGS}),
        kept=lambda path: (
            "<TargetType>COLLECTION</TargetType></Targets><Simple><Name>TITLE</Name>"
            "<String>The &lt;Show&gt;</String>" in mkv.tags(path)
            and "<TargetType>SEASON</TargetType></Targets><Simple><Name>PART_NUMBER</Name>"
            "<String>2</String>" in mkv.tags(path)
        ),
    ),
    Case(
        name="repeated and nested tags",
        options=_tags(
            "<Tag><Simple><Name>ACTOR</Name><String>A</String><Simple><Name>CHARACTER</Name>"
            "<String>X</String></Simple></Simple><Simple><Name>ACTOR</Name><String>B</String>"
            '</Simple><Simple><Name>ID</Name><Binary format="hex">00ff</Binary></Simple></Tag>'
        ),
        features=frozenset({F.TAGS}),
        kept=lambda path: (
            mkv.tags(path).count("<Name>ACTOR</Name>") == 2
            and "<Name>CHARACTER</Name><String>X</String>" in mkv.tags(path)
            and "<Binary>" in mkv.tags(path).replace(' format="hex"', "")
        ),
    ),
    Case(
        name="description of a cover",
        options=lambda folder: [
            "--attachment-description", "front: Übersicht", "--attachment-mime-type", "image/png",
            "--attachment-name", "cover.png", "--attach-file", folder / "cover.png",
        ],
        features=frozenset({F.ATTACHMENTS}),
        kept=lambda path: mkv.identify(path)["attachments"][0]["description"] == "front: Übersicht",
    ),
]  # fmt: skip


@pytest.fixture
def with_mkvpropedit(tools: Tools) -> Tools:
    mkv.require_mkvtoolnix()
    return replace(tools, mkvpropedit=find_mkvpropedit("auto"))


@pytest.fixture
def film(make_clip: MakeClip) -> Path:
    return make_clip(
        "film.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=2", "-f", "lavfi", "-i",
        "sine=d=2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3",
    )  # fmt: skip


def made(tmp_path: Path, film: Path, make_clip: MakeClip, case: Case) -> Path:
    picture = make_clip("cover.png", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1")
    (tmp_path / "cover.png").write_bytes(picture.read_bytes())
    path = tmp_path / "source.mkv"
    mkv.run("mkvmerge", "-q", "-o", path, *case.options(tmp_path), film)
    return path


def encoded(path: Path, out: Path, tools: Tools, settings: EncodeSettings) -> VerifiedEncode:
    source = probe_file(library_file(path), tools)
    job = make.job(
        source_path=str(path),
        source=source,
        settings=settings,
        encoder=tools.encoders[0],
        target=str(out / f"target.{settings.container}"),
    )
    result = encode_and_verify(job, tools, WorkerContext())
    assert isinstance(result, VerifiedEncode)
    return result


def structure_detail(result: VerifiedEncode) -> str:
    return next(c.detail for c in result.verified.checks if c.name == "structure")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_kept_with_mkvpropedit_and_declared_without(
    case: Case, tmp_path: Path, film: Path, make_clip: MakeClip, with_mkvpropedit: Tools
) -> None:
    path = made(tmp_path, film, make_clip, case)
    source = probe_file(library_file(path), with_mkvpropedit)
    assert source.matroska is not None
    assert source.matroska.features == case.features
    assert case.kept(path)

    assert structure_losses(source, "mkv", has_mkvpropedit=True) == ()
    result = encoded(path, tmp_path / "with", with_mkvpropedit, FAST)
    assert case.kept(Path(result.encoded.path))
    assert structure_detail(result).startswith("kept: ")
    assert result.verified.target is not None
    assert result.verified.target.provenance == '{"av1rules":1}'

    assert structure_losses(source, "mkv", has_mkvpropedit=False)
    without = replace(with_mkvpropedit, mkvpropedit=None)
    result = encoded(path, tmp_path / "without", without, ACCEPTING)
    assert not case.kept(Path(result.encoded.path))
    detail = structure_detail(result)
    assert detail.startswith("declared, not kept: ")
    assert all(feature.value in detail for feature in case.features)


def test_the_same_job_gives_the_same_bytes(
    tmp_path: Path, film: Path, make_clip: MakeClip, with_mkvpropedit: Tools
) -> None:
    path = made(tmp_path, film, make_clip, next(c for c in CASES if c.name == "linked chapter"))
    first = encoded(path, tmp_path / "1", with_mkvpropedit, FAST)
    second = encoded(path, tmp_path / "2", with_mkvpropedit, FAST)
    assert first.digest == second.digest
    assert first.encoded.size_bytes == Path(first.encoded.path).stat().st_size
    assert "mkvpropedit" in first.encoded.command
    assert sorted(item.suffix for item in (tmp_path / "1").iterdir()) == [".mkv"]


def test_tags_of_an_encoded_track_do_not_outlive_it(
    tmp_path: Path, film: Path, make_clip: MakeClip, with_mkvpropedit: Tools
) -> None:
    path = made(tmp_path, film, make_clip, _language("pt-BR"))
    uids = [track["uid"] for track in mkv.track_properties(path)]
    target = Path(encoded(path, tmp_path / "out", with_mkvpropedit, FAST).encoded.path)
    assert [track["uid"] for track in mkv.track_properties(target)] == uids
    of_video, of_sound = (
        next(tag for tag in mkv.tags(target).split("<Tag>") if f"<TrackUID>{uid}<" in tag)
        for uid in uids
    )
    assert "SVT-AV1" in of_video
    assert "<Name>BPS" not in of_video
    assert "<Name>BPS" in of_sound


def test_chapters_move_with_a_clock_that_starts_late(
    tmp_path: Path, film: Path, with_mkvpropedit: Tools
) -> None:
    chapters = mkv.xml(
        tmp_path, "Chapters",
        _edition(11, ORDERED, mkv.atom(1, 5, "A", "<ChapterTimeEnd>00:00:06.000</ChapterTimeEnd>"))
    )  # fmt: skip
    path = tmp_path / "late.mkv"
    late = ("--sync", "0:5000", "--sync", "1:5000")
    mkv.run("mkvmerge", "-q", "-o", path, "--chapters", chapters, *late, film)
    target = Path(encoded(path, tmp_path / "out", with_mkvpropedit, FAST).encoded.path)
    source_start = probe_file(library_file(path), with_mkvpropedit).start_s
    start = probe_file(library_file(target), with_mkvpropedit).start_s
    assert source_start is not None
    assert start is not None
    at = 5 + (start - source_start)
    assert f"<ChapterTimeStart>00:00:0{at:.1f}" in mkv.chapters(target)


def test_a_failing_mkvpropedit_is_said_or_stops_the_encode(
    tmp_path: Path, film: Path, make_clip: MakeClip, with_mkvpropedit: Tools, stub: Stub
) -> None:
    failing = str(stub.make("mkvpropedit", Answer(stdout="Error: no\n", returncode=2)))
    broken = replace(with_mkvpropedit, mkvpropedit=SideProgram(path=failing, version="v74"))
    harmless = made(tmp_path, film, make_clip, _language("pt-BR"))
    detail = structure_detail(encoded(harmless, tmp_path / "a", broken, FAST))
    assert detail.startswith("declared, not kept (mkvpropedit ended with exit code 2: Error: no")
    needed = made(tmp_path, film, make_clip, next(c for c in CASES if c.name == "ordered"))
    with pytest.raises(EncodeError, match="keeping ordered editions") as caught:
        encoded(needed, tmp_path / "b", broken, FAST)
    assert "accept: [matroska-structure]" in (caught.value.hint or "")
    assert structure_detail(encoded(needed, tmp_path / "c", broken, ACCEPTING)).startswith("decl")

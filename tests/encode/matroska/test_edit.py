"""What a target gets of its source's structure, and what is found where it did not get it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.encode.matroska.check import broken_promises
from av1rules.encode.matroska.edit import (
    StructureEdit,
    StructureMismatchError,
    chapter_shift_ns,
    structure_edit,
)
from av1rules.encode.streams import StreamAction, StreamPlan, StreamStep
from av1rules.media.matroska.ebml import Element
from av1rules.media.matroska.read import AttachedFile, MatroskaFile
from av1rules.media.source import Chapter
from tests.encode import make

E = Element


def track(number: int, kind: int, uid: int, *more: Element) -> Element:
    return E("TrackEntry", None, (
        E("TrackNumber", number), E("TrackUID", uid), E("TrackType", kind), E("CodecID", "X"),
        *more,
    ))  # fmt: skip


def simple(name: str, text: str = "x", *more: Element) -> Element:
    return E("Simple", None, (E("Name", name), E("String", text), *more))


def tag(*parts: Element, uid: int | None = None) -> Element:
    target = () if uid is None else (E("TrackUID", uid),)
    return E("Tag", None, (E("Targets", None, target), *parts))


GERMAN, ENGLISH = E("ChapterLanguage", "ger"), E("ChapterLanguage", "eng")


def edition(*children: Element) -> Element:
    return E("EditionEntry", None, (E("EditionUID", 11), *children))


def atom(*children: Element) -> Element:
    return E("ChapterAtom", None, (E("ChapterUID", 21), *children))


INFO = E("Info", None, (E("SegmentUID", b"\1" * 16), E("Title", "Film")))
FONT = AttachedFile(name="a.ttf", mimetype="font/ttf", size_bytes=5, uid=31, description="A font")
SOURCE = MatroskaFile(
    info=INFO,
    tracks=(
        track(1, 1, 101),
        track(2, 17, 102),
        track(3, 2, 103, E("LanguageIETF", "pt-BR"), E("FlagEnabled", 0)),
    ),
    editions=(
        edition(
            E("EditionFlagOrdered", 1),
            atom(
                E("ChapterTimeStart", 5_000_000_000),
                atom(E("ChapterTimeStart", 6_000_000_000), E("ChapterSegmentUID", b"\2" * 16)),
                E("ChapterDisplay", None, (E("ChapterString", "A"), E("ChapterLanguage", "ger"))),
            ),
        ),
    ),
    tags=(
        tag(simple("ENCODER"), simple("BPS"), simple("DIRECTOR"), uid=101),
        tag(simple("BPS"), uid=102),
        tag(simple("BPS"), uid=103),
        tag(simple("ENCODER"), simple("TITLE")),
    ),
    attachments=(FONT,),
)
TARGET = MatroskaFile(
    info=E("Info"),
    tracks=(track(1, 1, 1), track(2, 2, 2)),
    tags=(
        tag(simple("ENCODER", "SVT"), simple("DIRECTOR"), simple("DURATION"), uid=1),
        tag(simple("ENCODER", "old"), uid=2),
        tag(simple("AV1RULES", "{}"), simple("TITLE")),
    ),
)
STREAMS = StreamPlan(
    container="mkv",
    steps=(
        StreamStep(index=0, kind="video", action=StreamAction.ENCODE),
        StreamStep(index=1, kind="subtitle", action=StreamAction.DROP),
        StreamStep(index=2, kind="audio", action=StreamAction.COPY),
    ),
)


def edit(shift_ns: int = 0) -> StructureEdit:
    return structure_edit(SOURCE, TARGET, STREAMS, shift_ns=shift_ns)


def finished() -> MatroskaFile:
    """A target as it should be."""
    wanted = edit()
    return MatroskaFile(
        info=INFO,
        tracks=(SOURCE.tracks[0], SOURCE.tracks[2]),
        editions=wanted.editions,
        tags=wanted.tags,
        attachments=(FONT,),
    )


def test_tracks_get_what_belongs_to_them() -> None:
    video, sound = edit().tracks
    assert (video.uid, video.language, video.is_disabled) == (101, None, False)
    assert (sound.uid, sound.language, sound.is_disabled) == (103, "pt-BR", True)


def test_tags_that_are_no_longer_true_go_and_ours_come() -> None:
    names = [[one.text("Name") for one in tag.all("Simple")] for tag in edit().tags]
    assert names == [["DIRECTOR"], ["BPS"], ["TITLE"], ["ENCODER", "DURATION"], ["AV1RULES"]]
    of_video = edit().tags[3].first("Targets")
    assert of_video is not None
    assert of_video.number("TrackUID") == 101


def test_chapters_move_but_not_in_another_file() -> None:
    (outer,) = edit(-1_000_000_000).editions[0].all("ChapterAtom")
    assert outer.number("ChapterTimeStart") == 4_000_000_000
    (inner,) = outer.all("ChapterAtom")
    assert inner.number("ChapterTimeStart") == 6_000_000_000


def test_missing_uids_are_always_the_same() -> None:
    nameless = replace(
        SOURCE, editions=(E("EditionEntry", None, (E("ChapterAtom"), E("ChapterAtom"))),)
    )
    first, second = (structure_edit(nameless, TARGET, STREAMS, shift_ns=0) for _ in range(2))
    assert first == second
    one, two = first.editions[0].all("ChapterAtom")
    assert one.number("ChapterUID") != two.number("ChapterUID")


def test_tracks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StructureMismatchError):
        structure_edit(SOURCE, replace(TARGET, tracks=TARGET.tracks[:1]), STREAMS, shift_ns=0)
    with pytest.raises(StructureMismatchError):
        structure_edit(replace(SOURCE, tracks=SOURCE.tracks[:2]), TARGET, STREAMS, shift_ns=0)


@pytest.mark.parametrize(
    ("starts", "written", "start_s", "moved"),
    [
        ((1.0, 9.0), (1, 9), 0.0, 0),
        ((6.0, 9.0), (1, 4), 5.0, -5_000_000_000),
        ((1.0, 9.0), (1, 9), -0.006, 0),
        ((1.0, 9.0), (4,), 5.0, -5_000_000_000),
    ],
)
def test_the_shift_is_what_ffmpeg_did(
    starts: tuple[float, ...], written: tuple[int, ...], start_s: float, moved: int
) -> None:
    source = make.source(
        chapters=tuple(Chapter(start_s=start, end_s=start + 1) for start in starts),
        start_s=start_s,
    )
    atoms = tuple(atom(E("ChapterTimeStart", at * 1_000_000_000)) for at in written)
    target = replace(TARGET, editions=(edition(*atoms),))
    assert chapter_shift_ns(source, target) == moved


def test_a_target_as_promised_breaks_nothing() -> None:
    assert list(broken_promises(edit(), finished())) == []


def _with_edition(*children: Element) -> MatroskaFile:
    return replace(finished(), editions=(edition(*children),))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (replace(finished(), info=E("Info")), "the segment's segment-uid"),
        (replace(finished(), tracks=(track(1, 1, 101), track(2, 2, 103))), "track 2: language"),
        (replace(finished(), tracks=(track(1, 1, 9), SOURCE.tracks[2])), "track 1: UID"),
        (replace(finished(), tags=finished().tags[1:]), "DIRECTOR is missing"),
        (replace(finished(), tags=(*finished().tags, tag(simple("NEW")))), "a tag was added"),
        (replace(finished(), attachments=(replace(FONT, description=""),)), "attachment a.ttf"),
        (replace(finished(), editions=()), "1 editions are promised, 0 found"),
        (_with_edition(atom()), "edition 1 should be"),
        (_with_edition(E("EditionFlagOrdered", 1)), "chapters below should be 1, found 0"),
        (_with_edition(E("EditionFlagOrdered", 1), atom()), "titles should be ['A'], found []"),
    ],
)
def test_each_broken_promise_is_found(target: MatroskaFile, words: str) -> None:
    assert any(words in line for line in broken_promises(edit(), target))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((GERMAN,), (GERMAN, E("ChapLanguageIETF", "de"))),
        ((), (ENGLISH, E("ChapLanguageIETF", "en"))),
        ((E("ChapLanguageIETF", "iw"),), (E("ChapLanguageIETF", "he"),)),
        ((ENGLISH, E("ChapterCountry", "us")), (E("ChapLanguageIETF", "en-US"),)),
    ],
)
def test_what_mkvpropedit_adds_of_languages_is_no_change(
    wanted: tuple[Element, ...], found: tuple[Element, ...]
) -> None:
    def chapters(languages: tuple[Element, ...]) -> tuple[Element, ...]:
        display = E("ChapterDisplay", None, (E("ChapterString", "A"), *languages))
        return (edition(atom(display)),)

    promise = replace(edit(), editions=chapters(wanted))
    assert list(broken_promises(promise, replace(finished(), editions=chapters(found)))) == []


def test_nothing_points_at_a_track_that_is_gone() -> None:
    """Its UID goes from tags of several tracks and from chapters; what is about others stays."""
    gone, here = E("TrackUID", 102), E("TrackUID", 103)
    both = E("Tag", None, (E("Targets", None, (gone, here)), simple("ACTOR")))
    chapters = (
        atom(E("ChapterTrack", None, (E("ChapterTrackNumber", 102), E("ChapterTrackNumber", 103)))),
        atom(E("ChapterTrack", None, (E("ChapterTrackNumber", 102),)), E("ChapterFlagHidden", 1)),
    )
    source = replace(
        SOURCE, tags=(both, tag(simple("BPS"), uid=102)), editions=(edition(*chapters),)
    )
    made = structure_edit(source, TARGET, STREAMS, shift_ns=0)
    targets = made.tags[0].first("Targets")
    assert targets is not None
    assert targets.children == (here,)
    assert not [one for one in made.tags if (of := one.first("Targets")) and gone in of.children]
    some, every = made.editions[0].all("ChapterAtom")
    assert some.first("ChapterTrack") == E("ChapterTrack", None, (E("ChapterTrackNumber", 103),))
    assert every.first("ChapterTrack") is None
    assert every.number("ChapterFlagHidden") == 1

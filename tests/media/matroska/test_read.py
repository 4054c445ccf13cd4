"""The structure of Matroska files as built here, byte by byte: sound, live and damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from av1rules.media.matroska import schema as ids
from av1rules.media.matroska.read import LIMITS, MAX_ATTACHMENTS, MatroskaFile, read_matroska
from tests.media.ebml_bytes import element, matroska, track, unsized

INFO = element(ids.INFO, element("SegmentUID", b"\x07" * 16), element("Title", "Film"))
CHAPTERS = element(
    ids.CHAPTERS,
    element("EditionEntry", element("EditionFlagOrdered", 1), element("ChapterAtom", b"")),
)
TAGS = element(ids.TAGS, element("Tag", element("Targets", element("TargetTypeValue", 70))))


def read(tmp_path: Path, data: bytes) -> MatroskaFile | None:
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    return read_matroska(str(path))


def attachment(name: str, data: bytes, **more: str) -> bytes:
    return element(
        0x61A7,
        element("FileName", name),
        element("FileMimeType", "font/ttf"),
        element(0x465C, data),
        element("FileUID", 9),
        element("FileDescription", more.get("description", "")),
    )


def test_everything_before_the_pictures_is_found(tmp_path: Path) -> None:
    fonts = element(ids.ATTACHMENTS, attachment("a.ttf", b"x" * 100_000, description="A font"))
    found = read(tmp_path, matroska(INFO, CHAPTERS, TAGS, fonts))
    assert found is not None
    assert (found.info.text("Title"), found.info.hex("SegmentUID")) == ("Film", "07" * 16)
    assert [edition.number("EditionFlagOrdered") for edition in found.editions] == [1]
    assert [tag.name for tag in found.tags] == ["Tag"]
    (font,) = found.attachments
    assert (font.name, font.size_bytes, font.uid, font.description) == (
        "a.ttf", 100_000, 9, "A font",
    )  # fmt: skip


def test_a_seek_head_leads_behind_the_pictures(tmp_path: Path) -> None:
    def seek(position: int) -> bytes:
        entry = element("Seek", element("SeekID", ids.TAGS), element("SeekPosition", position))
        return element(ids.SEEK_HEAD, entry)

    tracks, cluster = element(ids.TRACKS, track(1)), element(ids.CLUSTER, b"\0" * 5000)
    place = len(seek(5000) + tracks + cluster)
    body = seek(place) + tracks + cluster + TAGS
    found = read(tmp_path, element(ids.EBML, b"") + element(ids.SEGMENT, body))
    assert found is not None
    assert len(found.tags) == 1
    # Where it leads astray, to pictures or beyond the end, the rest is still read.
    for wrong in (place - 40, place + 100_000):
        body = seek(wrong) + tracks + cluster + TAGS
        found = read(tmp_path, element(ids.EBML, b"") + element(ids.SEGMENT, body))
        assert found is not None
        assert found.tags == ()


def test_a_live_recording_has_sizes_unknown(tmp_path: Path) -> None:
    found = read(tmp_path, matroska(INFO, live=True))
    assert found is not None
    assert found.info.text("Title") == "Film"
    cluster = unsized(ids.CLUSTER, b"\0" * 64)
    body = INFO + element(ids.TRACKS, track(1)) + cluster
    assert read(tmp_path, element(ids.EBML, b"") + unsized(ids.SEGMENT, body)) is not None


def test_ffmpeg_numbers_only_the_tracks_it_knows(tmp_path: Path) -> None:
    tracks = track(1) + track(2, 18, "B_VOBBTN") + track(3, 2, "") + track(4, 17, "S_TEXT/UTF8")
    found = read(tmp_path, matroska(tracks=tracks))
    assert found is not None
    assert [one.number("TrackNumber") for one in found.shown_tracks] == [1, 4]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no film",
        element(ids.EBML, b""),
        element(ids.EBML, b"") + element(ids.TRACKS, track(1)),
        element(ids.EBML, b"") + element(ids.SEGMENT, INFO),
        matroska(INFO)[:-100],
        matroska(element(ids.TAGS, b"\xff" * 40)),
        matroska(element(ids.CHAPTERS, b"\0" * (LIMITS[ids.CHAPTERS] + 1))),
        matroska(element(ids.ATTACHMENTS, element(0x61A7, b"") * (MAX_ATTACHMENTS + 1))),
    ],
    ids=[
        "empty", "text", "head only", "no segment", "no tracks", "cut off", "broken tags",
        "chapters too large", "too many attachments",
    ],
)  # fmt: skip
def test_what_is_damaged_or_beyond_bounds_is_unknown(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(at=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 500))
def test_no_damage_raises(tmp_path: Path, at: int, value: int, cut: int) -> None:
    data = bytearray(
        matroska(INFO, CHAPTERS, TAGS, element(ids.ATTACHMENTS, attachment("a", b"b")))
    )
    data[at % len(data)] = value
    found = read(tmp_path, bytes(data[: len(data) - cut % len(data)]))
    assert found is None or found.tracks

"""Tags of phones: Matroska keeps any, MP4 those of a source without covers."""

from __future__ import annotations

import pytest

from av1rules.encode.argv import build_argv
from av1rules.encode.camera_tags import camera_tags, has_free_tags
from av1rules.encode.containers import MKV, MP4
from tests.encode.make import cover, job, settings, source

PHONE = (("com.apple.quicktime.make", "Apple"), ("location", "+1+2/"), ("title", "A"))


def test_tags_of_a_camera_are_known() -> None:
    assert camera_tags(source(tags=PHONE)) == ("com.apple.quicktime.make", "location")
    assert camera_tags(source(tags=(("title", "A"), ("encoder", "x")))) == ()


@pytest.mark.parametrize(
    ("tags", "covers", "is_free"),
    [(PHONE, (), True), (PHONE, (cover(3),), False), ((("title", "A"),), (), False)],
)
def test_mp4_takes_any_tag_only_where_that_keeps_more(
    tags: tuple[tuple[str, str], ...], covers: tuple[object, ...], is_free: bool
) -> None:
    film = source(tags=tags, attachments=covers)
    assert has_free_tags(film, MKV)
    assert has_free_tags(film, MP4) == is_free
    argv = build_argv(
        job(source=film, settings=settings(container=MP4)), ffmpeg="ffmpeg", output="/o"
    )
    flags = argv[argv.index("-movflags") + 1]
    assert flags == ("+faststart+use_metadata_tags" if is_free else "+faststart")

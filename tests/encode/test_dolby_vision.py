"""Every profile of Dolby Vision with every compatibility: which picture lies below it."""

from __future__ import annotations

import pytest

from av1rules.encode.dolby_vision import HLG, PQ, SDR, base_transfer, untagged_base
from av1rules.media.source import Colour, DolbyVision
from tests.encode.make import video

UNTAGGED = Colour()


@pytest.mark.parametrize(
    ("profile", "compatibility", "base"),
    [
        (1, 0, None), (3, 0, None), (4, 2, SDR), (4, 0, SDR), (5, 0, None), (6, 0, PQ),
        (7, 6, PQ), (7, 0, PQ), (8, 1, PQ), (8, 2, SDR), (8, 4, HLG), (8, 0, None),
        (9, 2, SDR), (9, 0, SDR), (10, 0, None), (10, 1, PQ), (10, 2, SDR), (10, 4, HLG),
        (20, 0, None), (20, 1, PQ), (20, 4, HLG), (None, None, None), (8, 9, None),
    ],
)  # fmt: skip
def test_the_record_promises_the_base(
    profile: int | None, compatibility: int | None, base: str | None
) -> None:
    vision = DolbyVision(profile=profile, compatibility_id=compatibility)
    assert base_transfer(video(dolby_vision=vision, colour=UNTAGGED)) == base


@pytest.mark.parametrize(
    ("profile", "compatibility", "tagged", "base"),
    [
        (8, 0, PQ, PQ),  # an old record has no compatibility: the tags tell
        (None, None, PQ, PQ),
        (None, None, HLG, HLG),
        (9, 2, "smpte170m", SDR),
        (5, 0, PQ, None),  # tags of profile 5 are false
        (10, 0, PQ, None),
        (10, None, HLG, HLG),
        (8, 1, "linear", PQ),
        (None, None, "linear", None),
    ],
)
def test_tags_tell_where_the_record_does_not(
    profile: int | None, compatibility: int | None, tagged: str, base: str | None
) -> None:
    vision = DolbyVision(profile=profile, compatibility_id=compatibility)
    colour = Colour(transfer=tagged)
    assert base_transfer(video(dolby_vision=vision, colour=colour)) == base


def test_an_untagged_hdr_base_is_tagged_as_promised() -> None:
    vision = DolbyVision(profile=7, compatibility_id=6)
    base = untagged_base(video(dolby_vision=vision, colour=Colour(range="tv")))
    assert base == Colour(primaries="bt2020", transfer=PQ, matrix="bt2020nc", range="tv")
    sdr = DolbyVision(profile=9, compatibility_id=2)
    assert untagged_base(video(dolby_vision=sdr, colour=UNTAGGED)) is None
    assert untagged_base(video(dolby_vision=vision, colour=Colour(transfer=PQ))) is None
    assert untagged_base(video(colour=UNTAGGED)) is None

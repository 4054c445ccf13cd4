"""Pictures per frame, their rate, and what the plan says of the motion."""

from __future__ import annotations

from fractions import Fraction

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from av1rules.media.source import Source, VideoStream
from av1rules.policy.deinterlacing import (
    deinterlacing_notes,
    is_telecine_rate,
    picture_rate,
    pictures_per_frame,
)
from av1rules.policy.fingerprint import changed_settings, effective, fingerprint, shown
from av1rules.policy.settings import EncodeSettings

PAL, NTSC = Fraction(25), Fraction(30_000, 1001)
PLAIN = EncodeSettings(crf=26, preset=5)
FIELDS = replace(PLAIN, deinterlace="bwdif", deinterlace_rate="fields")
FRAMES = replace(FIELDS, deinterlace_rate="frames")
EARLIER = replace(FIELDS, deinterlace_rate=UNSET)
FILM = replace(PLAIN, deinterlace="inverse-telecine", deinterlace_rate="fields")


def film(rate: Fraction | None, *, is_interlaced: bool | None = True) -> Source:
    main = VideoStream(index=0, codec="h264", frame_rate=rate, is_interlaced=is_interlaced)
    return Source(container="matroska", size_bytes=1, video=(main,), main_index=0)


@pytest.mark.parametrize(
    ("settings", "rate", "is_interlaced", "per_frame", "made", "says"),
    [
        (FIELDS, PAL, True, 2, 50, "50 fields per second become 50 pictures per second"),
        (FIELDS, None, True, 2, None, ""),
        (FIELDS, PAL, None, 2, 50, "become 50 pictures"),
        (FIELDS, PAL, False, 1, 25, ""),
        (FRAMES, PAL, True, 1, 25, "become 25 pictures per second: half the motion goes"),
        (EARLIER, PAL, True, 1, 25, "half the motion goes"),
        (FIELDS, NTSC, True, 2, Fraction(60_000, 1001), "`av1rules explain` looks"),
        (FILM, NTSC, True, Fraction(4, 5), Fraction(24_000, 1001), "become 23.976 pictures of fi"),
        (FILM, NTSC, False, 1, NTSC, ""),
        (PLAIN, PAL, True, 1, 25, ""),
    ],
)
def test_pictures_of_a_frame(
    settings: EncodeSettings,
    rate: Fraction | None,
    is_interlaced: bool | None,
    per_frame: Fraction,
    made: Fraction | None,
    says: str,
) -> None:
    source = film(rate, is_interlaced=is_interlaced)
    taken = effective(settings, source)
    assert source.main is not None
    assert pictures_per_frame(taken) == per_frame
    assert picture_rate(rate, taken) == made
    notes = "; ".join(deinterlacing_notes(source.main, taken))
    assert says in notes
    assert bool(notes) == bool(says)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(NTSC, True), (Fraction(30), True), (PAL, False), (Fraction(60_000, 1001), False),
     (Fraction(24_000, 1001), False), (None, False)],
)  # fmt: skip
def test_film_is_telecined_in_ntsc_alone(rate: Fraction | None, expected: bool) -> None:
    main = film(rate).main
    assert main is not None
    assert is_telecine_rate(main) is expected


def test_prints_of_existing_libraries_stay() -> None:
    interlaced, progressive = film(PAL), film(PAL, is_interlaced=False)
    prints = {fingerprint("key", effective(one, interlaced)) for one in (FRAMES, EARLIER)}
    assert prints == {fingerprint("key", replace(EARLIER, bit_depth=10))}
    assert fingerprint("key", effective(FIELDS, interlaced)) not in prints
    prints = {
        fingerprint("key", effective(one, progressive))
        for one in (FIELDS, FRAMES, EARLIER, FILM, PLAIN)
    }
    assert prints == {fingerprint("key", replace(PLAIN, bit_depth=10))}


def test_a_change_of_rate_is_told() -> None:
    changed = changed_settings(effective(EARLIER, film(PAL)), effective(FIELDS, film(PAL)))
    assert changed == (("deinterlace_rate", "frames", "fields"),)
    assert shown(PLAIN, "deinterlace_rate") == "none"


def test_seconds_between_key_frames_are_those_of_the_target() -> None:
    found = [
        effective(replace(one, keyint="10s"), film(NTSC)).keyint for one in (FIELDS, FRAMES, FILM)
    ]
    assert found == ["599", "300", "240"]

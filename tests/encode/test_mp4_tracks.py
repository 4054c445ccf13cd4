"""What is held and what is said of an MP4's edits, alternatives, references and user data."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from av1rules.encode.mp4_tracks import mp4_structure_losses, structure_notes
from av1rules.media.mp4_structure import Mp4Edit, Mp4Structure, Mp4Track
from av1rules.policy.settings import Loss
from tests.encode.make import source

KEPT = frozenset({0, 1, 2})
SECOND = Fraction(1)


def edit(start_s: int | None, rate: float = 1.0) -> Mp4Edit:
    start = None if start_s is None else Fraction(start_s)
    return Mp4Edit(start_s=start, duration_s=SECOND, rate=rate)


def track(index: int, handler: str = "soun", **changes: Any) -> Mp4Track:
    return Mp4Track(number=index + 1, index=index, handler=handler, **changes)


def notes(*tracks: Mp4Track, container: str = "mkv", data: tuple[str, ...] = ()) -> tuple[str, ...]:
    film = source(mp4=Mp4Structure(tracks=tracks, user_data=data))
    return structure_notes(film, KEPT, container)


@pytest.mark.parametrize(
    ("edits", "what"),
    [
        ((edit(0), edit(1, 0.0)), "ordinary speed"),
        ((edit(0), edit(None), edit(2)), "gaps"),
        ((edit(None), edit(2), edit(0)), "2 pieces"),
    ],
)
def test_edits_are_held_with_what_would_become_of_them(
    edits: tuple[Mp4Edit, ...], what: str
) -> None:
    film = source(mp4=Mp4Structure(tracks=(track(0, "vide", edits=edits),)))
    ((loss, message),) = mp4_structure_losses(film, KEPT)
    assert loss is Loss.MP4_STRUCTURE
    assert message.startswith("the edit list of video 0 would be lost")
    assert what in message
    assert (
        list(mp4_structure_losses(film, frozenset())) == []
    )  # of a dropped stream they are no matter
    assert list(mp4_structure_losses(source(), KEPT)) == []


VIDEO = track(0, "vide")
ALTERNATIVES = (
    "streams 0, 1 are alternatives of each other (alternate group 3), which Matroska does not keep"
)


@pytest.mark.parametrize(
    ("tracks", "told"),
    [
        ((VIDEO, track(1, alternate_group=1), track(2, alternate_group=1)), ()),
        (
            (VIDEO, track(1), track(2)),
            ("sound tracks 1, 2 are meant to play together: players of the target choose one",),
        ),
        ((VIDEO, track(1), track(2, is_enabled=False)), ()),
        (
            (track(0, "vide", alternate_group=3), track(1, "vide", alternate_group=3)),
            (ALTERNATIVES,),
        ),
        (
            (VIDEO, track(1, is_enabled=False)),
            ("audio 1 is disabled in the source; players of the target show it",),
        ),
        (
            (VIDEO, track(1, references=(("fall", (1,)), ("chap", (1,)), ("fall", (9,))))),
            ("references between tracks are not carried on: fall (1 to 0)",),
        ),
    ],
)  # fmt: skip
def test_what_the_target_does_not_say_is_told(
    tracks: tuple[Mp4Track, ...], told: tuple[str, ...]
) -> None:
    assert notes(*tracks) == told


def test_user_data_is_named() -> None:
    (note,) = notes(VIDEO, data=tuple(f"GP{number:02}" for number in range(10)))
    assert note == (
        "user data of a camera or editor is not carried on: "
        "GP00, GP01, GP02, GP03, GP04, GP05, GP06, GP07 and 2 more"
    )

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.encode.streams import plan_streams
from av1rules.media.source import SubtitleStream
from av1rules.plan.items import Encode, Held
from av1rules.plan.plan import dropped_tracks_notes
from av1rules.plan.prerequisites import as_encoded, search_key
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.model import Originals, OriginalsKind, OutputMode, OutputSpec
from av1rules.policy.tracks.rules import TrackChoice
from tests.encode.make import audio, settings, source
from tests.plan_items import encode, fresh

FILM = source(
    audio=(audio(1), audio(2), audio(3)), subtitles=(SubtitleStream(index=4, codec="subrip"),)
)


def leaving_out(name: str, *dropped: int) -> Encode:
    row = encode(name)
    wanted = settings(tracks=TrackChoice(dropped=dropped))
    recipe = replace(row.work.recipe, settings=wanted, streams=plan_streams(FILM, wanted))
    return replace(row, work=replace(row.work, recipe=recipe))


def test_nothing_is_said_where_nothing_goes() -> None:
    assert dropped_tracks_notes(OutputSpec(), (encode("a"), fresh("b"))) == ()


def test_tracks_are_counted_over_all_films_to_come() -> None:
    waiting = leaving_out("c", 2)
    held = Held.of(waiting, "a user must see it", after_review=waiting.work)
    rows = (leaving_out("a", 1, 4), leaving_out("b", 2), held, encode("d"), fresh("e"))
    assert dropped_tracks_notes(OutputSpec(), rows) == (
        "left out by rule: 3 sound tracks and 1 subtitle track of 3 films; the sources keep them",
    )


@pytest.mark.parametrize(
    ("output", "end"),
    [
        (OutputSpec(mode=OutputMode.MIRROR), "the sources keep them"),
        (
            OutputSpec(mode=OutputMode.REPLACE),
            "the originals in the trash keep them until they are purged",
        ),
        (
            OutputSpec(mode=OutputMode.REPLACE, originals=Originals(kind=OriginalsKind.DELETE)),
            "they are gone for good with the originals, which this policy deletes",
        ),
    ],
)
def test_where_they_still_are_is_told(output: OutputSpec, end: str) -> None:
    (note,) = dropped_tracks_notes(output, (leaving_out("a", 1),))
    assert note == f"left out by rule: 1 sound track of 1 film; {end}"


def test_searches_and_samples_hold_whatever_becomes_of_the_tracks() -> None:
    """They take minutes a film, and other tracks change no picture."""
    plain, fewer = settings(), settings(tracks=TrackChoice(dropped=(1,)))
    assert search_key("key", fewer) == search_key("key", plain) == fingerprint("key", plain)
    assert as_encoded(fewer) == as_encoded(plain)

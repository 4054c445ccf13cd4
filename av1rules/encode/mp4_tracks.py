"""What becomes of an MP4's edit lists, alternatives, references and user data. Pure.

FFmpeg plays an edit list itself while it reads. Tried with 9.0: a late start and one stretch come
out as a player shows them; a rate is ignored (a frozen picture or slow motion plays at ordinary
speed); an empty stretch after the start is filled with the first pictures over again; stretches in
another order are played so, but their times may be off by the delay of B-frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from av1rules.base.text import counted, printable
from av1rules.encode.containers import MKV
from av1rules.media.mp4_structure import Mp4Edit, Mp4Track
from av1rules.media.source import Source
from av1rules.policy.settings import Loss

KINDS = {"vide": "video", "soun": "audio", "sbtl": "subtitle", "subt": "subtitle",
         "text": "subtitle", "clcp": "subtitle", "subp": "subtitle"}  # fmt: skip

KEPT_REFERENCES = frozenset({"chap", "tmcd", "hint"})
"""Chapters and timecodes, which are kept in another way, and hints for servers."""

SHOWN = 8


def mp4_structure_losses(source: Source, kept: frozenset[int]) -> Iterator[tuple[Loss, str]]:
    """Edit lists of the streams `kept` that that FFmpeg does not play as they say."""
    for track in _kept_tracks(source, kept):
        if track.edits:
            name = f"{KINDS.get(track.handler, 'track')} {track.index}"
            yield Loss.MP4_STRUCTURE, f"the edit list of {name} would be lost: {_fate(track.edits)}"


def _fate(edits: tuple[Mp4Edit, ...]) -> str:
    if any(edit.start_s is not None and edit.rate != 1 for edit in edits):
        return "parts of it are frozen or at another speed, and would play at ordinary speed"
    if any(edit.start_s is None for edit in edits[1:]):
        return "it has gaps, which would be filled with pictures or sound from the start"
    pieces = sum(edit.start_s is not None for edit in edits)
    return (
        f"it shows {counted(pieces, 'piece')} of the track in an order of its own; they would "
        "follow each other for good, a few frames early or late, without what lies between"
    )


def _kept_tracks(source: Source, kept: frozenset[int]) -> tuple[Mp4Track, ...]:
    if source.mp4 is None:
        return ()
    return tuple(track for track in source.mp4.tracks if track.index in kept)


def structure_notes(source: Source, kept: frozenset[int], container: str) -> tuple[str, ...]:
    """What else the target does not say of its tracks, in sentences for the plan."""
    if source.mp4 is None:
        return ()
    tracks = _kept_tracks(source, kept)
    notes = [*_alternatives(tracks, container), *_disabled(tracks), *_references(tracks)]
    if data := source.mp4.user_data:
        shown = ", ".join(printable(name, limit=8) for name in data[:SHOWN])
        more = f" and {len(data) - SHOWN} more" if len(data) > SHOWN else ""
        notes.append(f"user data of a camera or editor is not carried on: {shown}{more}")
    return tuple(notes)


def _alternatives(tracks: tuple[Mp4Track, ...], container: str) -> Iterator[str]:
    """Groups of which players show one track. FFmpeg's MP4 makes one group of all sound and one of
    all subtitles, and players of Matroska choose in the same way."""
    groups: dict[int, list[Mp4Track]] = defaultdict(list)
    for track in tracks:
        groups[track.alternate_group].append(track)
    for number, members in sorted(groups.items()):
        kinds = {KINDS.get(track.handler, track.handler) for track in members}
        of_kinds = [track for track in tracks if KINDS.get(track.handler, track.handler) in kinds]
        is_usual = len(kinds) == 1 and len(members) == len(of_kinds) and kinds != {"video"}
        if number and len(members) > 1 and not is_usual:
            names = ", ".join(str(track.index) for track in members)
            yield (
                f"streams {names} are alternatives of each other (alternate group {number}), "
                f"which {'Matroska' if container == MKV else 'FFmpeg'} does not keep"
            )
    together = [track for track in groups.get(0, ()) if track.handler == "soun"]
    if len([track for track in together if track.is_enabled]) > 1:
        names = ", ".join(str(track.index) for track in together if track.is_enabled)
        yield f"sound tracks {names} are meant to play together: players of the target choose one"


def _disabled(tracks: tuple[Mp4Track, ...]) -> Iterator[str]:
    hidden = [track for track in tracks if not track.is_enabled and track.handler in KINDS]
    lone = {kind: sum(KINDS.get(t.handler) == kind for t in tracks) for kind in KINDS.values()}
    for track in hidden:
        kind = KINDS[track.handler]
        if kind != "subtitle" and lone[kind] == 1:
            yield f"{kind} {track.index} is disabled in the source; players of the target show it"


def _references(tracks: tuple[Mp4Track, ...]) -> Iterator[str]:
    index_of = {track.number: track.index for track in tracks}
    found = [
        f"{printable(kind, limit=8)} ({track.index} to {index_of[number]})"
        for track in tracks
        for kind, numbers in track.references
        for number in numbers
        if kind not in KEPT_REFERENCES and number in index_of
    ]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        yield f"references between tracks are not carried on: {', '.join(found[:SHOWN])}{more}"

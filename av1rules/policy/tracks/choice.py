"""What the rules for tracks come to for one source: which streams go, and which flags change. Pure.

A source never ends without its ordinary sound: where no such track is in a wanted language, the
sound of every language is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from av1rules.base.text import printable
from av1rules.media.source import AudioStream, Source, SubtitleStream
from av1rules.policy.languages import language
from av1rules.policy.tracks.kinds import OF_AUDIO, TrackKind, kinds_of
from av1rules.policy.tracks.rules import (
    ORIGINAL,
    TITLED,
    UNKNOWN,
    AudioRules,
    SubtitleRules,
    TrackChoice,
)

SHOWN_TITLE = 60

_NO_LANGUAGE = frozenset({"mul", "mis", "zxx"})
"""Codes that say of a track that it is in no one language: nobody knows what is missed by it."""

Track = AudioStream | SubtitleStream
_AnyTrack = TypeVar("_AnyTrack", AudioStream, SubtitleStream)


class ChosenTracks(msgspec.Struct, frozen=True, kw_only=True):
    """The choice with its words: why each dropped stream goes (by index), and what of the rules
    could not be followed. `choice` None: every track stays as it is."""

    choice: TrackChoice | None = None
    reasons: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


def choose_tracks(
    source: Source, audio: AudioRules | None, subtitles: SubtitleRules | None
) -> ChosenTracks:
    """What rules for sound and for subtitles (None: everything stays) come to for `source`."""
    if audio is None and subtitles is None:  # most libraries: every film is asked
        return ChosenTracks()
    reasons: dict[int, str] = {}
    flags: dict[int, frozenset[str]] = {}
    notes: list[str] = []
    original = _original_language(source.audio)
    if audio is not None and source.audio:
        gone, relaxed = _dropped_audio(source.audio, audio, original)
        reasons |= gone
        notes += relaxed
        kept = tuple(track for track in source.audio if track.index not in gone)
        flags |= _default_flags(kept, audio.default, original, "audio", notes)
        if audio.default is None:
            flags |= _handed_on(source.audio, kept)
    if subtitles is not None and source.subtitles:
        gone = _dropped_subtitles(source.subtitles, subtitles, original)
        reasons |= gone
        titles = tuple(track for track in source.subtitles if track.index not in gone)
        flags |= _default_flags(titles, subtitles.default, original, "subtitle", notes)
        flags = _with_forced(titles, subtitles.forced, flags)
    own = {track.index: track.dispositions for track in tracks_of(source)}
    changed = {index: names for index, names in flags.items() if names != own[index]}
    choice = TrackChoice(
        dropped=tuple(sorted(reasons)),
        flags=tuple((index, tuple(sorted(changed[index]))) for index in sorted(changed)),
    )
    return ChosenTracks(
        choice=None if choice == TrackChoice() else choice,
        reasons=tuple(sorted(reasons.items())),
        notes=tuple(notes),
    )


def tracks_of(source: Source) -> Iterator[Track]:
    """The tracks that rules are about."""
    yield from source.audio
    yield from source.subtitles


def track_name(track: Track) -> str:
    """A track in words: `fra "Director's commentary"`."""
    named = track.title or track.handler or ""
    title = f' "{printable(named, limit=SHOWN_TITLE)}"' if named else ""
    return f"{printable(language_of(track) or 'of unknown language', limit=SHOWN_TITLE)}{title}"


def language_of(track: Track) -> str | None:
    """The three-letter code of a track's language; None if nobody knows it."""
    code = language(track.language)
    return None if code in _NO_LANGUAGE else code


def _is_ordinary(track: Track) -> bool:
    return kinds_of(track).isdisjoint(OF_AUDIO)


def _original_language(audio: Sequence[AudioStream]) -> str | None:
    """The language of the film: of the sound marked as original, else of the first ordinary
    track."""
    marked = next((track for track in audio if "original" in track.dispositions), None)
    first = next(filter(_is_ordinary, audio), None)
    track = marked or first
    return None if track is None else language_of(track)


def _is_wanted(track: Track, wanted: Iterable[str], original: str | None) -> bool:
    """Whether a track is in one of the languages. What is marked as original is `original`
    whatever its language; where nobody knows the film's, a track without one is."""
    code = language_of(track)
    for word in wanted:
        if word == ORIGINAL and ("original" in track.dispositions or code == original):
            return True
        if code == word or (word == UNKNOWN and code is None):
            return True
    return False


def _dropped_audio(
    tracks: Sequence[AudioStream], rules: AudioRules, original: str | None
) -> tuple[dict[int, str], list[str]]:
    """Why each dropped track goes, and notes on what was relaxed to keep the film's sound."""
    reasons = {track.index: why for track in tracks if (why := _why(track, rules, original))}
    ordinary = [track for track in tracks if _is_ordinary(track)] or list(tracks)
    sure = [
        track
        for track in ordinary
        if track.index not in reasons
        and (rules.keep is None or _is_wanted(track, rules.keep, original))
    ]
    if sure:
        return reasons, []
    wanted = "of a known language" if rules.keep is None else f"in {', '.join(rules.keep)}"
    every = AudioRules(commentary=rules.commentary, descriptions=rules.descriptions)
    reasons = {track.index: why for track in tracks if (why := _why(track, every, original))}
    if len(reasons) == len(tracks):  # nothing but commentaries and the like
        return {}, ["all sound stays: without it the target would have none"]
    return reasons, [f"the sound of every language stays: no ordinary track is {wanted}"]


def _why(track: AudioStream, rules: AudioRules, original: str | None) -> str | None:
    """Why a sound track goes by the rules; None if it stays."""
    kinds = kinds_of(track)
    if TrackKind.COMMENTARY in kinds and not rules.commentary:
        return TrackKind.COMMENTARY.value
    if TrackKind.DESCRIPTIONS in kinds and not rules.descriptions:
        return TrackKind.DESCRIPTIONS.value
    return _why_language(track, rules, original)


def _why_language(
    track: Track, rules: AudioRules | SubtitleRules, original: str | None
) -> str | None:
    if rules.keep is not None and _is_wanted(track, rules.keep, original):
        return None
    if language_of(track) is None:
        return None if rules.unknown else "its language is unknown"
    return None if rules.keep is None else "its language is not kept"


def _dropped_subtitles(
    tracks: Sequence[SubtitleStream], rules: SubtitleRules, original: str | None
) -> dict[int, str]:
    found = ((track.index, _why_subtitle(track, rules, original)) for track in tracks)
    return {index: why for index, why in found if why is not None}


def _why_subtitle(track: SubtitleStream, rules: SubtitleRules, original: str | None) -> str | None:
    if rules.keep == ():
        return "no subtitles are kept"
    kinds = kinds_of(track)
    if TrackKind.COMMENTARY in kinds and not rules.commentary:
        return TrackKind.COMMENTARY.value
    if TrackKind.SDH in kinds and not rules.sdh:
        return TrackKind.SDH.value
    if TrackKind.FORCED not in kinds and not rules.full:
        return "not forced"
    return _why_language(track, rules, original)


def _default_flags(
    kept: Sequence[_AnyTrack],
    wanted: tuple[str, ...] | None,
    original: str | None,
    kind: str,
    notes: list[str],
) -> dict[int, frozenset[str]]:
    """The flags of the kept tracks of one kind, by a rule for the default one."""
    if wanted is None or not kept:
        return {}
    chosen = _preferred(kept, wanted, original)
    if wanted and chosen is None:
        notes.append(
            f"no kept {kind} track is in {', '.join(wanted)}: the default flags stay as they are"
        )
        return {}
    return {track.index: _flagged(track, is_default=track is chosen) for track in kept}


def _preferred(
    kept: Sequence[_AnyTrack], wanted: tuple[str, ...], original: str | None
) -> _AnyTrack | None:
    """The first track of the first language that there is; ordinary ones before others."""
    for word in wanted:
        in_language = [track for track in kept if _is_wanted(track, (word,), original)]
        if in_language:
            return min(in_language, key=lambda track: len(kinds_of(track)))
    return None


def _flagged(track: Track, *, is_default: bool) -> frozenset[str]:
    others = track.dispositions - {"default"}
    return others | {"default"} if is_default else others


def _handed_on(
    tracks: Sequence[AudioStream], kept: Sequence[AudioStream]
) -> dict[int, frozenset[str]]:
    """Where the default sound goes, the first that stays is the default: players that look for one
    would have none."""
    if len(kept) == len(tracks) or not any("default" in track.dispositions for track in tracks):
        return {}
    if not kept or any("default" in track.dispositions for track in kept):
        return {}
    heir = next(filter(_is_ordinary, kept), kept[0])
    return {heir.index: _flagged(heir, is_default=True)}


def _with_forced(
    kept: Sequence[SubtitleStream], rule: str | None, flags: dict[int, frozenset[str]]
) -> dict[int, frozenset[str]]:
    """`flags` with the forced flag as the rule says."""
    if rule is None:
        return flags
    return flags | dict(_forced(kept, rule, flags))


def _forced(
    kept: Sequence[SubtitleStream], rule: str, flags: dict[int, frozenset[str]]
) -> Iterator[tuple[int, frozenset[str]]]:
    for track in kept:
        names = flags.get(track.index, track.dispositions) - {"forced"}
        is_forced = rule == TITLED and TrackKind.FORCED in kinds_of(track)
        yield track.index, names | {"forced"} if is_forced else names

"""What kind of track a sound or a subtitle track is, by its flags and by its title. Pure.

Few files set the flags, and the titles say what people call such tracks in several languages.
"""

from __future__ import annotations

import functools
import re
from enum import StrEnum

from av1rules.media.source import AudioStream, SubtitleStream


class TrackKind(StrEnum):
    """What sets a track apart from the film's ordinary sound or full subtitles."""

    COMMENTARY = "commentary"
    DESCRIPTIONS = "audio description"
    SDH = "for the hard of hearing"
    FORCED = "forced"
    PARTIAL = "music and effects"  # no sound of the film without the rest


_BY_FLAG = {
    "comment": TrackKind.COMMENTARY,
    "visual_impaired": TrackKind.DESCRIPTIONS,
    "descriptions": TrackKind.DESCRIPTIONS,
    "hearing_impaired": TrackKind.SDH,
    "captions": TrackKind.SDH,
    "forced": TrackKind.FORCED,
    "clean_effects": TrackKind.PARTIAL,
    "karaoke": TrackKind.PARTIAL,
}

_TITLES = {
    TrackKind.COMMENTARY: re.compile(
        r"\b(?:commentar(?:y|ies)|commentaires?|comentarios?|coment[aá]rios?|commento|"
        r"(?:audio)?kommentare?|kommentarer|commentaar|komentarz|коммент\w*)\b|コメンタリー|评论|評論",
        re.IGNORECASE,
    ),
    TrackKind.DESCRIPTIONS: re.compile(
        r"\b(?:audio[- ]?descri\w+|descriptive|described|descriptions?|dvs|audiodeskription|"
        r"hörfilm\w*)\b|(?-i:(?:^|[\s(\[,/-])AD(?:$|[\s)\],/-]))",
        re.IGNORECASE,
    ),
    TrackKind.SDH: re.compile(
        r"\b(?:sdh|hearing[- ]?impaired|hard[- ]of[- ]hearing|closed captions?|h\.?o\.?h|"
        r"hörgeschädigte\w*|malentendants?|sourds?|non ?udenti|sordos)\b|"
        r"(?-i:(?:^|[\s(\[,/-])CC(?:$|[\s)\],/-]))",
        re.IGNORECASE,
    ),
    TrackKind.FORCED: re.compile(
        r"(?<!non[- ])(?<!not )(?<!un)\b(?:forced|erzwungen\w*|forc[ée]s?|forzat[oi]|forzados?|"
        r"foreign (?:parts?|only)|signs(?: ?(?:&|and|/|\+) ?songs)?)\b",
        re.IGNORECASE,
    ),
}

OF_AUDIO = frozenset({TrackKind.COMMENTARY, TrackKind.DESCRIPTIONS, TrackKind.PARTIAL})
OF_SUBTITLES = frozenset({TrackKind.COMMENTARY, TrackKind.SDH, TrackKind.FORCED})
"""The kinds that count for each: a sound track that says SDH is no other sound."""


def kinds_of(stream: AudioStream | SubtitleStream) -> frozenset[TrackKind]:
    """The kinds of a track; empty for ordinary sound and full subtitles."""
    known = OF_AUDIO if isinstance(stream, AudioStream) else OF_SUBTITLES
    by_flag = frozenset(_BY_FLAG[flag] for flag in stream.dispositions if flag in _BY_FLAG)
    return (by_flag | _kinds_of_title(stream.title or stream.handler or "")) & known


_WORDS = {
    TrackKind.COMMENTARY: "commentary",
    TrackKind.DESCRIPTIONS: "audio description",
    TrackKind.SDH: "SDH",
    TrackKind.FORCED: "forced",
}


def words_of_kinds(title: str) -> tuple[str, ...]:
    """Words that say of a track what its title says, and nothing else."""
    kinds = _kinds_of_title(title)
    return tuple(word for kind, word in _WORDS.items() if kind in kinds)


@functools.lru_cache(maxsize=4096)  # a library has few titles of tracks
def _kinds_of_title(title: str) -> frozenset[TrackKind]:
    return frozenset(kind for kind, pattern in _TITLES.items() if pattern.search(title))

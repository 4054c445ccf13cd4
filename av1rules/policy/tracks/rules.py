"""Which sound and subtitle tracks a rule keeps, and how it sets their flags. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.policy.languages import is_language_code, language, named_language

ALL, NONE, ORIGINAL, UNKNOWN = "all", "none", "original", "und"
"""Words beside languages: every track; no track; the language of the film itself; no language."""

TITLED = "titled"
"""`forced: titled`: subtitles whose title says that they are forced get the flag too."""

LISTED = (ORIGINAL, UNKNOWN)
KEPT_AUDIO = (*LISTED, ALL)
KEPT_SUBTITLES = (*LISTED, ALL, NONE)
DEFAULTED = (*LISTED, NONE)
"""The words that may stand in a list, and alone for each key."""

_MISPLACED = {
    ALL: "all stands alone: `keep: all`",
    NONE: "none stands alone, for subtitles (`keep: none`) and `default`; some sound always stays",
}

_LIKE_A_CODE = re.compile("[a-z]{3}")
"""ISO 639-3 has thousands of them, most of which nobody has heard of; checks warn."""

_ALIKE = {"unknown": UNKNOWN, "undetermined": UNKNOWN}


class AudioRules(msgspec.Struct, frozen=True, kw_only=True):
    """`keep` and `default` are languages by their three-letter codes, `original` or `und`, in order
    of preference; `keep` None keeps all. `default` None leaves the flags as they are, empty clears
    them. The rest says whether tracks of that kind stay."""

    keep: tuple[str, ...] | None = None
    commentary: bool = True
    descriptions: bool = True
    unknown: bool = True
    default: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """As one short cell: `keep en, ja; no commentary`."""
        return _text(self, ("commentary", "descriptions"))


class SubtitleRules(msgspec.Struct, frozen=True, kw_only=True):
    """As `AudioRules`, where an empty `keep` keeps none. `full` are those that are not forced.
    `forced` None leaves that flag as it is, `titled` sets it by title, `none` clears it."""

    keep: tuple[str, ...] | None = None
    full: bool = True
    commentary: bool = True
    sdh: bool = True
    unknown: bool = True
    default: tuple[str, ...] | None = None
    forced: str | None = None

    @property
    def text(self) -> str:
        """As one short cell: `keep none`."""
        return _text(self, ("full", "commentary", "sdh"))


class TrackChoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What rules for tracks come to for one source: the indexes of the streams that go, and the
    flags (FFmpeg's dispositions) of those that get others than their own. What it says is part of
    the fingerprint, so that a rule that comes to the same makes no target stale."""

    dropped: tuple[int, ...] = ()
    flags: tuple[tuple[int, tuple[str, ...]], ...] = ()

    @property
    def text(self) -> str:
        """As one short cell: `without streams 2, 3; flags of 1: default`."""
        parts = []
        if self.dropped:
            noun = "stream" if len(self.dropped) == 1 else "streams"
            parts.append(f"without {noun} {', '.join(map(str, self.dropped))}")
        parts += [f"flags of {index}: {'+'.join(names) or 'none'}" for index, names in self.flags]
        return "; ".join(parts)


def _text(rules: AudioRules | SubtitleRules, kinds: tuple[str, ...]) -> str:
    kept = ALL if rules.keep is None else ", ".join(rules.keep) or NONE
    parts = [f"keep {kept}"]
    parts += [f"no {kind}" for kind in kinds if not getattr(rules, kind)]
    if not rules.unknown:
        parts.append("none of unknown language")
    if rules.default is not None:
        parts.append(f"default {', '.join(rules.default) or NONE}")
    if isinstance(rules, SubtitleRules) and rules.forced is not None:
        parts.append(f"forced {rules.forced}")
    return "; ".join(parts)


class LanguageWordError(ValueError):
    """A word that names no language; `hint` says what to write."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def track_language(text: str, words: tuple[str, ...]) -> str:
    """A language of `keep` or `default` as its three-letter code, or one of the `words` that may
    stand there instead.

    Raises LanguageWordError. A region or script is not compared: most files do not say it.
    """
    plain = text.strip().lower()
    plain = _ALIKE.get(plain, plain)
    if plain in words:
        return plain
    if plain in _MISPLACED:
        raise LanguageWordError(f"{plain} can't stand here", hint=_MISPLACED[plain])
    if is_language_code(plain) or _LIKE_A_CODE.fullmatch(plain):
        return language(plain) or plain
    shown = printable(text, limit=60)
    if (code := named_language(plain)) is not None:
        raise LanguageWordError(
            f"expected a language code such as en or eng, found {shown}", hint=f"write {code}"
        )
    raise LanguageWordError(
        f"expected a language code such as en or eng, found {shown}",
        hint=f"or a word: {', '.join(words)}",
    )


def languages_of(value: Any) -> tuple[str, ...] | None:
    """The checked value of `keep` or `default`: None for `all`, empty for `none`."""
    items = value if isinstance(value, list) else [value]
    words = [track_language(str(item), (*LISTED, ALL, NONE)) for item in items]
    if ALL in words:
        return None
    return tuple(dict.fromkeys(word for word in words if word != NONE))


TRACK_FORMATS: dict[str, Callable[[str], object]] = {
    "listed-language": functools.partial(track_language, words=LISTED),
    "audio-language": functools.partial(track_language, words=KEPT_AUDIO),
    "subtitle-language": functools.partial(track_language, words=KEPT_SUBTITLES),
    "default-language": functools.partial(track_language, words=DEFAULTED),
}
"""The formats of the schema for languages of tracks, by name."""

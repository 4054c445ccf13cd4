"""Values of `audio` and `subtitles` that are valid and yet can't be meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.policy.languages import is_language_code, language
from av1rules.policy.tracks.rules import ALL, NONE, ORIGINAL, UNKNOWN, track_language
from av1rules.policy.vocabulary import vocabulary_problem


class TrackProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem at a key of `audio` or `subtitles`, and at one word of its list (`place`)."""

    key: str
    place: int | None = None
    message: str
    hint: str | None = None
    is_error: bool = False


def track_problems(values: Mapping[str, Any]) -> Iterator[TrackProblem]:
    """The problems of one such mapping, which the schema has accepted."""
    for key in ("keep", "default"):
        value = values.get(key, [])
        for place, word in enumerate(value if isinstance(value, list) else [value]):
            problem = _word_problem(str(word), is_alone=not isinstance(value, list))
            if problem is not None:
                at = place if isinstance(value, list) else None
                yield TrackProblem(key=key, place=at, message=problem[0], hint=problem[1])
    kept = values.get("keep")
    words = [track_language(str(word), _WORDS) for word in kept] if isinstance(kept, list) else []
    if UNKNOWN in words and values.get("unknown") is False:
        yield TrackProblem(
            key="unknown",
            message="keep names und, and unknown: false drops just these tracks",
            hint="remove one of the two",
            is_error=True,
        )


_WORDS = (ORIGINAL, UNKNOWN, ALL, NONE)


def _word_problem(word: str, *, is_alone: bool) -> tuple[str, str | None] | None:
    """A message and a hint, or None."""
    plain = word.strip().lower().replace("_", "-")
    code = track_language(word, _WORDS)
    if code in _WORDS:
        return None
    if plain == "no" and is_alone:
        return "no is the code of Norwegian", "for none of them: none; for Norwegian: nor"
    if not is_language_code(plain):
        found = vocabulary_problem("audio_language", printable(word, limit=60))
        return None if found is None else (found.message, found.hint)
    base = plain.partition("-")[0]
    if base != plain:
        message = f"{printable(word, limit=60)} counts as {language(base)}: few files say a region"
        return message, f"write {base}"
    return None

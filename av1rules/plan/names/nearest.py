"""The names nearest to one that no film has: misspelt words, or words in another order. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

_NO_WORD = re.compile(r"[\W_]+")

_MOST_SPELLINGS = 6
"""Words of films that one word of a user may stand for."""

_LENGTH_SLACK = 2
"""How many letters a misspelt word may have too many or too few."""

_COMPARED = 50
"""Names that are compared letter by letter."""


def folded(text: str) -> str:
    """The words of a text in lower case, without accents and marks, with spaces between them."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return _NO_WORD.sub(" ", text.lower()).strip()


def nearest(text: str, names: Sequence[str], *, count: int = 3) -> tuple[str, ...]:
    """The `count` names that have most of the words of `text`, also if these are misspelt."""
    wanted = list(dict.fromkeys(folded(text).split()))
    places: dict[str, set[int]] = defaultdict(set)
    for at, name in enumerate(names):
        for word in folded(name).split():
            places[word].add(at)
    scores = Counter[int]()
    for word in wanted:
        # A rare word says more than the name of a folder or the end of all names.
        for at, weight in _spelt(word, places, len(names)).items():
            scores[at] += weight
    plain = folded(text)
    best = [at for at, _ in scores.most_common(_COMPARED)]
    best.sort(key=lambda at: (-scores[at], -_likeness(plain, names[at]), names[at]))
    return tuple(names[at] for at in best[:count])


def _spelt(word: str, places: dict[str, set[int]], total: int) -> dict[int, int]:
    """A weight for each name that has `word` or a word spelt like it."""
    weights: dict[int, int] = {}
    for spelling in _spellings(word, places):
        films = places[spelling]
        rarity = max(total // len(films), 1).bit_length()
        share = SequenceMatcher(None, word, spelling).ratio()
        for at in films:
            weights[at] = max(weights.get(at, 0), round(100 * rarity * share))
    return weights


def _spellings(word: str, known: Iterable[str]) -> list[str]:
    if word in known:
        return [word]
    alike = [one for one in known if abs(len(one) - len(word)) <= _LENGTH_SLACK]
    return get_close_matches(word, alike, n=_MOST_SPELLINGS, cutoff=0.7)


def _likeness(plain: str, name: str) -> float:
    return SequenceMatcher(None, plain, folded(name)).ratio()

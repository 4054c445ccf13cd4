"""The films that cases take from files of facts (`from: facts.jsonl.gz#movies/Film.mkv`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av1rules.plan.facts.find_films import find_films
from av1rules.policy.rule_tests.given import RecordedFilm


def recorded_films(
    plain: Any, folder: Path, facts_file: Path | None
) -> dict[str, RecordedFilm | None]:
    """The films by what `from` says of them; None for one that its file does not have. Files are
    looked for from `folder` on; `facts_file` is the one of a case that names none. Raises
    UsageError for a file that can't be read."""
    wanted: dict[Path, dict[str, str]] = defaultdict(dict)
    for text in _named(plain):
        name, mark, film = text.partition("#")
        file = folder / name if name else facts_file
        if file is not None and mark:
            wanted[file][text] = film
    found: dict[str, RecordedFilm | None] = {}
    for file, films in wanted.items():
        known = find_films(file, frozenset(films.values()))
        found |= {text: known.get(film) for text, film in films.items()}
    return found


def _named(plain: Any) -> Iterator[str]:
    cases = plain.get("cases") if isinstance(plain, dict) else None
    for case in cases if isinstance(cases, list) else ():
        given = case.get("given") if isinstance(case, dict) else None
        text = given.get("from") if isinstance(given, dict) else None
        if isinstance(text, str):
            yield text

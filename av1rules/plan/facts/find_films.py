"""Finds single films in a file of facts, without the rest of it: for tests of rules."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

import msgspec

from av1rules.media.film_cache import film_key
from av1rules.media.film_facts import FilmFacts, with_film
from av1rules.media.packed_source import source_from_json
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.evaluate import grain_of, noise_key
from av1rules.plan.facts.lines import FilmLine, MemoLine, path_of_text
from av1rules.plan.facts.read import numbered_lines
from av1rules.policy.rule_tests.given import RecordedFilm
from av1rules.quality.excerpts import NoiseEstimate


def find_films(path: Path, library_paths: Collection[str]) -> dict[str, RecordedFilm]:
    """Those of these films that the file has, by their library paths. Raises UsageError."""
    found: dict[str, tuple[FilmLine, LibraryFile, Source]] = {}
    memos: dict[str, str] = {}
    with numbered_lines(path, (FilmLine, MemoLine)) as (header, lines):
        roots = {root.name: path_of_text(root.real_path) for root in header.roots}
        for line in lines:
            if isinstance(line, FilmLine):
                name = f"{path_of_text(line.root)}/{path_of_text(line.path)}"
                if name in library_paths and (text := line.source_json) is not None:
                    file = LibraryFile(
                        root_name=path_of_text(line.root),
                        root=roots[line.root],
                        relative_path=path_of_text(line.path),
                        stat=line.stat.file_stat,
                    )
                    found[name] = (line, file, source_from_json(text))
            elif isinstance(line, MemoLine) and line.key.startswith(("film:", "noise:")):
                memos[line.key] = line.text
    return {name: _film(*one, memos) for name, one in found.items()}


def _film(line: FilmLine, file: LibraryFile, source: Source, memos: dict[str, str]) -> RecordedFilm:
    grain, key = None, line.content_key or ""
    with contextlib.suppress(KeyError, msgspec.MsgspecError):
        source = with_film(source, msgspec.json.decode(memos[film_key(key)], type=FilmFacts))
    with contextlib.suppress(KeyError, msgspec.MsgspecError):
        grain = grain_of(msgspec.json.decode(memos[noise_key(key)], type=NoiseEstimate))
    return RecordedFilm(file=file, source=source, grain=grain)

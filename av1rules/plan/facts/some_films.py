"""The part of facts that is about some films: for a question about one of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from av1rules.base.files import is_at_or_below
from av1rules.ledger.ledger import Ledger
from av1rules.plan.facts.lines import (
    EndLine,
    FactsHeader,
    FactsLine,
    FileLine,
    FilmLine,
    FolderLine,
    MemoLine,
    RowLine,
    path_of_text,
)


class SomeFilms:
    """Chooses the lines about films at these paths, their targets, and files of the same content.
    The inventory of a root is left out: the other films are not missing."""

    def __init__(self, paths: Collection[str], ledger: Ledger) -> None:
        self._paths = set(paths)
        self._keys: set[str] = set()
        self._names: set[str] = set()
        self._roots: dict[str, str] = {}
        for brief in ledger.briefs():
            if brief.source_path in paths or brief.target in paths:
                self._paths |= {brief.target, brief.source_path}
                self._names.add(brief.source)
        self._folders = {os.path.dirname(path) for path in self._paths}

    def lines(self, lines: Iterable[FactsLine]) -> Iterator[FactsLine]:
        count, films, targets = 0, 0, 0
        chosen = []
        for line in lines:
            kept = self._chosen(line)
            if kept is None or isinstance(kept, EndLine):
                continue
            films += isinstance(kept, FilmLine)
            targets += isinstance(kept, RowLine) and kept.table == "targets"
            chosen.append(kept)
        for line in chosen:
            count += 1
            if isinstance(line, FactsHeader):
                yield replace(line, films=films, targets=targets)
            else:
                yield line
        yield EndLine(lines=count + 1)

    def _chosen(self, line: FactsLine) -> FactsLine | None:
        if isinstance(line, FactsHeader):
            self._roots = {root.name: path_of_text(root.real_path) for root in line.roots}
            return line
        if isinstance(line, FilmLine):
            return self._film(line)
        if isinstance(line, FolderLine):
            return self._folder(line)
        if isinstance(line, FileLine):
            path = path_of_text(line.path)
            return line if path in self._paths or os.path.dirname(path) in self._folders else None
        if isinstance(line, MemoLine):
            is_ours = line.key.rpartition(":")[2] in self._keys or line.key.startswith("trial:")
            return line if is_ours else None
        if isinstance(line, RowLine):
            return line if self._is_about(line.table, line.values) else None
        return line

    def _film(self, line: FilmLine) -> FilmLine | None:
        path = f"{self._roots[line.root]}/{path_of_text(line.path)}"
        if path not in self._paths:
            return None
        self._names.add(f"{path_of_text(line.root)}/{path_of_text(line.path)}")
        if line.content_key is not None:
            self._keys.add(line.content_key)
        return line

    def _folder(self, line: FolderLine) -> FolderLine | None:
        path = path_of_text(line.path)
        if path in self._folders:
            return line
        is_above = any(is_at_or_below(folder, path) for folder in self._folders)
        return replace(line, entries=()) if is_above else None

    def _is_about(self, table: str, values: dict[str, Any]) -> bool:
        if table == "census":
            return False
        if table == "own_touches" or values.get("content_key") in self._keys:
            return True
        paths = (values.get(name) for name in ("target", "source_path", "place", "origin", "path"))
        if any(path_of_text(one) in self._paths for one in paths if isinstance(one, str)):
            return True
        source = values.get("source")
        return isinstance(source, str) and path_of_text(source) in self._names

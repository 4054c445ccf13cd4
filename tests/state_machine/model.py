"""The model of a shared library: which sources the rules want encoded, and what each file is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine

from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry
from tests.state_machine.shared_library import (
    OUT,
    Bytes,
    Knowledge,
    Policy,
    Seen,
    SharedLibrary,
    Snapshot,
    is_plain,
)

Wanted = dict[str, tuple[int, int, str]]
"""Sources that the rules want encoded: content, crf and target, by path."""


class Model(RuleBasedStateMachine):
    """Answers questions about the library on disk."""

    known: Knowledge
    policy: Policy
    world: SharedLibrary

    def all_wanted(self, snapshot: Snapshot) -> Wanted:
        """By the rules, without a look at what is in the way."""
        wanted: Wanted = {}
        for path, seen in snapshot.items():
            crf = self.policy.crf_of(path.partition("/")[2])
            is_source = self.is_source(path, seen) and not self.is_marked(path)
            is_linked = self.policy.mode == "replace" and seen.links > 1
            if is_source and crf is not None and not is_linked:
                wanted[path] = (seen.what.content, crf, self.policy.target_of(path))
        return wanted

    def wanted(self, snapshot: Snapshot, rows: list[TargetRow]) -> Wanted:
        """Those without a rival for their target. A target that is there already is that of its own
        source, and of sources of the same content."""
        owners = {self.below(row.target): row for row in rows if self.below(row.target) in snapshot}
        wanted: Wanted = {}
        claims: Counter[str] = Counter()
        for path, (content, crf, target) in self.all_wanted(snapshot).items():
            row = owners.get(target)
            is_alike = row is not None and self.recorded_by(row).content == content
            if row is None or is_alike or self.below(row.source_path) == path:
                wanted[path] = (content, crf, target)
                claims[target] += 1
        return {path: want for path, want in wanted.items() if claims[want[2]] == 1}

    def is_marked(self, path: str) -> bool:
        folder = self.path(path).parent
        while folder != self.world.folder:
            if (folder / ".av1skip").exists():
                return True
            folder = folder.parent
        return False

    def is_film(self, path: str, seen: Seen) -> bool:
        """What a user sees as a film of the library: not the targets beside it."""
        return is_in_library(path) and not path.endswith(".av1.mkv")

    def is_source(self, path: str, seen: Seen) -> bool:
        return is_in_library(path) and seen.what.kind == "source"

    def is_result(self, path: str, seen: Seen) -> bool:
        return is_plain(path) and seen.what.kind == "result"

    def picked(self, pick: int, is_meant: Callable[[str, Seen], bool]) -> str | None:
        names = sorted(path for path, seen in self.snapshot().items() if is_meant(path, seen))
        return names[pick % len(names)] if names else None

    def learn(self, path: str, kind: str) -> None:
        """A user changed bytes: what they are now."""
        what = self.known.bytes.get(file_digest(self.path(path)))
        if what is None:
            was = Bytes(kind=kind, content=-1)
            self.known.bytes[file_digest(self.path(path))] = was

    def path(self, below: str) -> Path:
        return self.world.folder / below

    def below(self, path: str) -> str:
        return os.path.relpath(path, self.world.folder)

    def snapshot(self) -> Snapshot:
        return self.world.snapshot(self.known)

    def content_of_library(self) -> dict[str, Bytes]:
        return {path: seen.what for path, seen in self.snapshot().items() if is_plain(path)}

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.read(self.world.state_dir)
        try:
            yield ledger
        finally:
            ledger.close()

    def rows(self) -> list[TargetRow]:
        with self.ledger() as ledger:
            return list(ledger.rows())

    def valid_rows(self, snapshot: Snapshot) -> list[TargetRow]:
        """Without those of targets that a user moved away, with another result there now."""
        valid = []
        for row in self.rows():
            seen = snapshot.get(self.below(row.target))
            if seen is None or seen.what.kind != "result" or seen.what == self.recorded_by(row):
                valid.append(row)
        return valid

    def recorded_by(self, row: TargetRow) -> Bytes:
        return result(self.known.bytes[row.source_digest].content, int(row.settings.crf))

    def kept(self) -> list[TrashEntry]:
        with self.ledger() as ledger:
            return [kept for kept in ledger.kept.entries() if kept.gone_at is None]


def is_in_library(path: str) -> bool:
    return is_plain(path) and not path.startswith(f"{OUT}/")


def contents_of(snapshot: Snapshot) -> set[int]:
    return {seen.what.content for seen in snapshot.values() if seen.what.kind == "source"}


def result(content: int, crf: int) -> Bytes:
    return Bytes(kind="result", content=content, crf=crf)

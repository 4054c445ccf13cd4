"""A library with files in the trash: real files, and their entries in the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.files import TRASH_FOLDER
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.storage.trash_folder import mark_trash
from tests.plan.test_freshness import ROW

RULES = """\
version: 1
library: {{roots: [films]}}
output: {{mode: replace{originals}}}
rules:
  - {{name: all, encode: {{}}, review: never}}
"""

LONG_AGO = "2026-01-01T12:00:00+00:00"


@dataclass(frozen=True)
class TrashLibrary:
    """`films/` with `.av1rules-kept/` in it, and `rules.yaml` above."""

    folder: Path

    @property
    def films(self) -> Path:
        return self.folder / "films"

    @property
    def trash(self) -> Path:
        return self.films / TRASH_FOLDER

    def ruleset(self, originals: str = "") -> RuleSet:
        self.films.mkdir(parents=True, exist_ok=True)
        file = self.folder / "rules.yaml"
        option = f", originals: {originals}" if originals else ""
        file.write_text(RULES.format(originals=option))
        return load_rules(file)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with closing(Ledger.open(self.folder / ".av1rules")) as ledger:
            yield ledger

    def move_to_trash(
        self,
        name: str = "a.mp4",
        *,
        kind: TrashKind = TrashKind.ORIGINAL,
        run: int = 1,
        at: str = LONG_AGO,
    ) -> TrashEntry:
        """A pair of `name` and its target, with the file of this kind in the trash, the other in
        place."""
        source, target = self.films / name, (self.films / name).with_suffix(".mkv")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(b"source of " + os.fsencode(name) * 100)
        target.write_bytes(b"target of " + os.fsencode(name) * 10)
        row = replace(row_of(source, target, f"films/{name}"), run=run)
        stood = source if kind is TrashKind.ORIGINAL else target
        mark_trash(str(self.trash))
        trashed = self.trash / str(run) / stood.relative_to(self.films)
        trashed.parent.mkdir(parents=True, exist_ok=True)
        stood.rename(trashed)
        if kind is TrashKind.ORPHAN:
            source.unlink()
        entry = TrashEntry(id=0, run=run, kind=kind, path=str(trashed), row=row, at=at)
        with self.ledger() as ledger:
            if kind is TrashKind.ORIGINAL:
                ledger.commit(row, b"{}")
            return ledger.kept.add(entry)

    def entry(self, kept: TrashEntry) -> TrashEntry:
        """The entry as the ledger has it now."""
        with self.ledger() as ledger:
            return next(entry for entry in ledger.kept.entries() if entry.id == kept.id)


def row_of(source: Path, target: Path, library_path: str) -> TargetRow:
    return replace(
        ROW,
        source=library_path,
        source_path=str(source),
        content_key=content_key(source),
        source_digest=file_digest(source),
        source_bytes=source.stat().st_size,
        target=str(target),
        target_key=content_key(target),
        target_head=head_key(target),
        target_digest=file_digest(target),
        target_bytes=target.stat().st_size,
        target_mtime_ns=target.stat().st_mtime_ns,
    )

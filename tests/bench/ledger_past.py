"""What years of runs leave in the ledger of a library beside its targets: receipts, forecasts,
test clips, attempts that gave no target, and originals in the trash.

`python -m tests.bench.ledger_past STATE_DIR` writes it for a library of `scale_library`. Files of
the library stand for clips and for files in the trash, so that each is found on the disk without
100,000 further files.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import zlib
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from av1rules.ledger.clips import ClipFacts, ClipRecord, ClipTable
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult, TargetRow, put_attempt
from av1rules.ledger.trash_table import TrashEntry, TrashKind, TrashTable
from av1rules.quality.excerpts import Excerpt, ExcerptKind
from tests.report.sample_history import KINDS, put_forecast, receipt_of, score, time_of

TARGETS_PER_CLIP = 10
TARGETS_PER_ATTEMPT = 20
SEED = 12
_PACKED_PROBE = random.Random(SEED).randbytes(900)
"""As large as the probed facts of an original are in the trash's table."""


def add_past(state_dir: Path) -> None:
    """Give the targets of a ledger their past, in one transaction."""
    db = LedgerDb.open(state_dir)
    with closing(Ledger(db)) as ledger:
        rows = tuple(ledger.rows())
        with db.transaction() as write:
            for number, row in enumerate(rows):
                _add(write, row, number)


def _add(write: sqlite3.Connection, row: TargetRow, number: int) -> None:
    dice = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    at = time_of(number % 700)
    timed = replace(row, encode_s=dice.uniform(600, 20_000), verify_s=300.0, built_at=at)
    receipt = zlib.compress(receipt_of(timed, kind, dice.randint(30_000, 180_000), number))
    write.execute(
        "UPDATE targets SET encode_s=?, verify_s=?, built_at=? WHERE target=?",
        (timed.encode_s, timed.verify_s, at, row.target.encode()),
    )
    write.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?)", (row.target.encode(), receipt))
    put_forecast(write, timed, kind, dice)
    _put_original(write, timed, receipt, at)
    if number % TARGETS_PER_CLIP == 0:
        ClipTable.insert(write, _clip(timed, number))
    if number % TARGETS_PER_ATTEMPT == 0:
        put_attempt(write, _attempt(timed, number))


def _put_original(write: sqlite3.Connection, row: TargetRow, receipt: bytes, at: str) -> None:
    """An original whose former place is none of a film's of today."""
    was = replace(row, source_path=f"{row.source_path}.was", target=f"{row.target}.was")
    entry = TrashEntry(
        id=0, run=1, kind=TrashKind.ORIGINAL, path=row.source_path, row=was, receipt=receipt,
        facts=_PACKED_PROBE, at=at,
    )  # fmt: skip
    TrashTable.insert(
        write,
        entry,
        {"id": None, "target": was.target.encode(), "place": was.source_path.encode()},
    )


def _clip(row: TargetRow, number: int) -> ClipRecord:
    kind = KINDS[number % len(KINDS)]
    facts = ClipFacts(
        content_key=row.content_key, settings=row.settings, rule=row.rule or "", review="each",
        pieces=(
            Excerpt(kind=ExcerptKind.DARK, start_s=60.0, end_s=105.0, frames=1080, reason="dark"),
        ),
        frames=1080, duration_s=45.0, source_bytes=row.source_bytes,
        projected_bytes=row.target_bytes, scores=(score(kind.vmaf),), score_problem=None,
        command="ffmpeg -i file:in", tools=row.tools, encode_s=200.0, source_tier=kind.tier,
    )  # fmt: skip
    return ClipRecord(
        fingerprint=row.fingerprint, source=row.source, origin=row.source_path, path=row.target,
        size_bytes=row.target_bytes, made_at=row.built_at, facts=facts,
    )  # fmt: skip


def _attempt(row: TargetRow, number: int) -> Attempt:
    results = tuple(AttemptResult)
    return Attempt(
        kind=results[number // TARGETS_PER_ATTEMPT % len(results)], content_key=row.content_key,
        fingerprint=f"other {number}", source=row.source,
        detail=f"verification failed: the target has {number} frames", source_bytes=10**9,
        target_bytes=None, count=1, at=row.built_at,
    )  # fmt: skip


if __name__ == "__main__":
    add_past(Path(sys.argv[1]))

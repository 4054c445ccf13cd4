"""What came of work that gave no target, for one content and one set of settings."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import Any

VERDICT_COLUMNS = (
    "kind, content_key, fingerprint, source, detail, source_bytes, target_bytes, count, at, "
    "measured"
)


class VerdictKind(Enum):
    TOO_LARGE = "too large"
    FAILED = "failed"
    TOO_POOR = "below the quality floor"
    UNDONE = "undone"  # a person put the original back


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of an encode that gave no target, for one content and one set of settings.

    `target_bytes` is the size that was too large (or projected to be). `count` counts failures.
    `measured` are the figures of an encode that was too poor, by the key of the floor (`vmaf_p5`).
    """

    kind: VerdictKind
    content_key: str
    fingerprint: str
    source: str
    detail: str
    source_bytes: int
    target_bytes: int | None
    count: int
    at: str
    measured: tuple[tuple[str, float], ...] = ()


def put_verdict(write: sqlite3.Connection, verdict: Verdict) -> None:
    """Write a verdict inside a transaction; of the same kind again, it counts."""
    write.execute(
        "INSERT INTO verdicts (content_key, fingerprint, kind, source, detail, source_bytes,"
        " target_bytes, count, at, measured) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET kind=excluded.kind, detail=excluded.detail,"
        " target_bytes=excluded.target_bytes, at=excluded.at, source=excluded.source,"
        " measured=excluded.measured,"
        " count=CASE kind WHEN excluded.kind THEN verdicts.count+1 ELSE 1 END",
        (
            verdict.content_key,
            verdict.fingerprint,
            verdict.kind.value,
            os.fsencode(verdict.source),
            verdict.detail,
            verdict.source_bytes,
            verdict.target_bytes,
            verdict.count,
            verdict.at,
            json.dumps(verdict.measured) if verdict.measured else None,
        ),
    )


def verdict_of(values: tuple[Any, ...]) -> Verdict:
    record = dict(zip(VERDICT_COLUMNS.split(", "), values, strict=True))
    kind, source = VerdictKind(record["kind"]), os.fsdecode(record["source"])
    pairs = json.loads(record["measured"] or "[]")
    measured = tuple((str(key), float(value)) for key, value in pairs)
    return Verdict(**(record | {"kind": kind, "source": source, "measured": measured}))

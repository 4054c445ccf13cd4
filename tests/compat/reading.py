"""The one place that knows today's names of what reads a ledger, approvals, receipts and tags."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

import msgspec

from av1rules.approvals.file import load_approvals
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from av1rules.ledger.receipt import parse_receipt
from av1rules.ledger.records import AttemptResult
from av1rules.policy.fingerprint import fingerprint

FILES = Path(__file__).parent / "f626ab6"


def make_ledger(folder: Path) -> Path:
    """Build the ledger file from its dump; returns its folder."""
    connection = sqlite3.connect(folder / "ledger.sqlite3")
    connection.executescript((FILES / "ledger.sql").read_text())
    connection.close()
    return folder


def read_all(ledger: Ledger, connection: sqlite3.Connection) -> dict[str, object]:
    """Every record by the public interface, by table or file. `connection` finds the keys."""

    def keys(sql: str) -> list[tuple[str, ...]]:
        return [
            tuple(value.decode() if isinstance(value, bytes) else value for value in row)
            for row in connection.execute(sql)
        ]

    rows = list(ledger.rows())
    tools = rows[0].tools
    contents = [key for (key,) in keys("SELECT content_key FROM health")]
    return {
        "targets": rows,
        "receipts": [
            parse_receipt(ledger.receipt(target) or b"")
            for (target,) in keys("SELECT target FROM receipts")
        ],
        "verdicts": [attempt for kind in AttemptResult for attempt in ledger.attempts(kind)],
        "in_hand": list(ledger.jobs_in_progress()),
        "runs": list(ledger.runs.latest(99)),
        "kept": list(ledger.kept.entries()),
        "moves": list(ledger.moves.in_flight()),
        "census": [ledger.inventories.of_root(root) for (root,) in keys("SELECT root FROM census")],
        "checked": ledger.checks.all(),
        "health": ledger.health.of_contents(contents),
        "clips": list(ledger.clips.all()),
        "forecasts": list(ledger.forecasts.all()),
        "samples": [ledger.samples.find(row.content_key, row.settings, row.tools) for row in rows],
        "searches": [
            ledger.searches.find(key, tools) for (key,) in keys("SELECT fingerprint FROM searches")
        ],
        "approvals.yaml": list(load_approvals(FILES / "approvals.yaml").decisions),
        "receipt.json": parse_receipt((FILES / "receipt.json").read_bytes()),
        "provenance.json": parse_provenance((FILES / "provenance.json").read_text()),
    }


def fingerprints(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Of every target: the stored fingerprint, and the one of its stored settings today."""
    for row in ledger.rows():
        yield row.fingerprint, fingerprint(row.content_key, row.settings)


def leaves(value: object) -> Counter[str]:
    """All single values below `value`, whatever the fields are called today."""
    return Counter(map(repr, _leaves(value)))


def _leaves(value: object) -> Iterator[object]:
    if is_dataclass(value) and not isinstance(value, type):
        parts: list[object] = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, Mapping):
        parts = [part for item in value.items() for part in item]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    else:
        if value is not None:
            yield _plain(value)
        return
    for part in parts:
        yield from _leaves(part)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Path | Fraction) else value

"""Ledger rows to and from what SQLite keeps: paths as bytes, settings and tools as JSON."""

from __future__ import annotations

import os
import sqlite3
import zlib
from typing import Any

import msgspec

from av1rules.ledger.records import TargetRow, ToolsUsed
from av1rules.policy.canonical import parse_settings, settings_json

COLUMNS = (
    "target, source, source_path, content_key, source_digest, source_bytes, settings, "
    "fingerprint, tools, target_bytes, target_mtime_ns, target_key, target_head, "
    "target_digest, rule, built_at, encode_s, verify_s, forgotten, run"
)

_NAMES = COLUMNS.split(", ")
_JSON = msgspec.json.Encoder(order="deterministic")
_TOOLS = msgspec.json.Decoder(ToolsUsed)


def dump_row(row: TargetRow) -> str:
    """One row as JSON; paths in hex, because JSON has no surrogates."""
    values = [value.hex() if isinstance(value, bytes) else value for value in row_values(row)]
    return _JSON.encode(values).decode()


def parse_row(text: str) -> TargetRow:
    """The inverse of `dump_row`."""
    values = msgspec.json.decode(text)
    values += [None] * (len(_NAMES) - len(values))  # written before a column was added
    return row_of((*map(bytes.fromhex, values[:3]), *values[3:]))


def row_values(row: TargetRow) -> tuple[str | int | float | bytes | None, ...]:
    """A row as SQLite's values, in the order of `COLUMNS`."""
    return (
        os.fsencode(row.target),
        os.fsencode(row.source),
        os.fsencode(row.source_path),
        row.content_key,
        row.source_digest,
        row.source_bytes,
        settings_json(row.settings),
        row.fingerprint,
        tools_json(row.tools),
        row.target_bytes,
        row.target_mtime_ns,
        row.target_key,
        row.target_head,
        row.target_digest,
        row.rule,
        row.built_at,
        row.encode_s,
        row.verify_s,
        int(row.forgotten),
        row.run,
    )


def row_of(values: tuple[Any, ...]) -> TargetRow:
    """The inverse of `row_values`."""
    record = dict(zip(_NAMES, values, strict=True))
    record["target"] = os.fsdecode(record["target"])
    record["source"] = os.fsdecode(record["source"])
    record["source_path"] = os.fsdecode(record["source_path"])
    record["settings"] = parse_settings(record["settings"])
    record["tools"] = parse_tools(record["tools"])
    record["forgotten"] = bool(record["forgotten"])
    return TargetRow(**record)


def tools_json(tools: ToolsUsed) -> str:
    """Tools in canonical JSON: equal tools give equal text."""
    return _JSON.encode(tools).decode()


def parse_tools(text: str) -> ToolsUsed:
    """The inverse of `tools_json`."""
    return _TOOLS.decode(text)


def put_row(write: sqlite3.Connection, row: TargetRow, receipt: bytes | None) -> None:
    """Write a row of the targets inside a transaction, with its receipt; what was held against
    this content with these settings is forgotten, and what was found when it was last checked."""
    marks = ", ".join("?" * (COLUMNS.count(",") + 1))
    write.execute(f"INSERT OR REPLACE INTO targets ({COLUMNS}) VALUES ({marks})", row_values(row))
    if receipt is not None:
        write.execute(
            "INSERT OR REPLACE INTO receipts VALUES (?, ?)",
            (os.fsencode(row.target), zlib.compress(receipt, 9)),
        )
    write.execute(
        "DELETE FROM verdicts WHERE content_key=? AND fingerprint=?"
        " AND (kind!='undone' OR source=?)",  # of a copy it says nothing
        (row.content_key, row.fingerprint, os.fsencode(row.source)),
    )
    write.execute("DELETE FROM checked WHERE target=?", (os.fsencode(row.target),))

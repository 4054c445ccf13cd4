"""Records an adopted target in the ledger: its row, its receipt, and its original in the trash."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.base.files import open_regular
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.base.units import now_text
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import Provenance
from av1rules.ledger.receipt import JSON_SUFFIX, parse_receipt
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.media.cache import pack_facts
from av1rules.media.source import FileStat, LibraryFile, Source
from av1rules.policy.fingerprint import fingerprint

_MAX_RECEIPT_BYTES = 16 * 1024**2


class TrashedOriginal(msgspec.Struct, frozen=True, kw_only=True):
    """An original in the trash, and its probed facts."""

    path: str
    facts: Source | None


def row_of(
    file: LibraryFile,
    provenance: Provenance,
    known: TargetRow | None,
    place: LibraryFile,
    *,
    check: Callable[[], None],
) -> TargetRow:
    """The ledger row by tag and file, which is read completely. What only the ledger knows is taken
    from `known`. `place` is the former place of the source. Raises Av1rulesError, OSError."""
    path = file.path
    row = TargetRow(
        target=path,
        source=place.library_path,
        source_path=place.path,
        content_key=provenance.content_key,
        source_digest=provenance.source_digest,
        source_bytes=provenance.source_bytes,
        settings=provenance.settings,
        fingerprint=fingerprint(provenance.content_key, provenance.settings),
        tools=provenance.tools,
        target_bytes=file.stat.size_bytes,
        target_mtime_ns=file.stat.mtime_ns,
        target_key=content_key(path),
        target_head=head_key(path),
        target_digest=file_digest(path, check=check),
        rule=None,
        built_at=_time_text(file.stat.mtime_ns),
        encode_s=0.0,
        verify_s=0.0,
    )
    if FileStat.of(os.stat(path)) != file.stat:
        raise Av1rulesError("it changed while it was read")
    if known is None or known.source_digest != row.source_digest:
        return row
    return replace(
        row,
        rule=known.rule,
        built_at=known.built_at,
        encode_s=known.encode_s,
        verify_s=known.verify_s,
        run=known.run,
    )


def _time_text(time_ns: int) -> str:
    try:
        return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a time outside the calendar
        return now_text()


def write_row(ledger: Ledger, row: TargetRow, original: TrashedOriginal | None) -> None:
    """Write the trash entry first, then the row: while there is no row, the next adoption does both
    again. An existing row is replaced."""
    receipt = ledger.receipt(row.target) or _receipt_beside(row.target)
    if ledger.kept.original_of(row.target, row.content_key) is None and original is not None:
        entry = TrashEntry(
            id=0,  # given by the table
            run=None,
            kind=TrashKind.ORIGINAL,
            path=original.path,
            row=row,
            receipt=receipt,
            facts=None if original.facts is None else pack_facts(original.facts),
            at=now_text(),
        )
        ledger.kept.add(entry)
    ledger.commit(row, receipt)


def _receipt_beside(target: str) -> bytes | None:
    """The receipt file beside the target, if it is valid."""
    try:
        with open_regular(f"{target}{JSON_SUFFIX}") as file:
            data = file.read(_MAX_RECEIPT_BYTES)
        parse_receipt(data)
    except (OSError, ValueError):
        return None
    return data

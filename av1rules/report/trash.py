"""The content of the trash, as a table and as JSON; the result of an undo, as JSON."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.trash import TrashItem, TrashState
from av1rules.operations.undo import Undone
from av1rules.report.format import shown_time
from av1rules.report.json import json_document
from av1rules.report.table import Column, records, table_of, table_text

NOTHING = "the trash is empty"


def _size(item: TrashItem) -> str:
    if item.state is not TrashState.THERE:
        return item.state.value
    size = format_size(item.kept.size_bytes)
    return size if item.frees_bytes else f"{size}\n(frees nothing: it has other names)"


_COLUMNS: tuple[Column[TrashItem], ...] = (
    Column(key="id", value=lambda item: item.kept.id),
    Column(key="run", header="run", value=lambda item: item.kept.run),
    Column(key="kind", header="what", value=lambda item: item.kept.kind),
    Column(header="size", value=_size, show=str),
    Column(key="since", header="since", value=lambda item: item.kept.at, show=shown_time),
    Column(
        header="until",
        value=lambda item: item.until,
        show=lambda until: "" if until is None else until.strftime("%Y-%m-%d"),
    ),
    Column(
        key="until",
        value=lambda item: item.until and item.until.isoformat(timespec="seconds"),
    ),
    Column(key="place", value=lambda item: item.kept.place),
    Column(key="path", value=lambda item: item.kept.path),
    Column(
        header="former place, place in the trash",
        value=lambda item: f"{printable(item.kept.place)}\n  {printable(item.kept.path)}",
        show=str,
    ),
    Column(key="source", value=lambda item: item.kept.row.source),
    Column(key="target", value=lambda item: item.kept.row.target),
    Column(key="size_bytes", value=lambda item: item.kept.size_bytes),
    Column(key="frees_bytes", value=lambda item: item.frees_bytes),
    Column(key="state", value=lambda item: item.state),
    Column(key="mount", value=lambda item: item.mount),
)


def originals_text(items: Sequence[TrashItem]) -> str:
    """A row for each file with its former place and its place in the trash, then totals by kind
    and file system."""
    if not items:
        return NOTHING
    return "\n".join([table_text(table_of(_COLUMNS, items)), "", *totals(items)])


def totals(items: Sequence[TrashItem]) -> list[str]:
    """Counts and bytes of what is there by kind, then by file system; and what is missing."""
    there = [item for item in items if item.state is TrashState.THERE]
    missing = len(items) - len(there)
    by_kind = _summed((item.kept.kind.value, item) for item in there)
    by_mount = _summed((item.mount, item) for item in there)
    return [
        *(f"{counted(count, str(kind))}: {format_size(size)}" for kind, count, size in by_kind),
        *(f"on {printable(str(mount))}: {format_size(size)}" for mount, _, size in by_mount),
        *([f"missing from the trash: {counted(missing, 'file')}"] if missing else []),
    ]


def _summed(pairs: Iterable[tuple[Hashable, TrashItem]]) -> list[tuple[Hashable, int, int]]:
    """For each key the number of files and the bytes that deleting them frees."""
    sums: dict[Hashable, tuple[int, int]] = {}
    for key, item in pairs:
        count, size = sums.get(key, (0, 0))
        sums[key] = (count + 1, size + item.frees_bytes)
    return [(key, count, size) for key, (count, size) in sums.items()]


def originals_json(items: Sequence[TrashItem]) -> str:
    """`{"format", "files": [...]}`."""
    return json_document({"files": records(_COLUMNS, items)})


_UNDONE: tuple[Column[Undone], ...] = (
    Column(key="place", value=lambda result: result.kept.place),
    Column(key="kind", value=lambda result: result.kept.kind),
    Column(key="run", value=lambda result: result.kept.run),
    Column(key="undone", value=lambda result: result.refusal is None),
    Column(key="refusal", value=lambda result: result.refusal),
)


def undo_json(results: Iterable[Undone]) -> str:
    """`{"format", "files": [...]}`: a record for each entry, in the order it was undone."""
    return json_document({"files": records(_UNDONE, results)})

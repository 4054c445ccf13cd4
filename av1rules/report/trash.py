"""What lies aside, as a table for people and as JSON."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable, printable_json
from av1rules.base.units import format_size
from av1rules.execute.trash import TrashItem, TrashState
from av1rules.operations.undo import Undone
from av1rules.report.format import json_text, shown_time

NOTHING = "nothing lies aside"


def originals_text(items: Sequence[TrashItem]) -> str:
    """A line for each file, below it where it lies, then totals by kind and by file system."""
    if not items:
        return NOTHING
    headers = ("run", "what", "size", "since", "until", "stood at, lies in")
    rows = [
        (
            item.kept.run if item.kept.run is not None else "",
            item.kept.kind.value,
            _size(item),
            shown_time(item.kept.at),
            "" if item.until is None else item.until.strftime("%Y-%m-%d"),
            f"{printable(item.kept.place)}\n  {printable(item.kept.path)}",
        )
        for item in items
    ]
    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    return "\n".join([table, "", *totals(items)])


def _size(item: TrashItem) -> str:
    if item.state is not TrashState.THERE:
        return item.state.value
    size = format_size(item.kept.size_bytes)
    return size if item.frees_bytes else f"{size}\n(frees nothing: it has other names)"


def totals(items: Sequence[TrashItem]) -> list[str]:
    """Counts and bytes of what is there: by kind, then by file system; and what is not there."""
    there = [item for item in items if item.state is TrashState.THERE]
    away = len(items) - len(there)
    by_kind = _summed((item.kept.kind.value, item) for item in there)
    by_mount = _summed((item.mount, item) for item in there)
    return [
        *(f"{_counted(count, str(kind))}: {format_size(size)}" for kind, count, size in by_kind),
        *(f"on {printable(str(mount))}: {format_size(size)}" for mount, _, size in by_mount),
        *([f"not where they were put: {away}"] if away else []),
    ]


def _summed(pairs: Iterable[tuple[Hashable, TrashItem]]) -> list[tuple[Hashable, int, int]]:
    """For each key: how many, and what deleting them frees."""
    sums: dict[Hashable, tuple[int, int]] = {}
    for key, item in pairs:
        count, size = sums.get(key, (0, 0))
        sums[key] = (count + 1, size + item.frees_bytes)
    return [(key, count, size) for key, (count, size) in sums.items()]


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def originals_json(items: Sequence[TrashItem]) -> str:
    """`{"format": 1, "files": [...]}`; odd bytes of file names as `\\xNN`."""
    files = [
        {
            "id": item.kept.id,
            "kind": item.kept.kind.value,
            "run": item.kept.run,
            "since": item.kept.at,
            "until": None if item.until is None else item.until.isoformat(timespec="seconds"),
            "place": json_text(item.kept.place),
            "path": json_text(item.kept.path),
            "source": json_text(item.kept.row.source),
            "target": json_text(item.kept.row.target),
            "size_bytes": item.kept.size_bytes,
            "frees_bytes": item.frees_bytes,
            "state": item.state.value,
            "mount": None if item.mount is None else json_text(item.mount),
        }
        for item in items
    ]
    document = msgspec.json.encode({"format": 1, "files": files})
    return printable_json(msgspec.json.format(document).decode())


def undo_json(results: Iterable[Undone]) -> str:
    """A list with one record for each entry, in the order it was undone."""
    records = [
        {
            "place": json_text(result.kept.place),
            "kind": result.kept.kind.value,
            "run": result.kept.run,
            "undone": result.refusal is None,
            "refusal": None if result.refusal is None else json_text(result.refusal),
        }
        for result in results
    ]
    return printable_json(msgspec.json.format(msgspec.json.encode(records), indent=2).decode())

"""The content of the trash, as a table and as JSON; the results of a purge and an undo, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.trash import Purged, TrashItem, TrashState
from av1rules.ledger.trash_table import TrashKind
from av1rules.operations.restore import Restored
from av1rules.operations.undo import Undone
from av1rules.report.documents.trash import (
    OriginalsDocument,
    PurgedFile,
    PurgeDocument,
    RestoredFile,
    RestoreDocument,
    TrashFile,
    UndoDocument,
    UndoneFile,
)
from av1rules.report.format import shown_time
from av1rules.report.json import json_document, json_stream
from av1rules.report.table import Column, each_typed, table_of
from av1rules.report.table_text import table_lines
from av1rules.report.view import PLAIN, View, fit

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
        is_name=True,
        is_detail=True,
    ),
    Column(key="source", value=lambda item: item.kept.row.source),
    Column(key="target", value=lambda item: item.kept.row.target),
    Column(key="size_bytes", value=lambda item: item.kept.size_bytes),
    Column(key="frees_bytes", value=lambda item: item.frees_bytes),
    Column(key="state", value=lambda item: item.state),
    Column(key="mount", value=lambda item: item.mount),
    Column(key="origin", value=lambda item: item.kept.origin),
)


def originals_lines(items: Iterable[TrashItem], view: View = PLAIN) -> Iterator[str]:
    """A row for each file with its former place and its place in the trash, then totals by kind
    and file system; line by line, since the trash may hold as many files as the library."""
    sums = _TrashSums()
    table = table_of(_COLUMNS, map(sums.add, items))
    if not table.rows:
        yield NOTHING
        return
    yield from table_lines(table, view)
    yield ""
    yield from fit(sums.lines(), view)


class _TrashSums:
    """Files in the trash, and the bytes that deleting them frees, by kind and by file system."""

    def __init__(self) -> None:
        self._files: Counter[str] = Counter()  # by kind, in the order of their first file
        self._frees: Counter[str] = Counter()
        self._mounts: Counter[str | None] = Counter()
        self._missing = 0

    def add(self, item: TrashItem) -> TrashItem:
        """Count an item, and return it."""
        if item.state is not TrashState.THERE:
            self._missing += 1
            return item
        kind = item.kept.kind.value
        self._files[kind] += 1
        self._frees[kind] += item.frees_bytes
        self._mounts[item.mount] += item.frees_bytes
        return item

    def lines(self) -> Iterator[str]:
        """Counts and bytes of what is there by kind, then by file system; and what is missing."""
        for kind, count in self._files.items():
            yield f"{counted(count, kind)}: {format_size(self._frees[kind])}"
        for mount, size in self._mounts.items():
            yield f"on {printable(str(mount))}: {format_size(size)}"
        if self._missing:
            yield f"missing from the trash: {counted(self._missing, 'file')}"


def originals_json(items: Iterable[TrashItem]) -> Iterator[str]:
    """The document of `originals list`, in parts."""
    return json_stream(OriginalsDocument(), "files", each_typed(TrashFile, _COLUMNS, items))


def foreseen_lines(results: Sequence[Purged]) -> Iterator[str]:
    """What a purge would not delete, with the reason, and which last copies it would give up."""
    for one in results:
        name = printable(one.kept.row.source)
        if one.refusal is not None:
            yield f"would keep the {one.kept.kind.value} of {name}: {one.refusal}"
            if one.hint:
                yield f"  hint: {one.hint}"
        elif one.given_up is not None:
            yield f"would give up the last copy of {name}: {one.given_up}"


def to_go_text(results: Sequence[Purged]) -> str:
    """How many files a purge would delete, and the space that this frees."""
    gone = [one for one in results if one.refusal is None and one.was_there]
    size = format_size(sum(one.freed_bytes for one in gone))
    return f"{counted(len(gone), 'file')} ({size})"


def purge_json(results: Iterable[Purged], *, orphans_left: int, is_dry: bool) -> str:
    """The document of `originals purge`; `is_dry`: nothing was deleted yet."""
    files = tuple(
        PurgedFile(
            path=purged.kept.path,
            place=purged.kept.place,
            kind=purged.kept.kind,
            run=purged.kept.run,
            purged=purged.refusal is None,
            was_there=purged.was_there,
            freed_bytes=purged.freed_bytes,
            refusal=purged.refusal,
            hint=purged.hint,
            given_up=purged.given_up,
        )
        for purged in results
    )
    return json_document(
        PurgeDocument(
            dry_run=is_dry,
            ok=all(file.purged for file in files),
            freed_bytes=sum(file.freed_bytes for file in files),
            orphans_left=orphans_left,
            files=files,
        )
    )


def restore_json(results: Iterable[Restored]) -> str:
    """The document of `originals restore`."""
    files = tuple(
        RestoredFile(
            path=one.kept.path,
            kind=one.kept.kind,
            run=one.kept.run,
            to=one.path,
            refusal=one.refusal,
        )
        for one in results
    )
    ok = all(file.refusal is None for file in files)
    return json_document(RestoreDocument(ok=ok, files=files))


def undo_json(results: Iterable[Undone], *, is_dry: bool = False) -> str:
    """The document of `undo`: a record for each entry, in the order it was undone."""
    files = (
        UndoneFile(
            place=result.kept.place,
            kind=result.kept.kind,
            run=result.kept.run,
            undone=result.refusal is None and not result.is_planned,
            refusal=result.refusal,
        )
        for result in results
    )
    return json_document(UndoDocument(dry_run=is_dry, files=tuple(files)))


_IS_BACK = {
    TrashKind.ORIGINAL: "the original is back",
    TrashKind.RESULT: "the AV1 file is back, the original is in the trash again",
    TrashKind.ORPHAN: "the target is back",
}
_COMES_BACK = {
    TrashKind.ORIGINAL: "the original comes back, the AV1 file goes to the trash",
    TrashKind.RESULT: "the AV1 file comes back, the original goes to the trash",
    TrashKind.ORPHAN: "the target comes back",
}


def undone_line(result: Undone) -> str:
    """The outcome for one file, or what it would be."""
    place = printable(result.kept.place)
    if result.refusal is not None:
        how = "can't be" if result.is_planned else "not"
        return f"{place}: {how} undone: {result.refusal}"
    texts = _COMES_BACK if result.is_planned else _IS_BACK
    return f"{place}: {texts[result.kept.kind]}"


SHOWN_UNDONE = 20
"""Files that the preview of an undo names; `--json` has all."""


def undo_preview(results: Sequence[Undone], view: View = PLAIN) -> str:
    """What an undo would do: the refused files first, since they need a look."""
    ordered = sorted(results, key=lambda result: result.refusal is None)
    lines = [undone_line(result) for result in ordered[:SHOWN_UNDONE]]
    if more := len(ordered) - SHOWN_UNDONE:
        lines += [f"... and {more} more"] if more > 0 else []
    ready = [result.kept for result in results if result.refusal is None]
    size = format_size(sum(kept.size_bytes for kept in ready))
    refused = len(results) - len(ready)
    text = f"to put back: {counted(len(ready), 'file')} ({size})"
    lines.append(f"{text}, {refused} can't be" if refused else text)
    return "\n".join(fit(lines, view))

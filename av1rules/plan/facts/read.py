"""Reads a file of facts into memory: a disk, a cache and a ledger that nothing here holds.

The file may come from anybody. Nothing in it is trusted: no path of it is opened, no program of it
is run, and what is too long, of a wrong type, cut short or from a later version is an error that
names its line.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import open_regular
from av1rules.base.text import printable
from av1rules.base.timing import timed
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.row_writer import RowWriter
from av1rules.media.cache import LibraryCache
from av1rules.media.packed_source import pack_json, source_from_json
from av1rules.plan.facts.lines import (
    FACTS_VERSION,
    EndLine,
    FactsHeader,
    FactsLine,
    FileLine,
    FilmLine,
    FolderLine,
    MemoLine,
    NodeKind,
    RowLine,
    name_of_text,
    path_of_text,
    place_of_text,
)
from av1rules.plan.facts.recorded_disk import RecordedDisk, SeenFile
from av1rules.plan.facts.tables import TABLES, stored_values

MAX_LINE_BYTES = 64 * 1024 * 1024
"""A root with a million files has an inventory of some 100 MB, in parts of this size at most."""

MAX_LINES = 20_000_000

MAX_BYTES = 16 * 1024**3
"""Unpacked: a library of 100,000 films and as many targets has 0.2 GB."""

_GZIP = b"\x1f\x8b"

_WRONG = (msgspec.MsgspecError, ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError)
"""What a value of a wrong type or out of range raises."""

_BUFFER_BYTES = 1024 * 1024

_BATCH = 1000
"""Memos that are written together."""


class _Start(msgspec.Struct, kw_only=True):
    """As much of the first line as every version has."""

    line: str
    facts: int


_LINES = msgspec.json.Decoder(FactsLine)


class RecordedLibrary:
    """What a file tells of a library, in memory. Close it."""

    def __init__(self, header: FactsHeader) -> None:
        self.header = header
        self.cache = LibraryCache(None)
        self._db = LedgerDb.in_memory()
        self.ledger = Ledger(self._db)
        self.disk = RecordedDisk(
            self.cache, now_s=header.now_s, ffprobe_version=header.tools.ffprobe_version
        )
        for top in (*header.roots, *filter(None, (header.output,))):
            self.disk.add_top(
                path_of_text(top.path),
                place_of_text(top.real_path),
                device=top.device,
                is_there=top.is_there,
            )

    def row_writer(self) -> contextlib.AbstractContextManager[RowWriter]:
        return RowWriter.opened(self._db)

    def close(self) -> None:
        self.cache.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def read_facts(path: Path) -> Iterator[RecordedLibrary]:
    """All facts of a file. Raises UsageError with the line that is wrong."""
    with timed("the facts were read"):
        facts = _read(path)
    with facts:
        yield facts


def read_header(path: Path) -> FactsHeader:
    """The first line of a file of facts. Raises UsageError."""
    with _opened(path) as lines:
        number, first = next(lines, (1, b""))
        return _header(first, path, number)


@contextlib.contextmanager
def numbered_lines(
    path: Path, kinds: tuple[type[msgspec.Struct], ...]
) -> Iterator[tuple[FactsHeader, Iterator[FactsLine]]]:
    """The header of a file and its lines of these kinds, one by one. Raises UsageError."""
    names = tuple(f'{{"line":"{kind.__struct_config__.tag}"'.encode() for kind in kinds)
    with _opened(path) as lines:
        number, first = next(lines, (1, b""))
        yield _header(first, path, number), _of_kinds(path, lines, names)


def _of_kinds(
    path: Path, lines: Iterator[tuple[int, bytes]], starts: tuple[bytes, ...]
) -> Iterator[FactsLine]:
    for number, text in lines:
        if text.replace(b" ", b"", 3).startswith(starts):
            try:
                line = _decoded(text)
            except _WRONG as problem:
                raise _wrong(path, number, problem) from problem
            if line is not None:
                yield line


def _read(path: Path) -> RecordedLibrary:
    with _opened(path) as lines:
        number, first = next(lines, (1, b""))
        header = _header(first, path, number)
        try:
            facts = RecordedLibrary(header)
        except _WRONG as problem:
            raise _wrong(path, 1, problem) from problem
        try:
            _fill(facts, lines, path)
        except BaseException:
            facts.close()
            raise
    return facts


def _fill(facts: RecordedLibrary, lines: Iterator[tuple[int, bytes]], path: Path) -> None:
    loader, end, number = _Loader(facts), None, 1
    with loader.transaction():
        for number, text in lines:
            if end is not None:
                raise _error(path, number, "something follows the last line")
            try:
                line = _decoded(text)
                if isinstance(line, EndLine):
                    end = line
                elif line is not None:
                    loader.add(line)
            except _WRONG as problem:
                raise _wrong(path, number, problem) from problem
    if end is None:
        raise _error(path, number, "the file is cut short: its last line is missing")
    if end.lines != number:
        raise _error(path, number, f"the file has {number} lines, its last one counts {end.lines}")


class _AnyLine(msgspec.Struct):
    line: str


_KNOWN_LINES = frozenset({"header", "film", "folder", "file", "memo", "row", "end"})


def _decoded(text: bytes) -> FactsLine | None:
    """None for a kind of line that a later av1rules added."""
    try:
        line: FactsLine = _LINES.decode(text)
        return line
    except msgspec.ValidationError:
        if msgspec.json.decode(text, type=_AnyLine).line in _KNOWN_LINES:
            raise
        return None


class _Loader:
    """Puts lines where a plan looks for them."""

    def __init__(self, facts: RecordedLibrary) -> None:
        self._facts = facts
        self._version = facts.header.tools.ffprobe_version
        self._roots = {
            root.name: place_of_text(root.real_path).rstrip("/") for root in facts.header.roots
        }
        self._memos: list[tuple[str, str]] = []
        self._rows: RowWriter

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self._facts.row_writer() as self._rows:
            yield
        self._facts.cache.put_all(self._memos)
        self._facts.cache.flush()

    def add(self, line: FactsLine) -> None:
        if isinstance(line, FilmLine):
            self._add_film(line)
        elif isinstance(line, RowLine):
            self._add_row(line)
        elif isinstance(line, FolderLine):
            self._add_folder(line)
        elif isinstance(line, FileLine):
            self._add_file(line)
        elif isinstance(line, MemoLine):
            self._memos.append((line.key, line.text))
            if len(self._memos) == _BATCH:
                self._facts.cache.put_all(self._memos)
                self._memos.clear()
        else:
            raise TypeError("a line of this kind stands at the beginning or end only")

    def _add_film(self, line: FilmLine) -> None:
        path = f"{self._roots[line.root]}/{place_of_text(line.path)}"
        cache, stat = self._facts.cache, line.stat.file_stat
        self._facts.disk.add(path, NodeKind.FILE, line.stat)
        text = line.source_json
        if text is not None:
            source_from_json(text)
            packed = pack_json(text, is_fleeting=True)
            cache.put_recorded(stat, packed, None, ffprobe_version=self._version)
        elif line.failure is not None:
            cache.put_recorded(stat, None, line.failure, ffprobe_version=self._version)
        if line.content_key is not None:
            cache.put_content_key(stat, line.content_key)
        if line.linked_by is not None:
            self._facts.disk.add_linking_file(path, line.linked_by)

    def _add_folder(self, line: FolderLine) -> None:
        path, disk = place_of_text(line.path), self._facts.disk
        disk.add_folder(path)
        if line.errno is not None:
            disk.add_problem(path, line.errno)
        for entry in line.entries:
            name = name_of_text(entry.name)
            link = None if entry.link is None else path_of_text(entry.link)
            disk.add(f"{path.rstrip('/')}/{name}", entry.kind, entry.stat, link)

    def _add_file(self, line: FileLine) -> None:
        path, disk = place_of_text(line.path), self._facts.disk
        if line.stat is not None:
            link = None if line.link is None else path_of_text(line.link)
            disk.add(path, line.kind, line.stat, link)
            if line.content_key is not None:
                self._facts.cache.put_content_key(line.stat.file_stat, line.content_key)
        if line.errno is not None:
            disk.add_problem(path, line.errno)
        if line.head_key is not None or line.is_probed:
            seen = SeenFile(
                head_key=line.head_key, is_probed=line.is_probed, provenance=line.provenance
            )
            disk.add_seen(path, seen)

    def _add_row(self, line: RowLine) -> None:
        form = TABLES.get(line.table)
        if form is None:
            return  # of a later av1rules
        values = stored_values(line.table, line.values)
        self._rows.add(line.table, values, shared=form.shared)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Iterator[tuple[int, bytes]]]:
    """The lines of a file with their numbers, unpacked. Raises UsageError."""
    try:
        with open_regular(path) as file:
            buffered = io.BufferedReader(cast("io.RawIOBase", file), _BUFFER_BYTES)
            if buffered.peek(2)[:2] != _GZIP:
                yield _numbered(buffered, path)
                return
            with gzip.GzipFile(fileobj=buffered, mode="rb") as unpacked:
                yield _numbered(io.BufferedReader(unpacked, _BUFFER_BYTES), path)
    except OSError as problem:
        raise UsageError(
            f"the facts can't be read: {problem.strerror or problem}",
            where=printable(str(path)),
            hint="`av1rules facts export` writes such a file",
        ) from problem


def _numbered(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = total = 0
    while True:
        try:
            text = file.readline(MAX_LINE_BYTES + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise _error(path, number + 1, f"the file is cut short or damaged: {problem}") from None
        if not text:
            return
        number, total = number + 1, total + len(text)
        if len(text) > MAX_LINE_BYTES:
            raise _error(path, number, f"a line has more than {MAX_LINE_BYTES:,} bytes")
        if number > MAX_LINES or total > MAX_BYTES:
            raise _error(path, number, "no library has that many facts")
        yield number, text


def _header(first: bytes, path: Path, number: int) -> FactsHeader:
    try:
        start = msgspec.json.decode(first, type=_Start)
    except (msgspec.MsgspecError, ValueError) as problem:
        raise _error(path, number, "this is no file of facts") from problem
    if start.line != "header" or start.facts < 1:
        raise _error(path, number, "this is no file of facts")
    if start.facts > FACTS_VERSION:
        raise UsageError(
            f"the facts have version {start.facts}, this av1rules knows version {FACTS_VERSION}",
            where=printable(f"{path}:{number}"),
            hint="use the av1rules that wrote them, or a newer one",
        )
    try:
        return msgspec.json.decode(first, type=FactsHeader)
    except _WRONG as problem:
        raise _wrong(path, number, problem) from problem


def _wrong(path: Path, number: int, problem: BaseException) -> UsageError:
    text = f"there is no {problem}" if isinstance(problem, KeyError) else str(problem)
    return _error(path, number, f"this is no line of facts: {printable(text, limit=200)}")


def _error(path: Path, number: int, message: str) -> UsageError:
    return UsageError(
        message,
        where=printable(f"{os.fspath(path)}:{number}"),
        hint="export the facts again, or get the file anew",
    )

"""Reads the document of a plan from a file, a row at a time: 100,000 rows take no more memory than
one, however the JSON is laid out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import open_regular
from av1rules.base.text import printable
from av1rules.report.documents.plan import PlanDocument, PlanRow
from av1rules.report.json import FORMAT

_PIECE = 1 << 20
"""Bytes read at a time."""

_MOST_ROW_BYTES = 4 << 20
"""More than any row has: what is longer is broken."""

_ROWS = re.compile(rb'"rows"\s*:\s*\[')
_BETWEEN = re.compile(rb"[\s,]*")
_TRUNCATED = "Input data was truncated"

_ROW = msgspec.json.Decoder(PlanRow)


class _Kind(msgspec.Struct, frozen=True):
    """What tells a plan from other documents, and its format from later ones."""

    document: object = None
    format: object = None


class PlanReader:
    """A saved plan. Iterating over `rows` reads the whole file; `document`, all but the rows, is
    known after the first time."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._document: PlanDocument | None = None

    @property
    def document(self) -> PlanDocument:
        """The document without its rows. Raises UsageError."""
        if self._document is None:
            for _ in self.rows():
                pass
        assert self._document is not None
        return self._document

    def rows(self) -> Iterator[PlanRow]:
        """Every row, in the order of the file. Raises UsageError for a file that is no plan, is
        not whole, or has a format that is not known here."""
        try:
            with open_regular(self._path) as file:
                yield from self._read(_Buffer(file))
        except OSError as problem:
            raise self._error(f"the plan can't be read: {problem.strerror}") from problem

    def _read(self, buffer: _Buffer) -> Iterator[PlanRow]:
        head = buffer.through(_ROWS)
        if head is None:
            self._require_plan(buffer.rest())
            raise self._not_whole("it has no rows")
        self._require_plan(head + b"]}", is_whole=False)
        number = 0
        while not buffer.begins(b"]"):
            number += 1
            yield self._row(buffer, number)
        whole = head + buffer.rest()
        self._require_plan(whole)
        try:
            self._document = msgspec.json.decode(whole, type=PlanDocument)
        except msgspec.DecodeError as problem:
            raise self._error(f"this is no plan that av1rules wrote: {problem}") from problem

    def _row(self, buffer: _Buffer, number: int) -> PlanRow:
        for text in buffer.objects():
            try:
                row = _ROW.decode(text)
            except msgspec.DecodeError as problem:
                if str(problem) != _TRUNCATED:
                    raise self._error(f"row {number} can't be read: {problem}") from problem
            else:
                buffer.take(len(text))
                return row
        raise self._not_whole(f"it ends in row {number}")

    def _require_plan(self, text: bytes, *, is_whole: bool = True) -> None:
        """Raise UsageError for another document and for a later format."""
        try:
            kind = msgspec.json.decode(text, type=_Kind)
        except msgspec.DecodeError as problem:
            if str(problem) == _TRUNCATED:
                raise self._not_whole("it ends too early") from problem
            raise self._error(f"this is no plan, nor other JSON: {problem}") from problem
        if kind.document != "plan" and (is_whole or kind.document is not None):
            raise self._error("this JSON is no plan")
        if kind.format != FORMAT and (is_whole or kind.format is not None):
            raise self._error(
                f"its format is {printable(str(kind.format))}, and this version of av1rules reads "
                f"{FORMAT}",
                "make the plan anew, or use the version that made it",
            )

    def _not_whole(self, why: str) -> UsageError:
        return self._error(f"this plan is not whole: {why}", "make it anew")

    def _error(
        self, message: str, hint: str = "`av1rules plan -o FILE.json` saves a plan"
    ) -> UsageError:
        return UsageError(message, where=printable(str(self._path)), hint=hint)


class _Buffer:
    """The part of a file that is read and not taken yet."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = b""
        self._at = 0

    def _more(self) -> bool:
        piece = self._file.read(_PIECE)
        if not piece:
            return False
        self._bytes = self._bytes[self._at :] + piece
        self._at = 0
        return True

    def through(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """What there is up to the end of the first match; None if there is none."""
        start = 0
        while (found := pattern.search(self._bytes, start)) is None:
            start = max(0, len(self._bytes) - 64)  # a match may begin in what is read already
            if not self._more():
                return None
        self._at = found.end()
        return self._bytes[: self._at]

    def begins(self, mark: bytes) -> bool:
        """Whether the next that is no comma or space is `mark`."""
        while True:
            found = _BETWEEN.match(self._bytes, self._at)
            self._at = self._at if found is None else found.end()
            if self._at < len(self._bytes) or not self._more():
                return self._bytes.startswith(mark, self._at)

    def objects(self) -> Iterator[bytes]:
        """What may be the next object: up to its first closing brace, up to the next one, and so
        on. No part of an object that is cut at a brace is an object itself."""
        length = 0
        while length < _MOST_ROW_BYTES:
            end = self._bytes.find(b"}", self._at + length)
            if end >= 0:
                length = end + 1 - self._at
                yield self._bytes[self._at : end + 1]
            elif not self._more():
                return

    def take(self, length: int) -> None:
        self._at += length

    def rest(self) -> bytes:
        """All that is left."""
        while self._more():
            pass
        rest, self._bytes, self._at = self._bytes[self._at :], b"", 0
        return rest

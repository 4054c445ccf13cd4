"""Writes a file of facts: lines of JSON, packed with gzip."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from av1rules.base.files import publish, temp_name
from av1rules.plan.facts.lines import FactsLine, line_bytes

LEVEL = 6


def write_facts(lines: Iterable[FactsLine], goal: Path) -> int:
    """Write the lines to `goal` at once, whole or not at all; returns the bytes of the file. Raises
    OSError."""
    temp = temp_name(goal)
    temp.unlink(missing_ok=True)
    try:
        with open(temp, "xb") as file:
            pack_facts_to(file, lines)
            size_bytes = file.tell()
        publish(temp, goal)
    finally:
        temp.unlink(missing_ok=True)
    return size_bytes


def pack_facts_to(file: BinaryIO, lines: Iterable[FactsLine]) -> None:
    """The same facts give the same bytes: the time in gzip's header is left out."""
    with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
        part: list[bytes] = []
        for line in lines:
            part.append(line_bytes(line))
            if len(part) == _BATCH:
                packed.write(b"\n".join(part) + b"\n")
                part.clear()
        packed.write(b"".join(one + b"\n" for one in part))
    file.flush()
    if hasattr(os, "fdatasync") and file.seekable():
        os.fdatasync(file.fileno())


_BATCH = 500
"""Lines that are packed together."""

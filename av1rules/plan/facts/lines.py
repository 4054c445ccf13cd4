"""The lines of a file of facts: one JSON object each, told apart by `line`. Pure.

docs/json.md describes them. `FACTS_VERSION` grows when a line or a key is removed or changes its
meaning, not when one is added: readers ignore lines and keys that they do not know.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

import msgspec

from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import FileStat

FACTS_VERSION = 1

MAX_PATH, MAX_DEPTH = 16_384, 200
"""Characters of a path, and folders in it: a disk in memory has an entry for each."""

_NULL = msgspec.Raw(b"null")


def text_of_path(path: str | bytes) -> str:
    """A path as JSON holds it: JSON has no surrogates, and paths have no NUL, so a path that is not
    UTF-8 is a NUL and its bytes in hex."""
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"\0{raw.hex()}"


def path_of_text(text: str) -> str:
    """The inverse of `text_of_path`. Raises ValueError."""
    path = os.fsdecode(bytes.fromhex(text[1:])) if text.startswith("\0") else text
    if "\0" in path:
        raise ValueError("a path has no NUL")
    if len(path) > MAX_PATH or path.count("/") > MAX_DEPTH:
        raise ValueError("no path is that long")
    return path


def place_of_text(text: str) -> str:
    """A path of which each part is a name: nothing in it leads up, or nowhere. Raises
    ValueError."""
    path = path_of_text(text)
    if not {"", ".", ".."}.isdisjoint(path.removeprefix("/").split("/")) and path != "/":
        raise ValueError("a path leads elsewhere")
    return path


def name_of_text(text: str) -> str:
    """One name in a folder. Raises ValueError."""
    if "/" in (name := place_of_text(text)):
        raise ValueError("a name has no slash")
    return name


class NodeKind(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # a device, a pipe, a socket


class RecordedStat(msgspec.Struct, frozen=True, array_like=True):
    """What of a stat decides: sizes in bytes, times in ns."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    links: int = 1

    @property
    def file_stat(self) -> FileStat:
        return FileStat(
            device=self.device,
            inode=self.inode,
            size_bytes=self.size_bytes,
            mtime_ns=self.mtime_ns,
            ctime_ns=self.ctime_ns,
            links=self.links,
        )


class RecordedEntry(msgspec.Struct, frozen=True, array_like=True):
    """A name in a folder. `link` is the text of a symbolic link."""

    name: str
    kind: NodeKind
    stat: RecordedStat
    link: str | None = None


class RecordedRoot(msgspec.Struct, frozen=True, kw_only=True):
    """A root as the rules name it, and its path with links resolved. Where it is not there,
    `device` is that of the nearest folder above it."""

    name: str
    path: str
    real_path: str
    device: int
    is_there: bool = True


class FactsHeader(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="line"):
    """The first line. `now_s` is the time of the export in seconds since the epoch. `rules_folder`
    is the folder of the rules file, from which relative paths in it count. `has_side_files`: files
    that are no films were recorded, too."""

    facts: int
    av1rules: str
    exported_at: str  # ISO 8601, UTC
    now_s: float
    is_private: bool
    is_complete: bool
    has_side_files: bool
    rules_folder: str
    roots: tuple[RecordedRoot, ...]
    output: RecordedRoot | None
    temp_dir: str | None
    state_dir: str
    tools: Tools
    cores: int
    films: int
    targets: int


class FilmLine(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="film", tag_field="line"
):
    """A file with a video extension: `path` is below the root. Without `source` and `failure` it
    was not probed, without `content_key` not read. `linked_by` is a file of its folder that plays
    it as a part of its own."""

    root: str
    path: str
    stat: RecordedStat
    content_key: str | None = None
    linked_by: str | None = None
    failure: str | None = None
    source: msgspec.Raw = _NULL

    @property
    def source_json(self) -> bytes | None:
        raw = bytes(self.source)
        return None if raw in (b"", b"null") else raw


class FolderLine(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="folder", tag_field="line"
):
    """A folder with what is in it besides films; `errno` says that it could not be read."""

    path: str
    entries: tuple[RecordedEntry, ...] = ()
    errno: int | None = None


class FileLine(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="file", tag_field="line"
):
    """Any other path that a plan asks for, or more about one: `head_key` and `provenance` of a file
    where a target is or was. `errno` in place of `stat`: it could not be asked."""

    path: str
    kind: NodeKind = NodeKind.FILE
    stat: RecordedStat | None = None
    link: str | None = None
    errno: int | None = None
    content_key: str | None = None
    head_key: str | None = None
    is_probed: bool = False
    provenance: str | None = None


class MemoLine(msgspec.Struct, frozen=True, kw_only=True, tag="memo", tag_field="line"):
    """What was measured of a content, by the key under which the cache has it."""

    key: str
    value: msgspec.Raw

    @property
    def text(self) -> str:
        raw = bytes(self.value)
        return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()


def memo_line(key: str, text: str) -> MemoLine:
    """A memo that is an object stays one; any other is a text."""
    raw = text.encode() if text.startswith("{") else msgspec.json.encode(text)
    return MemoLine(key=key, value=msgspec.Raw(raw))


class RowLine(msgspec.Struct, frozen=True, kw_only=True, tag="row", tag_field="line"):
    """A row of a table of the ledger, by its columns."""

    table: str
    values: dict[str, Any]


class EndLine(msgspec.Struct, frozen=True, kw_only=True, tag="end", tag_field="line"):
    """The last line: how many there are with it."""

    lines: int


FactsLine = FactsHeader | FilmLine | FolderLine | FileLine | MemoLine | RowLine | EndLine

_ENCODER = msgspec.json.Encoder()


def line_bytes(line: FactsLine) -> bytes:
    return _ENCODER.encode(line)

"""The one writer of JSON documents: exact values, and safe on a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from av1rules.base.text import printable_json

FORMAT = 1
"""The version of the lines of a stream."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all documents. `format` grows when a key is removed or changes its meaning, not
    when one is added: readers ignore unknown keys. A key whose value is unset is left out."""

    format: Literal[1] = 1


def json_document(document: msgspec.Struct) -> str:
    """A document of frozen values, enums, paths and plain data; sets and the keys of mappings are
    sorted. Bytes of file names that are not UTF-8 appear as `\\xNN`."""
    return printable_json(msgspec.json.format(_encoded(document), indent=2).decode())


def json_stream(
    document: JsonDocument, key: str, records: Iterable[msgspec.Struct]
) -> Iterator[str]:
    """The text of `json_document` with `records` in the last field, `key`, in pieces, a record at a
    time: a document of 100,000 records takes no more memory than one."""
    assert document.__struct_fields__[-1] == key
    head, closing = json_document(document).rsplit("]", 1)
    yield head
    between, end = "\n    ", ""
    for record in records:
        text = msgspec.json.format(_encoded(record), indent=2).decode()
        yield between + printable_json(text.replace("\n", "\n    "))  # strings hold no raw newline
        between, end = ",\n    ", "\n  "
    yield f"{end}]{closing}"


def json_line(fields: Mapping[str, object]) -> str:
    """The same values on one line, in the order given, for a stream of records."""
    return printable_json(_encoded({"format": FORMAT, **fields}, order=None).decode())


def json_of_others(value: object) -> str:
    """A document in the format of others, which has no version of ours; keys as they are given."""
    return printable_json(msgspec.json.format(_encoded(value, order=None), indent=2).decode())


def _encoded(value: object, order: Literal["deterministic"] | None = "deterministic") -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain, order=order)
    except UnicodeEncodeError:  # JSON has no surrogates
        plain = msgspec.to_builtins(value, enc_hook=_plain, order=order)
        return msgspec.json.encode(_clean(plain))


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise NotImplementedError(f"no JSON form of {type(value).__name__}")


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATE.sub(_escaped, value)
        case list() | tuple():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case _:
            return value


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"

"""The one writer of JSON documents: exact values, and safe on a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from av1rules.base.text import printable_json

FORMAT = 1
"""The version of all documents. It grows when a key is removed or changes its meaning, not when one
is added: readers ignore unknown keys."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_document(fields: Mapping[str, object]) -> str:
    """`{"format": 1, ...}` of frozen values, enums, paths and plain data. Bytes of file names that
    are not UTF-8 appear as `\\xNN`."""
    data = _encoded({"format": FORMAT, **fields})
    return printable_json(msgspec.json.format(data, indent=2).decode())


def json_line(fields: Mapping[str, object]) -> str:
    """The same values on one line, for a stream of records."""
    return printable_json(_encoded(fields).decode())


def _encoded(value: object) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:  # JSON has no surrogates
        plain = msgspec.to_builtins(value, enc_hook=_plain)
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

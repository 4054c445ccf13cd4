"""A document in parts is the document as a whole, whatever its length."""

from __future__ import annotations

import json

import msgspec
import pytest

from av1rules.report.json import JsonDocument, json_document, json_stream


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    name: str = "a \x1b[2J \udcff \u202e.mkv"
    parts: tuple[str, ...] = ()
    inner: dict[str, str]
    number: int


class _Listing(JsonDocument, frozen=True, kw_only=True):
    ok: bool = True
    words: frozenset[str] = frozenset()
    more: str | msgspec.UnsetType = msgspec.UNSET
    items: tuple[_Item, ...] = ()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("document", [_Listing(), _Listing(words=frozenset({"[]"}), more="]")])
def test_parts_are_the_document(count: int, document: _Listing) -> None:
    items = tuple(_Item(inner={"text": "[]\n}"}, number=number) for number in range(count))
    parts = list(json_stream(document, "items", iter(items)))
    assert "".join(parts) == json_document(msgspec.structs.replace(document, items=items))
    assert len(parts) == count + 2, "one for each item: memory stays flat"


def test_sets_and_mappings_are_in_order() -> None:
    words = frozenset(["the", "order", "of", "a", "set", "differs", "between", "processes"])
    item = _Item(inner={"b": "1", "a": "2"}, number=1)
    text = json_document(_Listing(words=words, items=(item,)))
    assert json.loads(text)["words"] == sorted(words)
    assert text.index('"a"') < text.index('"b"')


def test_an_unset_key_is_left_out() -> None:
    assert list(json.loads(json_document(_Listing()))) == ["format", "ok", "words", "items"]

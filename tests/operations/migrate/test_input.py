"""Foreign files: bytes, sizes and nesting of any kind end in an error with a place, never in
another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from av1rules.base.errors import UsageError
from av1rules.operations.migrate import input as foreign
from av1rules.operations.migrate.input import read_json, read_members


def put(folder: Path, text: str | bytes, name: str = "c.json") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_keys_come_with_their_places(tmp_path: Path) -> None:
    path = put(tmp_path, '{"a": [1, {"b": 2}],\n\t"c": "\\u00e9"}')
    found = read_members(path)
    assert [(one.name, one.value) for one in found] == [("a", [1, {"b": 2}]), ("c", "é")]
    assert [one.place for one in found] == [f"{path}:1:2", f"{path}:2:2"]


def test_toml_is_read_by_its_extension(tmp_path: Path) -> None:
    path = put(tmp_path, '# one\na = 1\n"b c" = [2]\n[d]\ne = 3\n', "c.TOML")
    found = read_members(path)
    assert [(one.name, one.value) for one in found] == [("a", 1), ("b c", [2]), ("d", {"e": 3})]
    assert [one.place.removeprefix(path) for one in found] == [":2:1", ":3:1", ":4:1"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert read_members(put(tmp_path, b'\xef\xbb\xbf{"a": 1}'))[0].value == 1


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ('{"a": 1,}', "1:8", "a comma without a key behind it"),
        ('{"a": 1 "b": 2}', "1:9", "expected a comma"),
        ('{"a": [1,2}', "1:11", "Expecting ',' delimiter"),
        ("{a: 1}", "1:2", "a key in double quotes"),
        ('{"a" 1}', "1:6", "a colon"),
        ('{"a": 1}\n\n x', "3:2", "nothing behind the object"),
        ('{"a": 1,\n "a": 2}', "2:2", "stands here twice"),
        ('{"a": 1 // why\n}', "1:9", "expected a comma"),
        ("[1]", "1:1", "expected an object"),
        ("", "1:1", "expected an object"),
        ('{"a": "x', "1:7", "Unterminated string"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(
    tmp_path: Path, text: str, place: str, says: str
) -> None:
    path = put(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_members(path)
    assert caught.value.where == f"{path}:{place}"
    assert says in caught.value.message


def test_a_mistake_in_toml_has_its_place(tmp_path: Path) -> None:
    path = put(tmp_path, "a = 1\nb = = 2\n", "c.toml")
    with pytest.raises(UsageError) as caught:
        read_members(path)
    assert caught.value.where == f"{path}:2:5"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "a value can't be read"),
        ('{"a": ' + "[" * 65 + "]" * 65 + "}", "nested more than 64"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested more than 64"),
        ('{"a": ' + '{"a": ' * 70 + "1" + "}" * 70 + "}", "nested more than 64"),
    ],
)
def test_what_no_program_writes_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = put(tmp_path, text)
    for read in (read_members, read_json):
        with pytest.raises(UsageError, match=says):
            read(path)


def test_a_file_may_not_be_larger_than_any_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "MOST_BYTES", 100)
    assert read_members(put(tmp_path, '{"a": 1}' + " " * 92))
    with pytest.raises(UsageError, match="at most"):
        read_members(put(tmp_path, '{"a": 1}' + " " * 93))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UTF-8") as caught:
        read_members(put(tmp_path, b'{\n"a": "\xff"}'))
    assert str(caught.value.where).endswith(":2")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.json")
    with pytest.raises(UsageError, match="not a regular file"):
        read_members(str(tmp_path / "p.json"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.one_of(st.binary(max_size=60), st.text(alphabet='{}[]":,ab1 \\\n', max_size=40)))
def test_nothing_else_is_ever_raised(tmp_path: Path, text: bytes | str) -> None:
    for name in ("c.json", "c.toml"):
        path = put(tmp_path, text if isinstance(text, bytes) else text.encode(), name)
        for read in (read_members, read_json):
            told: str | None = None
            found: object = None
            try:
                found = read(path)
            except UsageError as problem:
                told = problem.where
            assert told is not None or found is not None

"""YAML with places: values, bounds, and that no text can make the reader fall over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.errors import Av1rulesError
from av1rules.policy.yaml.document import (
    MAX_ALIASED_NODES,
    MAX_FILE_BYTES,
    MAX_NESTING,
    parse_document,
    read_document,
)
from av1rules.policy.yaml.nodes import Document, format_path


def parse(text: str | bytes) -> Document:
    raw = text if isinstance(text, bytes) else text.encode()
    return parse_document(raw, file="rules.yaml")


def messages(text: str | bytes) -> list[str]:
    return [problem.message for problem in parse(text).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("0777", 777),
        ("0o17", 15),
        ("0xff", 255),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("9" * 60, "9" * 60),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("[1, two]", [1, "two"]),
        ("{a: {b: [c]}}", {"a": {"b": ["c"]}}),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    document = parse(f"key: {text}")
    assert document.problems == ()
    plain = document.plain()
    assert isinstance(plain, dict)
    assert plain["key"] == value
    assert type(plain["key"]) is type(value)


def test_places_of_keys_and_values() -> None:
    document = parse("version: 1\nrules:\n  - name: x\n    encode: {crf: 20, preset: 14}\n")
    path = ("rules", 0, "encode", "preset")
    assert str(document.place(path)) == "rules.yaml:4:31"
    assert str(document.key_place(path)) == "rules.yaml:4:23"
    assert str(document.place(("rules", 0))) == "rules.yaml:3:5"


def test_place_of_what_is_missing_is_its_parent() -> None:
    document = parse("a:\n  b: {c: 1}\n")
    assert document.place(("a", "b", "x", 3)) == document.place(("a", "b"))


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_places_do_not_depend_on_bom_and_line_ends(head: bytes, end: bytes) -> None:
    document = parse(head + end.join([b"a: 1", b"b:", b"  c: [x, y]", b""]))
    assert document.plain() == {"a": 1, "b": {"c": ["x", "y"]}}
    assert str(document.place(("b", "c", 1))) == "rules.yaml:3:10"
    assert document.lines[2] == "  c: [x, y]"


def test_alias_repeats_a_value() -> None:
    document = parse("a: &x {n: 1}\nb: *x\n")
    assert document.plain() == {"a": {"n": 1}, "b": {"n": 1}}


def test_nesting_up_to_the_bound_only() -> None:
    assert messages("[" * MAX_NESTING + "]" * MAX_NESTING) == []
    assert messages("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1)) == [
        f"nested deeper than {MAX_NESTING} levels"
    ]


def test_alias_bomb_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.perf_counter()
    assert messages("\n".join(lines)) == [f"aliases repeat more than {MAX_ALIASED_NODES} values"]
    assert time.perf_counter() - started < 2


def test_too_large_a_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"# " + b"x" * MAX_FILE_BYTES)
    assert [p.message for p in read_document(path).problems] == ["the file is larger than 320 KiB"]


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(Av1rulesError, match="can't read the rules file") as caught:
        read_document(tmp_path / "none.yaml")
    assert caught.value.where == str(tmp_path / "none.yaml")
    assert caught.value.hint


def test_folder_in_place_of_a_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(Av1rulesError, match="can't read the rules file: it is a folder") as caught:
        read_document(tmp_path)
    assert caught.value.hint == f"name the file in it: {tmp_path}/rules.yaml"


def test_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Av1rulesError, match="it is not a regular file"):
        read_document(pipe)


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "!!python/name:os.system",
        "!ENV x",
        "!!binary aGk=",
        "!!timestamp 2024-01-01",
    ],
)
def test_tags_are_refused_and_run_nothing(
    tagged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "tags such as" in messages(f"a: {tagged}")[0]
    assert list(tmp_path.iterdir()) == []


def test_faults_of_keys_are_all_told_and_the_rest_is_read() -> None:
    document = parse("1: a\nb: 1\nb: 2\n<<: {c: 1}\n? [x]\n: y\nd: 3\n")
    assert len(document.problems) == 4
    assert document.plain() == {"b": 1, "d": 3}


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_told(text: str) -> None:
    document = parse(text.encode("utf-8", "surrogatepass"))
    assert document.root is not None or document.problems


@given(st.text(alphabet="ab:-?[]{},&*!|>'\"%@`# \n\t\\x1~<", max_size=40))
def test_any_yaml_like_text_is_parsed_or_told(text: str) -> None:
    document = parse(text)
    assert document.root is not None or document.problems


@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_told(raw: bytes) -> None:
    document = parse(raw)
    assert document.root is not None or document.problems


def test_path_as_text() -> None:
    assert format_path(("rules", 0, "encode", "preset")) == "rules[0].encode.preset"
    assert format_path(()) == ""

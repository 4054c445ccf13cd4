"""A file of facts may come from anybody: whatever is wrong with it is an error with its line, and
nothing that it names is opened or run."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.plan.facts import read
from av1rules.plan.facts.lines import FACTS_VERSION
from av1rules.plan.facts.read import read_facts, read_header
from tests.conftest import MakeClip
from tests.facts_of import export, plan_of_facts
from tests.fakes.worker import FakeClips
from tests.sample_library import SampleLibrary

Lines = list[dict[str, Any]]


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def facts(library: SampleLibrary, other_clip: Path) -> Path:
    """Of a library with most of what facts tell."""
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\noutput: {mode: replace}\n"
        "run: {reserve: 0}\n"
        "rules: [{name: all, encode: {crf: 30, max_size_ratio: 9}, review: never}]\n"
    )
    library.add("a.mkv")
    library.run()
    library.add("b.mkv", other_clip)
    return export(library.rules_file, library.folder / "facts.jsonl.gz")


def lines_of(file: Path) -> Lines:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def write(file: Path, lines: Lines) -> Path:
    lines[-1]["lines"] = len(lines)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def problem(file: Path) -> UsageError:
    with pytest.raises(UsageError) as caught, read_facts(file):
        pass
    return caught.value


def test_unpacked_lines_are_read_as_well(facts: Path, library: SampleLibrary) -> None:
    plain = write(facts.with_suffix(""), lines_of(facts))
    assert len(plan_of_facts(plain, library.ruleset()).rows) == 2


def test_a_cut_file(facts: Path) -> None:
    whole = facts.read_bytes()
    for size in range(2, len(whole) - 1, 97):
        facts.write_bytes(whole[:size])
        assert "cut short" in problem(facts).message
    lines = gzip.decompress(whole).splitlines(keepends=True)
    facts.write_bytes(b"".join(lines[:-1]))
    assert problem(facts).message == "the file is cut short: its last line is missing"
    facts.write_bytes(b"".join((*lines[:3], *lines[4:])))
    assert "its last one counts" in problem(facts).message


def test_no_file_of_facts(tmp_path: Path) -> None:
    file = tmp_path / "facts"
    for raw in (b"", b"\0" * 9, b"[]\n", b'{"line":"film"}\n', b"\x1f\x8b", gzip.compress(b"x")):
        file.write_bytes(raw)
        with pytest.raises(UsageError):
            read_header(file)
    with pytest.raises(UsageError, match="No such file"):
        read_header(tmp_path / "none")
    with pytest.raises(UsageError, match="not a regular file"):
        read_header(tmp_path)


def test_a_later_version_is_named(facts: Path) -> None:
    lines = lines_of(facts)
    lines[0] = {"line": "header", "facts": FACTS_VERSION + 1}
    found = problem(write(facts, lines))
    assert found.message == (
        f"the facts have version {FACTS_VERSION + 1}, this av1rules knows version {FACTS_VERSION}"
    )


def test_what_a_later_av1rules_adds_is_passed_over(facts: Path, library: SampleLibrary) -> None:
    lines = lines_of(facts)
    lines[0]["news"] = 1
    lines.insert(1, {"line": "news", "of": "tomorrow"})
    lines.insert(1, {"line": "row", "table": "news", "values": {"a": 1}})
    lines.insert(1, {"line": "folder", "path": "/news", "news": 1})
    assert len(plan_of_facts(write(facts, lines), library.ruleset()).rows) == 2


WRONG: tuple[tuple[str, Callable[[dict[str, Any]], object]], ...] = (
    ("film", lambda line: line.update(stat=[1, 2, "three", 4, 5])),
    ("film", lambda line: line.update(stat=[1, 2, 2**64, 4, 5])),
    ("film", lambda line: line.update(root="none")),
    ("film", lambda line: line.update(source={"container": 1})),
    ("film", lambda line: line.update(path="a\0b")),
    ("film", lambda line: line["source"].update(video="none")),
    ("row", lambda line: line["values"].update(source_bytes="many")),
    ("row", lambda line: line["values"].update(target=["a"])),
    ("row", lambda line: line["values"].update(settings={"crf": "high"})),
    ("row", lambda line: line["values"].update(settings=None)),
    ("row", lambda line: line["values"].pop("content_key")),
    ("row", lambda line: line["values"].update(encode_s={})),
    ("row", lambda line: line["values"].update(source_bytes=2**70)),
    ("row", lambda line: line.update(values=[])),
    ("header", lambda line: line.update(tools={})),
    ("header", lambda line: line.update(roots="films")),
    ("header", lambda line: line["roots"][0].update(path="\0xx")),
)


@pytest.mark.parametrize(("kind", "spoil"), WRONG)
def test_a_wrong_value_is_an_error_with_its_line(
    facts: Path, kind: str, spoil: Callable[[dict[str, Any]], object]
) -> None:
    lines = lines_of(facts)
    number = max(at for at, line in enumerate(lines) if line["line"] == kind)
    if kind == "row":
        number = next(at for at, line in enumerate(lines) if line.get("table") == "targets")
    spoil(lines[number])
    found = problem(write(facts, lines))
    assert found.where == f"{facts}:{number + 1}"
    assert found.message.startswith("this is no line of facts: ")


@pytest.mark.parametrize("again", ["header", "end"])
def test_lines_out_of_place(facts: Path, again: str) -> None:
    lines = lines_of(facts)
    lines.insert(2, {**lines[0 if again == "header" else -1]})
    assert problem(write(facts, lines)).where in (f"{facts}:3", f"{facts}:4")


def test_a_line_that_would_fill_the_memory(facts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of blanks takes a megabyte on disk."""
    monkeypatch.setattr(read, "MAX_LINE_BYTES", 1_000_000)
    lines = gzip.decompress(facts.read_bytes())
    facts.write_bytes(gzip.compress(lines + b" " * 100_000_000))
    assert problem(facts).message == "a line has more than 1,000,000 bytes"


def test_more_lines_than_any_library_has(facts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_LINES", 3)
    assert problem(facts).message == "no library has that many facts"
    monkeypatch.setattr(read, "MAX_LINES", 10**6)
    monkeypatch.setattr(read, "MAX_BYTES", 3000)
    assert problem(facts).message == "no library has that many facts"


def test_deep_nesting_is_an_error(facts: Path) -> None:
    lines = gzip.decompress(facts.read_bytes()).splitlines()
    lines[2] = b'{"line":"memo","key":"film:1","value":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    facts.write_bytes(b"\n".join(lines) + b"\n")
    assert problem(facts).where == f"{facts}:3"


VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**200, 1.5, -1e308, "", "\0", "\0ff", "/", "..", "a" * 3000,
    [], [[]], {}, {"a": {}}, ["a", 1], "2026-01-01T00:00:00+00:00", "original",
)  # fmt: skip


def spoilt(value: Any, chance: random.Random) -> Any:
    """The value with one part of it changed, somewhere."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        if name == "line":
            return value
        return {**value, name: spoilt(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], spoilt(value[at], chance), *value[at + 1 :]]
    return chance.choice(VALUES)


@pytest.mark.parametrize("seed", range(300))
def test_whatever_is_in_it_a_plan_is_made_or_an_error_told(
    facts: Path, library: SampleLibrary, seed: int
) -> None:
    chance, lines = random.Random(seed), lines_of(facts)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines) - 1)
        lines[at] = spoilt(lines[at], chance)
    told, rows = "", 0
    try:
        rows = len(plan_of_facts(write(facts, lines), library.ruleset()).rows)
    except Av1rulesError as problem:
        told = problem.message
    assert told or rows

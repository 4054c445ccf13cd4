"""A plan in a file is read a row at a time, however it is laid out, or refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from av1rules.base.errors import UsageError
from av1rules.plan.items import Plan, PlanItem
from av1rules.plan.rows import PlanRows
from av1rules.report.documents.plan import plan_json
from av1rules.report.saved import read
from av1rules.report.saved.read import PlanReader
from tests.plan_items import copy, encode, fresh

HOSTILE = 'x}],"rows":[{\\"}\n\x1b[2J\u202e.mkv'

ITEMS = (encode("a.mkv"), fresh(HOSTILE), copy("c.mkv"), encode("é.mkv"))


def text_of(*items: PlanItem) -> str:
    return "".join(plan_json(Plan(rows=PlanRows.of(items))))


Load = Callable[[str | bytes], PlanReader]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write(text: str | bytes) -> PlanReader:
        path = tmp_path / "plan.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return PlanReader(path)

    return write


def refused(reader: PlanReader) -> str:
    with pytest.raises(UsageError) as problem:
        list(reader.rows())
    return str(problem.value)


def names(reader: PlanReader) -> list[str]:
    return [row.library_path for row in reader.rows()]


EXPECTED = ["films/a.mkv", f"films/{HOSTILE}", "films/c.mkv", "films/é.mkv"]


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
def test_rows_are_found_wherever_a_piece_ends(
    piece: int, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "_PIECE", piece)
    reader = load(text_of(*ITEMS))
    assert names(reader) == EXPECTED
    assert reader.document.totals["encode"].files == 2
    assert names(reader) == EXPECTED, "it can be read again"


@pytest.mark.parametrize(
    "how",
    [{}, {"indent": 1}, {"indent": "\t", "sort_keys": True}, {"separators": (",", ":")}],
    ids=str,
)
def test_any_layout_of_the_same_json_is_the_same_plan(how: dict[str, Any], load: Load) -> None:
    text = text_of(*ITEMS)
    before = load(text)
    rows, document = list(before.rows()), before.document
    after = load(json.dumps(json.loads(text), **how))
    assert list(after.rows()) == rows
    assert after.document == document


def test_a_plan_without_rows(load: Load) -> None:
    reader = load(text_of())
    assert list(reader.rows()) == []
    assert not reader.document.has_work


def test_unknown_keys_are_ignored(load: Load) -> None:
    document = json.loads(text_of(*ITEMS))
    document |= {"later": {"rows_of": [1]}}
    document["rows"][0] |= {"later": [{"a": "}"}]}
    assert names(load(json.dumps(document))) == EXPECTED


@tries(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(min_value=0, max_value=20_000))
def test_a_file_that_was_cut_is_never_a_shorter_plan(at: int, load: Load) -> None:
    text = text_of(*ITEMS).encode()
    cut = text[: at % len(text)]
    assert "plan" in refused(load(cut))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this plan is not whole: it ends too early"),
        ("{}", "this JSON is no plan"),
        ('{"format": 1, "document": "report", "rows": []}', "this JSON is no plan"),
        ("[1, 2]", "this is no plan, nor other JSON"),
        ("version: 1\n", "this is no plan, nor other JSON"),
        ('{"document": "plan", "format": 2, "rows": []}', "its format is 2, and this version"),
        ('{"document": "plan", "format": 1}', "this plan is not whole: it has no rows"),
        ('{"document": "plan", "format": 1, "rows": []}', "this is no plan that av1rules wrote"),
        ('{"document": "plan", "format": 1, "rows": [3]}', "row 1 can't be read"),
    ],
)
def test_what_is_no_plan_says_so(text: str, said: str, load: Load) -> None:
    message = refused(load(text))
    assert said in message
    assert "plan.json" in message
    assert "hint: " in message


def test_a_broken_row_is_named(load: Load) -> None:
    document = json.loads(text_of(*ITEMS))
    document["rows"][2]["size_bytes"] = "many"
    assert "row 3 can't be read: Expected `int`, got `str`" in refused(load(json.dumps(document)))
    document["rows"][2] = {**document["rows"][1], "action": "juggle"}
    assert "row 3 can't be read: Invalid enum value 'juggle'" in refused(load(json.dumps(document)))


def test_a_row_without_an_end_is_given_up(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_MOST_ROW_BYTES", 1000)
    text = text_of(encode("a.mkv"))
    head, _, tail = text.rpartition('"notes": [')
    assert "not whole: it ends in row 1" in refused(load(f'{head}"notes": ["{"}" * 2000}"{tail}'))


def test_a_folder_or_a_pipe_is_no_plan(tmp_path: Path) -> None:
    assert "can't be read: it is not a regular file" in refused(PlanReader(tmp_path))
    assert "No such file" in refused(PlanReader(tmp_path / "missing.json"))


def test_many_rows_take_the_memory_of_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    row = msgspec.json.encode(json.loads(text_of(encode("a.mkv")))["rows"][0]).decode()
    head, tail = text_of().split('"rows": []')
    with path.open("w") as file:
        file.write(f'{head}"rows": [')
        file.write(",\n".join([row] * 60_000))
        file.write(f"]{tail}")
    assert path.stat().st_size > 30e6
    probe = (
        "import resource, sys\n"
        "from av1rules.report.saved.read import PlanReader\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in PlanReader(sys.argv[1]).rows())\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, str(path)], check=True, capture_output=True, text=True
    )
    count, more_kib = map(int, done.stdout.split())
    assert count == 60_000
    assert more_kib < 12_000

"""The rest of a mirror in plans: one line, all files on request, each problem once."""

from __future__ import annotations

import json

import pytest

from av1rules.plan.items import Plan
from av1rules.plan.rest.items import (
    NO_REST,
    PlaceCause,
    Placement,
    Removal,
    RemovalCause,
    RestPlan,
    RestProblem,
    RestProblemKind,
)
from av1rules.plan.rows import PlanRows
from av1rules.policy.model import Rest
from av1rules.report.documents.plan import plan_json
from av1rules.report.documents.rest import rest_record
from av1rules.report.plan_text import plan_text
from av1rules.report.rest.text import problem_lines, rest_line, rest_lines
from av1rules.report.view import PLAIN, View
from tests.ledger.sample_records import STAND_IN


def placement(name: str, size_bytes: int = 1024) -> Placement:
    return Placement(
        kind=Rest.HARDLINK,
        source_path=f"/films/{name}",
        library_path=f"films/{name}",
        path=f"/out/films/{name}",
        link="",
        size_bytes=size_bytes,
        is_film=True,
        cause=PlaceCause.NEW,
    )


TAKEN = RestProblem(
    kind=RestProblemKind.TAKEN, path="/out/films/\x1b.mkv", source_path="/films/\x1b.mkv"
)
FAR = RestProblem(kind=RestProblemKind.OTHER_DISK, path="/out", source_path="/films", count=1200)
REST = RestPlan(
    kind=Rest.HARDLINK,
    in_place=8,
    to_place=(placement("a.mkv"), placement("b.mkv")),
    to_remove=(Removal(stand_in=STAND_IN, cause=RemovalCause.SOURCE_GONE),),
    problems=(FAR, TAKEN, TAKEN),
)


def test_one_line_says_how_many() -> None:
    assert rest_line(rest_record(REST)) == (
        "8 in place, 2 to be linked (2 KiB), 1 to be removed, 1202 that can't be linked"
    )
    assert rest_line(rest_record(RestPlan(kind=Rest.COPY, in_place=3, waiting=1))) == (
        "3 in place, 1 written to within library.settle"
    )


def test_a_plan_without_a_rest_says_nothing() -> None:
    assert list(rest_lines(rest_record(NO_REST), PLAIN, every_row=True)) == []
    assert "Rest" not in plan_text(Plan(rows=PlanRows.of(())))
    turned_off = rest_record(RestPlan(to_remove=REST.to_remove))
    assert list(rest_lines(turned_off, PLAIN, every_row=False)) == [
        "", "Rest of the mirror: 0 in place, 1 to be removed",
    ]  # fmt: skip


def test_it_fits_a_narrow_terminal() -> None:
    rest = rest_record(REST)
    for every_row in (False, True):
        lines = list(rest_lines(rest, View(width=60, has_colour=False), every_row=every_row))
        assert max(map(len, lines)) <= 60


def test_all_lists_every_file() -> None:
    short = plan_text(Plan(rows=PlanRows.of(()), rest=REST))
    assert "films/a.mkv" not in short
    assert short.count("move it away") == 1
    long = plan_text(Plan(rows=PlanRows.of(()), rest=REST), every_row=True)
    for words in ("films/a.mkv", "new", "its source is gone", "To be removed"):
        assert words in long
    assert long.count("move it away") == 2
    assert "\x1b" not in short + long


def test_each_reason_has_its_remedy() -> None:
    far, taken = problem_lines(rest_record(REST))
    assert "1200 files below /films" in far
    assert "use output.rest: symlink or copy" in far
    assert "and 1 more" in taken


@pytest.mark.parametrize("kind", RestProblemKind)
def test_no_reason_is_without_words(kind: RestProblemKind) -> None:
    problem = RestProblem(kind=kind, path="/o", source_path="/f")
    (line,) = problem_lines(rest_record(RestPlan(kind=Rest.REFLINK, problems=(problem,))))
    assert len(line) > 20


def test_json_has_every_file() -> None:
    document = json.loads("".join(plan_json(Plan(rows=PlanRows.of(()), rest=REST))))
    rest = document["rest"]
    assert (rest["kind"], rest["in_place"]) == ("hardlink", 8)
    assert [one["source"] for one in rest["to_place"]] == ["films/a.mkv", "films/b.mkv"]
    assert rest["to_remove"][0]["cause"] == "its source is gone"
    assert [one["kind"] for one in rest["problems"]] == ["other disk", "taken", "taken"]

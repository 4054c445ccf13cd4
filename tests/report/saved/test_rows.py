"""What is shown of a plan in a file is what was shown of the plan itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.forecast.of_plan import Budget
from av1rules.plan.items import (
    Blocked,
    Held,
    KeptSpace,
    LeftAlone,
    Orphan,
    Plan,
    PlanAction,
    PlanItem,
)
from av1rules.plan.rows import PlanRows
from av1rules.policy.match import PassedOver
from av1rules.report.documents.plan import plan_json
from av1rules.report.forecast import forecast_columns
from av1rules.report.plan_text import ShownPlan, plan_lines, shown_plan
from av1rules.report.saved.markdown import plan_markdown
from av1rules.report.saved.read import PlanReader
from av1rules.report.saved.rows import saved_plan, saved_rows
from av1rules.report.view import PLAIN, View
from tests.conftest import Golden
from tests.forecast.test_of_plan import forecast_of, rows_of
from tests.ledger.sample_records import ROW
from tests.plan_items import copy, encode, fresh, library_file
from tests.report.rest.test_text import REST
from tests.report.test_forecast import MODEL, REMUX, WEB

NOISE = "\x1b[2J\u202e\n|<b>"

FORECAST = forecast_of(
    MODEL.forecast(WEB), MODEL.forecast(REMUX), unknown=1, budget=Budget(seconds=7 * 3600.0)
)


def plan() -> Plan:
    passed = (PassedOver(f"r{NOISE}", ("hdr",)),)
    left = [
        LeftAlone(file=library_file(f"l{at}.mkv"), causes=(f"why {at % 5}{NOISE}",))
        for at in range(9)
    ]
    items: tuple[PlanItem, ...] = (
        *rows_of(3),
        copy("c.mkv"),
        replace(fresh("f.mkv"), passed_over=passed),
        *left,
        Held(file=library_file(f"h{NOISE}\udcff.mkv"), causes=("a", f"b{NOISE}"), rule="r"),
        *(Blocked(file=library_file(f"b{at}"), causes=(f"no{NOISE}",)) for at in range(30)),
    )
    return Plan(
        rows=PlanRows.of(items),
        problems=(f"/films/{NOISE}: no permission",),
        orphans=(Orphan(row=ROW, cause="its source is gone", to_trash=True),),
        kept=KeptSpace(files=2, size_bytes=5000),
        notes=("originals are kept",),
        rest=REST,
    )


@pytest.fixture
def both(tmp_path: Path) -> tuple[ShownPlan, ShownPlan]:
    """A plan, and the same one out of a file of which three rows of a group are kept."""
    columns = forecast_columns(FORECAST)
    path = tmp_path / "plan.json"
    path.write_text("".join(plan_json(plan(), columns)))
    again = saved_plan(str(path), every_row=False, kept=3)
    return shown_plan(plan(), forecasts=columns, next_step=again.next_step), again


@pytest.mark.parametrize("every_row", [False, True])
@pytest.mark.parametrize(
    "view", [PLAIN, View(width=70, height=50, has_colour=True, rows_shown=2)], ids=["pipe", "tty"]
)
def test_the_text_is_the_same(
    both: tuple[ShownPlan, ShownPlan], view: View, *, every_row: bool
) -> None:
    first, again = (replace(one, every_row=every_row) for one in both)
    text = "\n".join(plan_lines(again, view))
    assert text == "\n".join(plan_lines(first, view))
    assert "next: av1rules run" in text
    assert "\u202e" not in text
    assert "\x1b[2J" not in text


def test_the_markdown_is_the_same(both: tuple[ShownPlan, ShownPlan], golden: Golden) -> None:
    first, again = ("".join(plan_markdown(one)) for one in both)
    assert first == again
    golden("plan.md", first)


def test_what_a_run_does_of_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("".join(plan_json(plan(), forecast_columns(FORECAST))))
    rows = saved_rows(PlanReader(path))
    beyond = {item.file.path for item in plan().rows if item.file.path in FORECAST.beyond}
    assert beyond, "what the budget leaves out is left out"
    expected = [
        item.file.path
        for item in plan().rows
        if item.action in (PlanAction.ENCODE, PlanAction.COPY) and item.file.path not in beyond
    ]
    assert [row.path for row in rows] == expected


def test_a_row_that_stands_twice_is_done_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    rows = PlanRows.of((encode("a.mkv"), encode("b.mkv"), encode("a.mkv")))
    path.write_text("".join(plan_json(Plan(rows=rows))))
    assert [row.library_path for row in saved_rows(PlanReader(path))] == [
        "films/a.mkv", "films/b.mkv",
    ]  # fmt: skip


def test_a_row_keeps_what_a_recheck_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("".join(plan_json(Plan(rows=PlanRows.of((encode("a\udcff.mkv"),))))))
    (row,) = saved_rows(PlanReader(path))
    item = encode("a\udcff.mkv")
    assert (row.path, row.target) == (item.file.path, item.target)
    assert (row.content_key, row.fingerprint) == (item.work.content_key, item.work.fingerprint)
    assert row.settings == item.work.recipe.settings
    assert (row.size_bytes, row.mtime_ns) == (item.size_bytes, item.file.stat.mtime_ns)
    assert (row.encoder, row.target_file) == (item.work.encoder.name, None)

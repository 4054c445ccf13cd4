"""Forecasts as typed: in a plan, kept to by a run, checked afterwards."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from av1rules.base.errors import LedgerError
from av1rules.base.events import Event, Note
from av1rules.graph import outlook
from av1rules.graph.budget import Allowance
from av1rules.graph.forecast import SAMPLED
from av1rules.graph.forecast_table import ForecastTable
from av1rules.graph.ledger import Ledger
from av1rules.graph.open_session import open_session
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import Plan
from av1rules.graph.run import run_plan
from av1rules.graph.scope import Wish
from av1rules.graph.workspace import Workspace, open_workspace
from tests.cli.test_commands import av1rules
from tests.graph.test_doit import DODO, doit
from tests.shelf import FAST, RULES, Shelf

pytestmark = pytest.mark.real

KEEP_ALL = RULES.format(settings=FAST)


def ahead(plan: Plan, space: Workspace) -> outlook.Outlook:
    budget = outlook.Budget()
    return outlook.look_ahead(plan, space.ledger, space.ruleset, space.tools, budget=budget)


def test_a_run_notes_what_it_foretold(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    text = av1rules("plan", cwd=shelf.folder).stdout
    assert "Forecast: about" in text
    assert "built-in figures, wide" in text
    av1rules("run", cwd=shelf.folder)
    with closing(Ledger.read(shelf.state_dir)) as ledger:
        (past,) = ForecastTable(ledger.db).all()
        made = ledger.find(past.target)
    assert made is not None
    assert past.took_s == pytest.approx(made.encode_s + made.verify_s)
    assert past.came_bytes == made.target_bytes
    assert past.run == 1
    told = json.loads(av1rules("forecast", "--check", "--json", cwd=shelf.folder).stdout)
    assert told["groups"][0]["count"] == 1
    assert "Forecast:" not in av1rules("plan", cwd=shelf.folder).stdout, "no work"
    av1rules("run", cwd=shelf.folder)
    with closing(Ledger.read(shelf.state_dir)) as ledger:
        assert len(ForecastTable(ledger.db).all()) == 1


def test_a_budget_too_small_starts_nothing(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    plan = json.loads(av1rules("plan", "--budget", "1ms", "--json", cwd=shelf.folder).stdout)
    assert [row["beyond_budget"] for row in plan["rows"]] == [True]
    told = av1rules("run", "--budget", "1ms", cwd=shelf.folder).stderr
    assert "left for another run, beyond the budget: 1" in told
    assert not shelf.target("a.mkv").exists()
    av1rules("run", "--budget", "10h", cwd=shelf.folder)
    assert shelf.target("a.mkv").exists()


def test_until_enough_is_saved(shelf: Shelf) -> None:
    shelf.rules(KEEP_ALL.replace("max_size_ratio: 9", "max_size_ratio: 1"))
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        shelf.add(name)
    told = av1rules("run", "--free", "1B", cwd=shelf.folder).stderr
    assert "beyond the budget: 2" in told
    assert len(list(shelf.folder.glob("out/films/*.mkv"))) <= 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("plan", "--budget", "soon"), "a duration such as 45s, 10min or 2h"),
        (("plan", "--free", "4Tb"), "4TB"),
        (("run", "--budget", "0h"), "more than nothing"),
        (("forecast",), "--check compares past ones"),
    ],
)
def test_bad_usage(shelf: Shelf, arguments: tuple[str, ...], text: str) -> None:
    assert text in av1rules(*arguments, cwd=shelf.folder, code=2).stderr


def test_a_plan_without_work_does_not_read_the_past(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_arguments: object) -> None:
        raise AssertionError("the ledger was asked for past encodes")

    monkeypatch.setattr(outlook, "made_lately", read)
    with open_workspace(shelf.rules_file, write=False) as space:
        plan = build_plan(space, Wish())
        found = outlook.look_ahead(
            plan, space.ledger, space.ruleset, space.tools, budget=outlook.Budget()
        )
    assert found == outlook.Outlook()


def test_a_forecast_that_can_not_be_kept_is_no_failure(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise LedgerError("the ledger could not be written: disk full")

    monkeypatch.setattr(ForecastTable, "add", fail)
    shelf.add("a.mkv")
    told: list[Event] = []
    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, told.append) as session,
    ):
        plan = build_plan(session.space, Wish())
        found = outlook.look_ahead(
            plan, space.ledger, space.ruleset, space.tools, budget=outlook.Budget()
        )
        finished = run_plan(plan, session, jobs=1, steward=Allowance(found))
    assert (finished.done, finished.failed) == (1, 0)
    notes = [event.message for event in told if isinstance(event, Note)]
    assert notes == [
        "what became of its forecast is not kept: the ledger could not be written: disk full"
    ]


def test_films_that_wait_for_clips_are_foretold_apart(shelf: Shelf) -> None:
    shelf.rules(KEEP_ALL.replace("review: never", "review: each"))
    shelf.add("a.mkv")
    plan = json.loads(av1rules("plan", "--json", cwd=shelf.folder).stdout)
    (row,) = plan["rows"]
    assert row["action"] == "make clip"
    assert row["forecast"]["seconds"]["mid"] > 0
    assert plan["forecast"]["encodes"] == 0
    assert plan["forecast"]["waiting"]["encodes"] == 1
    av1rules("run", cwd=shelf.folder)
    text = av1rules("plan", cwd=shelf.folder).stdout
    assert "clip waiting for approval" in text
    assert "Waiting for clips to be approved: 1 film, about" in text


def test_samples_make_the_forecast(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    text = av1rules("plan", "--sample", cwd=shelf.folder).stdout
    assert "size from samples of the film" in text
    assert not shelf.target("a.mkv").exists()
    assert list((shelf.state_dir / "samples").iterdir()) == [], "nothing of them is kept"
    av1rules("run", cwd=shelf.folder)
    with closing(Ledger.read(shelf.state_dir)) as ledger:
        (past,) = ForecastTable(ledger.db).all()
    assert past.basis.level == SAMPLED
    assert past.size_bytes.low <= past.came_bytes <= past.size_bytes.high
    told = av1rules("forecast", "--check", cwd=shelf.folder).stdout
    assert "samples of the film" in told


def test_plain_doit_notes_its_forecasts_too(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    (shelf.folder / "dodo.py").write_text(DODO, encoding="utf-8")
    doit(shelf, "-n", "2", "-P", "thread")
    with closing(Ledger.read(shelf.state_dir)) as ledger:
        assert len(ForecastTable(ledger.db).all()) == 1


def test_films_that_wait_for_clips_are_sampled_too(shelf: Shelf) -> None:
    shelf.rules(KEEP_ALL.replace("review: never", "review: each"))
    shelf.add("a.mkv")

    def basis() -> str:
        plan = json.loads(av1rules("plan", "--json", cwd=shelf.folder).stdout)
        return json.dumps(plan["rows"][0]["forecast"])

    assert "samples" not in basis()
    av1rules("plan", "--sample", cwd=shelf.folder)
    assert "samples of the film" in basis()
    av1rules("run", cwd=shelf.folder)
    assert "samples of the film" in basis(), "its clip is made, it waits for approval"

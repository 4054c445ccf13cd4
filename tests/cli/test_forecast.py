"""Forecasts as typed: in a plan, kept to by a run, checked afterwards."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from av1rules.base.errors import LedgerError
from av1rules.base.events import Event, Note
from av1rules.execute.budget import BudgetScheduler
from av1rules.execute.startup import start_session
from av1rules.forecast import of_plan as forecast
from av1rules.graph.runner import DoitBackend
from av1rules.ledger.forecasts import ForecastTable
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import SAMPLED
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace, open_workspace
from tests.cli.test_commands import av1rules
from tests.graph.test_doit import DODO, doit
from tests.runs import run_plan
from tests.sample_library import FAST, RULES, SampleLibrary

pytestmark = pytest.mark.real

KEEP_ALL = RULES.format(settings=FAST)


def ahead(plan: Plan, workspace: Workspace) -> forecast.PlanForecast:
    budget = forecast.Budget()
    return forecast.forecast_plan(
        plan, workspace.ledger, workspace.ruleset, workspace.tools, budget=budget
    )


def test_a_run_notes_what_it_foretold(library: SampleLibrary) -> None:
    library.add("a.mkv")
    text = av1rules("plan", cwd=library.folder).stdout
    assert "Forecast: about" in text
    assert "built-in figures, wide" in text
    av1rules("run", cwd=library.folder)
    with closing(Ledger.read(library.state_dir)) as ledger:
        (past,) = ledger.forecasts.all()
        made = ledger.find(past.target)
    assert made is not None
    assert past.actual_s == pytest.approx(made.encode_s + made.verify_s)
    assert past.actual_bytes == made.target_bytes
    assert past.run == 1
    output = json.loads(av1rules("forecast", "--check", "--json", cwd=library.folder).stdout)
    assert output["groups"][0]["count"] == 1
    assert "Forecast:" not in av1rules("plan", cwd=library.folder).stdout, "no work"
    av1rules("run", cwd=library.folder)
    with closing(Ledger.read(library.state_dir)) as ledger:
        assert len(ledger.forecasts.all()) == 1


def test_a_budget_too_small_starts_nothing(library: SampleLibrary) -> None:
    library.add("a.mkv")
    plan = json.loads(av1rules("plan", "--budget", "1ms", "--json", cwd=library.folder).stdout)
    assert [row["beyond_budget"] for row in plan["rows"]] == [True]
    output = av1rules("run", "--budget", "1ms", cwd=library.folder).stderr
    assert "left for another run, beyond the budget: 1" in output
    assert not library.target("a.mkv").exists()
    av1rules("run", "--budget", "10h", cwd=library.folder)
    assert library.target("a.mkv").exists()


def test_until_enough_is_saved(library: SampleLibrary) -> None:
    library.rules(KEEP_ALL.replace("max_size_ratio: 9", "max_size_ratio: 1"))
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        library.add(name)
    output = av1rules("run", "--free", "1B", cwd=library.folder).stderr
    assert "beyond the budget: 2" in output
    assert len(list(library.folder.glob("out/films/*.mkv"))) <= 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("plan", "--budget", "soon"), "a duration such as 45s, 10min or 2h"),
        (("plan", "--free", "4Tb"), "4TB"),
        (("run", "--budget", "0h"), "more than nothing"),
    ],
)
def test_bad_usage(library: SampleLibrary, arguments: tuple[str, ...], text: str) -> None:
    assert text in av1rules(*arguments, cwd=library.folder, code=2).stderr


def test_a_plan_without_work_does_not_read_the_past(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_arguments: object) -> None:
        raise AssertionError("the ledger was asked for past encodes")

    monkeypatch.setattr(forecast, "recent_encodes", read)
    with open_workspace(library.rules_file, write=False) as workspace:
        plan = build_plan(workspace, PlanRequest())
        found = forecast.forecast_plan(
            plan, workspace.ledger, workspace.ruleset, workspace.tools, budget=forecast.Budget()
        )
    assert found == forecast.PlanForecast()


def test_a_forecast_that_can_not_be_kept_is_no_failure(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise LedgerError("the ledger could not be written: disk full")

    monkeypatch.setattr(ForecastTable, "add", fail)
    library.add("a.mkv")
    output: list[Event] = []
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, output.append) as session,
    ):
        plan = build_plan(session.workspace, PlanRequest())
        found = forecast.forecast_plan(
            plan, workspace.ledger, workspace.ruleset, workspace.tools, budget=forecast.Budget()
        )
        backend = DoitBackend(BudgetScheduler(found))
        finished = run_plan(plan, session, jobs=1, backend=backend)
    assert (finished.done, finished.failed) == (1, 0)
    notes = [event.message for event in output if isinstance(event, Note)]
    assert notes == [
        "its forecast could not be recorded: the ledger could not be written: disk full"
    ]


def test_films_that_wait_for_clips_are_foretold_apart(library: SampleLibrary) -> None:
    library.rules(KEEP_ALL.replace("review: never", "review: each"))
    library.add("a.mkv")
    plan = json.loads(av1rules("plan", "--json", cwd=library.folder).stdout)
    (row,) = plan["rows"]
    assert row["action"] == "make clip"
    assert row["forecast"]["seconds"]["mid"] > 0
    assert plan["forecast"]["encodes"] == 0
    assert plan["forecast"]["waiting"]["encodes"] == 1
    av1rules("run", cwd=library.folder)
    text = av1rules("plan", cwd=library.folder).stdout
    assert "clip waiting for approval" in text
    assert "Waiting for approval of clips: 1 film, about" in text


def test_samples_make_the_forecast(library: SampleLibrary) -> None:
    library.add("a.mkv")
    text = av1rules("plan", "--sample", cwd=library.folder).stdout
    assert "size from samples of the film" in text
    assert not library.target("a.mkv").exists()
    assert list((library.state_dir / "samples").iterdir()) == [], "nothing of them is kept"
    av1rules("run", cwd=library.folder)
    with closing(Ledger.read(library.state_dir)) as ledger:
        (past,) = ledger.forecasts.all()
    assert past.basis.level == SAMPLED
    assert past.size_bytes.low <= past.actual_bytes <= past.size_bytes.high
    output = av1rules("forecast", "--check", cwd=library.folder).stdout
    assert "samples of the film" in output


def test_plain_doit_notes_its_forecasts_too(library: SampleLibrary) -> None:
    library.add("a.mkv")
    (library.folder / "dodo.py").write_text(DODO, encoding="utf-8")
    doit(library, "-n", "2", "-P", "thread")
    with closing(Ledger.read(library.state_dir)) as ledger:
        assert len(ledger.forecasts.all()) == 1


def test_films_that_wait_for_clips_are_sampled_too(library: SampleLibrary) -> None:
    library.rules(KEEP_ALL.replace("review: never", "review: each"))
    library.add("a.mkv")

    def basis() -> str:
        plan = json.loads(av1rules("plan", "--json", cwd=library.folder).stdout)
        return json.dumps(plan["rows"][0]["forecast"])

    assert "samples" not in basis()
    av1rules("plan", "--sample", cwd=library.folder)
    assert "samples of the film" in basis()
    av1rules("run", cwd=library.folder)
    assert "samples of the film" in basis(), "its clip is made, it waits for approval"

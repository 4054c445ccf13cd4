"""What a run begins with: the priority of rules, then the order that the user asks for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.execute.budget import BudgetScheduler, scheduler_for
from av1rules.execute.run import run_plan
from av1rules.execute.startup import start_session
from av1rules.forecast.of_plan import Budget, PlanForecast
from av1rules.forecast.order import Ordering
from av1rules.graph.runner import DoitBackend
from av1rules.media.source import FileStat
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Encode, PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.policy.model import Order
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips, FakeWorker
from tests.forecast.test_of_plan import LONG, RICH, SHORT
from tests.plan_items import copy, encode
from tests.sample_library import FAST, SampleLibrary


def film(name: str, *, size: int = 1, mtime_ns: int = 0, rule: str | None = None) -> Encode:
    made = encode(name)
    stat = FileStat(device=1, inode=1, size_bytes=size, mtime_ns=mtime_ns, ctime_ns=0)
    return replace(made, file=replace(made.file, stat=stat), rule=rule)


FILMS = (
    film("b", size=3, mtime_ns=1, rule="tv"),
    film("c", size=1, mtime_ns=3, rule="films"),
    film("a", size=2, mtime_ns=2),
)


def names(rows: list[Encode]) -> str:
    return "".join(row.file.relative_path for row in rows)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "bca"),
        (Order.SIZE, "bac"),
        (Order.NEWEST, "cab"),
        (Order.NAME, "abc"),
        (Order.SAVING, "acb"),
    ],
)
def test_each_order(order: Order | None, expected: str) -> None:
    savings = {"/films/a": 9.0, "/films/c": 5.0}
    assert names(Ordering(order=order).sorted(FILMS, savings.get)) == expected


def test_priority_comes_before_any_order() -> None:
    priorities = {"films": 5, "tv": -1}
    assert names(Ordering(priorities=priorities).sorted(FILMS)) == "cab"
    assert names(Ordering(order=Order.SIZE, priorities=priorities).sorted(FILMS)) == "cab"
    assert names(Ordering(order=Order.NAME, priorities={"tv": 0}).sorted(FILMS)) == "abc"


def test_only_an_order_or_a_priority_changes_anything() -> None:
    assert not Ordering().is_active
    assert Ordering(order=Order.NAME).is_active
    assert Ordering(priorities={"tv": 1}).is_active


def scheduled(ordering: Ordering, budget: Budget = Budget()) -> BudgetScheduler:
    by_path = {"/films/a": LONG, "/films/b": SHORT, "/films/c": RICH}
    return BudgetScheduler(
        PlanForecast(by_path=by_path, within=tuple(by_path), ordering=ordering, budget=budget)
    )


def test_a_run_without_a_budget_follows_the_order_copies_among_the_encodes() -> None:
    rows = (*FILMS, copy("aa"))
    found = scheduled(Ordering(order=Order.NAME)).in_order(rows)
    assert [row.file.relative_path for row in found] == ["a", "aa", "b", "c"]
    assert scheduled(Ordering()).in_order(rows) == rows


def test_the_order_holds_within_a_budget_too() -> None:
    budget = Budget(seconds=1e9)
    asked = scheduled(Ordering(order=Order.NAME), budget).in_order(FILMS)
    assert [row.file.relative_path for row in asked] == ["a", "b", "c"]
    first = scheduled(Ordering(priorities={"tv": 1}), budget).in_order(FILMS)
    assert [row.file.relative_path for row in first] == ["b", "c", "a"], "then by their saving"


RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
rules:
  - {{name: series, when: {{path: "**/s*.mkv"}}, encode: {{{FAST}}}, review: never}}
  - {{name: the rest of it, encode: {{{FAST}}}, review: never, priority: 3}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def films(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    library.rules(RULES)
    for name in ("f2.mkv", "s1.mkv", "f1.mkv", "s2.mkv"):
        library.add(name, make_clip(name))
    return library


def run_in_order(
    library: SampleLibrary, worker: FakeWorker, order: Order | None, *, jobs: int
) -> None:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        plan = build_plan(session.workspace)
        scheduler = scheduler_for(plan, session, jobs=jobs, order=order)
        run_plan(plan, session, DoitBackend(scheduler, worker=worker), jobs=jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_by_doit_starts_its_encodes_in_the_order(
    jobs: int, films: SampleLibrary, fake_worker: FakeWorker
) -> None:
    run_in_order(films, fake_worker, None, jobs=jobs)
    started = [job.library_path for job in fake_worker.jobs]
    expected = ["films/f1.mkv", "films/f2.mkv", "films/s1.mkv", "films/s2.mkv"]
    # Two begin at once: either may be the first to reach its encoder.
    assert [set(started[at : at + jobs]) for at in range(0, 4, jobs)] == [
        set(expected[at : at + jobs]) for at in range(0, 4, jobs)
    ]


def test_a_priority_redoes_nothing(films: SampleLibrary, fake_worker: FakeWorker) -> None:
    run_in_order(films, fake_worker, None, jobs=1)
    films.rules(RULES.replace("priority: 3", "priority: -7"))
    assert {row.action for row in films.plan().rows} == {PlanAction.FRESH}


def test_only_the_films_of_some_rules(films: SampleLibrary) -> None:
    plan = films.plan_for(PlanRequest(only=("series",)))
    assert [row.file.relative_path for row in plan.rows] == ["s1.mkv", "s2.mkv"]
    assert not plan.is_whole
    both = films.plan_for(PlanRequest(only=("series", "the rest of it")))
    assert len(both.rows) == 4


def test_a_copy_whose_film_is_of_another_rule_is_encoded_itself(
    films: SampleLibrary, make_clip: MakeClip
) -> None:
    films.rules(RULES.replace("copies: encode", "copies: link"))
    films.add("s9.mkv", make_clip("f1.mkv"))
    whole = {row.file.relative_path: row.action for row in films.plan().rows}
    assert whole["s9.mkv"] is PlanAction.COPY
    plan = films.plan_for(PlanRequest(only=("series",)))
    assert {row.action for row in plan.rows} == {PlanAction.ENCODE}


def test_a_rule_that_is_not_there_is_named_with_the_nearest(films: SampleLibrary) -> None:
    with pytest.raises(UsageError, match="no rule has this name: serie") as refused:
        films.plan_for(PlanRequest(only=("serie",)))
    assert refused.value.hint == "did you mean series?"
    with pytest.raises(UsageError) as unlike:
        films.plan_for(PlanRequest(only=("xyz",)))
    assert unlike.value.hint == "the rules are series, the rest of it"

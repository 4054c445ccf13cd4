"""Quality targets: searched for once, as a step of its own, before the film is encoded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.approvals.model import Answer
from av1rules.base.events import JobWithheld
from av1rules.ffmpeg.tools import Tools
from av1rules.plan.items import Fresh, Held, LeftAlone, PlanAction, Prerequisite
from tests.cli.test_commands import av1rules
from tests.execute.prerequisites_library import (
    QUICK,
    facts_of,
    found_by,
    other_ffmpeg,
    request_for,
    run_counting,
    target_of,
    tried_crfs,
)
from tests.graph.test_doit import DODO, doit
from tests.operations.test_clips import clips, say
from tests.plan_items import work_in
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

LOW = target_of("mean: 30")
"""Kept by anything."""

HIGH = "mean: 99.9"
"""Kept by nothing."""


@pytest.fixture
def film(library: SampleLibrary) -> SampleLibrary:
    library.add("film.mkv")
    request_for(library, LOW)
    return library


def due(library: SampleLibrary) -> tuple[Prerequisite, ...]:
    work = work_in(library.row("film.mkv"))
    return work.pending


def test_planned_searched_encoded_fresh(film: SampleLibrary) -> None:
    row = film.row("film.mkv")
    assert (row.action, row.causes) == (PlanAction.ENCODE, ("new",))
    assert row.notes == ("its CRF is searched for first: VMAF mean at least 30, CRF 50 to 50",)
    text = av1rules("plan", cwd=film.folder).stdout
    assert "crf by target" in text
    assert "its CRF is searched for first" in text
    assert not (film.state_dir / "samples").exists()
    text = av1rules("run", cwd=film.folder).stderr
    assert "films/film.mkv: search: CRF 50: VMAF mean " in text
    assert text.index(": search: ") < text.index(": encoding with ") < text.index(": done: ")
    (built,) = film.ledger_rows()
    assert built.settings.crf == 50
    assert built.settings.quality_target is not None
    assert built.settings.quality_target.floor.value == 30
    assert film.row("film.mkv").action is PlanAction.FRESH
    finished, steps = run_counting(film)
    assert (finished.done, finished.run, steps) == (0, None, {})
    assert os.listdir(film.state_dir / "samples") == []
    assert film.leftovers() == []


def test_by_doit_the_search_is_a_task_of_its_own(film: SampleLibrary) -> None:
    (film.folder / "dodo.py").write_text(DODO)
    text = doit(film, "list", "--all", "-q")
    assert [line.strip() for line in text.splitlines()] == [
        "encode", "encode:films/film.mkv", "search", "search:films/film.mkv",
    ]  # fmt: skip
    assert "search:films/film.mkv" in doit(film, "info", "encode:films/film.mkv", code=1)
    doit(film, "search:films/film.mkv")
    assert film.ledger_rows() == ()
    row = film.row("film.mkv")
    assert row.notes[0].startswith("CRF 50: VMAF mean ")
    assert (work_in(row).recipe.settings.crf, work_in(row).pending) == (50, ())
    assert "U search:films/film.mkv" in doit(film, "list", "--all", "--status", "-q")
    doit(film, "forget", "search:films/film.mkv")
    assert "R search:films/film.mkv" in doit(film, "list", "--all", "--status", "-q")
    doit(film)
    assert film.row("film.mkv").action is PlanAction.FRESH
    assert ".  " not in doit(film)
    doit(film, "forget", "encode:films/film.mkv")
    assert film.causes("film.mkv") == ("forgotten",)


def test_the_highest_crf_that_keeps_to_the_floor(film: SampleLibrary) -> None:
    request_for(film, target_of("mean: 85", 30, 60))
    run_counting(film)
    (search,) = facts_of(film, "searches")
    tried = {one["crf"]: one["value"] for one in search["tried"]}
    kept = [crf for crf, value in tried.items() if value >= 85]
    assert search["crf"] == max(kept)
    assert 30 <= min(tried) <= max(tried) <= 60
    assert film.ledger_rows()[0].settings.crf == max(kept)
    assert sorted(tried) == tried_crfs(film)


def test_a_changed_floor_makes_stale_and_samples_are_not_made_again(film: SampleLibrary) -> None:
    run_counting(film)
    request_for(film, target_of("mean: 31"))
    (cause,) = film.causes("film.mkv")
    assert cause == (
        "quality_target VMAF mean at least 30, CRF 50 to 50 -> VMAF mean at least 31, CRF 50 to 50 "
        "(rules.yaml:8)"
    )
    assert due(film) == (Prerequisite.SEARCH,)
    finished, steps = run_counting(film)
    assert finished.done == 1
    assert (steps["search recorded"], steps["sample encoded"]) == (1, 0)
    request_for(film, target_of("xpsnr: 1").replace("xpsnr: 1", "metric: xpsnr, p5: 1"))
    finished, steps = run_counting(film)
    assert (finished.done, steps["sample encoded"]) == (1, 1), "it was not scored by that before"


def test_what_is_done_otherwise_is_no_part_of_the_target(film: SampleLibrary) -> None:
    run_counting(film)
    request_for(film, target_of("mean: 30", more=", otherwise: best"))
    assert film.row("film.mkv").action is PlanAction.FRESH


def test_from_crf_to_target_and_back(film: SampleLibrary) -> None:
    request_for(film, "crf: 50")
    film.run()
    request_for(film, LOW)
    text = "VMAF mean at least 30, CRF 50 to 50"
    of_crf, of_target = film.causes("film.mkv")
    assert of_crf.startswith("crf 50 -> ")
    assert of_target == f"quality_target none -> {text} (rules.yaml:8)"
    run_counting(film)
    request_for(film, "crf: 50")
    assert film.causes("film.mkv") == (
        "crf 50 by target -> 50 (rules.yaml:8)",
        f"quality_target {text} -> none (built-in)",
    )
    assert run_counting(film)[0].done == 1
    assert film.row("film.mkv").action is PlanAction.FRESH


def test_other_tools_search_anew_only_for_what_is_not_encoded_yet(
    film: SampleLibrary, tools: Tools, other_clip: Path, tmp_path: Path
) -> None:
    film.add("later.mkv", other_clip)
    film_path = film.folder / "films" / "film.mkv"
    av1rules("run", str(film_path), cwd=film.folder)
    (film.folder / "dodo.py").write_text(DODO)
    doit(film, "search:films/later.mkv")
    assert len(facts_of(film, "searches")) == 2
    ffmpeg = other_ffmpeg(tmp_path, tools.ffmpeg, version="9.9")
    request_for(film, LOW, tools=f"ffmpeg: {ffmpeg}")
    row = film.row("film.mkv")
    assert isinstance(row, Fresh)
    assert row.has_other_tools
    later = film.row("later.mkv")
    assert work_in(later).pending == (Prerequisite.SEARCH,)
    finished, steps = run_counting(film)
    assert (finished.done, steps["sample encoded"]) == (1, 1)
    assert len(facts_of(film, "searches")) == 3


@pytest.mark.parametrize(
    ("otherwise", "action", "advice"),
    [
        ("hold", PlanAction.HELD, "; a lower floor, a lower crf min, or otherwise: best or skip"),
        ("skip", PlanAction.LEFT_ALONE, ": left alone until source, target or tools change"),
    ],
)
def test_no_crf_is_good_enough(
    film: SampleLibrary, otherwise: str, action: PlanAction, advice: str
) -> None:
    (film.folder / "dodo.py").write_text(DODO)
    request_for(film, target_of(HIGH, more=f", otherwise: {otherwise}"))
    finished, steps = run_counting(film)
    assert (finished.withheld, finished.done, finished.failed) == (1, 0, 0)
    (event,) = [event for event in film.events if isinstance(event, JobWithheld)]
    assert event.reason.startswith("no CRF from 50 to 50: VMAF mean ")
    assert advice in event.reason
    assert "1 not encoded in " in film.output()
    assert steps["folder made"] == 1, "only that of the sample"
    row = film.row("film.mkv")
    assert (row.action, row.causes) == (action, (event.reason,))
    assert isinstance(row, Held | LeftAlone)
    assert row.is_settled_by_attempt
    assert event.reason.split(";")[0] in av1rules("plan", "--all", cwd=film.folder).stdout
    assert run_counting(film)[1] == {}, "not tried again"
    assert "-- encode:films/film.mkv" in doit(film)
    doit(film, "forget", "encode:films/film.mkv")
    assert due(film) == (Prerequisite.SEARCH,)
    assert run_counting(film)[0].withheld == 1
    assert film.ledger_rows() == ()
    forced = film.row("film.mkv", force=True)
    assert forced.action is PlanAction.ENCODE
    assert forced.notes[0].endswith(": the best there is, CRF 50")
    assert run_counting(film, force=True)[0].done == 1
    assert film.ledger_rows()[0].settings.crf == 50
    assert film.row("film.mkv").action is PlanAction.FRESH


def test_the_best_there_is(film: SampleLibrary) -> None:
    request_for(film, target_of(HIGH, 48, 50, more=", otherwise: best"))
    finished, _ = run_counting(film)
    assert finished.done == 1
    assert film.ledger_rows()[0].settings.crf == 48
    (search,) = facts_of(film, "searches")
    assert search["crf"] is None


def test_doit_ends_well_where_nothing_is_good_enough(film: SampleLibrary) -> None:
    (film.folder / "dodo.py").write_text(DODO)
    request_for(film, target_of(HIGH))
    text = doit(film)
    assert "not encoded: no CRF from 50 to 50" in text
    assert film.row("film.mkv").action is PlanAction.HELD


def test_forced_at_once_it_is_encoded_with_the_best(film: SampleLibrary) -> None:
    request_for(film, target_of(HIGH))
    text = av1rules("run", "--force", cwd=film.folder).stderr
    assert ": search: no CRF from 50 to 50" in text
    assert ": done: " in text


def test_one_search_for_two_files_of_one_content(film: SampleLibrary) -> None:
    film.add("same.mkv")
    finished, steps = run_counting(film, jobs=2)
    assert (finished.done, finished.copied, finished.failed) == (1, 1, 0), film.output()
    assert (steps["sample encoded"], steps["search recorded"]) == (1, 1)
    assert run_counting(film)[1] == {}


def test_two_films_at_a_time(film: SampleLibrary, other_clip: Path) -> None:
    film.add("other.mkv", other_clip)
    finished, steps = run_counting(film, jobs=2)
    assert (finished.done, steps["search recorded"]) == (2, 2), film.output()
    assert len(found_by(film, "search")) == 2


def test_reviewed_with_the_crf_that_was_found(film: SampleLibrary) -> None:
    request_for(film, LOW, review="each")
    assert film.row("film.mkv").action is PlanAction.CLIP
    assert due(film) == (Prerequisite.SEARCH,)
    finished, steps = run_counting(film)
    assert (finished.clips, steps["search recorded"]) == (1, 1), film.output()
    (record,) = clips(film)
    assert record.facts.settings.crf == 50
    assert film.row("film.mkv").action is PlanAction.HELD
    say(film, "film.mkv", Answer.APPROVED)
    row = film.row("film.mkv")
    assert row.action is PlanAction.ENCODE
    assert any(note.startswith("released: approved by ") for note in row.notes)
    finished, steps = run_counting(film)
    assert (finished.done, steps["search recorded"]) == (1, 0)
    assert film.ledger_rows()[0].settings.crf == 50
    assert film.row("film.mkv").action is PlanAction.FRESH


def test_an_adjusted_crf_ends_the_target_of_one_film(film: SampleLibrary, other_clip: Path) -> None:
    film.add("other.mkv", other_clip)
    request_for(film, LOW, review="each")
    run_counting(film)
    av1rules("clips", "adjust", "films/film.mkv", "--crf", "44", cwd=film.folder)
    row = film.row("film.mkv")
    assert row.action is PlanAction.CLIP
    settings = work_in(row).recipe.settings
    assert (settings.quality_target, settings.crf, work_in(row).pending) == (None, 44, ())
    finished, steps = run_counting(film)
    assert (finished.clips, steps["sample encoded"]) == (1, 0)
    say(film, "film.mkv", Answer.APPROVED)
    say(film, "other.mkv", Answer.APPROVED)
    assert run_counting(film)[0].done == 2
    built = {row.source: row.settings for row in film.ledger_rows()}
    assert (built["films/film.mkv"].crf, built["films/film.mkv"].quality_target) == (44, None)
    assert built["films/other.mkv"].quality_target is not None


def test_a_clip_of_a_film_that_nothing_is_good_enough_for_is_not_made(film: SampleLibrary) -> None:
    request_for(film, target_of(HIGH), review="each")
    finished, _ = run_counting(film)
    assert (finished.clips, finished.withheld) == (0, 1)
    assert film.row("film.mkv").action is PlanAction.HELD
    assert run_counting(film)[1] == {}


@pytest.mark.parametrize(
    ("point", "made_again"), [("sample encoded", 1), ("sample recorded", 0), ("search recorded", 0)]
)
def test_killed_in_the_middle(film: SampleLibrary, point: str, made_again: int) -> None:
    code = subprocess.run(
        [sys.executable, "-m", "tests.faults.driver", str(film.rules_file), f"-{point}", "run"],
        cwd=Path(__file__).parents[2],
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode
    assert code == -9
    finished, steps = run_counting(film)
    assert finished.done == 1, film.output()
    assert steps["sample encoded"] == made_again
    assert steps["search recorded"] == (point != "search recorded")
    assert os.listdir(film.state_dir / "samples") == []
    assert film.leftovers() == []


def test_what_plan_sampled_is_not_sampled_again(film: SampleLibrary) -> None:
    request_for(film, target_of("mean: 85", 30, 60))
    assert ": VMAF mean " in av1rules("plan", "--sample", cwd=film.folder).stdout
    assert film.ledger_rows() == ()
    made = tried_crfs(film)
    finished, steps = run_counting(film)
    assert (finished.done, steps["sample encoded"]) == (1, 0)
    assert tried_crfs(film) == made


def test_without_the_metric_the_search_fails_and_says_so(
    film: SampleLibrary, tools: Tools, tmp_path: Path
) -> None:
    ffmpeg = other_ffmpeg(tmp_path, tools.ffmpeg, without="libvmaf")
    request_for(film, LOW, tools=f"ffmpeg: {ffmpeg}")
    finished, _ = run_counting(film)
    assert (finished.failed, finished.done) == (1, 0)
    assert "no CRF can be searched for: " in film.output()
    assert "set crf instead of target" in film.output()
    assert any("failed once before" in cause for cause in film.causes("film.mkv"))
    for _ in range(2):
        assert run_counting(film)[1]["sample encoded"] <= 1
    assert film.row("film.mkv").action is PlanAction.BLOCKED
    assert film.leftovers() == []


@pytest.mark.parametrize("name", [b"odd\xff\n.mkv", "-i.mkv", "it's [one], 50%.mkv"])
def test_odd_names(library: SampleLibrary, name: str | bytes) -> None:
    library.add(name)
    (library.folder / "dodo.py").write_text(DODO)
    request_for(library, f"{LOW}, film_grain: auto", quick=QUICK.replace("film_grain: 0, ", ""))
    text = doit(library)
    assert text.count(".  search:") == 1
    assert text.count(".  measure:") == 1
    assert len(library.ledger_rows()) == 1
    assert library.work() == []

"""What depends on the noise of films: conditions on it, and `film_grain: auto`. Measured once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.approvals.model import Answer
from av1rules.base.events import JobFailed
from av1rules.plan.items import MeasureGrain, PlanAction, Prerequisite
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.execute.prerequisites_library import found_by, request_for, run_counting
from tests.graph.test_doit import DODO, doit
from tests.operations.test_clips import clips, say
from tests.plan_items import work_in
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

QUICK = "preset: 12, max_size_ratio: 9"

BY_GRAIN = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
rules:
  - {{name: home, when: {{path: "home/**"}}, encode: {{crf: 50, {QUICK}}}, review: never}}
  - {{name: grainy, when: {{grain: {{min: 1.5}}}}, encode: {{crf: 40, {QUICK}}}, review: never}}
  - {{name: clean, when: {{grain: {{max: 1.5}}}}, encode: {{crf: 45, {QUICK}}}, review: never}}
  - {{name: rest, hold: its grain is not known}}
"""

CALM = "gradients=s=160x120:r=24:d=1:c0=gray:c1=silver:speed=0.001:seed=7"


def made(make_clip: MakeClip, name: str, picture: str) -> Path:
    return make_clip(name, "-f", "lavfi", "-i", picture, "-c:v", "ffv1", "-pix_fmt", "yuv420p")


@pytest.fixture
def grainy(make_clip: MakeClip) -> Path:
    return made(make_clip, "grainy.mkv", f"{CALM},format=yuv420p,noise=alls=8:allf=t")


@pytest.fixture
def clean(make_clip: MakeClip) -> Path:
    return made(make_clip, "clean.mkv", CALM)


@pytest.fixture
def dark(make_clip: MakeClip) -> Path:
    return made(make_clip, "dark.mkv", "color=black:s=160x120:r=24:d=1")


@pytest.fixture
def films(library: SampleLibrary, grainy: Path, clean: Path, dark: Path) -> SampleLibrary:
    """One of each kind, and rules that tell them apart."""
    library.add("clean.mkv", clean)
    library.add("dark.mkv", dark)
    library.add("grainy.mkv", grainy)
    library.rules(BY_GRAIN)
    return library


def actions(library: SampleLibrary) -> dict[str, tuple[str, str | None]]:
    return {row.file.relative_path: (row.action.value, row.rule) for row in library.plan().rows}


SETTLED = {
    "clean.mkv": ("fresh", "clean"),
    "dark.mkv": ("held", "rest"),
    "grainy.mkv": ("fresh", "grainy"),
}


def test_measured_then_planned_and_encoded_in_one_run(films: SampleLibrary) -> None:
    assert set(actions(films).values()) == {("measure", None)}
    assert films.causes("clean.mkv") == (
        "rule grainy asks for its grain: `run` measures it, then goes on",
    )
    text = av1rules("plan", cwd=films.folder).stdout
    assert "To measure" in text
    assert "measure  3  " in text
    text = av1rules("run", cwd=films.folder).stderr
    assert "films/dark.mkv: measure: its grain can't be measured" in text
    assert "films/grainy.mkv: measure: grain 3." in text
    assert "films/clean.mkv: measure: grain 0." in text
    assert "2 done" in text
    assert actions(films) == SETTLED
    crfs = {row.source: row.settings.crf for row in films.ledger_rows()}
    assert crfs == {"films/clean.mkv": 45, "films/grainy.mkv": 40}
    finished, steps = run_counting(films)
    assert (finished.done, steps, found_by(films, "measure")) == (0, {}, [])


def test_by_doit_measuring_is_a_task_and_the_next_doit_goes_on(films: SampleLibrary) -> None:
    (films.folder / "dodo.py").write_text(DODO)
    listed = [line.strip() for line in doit(films, "list", "--all", "-q").splitlines()]
    assert listed == [
        "encode", "measure", *(f"measure:films/{name}" for name in sorted(SETTLED)),
    ]  # fmt: skip
    doit(films, "measure:films/clean.mkv")
    assert actions(films)["clean.mkv"] == ("encode", "clean")
    assert actions(films)["dark.mkv"] == ("measure", None)
    doit(films)
    doit(films)
    assert actions(films) == SETTLED


def test_what_no_rule_asks_for_is_not_measured(films: SampleLibrary, grainy: Path) -> None:
    films.add("home/birthday.mkv", grainy)
    assert actions(films)["home/birthday.mkv"] == ("encode", "home")
    films.rules(BY_GRAIN.replace("when: {grain: {min: 1.5}}", "when: {path: '*.mkv'}"))
    assert actions(films)["clean.mkv"] == ("encode", "grainy"), "an earlier rule decides"
    finished, _ = run_counting(films)
    assert (finished.done, found_by(films, "measure")) == (4, [])


def test_a_changed_film_is_measured_anew(films: SampleLibrary, grainy: Path) -> None:
    run_counting(films)
    films.add("clean.mkv", grainy)
    assert actions(films)["clean.mkv"] == ("encode", "grainy"), "known by its content"
    changed = films.folder / "films" / "dark.mkv"
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert actions(films)["dark.mkv"] == ("measure", None)


def test_what_can_not_be_measured_stops_nothing_else(films: SampleLibrary, grainy: Path) -> None:
    whole = grainy.read_bytes()
    noise = bytes(number * 131 % 251 for number in range(len(whole) - 3000))
    (films.folder / "films" / "broken.mkv").write_bytes(whole[:3000] + noise)
    finished, _ = run_counting(films, jobs=2)
    assert (finished.done, finished.failed) == (2, 1), films.output()
    (failure,) = [event for event in films.events if isinstance(event, JobFailed)]
    assert failure.source == "films/broken.mkv"
    assert "its grain can't be estimated: no frame could be decoded" in failure.message
    assert actions(films) == SETTLED | {"broken.mkv": ("measure", None)}
    finished, _ = run_counting(films)
    assert (finished.done, finished.failed) == (0, 1), "tried once in each run"
    assert "can't be estimated" in av1rules("run", cwd=films.folder, code=4).stderr


def test_odd_names_are_measured(library: SampleLibrary, grainy: Path) -> None:
    library.rules(BY_GRAIN)
    for name in (b"odd\xff\n.mkv", "-i.mkv"):
        library.add(name, grainy)
    finished, _ = run_counting(library)
    assert (finished.done, finished.failed) == (2, 0), library.output()
    assert {rule for _, rule in actions(library).values()} == {"grainy"}


def test_auto_follows_what_was_measured(films: SampleLibrary) -> None:
    request_for(films, "crf: 50, film_grain: auto", quick=QUICK)
    row = films.row("grainy.mkv")
    assert row.notes == ("its grain is measured first: film_grain auto",)
    assert work_in(row).pending == (Prerequisite.MEASURE,)
    finished, _ = run_counting(films)
    assert (finished.done, len(found_by(films, "measure"))) == (3, 3)
    strengths = {row.source: row.settings.film_grain for row in films.ledger_rows()}
    assert strengths.pop("films/grainy.mkv") in range(28, 40)
    assert strengths == {"films/clean.mkv": 0, "films/dark.mkv": 0}
    assert {row.settings.film_grain_auto for row in films.ledger_rows()} == {True}
    assert films.work() == []
    request_for(films, "crf: 50, film_grain: 8", quick=QUICK)
    assert films.causes("clean.mkv") == ("film_grain auto -> 8 (rules.yaml:8)",)
    assert (
        "film_grain is 8, but the film has no grain (noise 0." in films.row("clean.mkv").notes[-1]
    )
    assert not any("has no grain" in one for one in films.row("grainy.mkv").notes)
    explained = av1rules("explain", "films/clean.mkv", cwd=films.folder).stdout
    assert "but the film has no grain" in " ".join(explained.split())
    films.rules(BY_GRAIN)
    assert actions(films)["grainy.mkv"] == ("encode", "grainy"), "measured once for all"


def test_auto_is_what_the_clip_shows_and_the_approval_is_for(films: SampleLibrary) -> None:
    request_for(films, "crf: 50, film_grain: auto", quick=QUICK, review="each")
    only = films.folder / "films"
    (only / "clean.mkv").unlink()
    (only / "dark.mkv").unlink()
    finished, _ = run_counting(films)
    assert (finished.clips, len(found_by(films, "measure"))) == (1, 1), films.output()
    (record,) = clips(films)
    strength = record.facts.settings.film_grain
    assert strength > 0
    assert f"film_grain auto is {strength}: noise " in " ".join(record.facts.notes)
    say(films, "grainy.mkv", Answer.APPROVED)
    finished, _ = run_counting(films)
    assert (finished.done, found_by(films, "measure")) == (1, [])
    (built,) = films.ledger_rows()
    assert built.settings.film_grain == strength
    assert films.row("grainy.mkv").action is PlanAction.FRESH


def test_a_target_is_searched_without_the_grain_that_players_add(
    library: SampleLibrary, grainy: Path
) -> None:
    library.add("film.mkv", grainy)
    target = "quality_target: {mean: 5, crf: {min: 50, max: 50}}"
    request_for(library, f"{target}, film_grain: auto", quick=QUICK)
    work = work_in(library.row("film.mkv"))
    assert work.pending == (Prerequisite.MEASURE, Prerequisite.SEARCH)
    (library.folder / "dodo.py").write_text(DODO)
    text = doit(library, "search:films/film.mkv")
    assert text.index(".  measure:films/film.mkv") < text.index(".  search:films/film.mkv")
    finished, steps = run_counting(library)
    assert (finished.done, steps["sample encoded"]) == (1, 0)
    (built,) = library.ledger_rows()
    assert built.settings.film_grain > 0


def test_killed_after_measuring(films: SampleLibrary) -> None:
    request_for(
        films, "quality_target: {mean: 5, crf: {min: 50, max: 50}}, film_grain: auto", quick=QUICK
    )
    code = subprocess.run(
        [
            sys.executable, "-m", "tests.faults.driver", str(films.rules_file),
            "-sample encoded", "run",
        ],
        cwd=Path(__file__).parents[2],
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode  # fmt: skip
    assert code == -9
    finished, steps = run_counting(films)
    assert (finished.done, steps["sample encoded"]) == (3, 3)
    assert len(found_by(films, "measure")) == 2, "the first film's is kept"
    assert films.leftovers() == []


REPLACED_BY_GRAIN = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: replace}
run: {reserve: 0}
rules:
  - {name: any, when: {grain: {min: 0}}, encode: {crf: 40, preset: 12, max_size_ratio: 9}, review: never}
  - {name: rest, encode: {crf: 60, preset: 12, max_size_ratio: 9}, review: never}
"""  # noqa: E501 - rules of one line each


def test_a_lost_measurement_of_grain_makes_nothing_stale(library: SampleLibrary) -> None:
    """What was measured lies in the cache, which anybody may delete: until it is measured again, of
    the original, no other rule takes its place."""
    library.rules(REPLACED_BY_GRAIN)
    library.add("a.mkv")
    run_counting(library)
    assert [(row.action, row.rule) for row in library.plan().rows] == [(PlanAction.FRESH, "any")]
    _forget_caches(library)
    (row,) = library.plan().rows
    assert (row.action, row.causes) == (
        PlanAction.MEASURE,
        ("rule any asks for its grain: `run` measures it, then goes on",),
    )
    assert isinstance(row, MeasureGrain)
    assert "/.av1rules-kept/" in row.unmeasured.path
    assert row.target == row.file.path, "explained by its original"
    run_counting(library)
    assert [(row.action, row.rule) for row in library.plan().rows] == [(PlanAction.FRESH, "any")]
    _forget_caches(library)
    (kept,) = library.kept()
    os.unlink(kept.path)
    (row,) = library.plan().rows
    assert (row.action, row.causes) == (
        PlanAction.LEFT_ALONE,
        ("replaced its source before; rule any asks for the grain of its original, which is gone",),
    )


def _forget_caches(library: SampleLibrary) -> None:
    for path in library.state_dir.glob("*"):
        if not path.name.startswith("ledger"):
            path.unlink()

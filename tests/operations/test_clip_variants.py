"""Variants of a clip: made at once from the same excerpts, deciding nothing, gone in time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from av1rules.approvals.model import Answer
from av1rules.base.errors import UsageError
from av1rules.base.events import ClipMade
from av1rules.execute.startup import start_session
from av1rules.ledger.clips import ClipStatus
from av1rules.operations.clips.review import ClipView, find_clip, list_clips
from av1rules.operations.clips.variants import source_for_variants, try_variants, variant_row
from av1rules.plan.items import PlanAction
from av1rules.plan.names.find import wanted_name
from av1rules.plan.workspace import open_workspace
from tests.execute.prerequisites_library import run_counting
from tests.operations.test_clips import clips, rules, say
from tests.runs import RunCounts
from tests.sample_library import FAST, SampleLibrary

pytestmark = pytest.mark.real

NAME = "films/film.mkv"


def attempt(library: SampleLibrary, *changes: dict[str, Any], name: str = NAME) -> RunCounts:
    """`clips try`, a variant for each set of changes."""
    library.events.clear()
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        film = source_for_variants(session.workspace, wanted_name(name))
        rows = [variant_row(session.workspace, film, request) for request in changes]
        return RunCounts(try_variants(film, rows, session))


def view_of(library: SampleLibrary, name: str = NAME) -> ClipView:
    with open_workspace(library.rules_file, write=False) as workspace:
        return find_clip(workspace, wanted_name(name))


def crfs(library: SampleLibrary) -> list[float]:
    return sorted(record.facts.settings.crf for record in clips(library))


@pytest.fixture
def waiting(library: SampleLibrary) -> SampleLibrary:
    """A film whose clip waits, at CRF 50."""
    rules(library)
    library.add("film.mkv")
    library.run()
    return library


def test_variants_show_the_same_passages_and_decide_nothing(waiting: SampleLibrary) -> None:
    (base,) = clips(waiting)
    finished = attempt(waiting, {"crf": 40.0}, {"film_grain": 4, "preset": 13})
    assert (finished.clips, finished.failed) == (2, 0), waiting.output()
    made = [event for event in waiting.events if isinstance(event, ClipMade)]
    assert [event.is_variant for event in made] == [True, True]
    assert "waits for approval" not in waiting.output()
    view = view_of(waiting)
    assert view.status is ClipStatus.WAITING
    assert view.made == base
    assert sorted(one.text for one in view.variants) == ["crf 40", "preset 13, film_grain 4"]
    for one in view.variants:
        assert one.status is ClipStatus.VARIANT
        assert one.made.facts.pieces == base.facts.pieces
        assert one.made.facts.frames == base.facts.frames
        assert one.made.facts.scores
    assert waiting.row("film.mkv").action is PlanAction.HELD
    assert not (waiting.folder / "approvals.yaml").exists()
    assert waiting.leftovers() == []


def test_a_variant_is_made_once_and_one_that_changes_nothing_never(waiting: SampleLibrary) -> None:
    assert attempt(waiting, {"crf": 40.0}, {"crf": 40.0}).clips == 1
    assert attempt(waiting, {"crf": 40.0}).clips == 0
    assert "made before: variant: crf 40" in waiting.output()
    with pytest.raises(UsageError, match="changes at least one setting"):
        attempt(waiting, {"crf": 50.0})
    assert crfs(waiting) == [40, 50]


def test_they_stay_while_the_film_waits_and_go_when_it_is_encoded(waiting: SampleLibrary) -> None:
    attempt(waiting, {"crf": 40.0})
    (variant,) = view_of(waiting).variants
    waiting.run()
    assert crfs(waiting) == [40, 50], "it waits"
    rules(waiting, FAST.replace("crf: 50", "crf: 48"))
    waiting.run()
    assert crfs(waiting) == [40, 48], "the clip of the old settings goes, the variant stays"
    say(waiting, "film.mkv", Answer.APPROVED)
    assert [one.text for one in view_of(waiting).variants] == ["crf 40"]
    assert waiting.run().done == 1
    assert view_of(waiting).variants == ()
    waiting.run()
    assert crfs(waiting) == [48]
    assert not os.path.exists(variant.made.path)


def test_they_go_when_their_source_changes(waiting: SampleLibrary, other_clip: Path) -> None:
    attempt(waiting, {"crf": 40.0})
    waiting.add("film.mkv", other_clip)
    waiting.run()
    assert crfs(waiting) == [50]
    assert len(os.listdir(waiting.state_dir / "clips")) == 1


def test_an_adjustment_to_a_variant_needs_no_new_clip(waiting: SampleLibrary) -> None:
    attempt(waiting, {"crf": 40.0}, {"crf": 44.0})
    say(waiting, "film.mkv", Answer.ADJUSTED, changes={"crf": 40.0})
    row = waiting.row("film.mkv")
    assert row.action is PlanAction.HELD, "its clip is made already"
    assert row.causes[0].startswith("clip waiting for approval (adjusted by ")
    assert waiting.run().clips == 0
    view = view_of(waiting)
    assert view.made.facts.settings.crf == 40
    assert not view.made.facts.is_variant, "it is the clip of the film now"
    assert [one.text for one in view.variants] == ["crf 44"]
    say(waiting, "film.mkv", Answer.APPROVED)
    assert waiting.run().done == 1
    (built,) = waiting.ledger_rows()
    assert built.settings.crf == 40


def test_changes_come_on_top_of_an_adjustment(waiting: SampleLibrary) -> None:
    say(waiting, "film.mkv", Answer.ADJUSTED, changes={"crf": 45.0})
    waiting.run()
    attempt(waiting, {"film_grain": 6})
    (variant,) = view_of(waiting).variants
    settings = variant.made.facts.settings
    assert (settings.crf, settings.film_grain, variant.text) == (45, 6, "film_grain 6")
    assert variant.adjust_command == f"av1rules clips adjust {NAME} --set film_grain=6"


def test_the_clip_itself_is_made_first_where_it_is_due_or_not_asked_for(
    library: SampleLibrary,
) -> None:
    rules(library, review="never")
    path = library.add("film.mkv")
    assert attempt(library, {"crf": 40.0}, name=str(path)).clips == 2
    view = view_of(library)
    assert view.made.facts.settings.crf == 50
    assert not view.made.facts.is_variant
    assert [one.text for one in view.variants] == ["crf 40"]
    assert library.run().done == 1, "nothing waits where no review is asked for"


def test_grain_by_measurement(waiting: SampleLibrary) -> None:
    attempt(waiting, {"film_grain": "auto"})
    (variant,) = view_of(waiting).variants
    assert variant.text.startswith("film_grain auto")
    assert any(note.startswith("film_grain auto is ") for note in variant.made.facts.notes)
    assert variant.adjust_command.endswith("--set film_grain=auto")


def test_a_variant_is_no_canary(waiting: SampleLibrary, other_clip: Path) -> None:
    rules(waiting, review="canary(2)")
    attempt(waiting, {"crf": 40.0}, {"crf": 41.0})
    waiting.add("other.mkv", other_clip)
    assert waiting.row("other.mkv").action is PlanAction.CLIP
    statuses = [view.status for view in _views(waiting)]
    assert statuses.count(ClipStatus.VARIANT) == 2
    assert statuses.count(ClipStatus.WAITING) == 1


def _views(library: SampleLibrary) -> tuple[ClipView, ...]:
    with open_workspace(library.rules_file, write=False) as workspace:
        return list_clips(workspace)


def test_variants_follow_their_clip_and_are_found_by_number(waiting: SampleLibrary) -> None:
    attempt(waiting, {"crf": 40.0}, {"crf": 41.0})
    assert [view.status for view in _views(waiting)] == [
        ClipStatus.WAITING,
        ClipStatus.VARIANT,
        ClipStatus.VARIANT,
    ]
    with open_workspace(waiting.rules_file, write=False) as workspace:
        first = find_clip(workspace, wanted_name(NAME), variant=1)
        assert first == find_clip(workspace, wanted_name(NAME)).variants[0]
        with pytest.raises(UsageError, match="no variant 3: this clip has 2 variants"):
            find_clip(workspace, wanted_name(NAME), variant=3)
        with pytest.raises(UsageError, match=r"is a variant \(crf 4.\), which would not") as no:
            first.require_current()
    assert no.value.hint == first.adjust_command


@pytest.mark.parametrize(
    ("name", "message"),
    [("films/none.mkv", "no film has this name"), (NAME, "not to be encoded")],
)
def test_refused(waiting: SampleLibrary, name: str, message: str) -> None:
    say(waiting, "film.mkv", Answer.APPROVED)
    waiting.run()
    with pytest.raises(UsageError, match=message):
        attempt(waiting, {"crf": 40.0}, name=name)


def test_a_stop_leaves_the_rest_undone_and_says_so(waiting: SampleLibrary) -> None:
    waiting.events.clear()
    with (
        open_workspace(waiting.rules_file, write=False) as workspace,
        start_session(workspace, waiting.events.append) as session,
    ):
        film = source_for_variants(session.workspace, wanted_name(NAME))
        rows = [variant_row(session.workspace, film, {"crf": crf}) for crf in (40.0, 41.0)]
        workspace.children.stop()
        finished = RunCounts(try_variants(film, rows, session))
    assert (finished.clips, finished.dropped) == (0, 2)
    assert "`clips try` makes them" in waiting.output()
    assert crfs(waiting) == [50]
    assert waiting.leftovers() == []


def test_settings_that_the_encoder_refuses_are_told_before_anything_is_made(
    waiting: SampleLibrary,
) -> None:
    with pytest.raises(UsageError, match="the encoder refuses these settings"):
        attempt(waiting, {"crf": 40.0}, {"params": (("enable-qmm", "1"),)})
    assert crfs(waiting) == [50]


def test_a_run_of_nothing_but_clips_has_a_number(library: SampleLibrary) -> None:
    rules(library)
    library.add("film.mkv")
    assert library.run().run == 1
    assert attempt(library, {"crf": 40.0}).run == 2
    assert library.run().run is None, "nothing was done"


BY_GRAIN = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out}}
run: {{reserve: 0}}
rules:
  - {{name: any, when: {{grain: {{min: 0}}}}, encode: {{{FAST}}}, review: each}}
  - {{name: rest, skip: true}}
"""


def test_a_rule_that_asks_for_grain_holds_for_variants_too(library: SampleLibrary) -> None:
    library.rules(BY_GRAIN)
    library.add("film.mkv")
    run_counting(library)
    assert attempt(library, {"crf": 40.0}).clips == 1, library.output()

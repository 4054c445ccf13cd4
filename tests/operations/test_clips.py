"""A clip's life: due, made, held, decided on; what its film waits for and what it does not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from av1rules.approvals.model import Answer
from av1rules.base.errors import UsageError
from av1rules.base.events import ClipMade, JobFailed
from av1rules.execute.clip import build_clip
from av1rules.execute.startup import start_session
from av1rules.execute.worker import LOCAL_WORKER
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.clips import ClipRecord, ClipStatus
from av1rules.ledger.ledger import Ledger
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.operations.clips.review import decide_clip, find_clip, list_clips
from av1rules.plan import items
from av1rules.plan.items import PlanAction
from av1rules.plan.names.find import wanted_name
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.plan_items import work_in
from tests.runs import run_plan
from tests.sample_library import FAST, SampleLibrary

pytestmark = pytest.mark.real

REVIEWED = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: link}}
run: {{reserve: 0}}
rules:
  - name: all
    encode: {{{settings}}}
    review: {review}
"""


def rules(library: SampleLibrary, settings: str = FAST, review: str = "each") -> None:
    library.rules(REVIEWED.format(settings=settings, review=review))


@pytest.fixture
def reviewed(library: SampleLibrary) -> SampleLibrary:
    rules(library)
    return library


def clips(library: SampleLibrary) -> tuple[ClipRecord, ...]:
    ledger = Ledger.read(library.state_dir)
    try:
        return ledger.clips.all()
    finally:
        ledger.close()


def statuses(library: SampleLibrary) -> dict[str, ClipStatus]:
    with open_workspace(library.rules_file, write=False) as workspace:
        return {view.source.removeprefix("films/"): view.status for view in list_clips(workspace)}


def say(library: SampleLibrary, name: str, answer: Answer, **more: object) -> None:
    with open_workspace(library.rules_file, write=False) as workspace:
        view = find_clip(workspace, wanted_name(f"films/{name}"))
        decide_clip(workspace, view, answer, **more)  # type: ignore[arg-type]


def test_due_made_held_approved_encoded(reviewed: SampleLibrary, tools: Tools) -> None:
    reviewed.add("film.mkv")
    row = reviewed.row("film.mkv")
    assert (row.action, row.causes) == (
        PlanAction.CLIP,
        ("review: each (rules.yaml:8 (rule all))", "new"),
    )
    assert statuses(reviewed) == {"film.mkv": ClipStatus.DUE}
    finished = reviewed.run()
    assert (finished.clips, finished.done, finished.failed) == (1, 0, 0), reviewed.output()
    (made,) = [event for event in reviewed.events if isinstance(event, ClipMade)]
    main = probe_file(lone_file(made.clip), tools).main
    assert main is not None
    assert (main.codec, main.width, main.height) == ("av1", 128, 72)
    (record,) = clips(reviewed)
    assert record.facts.frames == 24
    assert record.facts.projected_bytes is not None
    assert record.facts.score_problem is None
    assert {score.frames for score in record.facts.scores} == {24}
    assert not reviewed.target("film.mkv").exists()
    row = reviewed.row("film.mkv")
    assert (row.action, row.causes) == (
        PlanAction.HELD,
        ("clip waiting for approval: av1rules clips show films/film.mkv",),
    )
    assert reviewed.run().clips == 0, "a clip is made once"
    say(reviewed, "film.mkv", Answer.APPROVED)
    row = reviewed.row("film.mkv")
    assert row.action is PlanAction.ENCODE
    assert row.notes[0].startswith("released: approved by ")
    assert reviewed.run().done == 1
    assert reviewed.row("film.mkv").action is PlanAction.FRESH
    assert statuses(reviewed) == {"film.mkv": ClipStatus.ENCODED}
    assert reviewed.leftovers() == []


def test_remux_waits_where_no_rule_says_anything(library: SampleLibrary) -> None:
    text = REVIEWED.format(settings=FAST, review="each").replace("    review: each\n", "")
    library.rules(text)
    library.add("a REMUX film.mkv")
    row = library.row("a REMUX film.mkv")
    assert (row.source_tier, row.action) == ("remux", PlanAction.CLIP)
    assert row.causes[0] == "review: each (built-in remux defaults)"


def test_force_does_not_skip_the_approval(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    assert reviewed.row("film.mkv", force=True).action is PlanAction.CLIP
    reviewed.run()
    assert reviewed.row("film.mkv", force=True).action is PlanAction.HELD


def test_changed_settings_make_the_approval_void_and_the_old_clip_goes(
    reviewed: SampleLibrary,
) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    (old,) = clips(reviewed)
    page = Path(old.path).with_suffix(".html")
    page.touch()
    reviewed.run()
    assert page.exists(), "a page goes with its clip, not before"
    say(reviewed, "film.mkv", Answer.APPROVED)
    rules(reviewed, FAST.replace("crf: 50", "crf: 45"))
    row = reviewed.row("film.mkv")
    assert row.action is PlanAction.CLIP
    assert row.causes[0] == "approval void: crf 50 -> 45 since: a new clip is to be seen"
    assert reviewed.run().clips == 1
    (new,) = clips(reviewed)
    assert new.facts.settings.crf == 45
    assert not os.path.exists(old.path)
    assert not page.exists()
    assert statuses(reviewed) == {"film.mkv": ClipStatus.VOID}
    assert "approval void: crf 50 -> 45 since" in reviewed.causes("film.mkv")[0]
    say(reviewed, "film.mkv", Answer.APPROVED)
    assert reviewed.run().done == 1


def test_what_was_built_before_needs_no_new_approval(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    say(reviewed, "film.mkv", Answer.APPROVED)
    reviewed.run()
    (reviewed.folder / "approvals.yaml").unlink()
    assert reviewed.row("film.mkv").action is PlanAction.FRESH
    reviewed.target("film.mkv").unlink()
    row = reviewed.row("film.mkv")
    assert (row.action, row.causes) == (PlanAction.ENCODE, ("target missing",))
    assert reviewed.run().done == 1
    assert reviewed.row("film.mkv", force=True).action is PlanAction.ENCODE


def test_adjusted_settings_are_those_of_the_next_clip(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    say(reviewed, "film.mkv", Answer.ADJUSTED, changes={"crf": 44.0})
    row = reviewed.row("film.mkv")
    assert row.action is PlanAction.CLIP
    assert work_in(row).recipe.settings.crf == 44
    origin = str(dict(work_in(row).recipe.origins)["crf"])
    assert origin.startswith("approvals.yaml:5 (adjusted by "), origin
    assert reviewed.run().clips == 1
    say(reviewed, "film.mkv", Answer.ADJUSTED, changes={"preset": 11})
    assert reviewed.run().clips == 1
    say(reviewed, "film.mkv", Answer.APPROVED)
    assert reviewed.run().done == 1
    (built,) = reviewed.ledger_rows()
    assert (built.settings.crf, built.settings.preset) == (44, 11)


def test_rejected_until_the_settings_change(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    with pytest.raises(UsageError, match="needs a reason"):
        say(reviewed, "film.mkv", Answer.REJECTED)
    say(reviewed, "film.mkv", Answer.REJECTED, reason="the fog has bands")
    row = reviewed.row("film.mkv")
    assert row.action is PlanAction.HELD
    assert row.causes[0].endswith(": the fog has bands")
    assert reviewed.run().done == 0
    rules(reviewed, FAST.replace("crf: 50", "crf: 40"))
    assert reviewed.row("film.mkv").action is PlanAction.CLIP


def test_canaries_release_the_rest_and_no_more_clips_are_made_than_needed(
    reviewed: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(reviewed, review="canary(2)")
    for number in range(4):
        made = make_clip(
            f"{number}.mkv", "-f", "lavfi", "-i", f"testsrc=s=96x64:r=24:d=0.{number + 4}",
            "-c:v", "mpeg2video", "-b:v", "600k", "-pix_fmt", "yuv420p",
        )  # fmt: skip
        reviewed.add(f"{number}.mkv", made)
    plan = reviewed.plan()
    assert [row.action.value for row in plan.rows] == ["make clip", "make clip", "held", "held"]
    assert plan.rows[3].causes[0].startswith("waits for the canaries of its rule: ")
    assert reviewed.run().clips == 2
    assert reviewed.run().clips == 0
    say(reviewed, "0.mkv", Answer.APPROVED)
    assert reviewed.work() == ["0.mkv"]
    say(reviewed, "1.mkv", Answer.REJECTED, reason="this one is odd")
    assert reviewed.row("2.mkv").action is PlanAction.CLIP, "another canary takes its place"
    assert reviewed.run().clips == 1
    say(reviewed, "2.mkv", Answer.APPROVED)
    assert reviewed.work() == ["2.mkv", "3.mkv"]
    assert reviewed.row("1.mkv").action is PlanAction.HELD
    assert reviewed.run().done == 2


def test_one_clip_for_two_files_of_one_content(reviewed: SampleLibrary) -> None:
    reviewed.add("a.mkv")
    reviewed.add("b.mkv")
    assert [row.action.value for row in reviewed.plan().rows] == ["make clip", "held"]
    assert reviewed.run().clips == 1
    say(reviewed, "a.mkv", Answer.APPROVED)
    finished = reviewed.run()
    assert (finished.done, finished.copied) == (1, 1)


def test_a_film_that_moved_while_it_waits_keeps_its_clip(reviewed: SampleLibrary) -> None:
    source = reviewed.add("film.mkv")
    reviewed.run()
    source.rename(source.with_name("other name.mkv"))
    row = reviewed.row("other name.mkv")
    assert row.action is PlanAction.HELD
    assert reviewed.run().clips == 0
    say(reviewed, "other name.mkv", Answer.APPROVED)
    assert reviewed.work() == ["other name.mkv"]


def test_a_target_follows_its_source_at_once_although_its_new_settings_wait(
    reviewed: SampleLibrary,
) -> None:
    source = reviewed.add("film.mkv")
    rules(reviewed, review="never")
    reviewed.run()
    rules(reviewed, FAST.replace("crf: 50", "crf: 45"))
    source.rename(source.with_name("moved.mkv"))
    assert reviewed.row("moved.mkv").action is PlanAction.MOVE
    assert reviewed.run().moved == 1
    assert reviewed.target("moved.mkv").exists()
    assert reviewed.row("moved.mkv").action is PlanAction.CLIP


def test_clips_of_sources_that_are_gone_are_removed(reviewed: SampleLibrary) -> None:
    source = reviewed.add("film.mkv")
    reviewed.add("other.mkv", None)
    reviewed.run()
    (record,) = clips(reviewed)
    with (reviewed.folder / "films" / "other.mkv").open("ab") as file:
        file.write(b"\0" * 5000)
    source.unlink()
    reviewed.run()
    assert record.fingerprint not in {clip.fingerprint for clip in clips(reviewed)}
    assert not os.path.exists(record.path)


def test_a_lost_clip_file_is_due_again(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    (record,) = clips(reviewed)
    os.unlink(record.path)
    assert reviewed.row("film.mkv").action is PlanAction.CLIP
    assert reviewed.run().clips == 1


@pytest.mark.parametrize("step", ["excerpts chosen", "clip encoded", "clip placed"])
def test_crash_in_mid_clip(reviewed: SampleLibrary, step: str) -> None:
    """The run dies after `step`; the next one leaves no trace of it and makes the clip."""
    reviewed.add("film.mkv")

    class Cut(BaseException):
        """As abrupt as SIGKILL for whoever cleans up after ordinary errors."""

    frozen: list[Path] = []

    def crash(name: str) -> None:
        if name == step:
            frozen.append(_freeze(reviewed.state_dir))
            raise Cut

    with (
        open_workspace(reviewed.rules_file, write=False) as workspace,
        start_session(workspace, reviewed.events.append, failpoint=crash) as session,
    ):
        (row,) = build_plan(session.workspace).rows
        assert isinstance(row, items.MakeClip)
        with pytest.raises(Cut):
            build_clip(row, session, LOCAL_WORKER)
    shutil.rmtree(reviewed.state_dir)
    frozen[0].rename(reviewed.state_dir)
    assert clips(reviewed) == ()
    assert reviewed.row("film.mkv").action is PlanAction.CLIP
    assert reviewed.run().clips == 1
    (record,) = clips(reviewed)
    assert os.listdir(reviewed.state_dir / "clips") == [os.path.basename(record.path)]


def _freeze(state_dir: Path) -> Path:
    """The state as a killed process would leave it."""
    copy = state_dir.with_name("frozen")
    shutil.copytree(state_dir, copy)
    return copy


def test_a_film_that_can_not_be_seen_is_told_and_counted(reviewed: SampleLibrary) -> None:
    path = reviewed.add("film.mkv")
    data = bytearray(path.read_bytes())
    middle = len(data) // 10
    data[middle:] = bytes(len(data) - middle)
    path.write_bytes(data)
    finished = reviewed.run()
    if finished.failed:
        (failed,) = [event for event in reviewed.events if isinstance(event, JobFailed)]
        assert failed.message
        assert "failed once before" in " ".join(reviewed.causes("film.mkv"))
    else:
        assert reviewed.row("film.mkv").action in (PlanAction.BLOCKED, PlanAction.HELD)


def test_clips_come_first_and_the_rest_goes_on(reviewed: SampleLibrary, other_clip: Path) -> None:
    text = REVIEWED.format(settings=FAST, review="each").replace(
        "rules:\n",
        f"rules:\n  - {{name: free, when: {{path: 'a/**'}}, encode: {{{FAST}}}, review: never}}\n",
    )
    reviewed.rules(text)
    reviewed.add("a/free.mkv", other_clip)
    reviewed.add("b/asked.mkv")
    finished = reviewed.run()
    assert (finished.clips, finished.done) == (1, 1)
    names = [event.source for event in reviewed.events if type(event).__name__ == "JobStarted"]
    assert names == ["films/b/asked.mkv", "films/a/free.mkv"]


def test_an_old_clip_can_not_be_approved(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    rules(reviewed, FAST.replace("crf: 50", "crf: 45"))
    with pytest.raises(UsageError, match="not made yet"):
        say(reviewed, "film.mkv", Answer.APPROVED)


def test_a_plan_writes_nothing_and_sees_a_changed_approvals_file(reviewed: SampleLibrary) -> None:
    reviewed.add("film.mkv")
    reviewed.run()
    say(reviewed, "film.mkv", Answer.APPROVED)
    reviewed.run()
    path = reviewed.folder / "approvals.yaml"
    text = path.read_text()
    assert reviewed.row("film.mkv").action is PlanAction.FRESH
    path.write_text(text.replace("decision: approved", "decision: adjusted\n    set: {crf: 30}"))
    assert reviewed.row("film.mkv").action is PlanAction.CLIP
    assert path.read_text() != text


def test_run_plan_of_no_clips_says_nothing_of_them(library: SampleLibrary) -> None:
    library.add("film.mkv")
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        assert run_plan(build_plan(session.workspace), session, jobs=1).clips == 0
    assert "clip" not in library.output()

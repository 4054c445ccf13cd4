"""Runs over a real library: redone is exactly what changed, and nothing is lost on the way."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.base.events import Event, JobDiscarded, JobDone, JobDropped, JobFailed, JobProgress
from av1rules.base.hashing import file_digest
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.checks import CheckMethod, LastCheck
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from av1rules.media.probe.ffprobe import probe_file
from av1rules.plan.items import Fresh, PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip, library_file
from tests.runs import run_plan
from tests.sample_library import FAST, RULES, SampleLibrary

pytestmark = pytest.mark.real


def test_encodes_verifies_and_then_has_nothing_to_do(library: SampleLibrary, tools: Tools) -> None:
    source = library.add("a/film.mkv")
    finished = library.run()
    assert (finished.done, finished.failed) == (1, 0), library.events
    target = library.target("a/film.mkv")
    probed = probe_file(library_file(target), tools)
    assert probed.main is not None
    assert probed.main.codec == "av1"
    assert probed.provenance is not None
    said = parse_provenance(probed.provenance)
    assert said.source_digest == file_digest(source)
    assert said.settings.crf == 50
    (row,) = library.ledger_rows()
    assert row.target == str(target)
    assert row.target_digest == file_digest(target)
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert library.run().done == 0
    assert library.row("a/film.mkv").action is PlanAction.FRESH
    assert library.leftovers() == []


def test_same_work_gives_the_same_bytes(library: SampleLibrary) -> None:
    library.add("film.mkv")
    library.run()
    first = library.target("film.mkv").read_bytes()
    library.rules(RULES.format(settings=FAST).replace("name: all", "name: renamed"))
    assert library.run(force=True).done == 1
    assert library.target("film.mkv").read_bytes() == first


def test_redoes_nothing_for_names_order_comments_or_touch(library: SampleLibrary) -> None:
    source = library.add("film.mkv")
    library.run()
    library.rules(
        "# a comment\n"
        + RULES.format(settings=f"use: fast, {FAST}").replace("name: all", "name: other")
        + "  - {name: another, when: {path: 'x/**'}, skip: true}\n"
        + "profiles: {fast: {crf: 7}}\n"
    )
    os.utime(source)
    row = library.row("film.mkv")
    assert (row.action, row.causes) == (PlanAction.FRESH, ("up to date",))
    os.utime(library.target("film.mkv"))
    assert library.row("film.mkv").action is PlanAction.FRESH
    assert library.run().done == 0


def test_redoes_only_what_a_changed_rule_is_about(library: SampleLibrary) -> None:
    text = (
        "version: 1\nlibrary: {roots: [films], settle: 0}\n"
        "output: {mode: mirror, root: out, copies: encode}\n"
        "run: {reserve: 0}\nrules:\n"
        "  - name: one\n    when: {path: 'one/**'}\n"
        "    encode: {crf: %d, preset: 12, max_size_ratio: 9}\n    review: never\n"
        "  - {name: rest, encode: {crf: 50, preset: 12, max_size_ratio: 9}, review: never}\n"
    )
    library.rules(text % 50)
    library.add("one/a.mkv")
    library.add("two/b.mkv")
    assert library.run().done == 2
    before = {row.source: row.built_at for row in library.ledger_rows()}
    untouched = library.target("two/b.mkv").stat()
    library.rules(text % 40)
    assert library.work() == ["one/a.mkv"]
    assert library.causes("one/a.mkv") == ("crf 50 -> 40 (rules.yaml:8)",)
    assert library.run().done == 1
    after = {row.source: row.built_at for row in library.ledger_rows()}
    assert after["films/two/b.mkv"] == before["films/two/b.mkv"]
    assert library.target("two/b.mkv").stat().st_ino == untouched.st_ino


def test_redoes_when_content_or_target_changed(library: SampleLibrary, other_clip: Path) -> None:
    library.add("film.mkv")
    library.run()
    library.add("film.mkv", other_clip)
    assert library.causes("film.mkv") == ("source changed",)
    assert library.run().done == 1
    target = library.target("film.mkv")
    good = target.read_bytes()
    target.unlink()
    assert library.causes("film.mkv") == ("target missing",)
    assert library.run().done == 1
    target.write_bytes(good[:-100])
    assert library.causes("film.mkv")[0].startswith("target damaged")
    assert library.run().done == 1
    assert target.read_bytes() == good
    target.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert library.causes("film.mkv") == ("target damaged: its content is not what was written",)


def test_force_redoes_what_is_named(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    plan = library.plan(library.folder / "films" / "a.mkv", force=True)
    assert [(row.action, row.causes) for row in plan.rows] == [(PlanAction.ENCODE, ("forced",))]


def test_too_large_is_thrown_away_and_remembered(library: SampleLibrary) -> None:
    library.rules(settings="crf: 1, preset: 12, max_size_ratio: 0.01")
    library.add("film.mkv")
    finished = library.run()
    assert (finished.done, finished.discarded) == (0, 1)
    assert any(isinstance(event, JobDiscarded) for event in library.events)
    assert not library.target("film.mkv").exists()
    assert library.leftovers() == []
    row = library.row("film.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert "too large" in row.causes[0]
    assert "not tried again until source or settings change" in row.causes[0]
    assert library.run().discarded == 0
    library.rules(settings="crf: 1, preset: 12, max_size_ratio: 50")
    assert library.row("film.mkv").action is PlanAction.ENCODE, "a wider limit tries again"
    library.rules(settings="crf: 50, preset: 12, max_size_ratio: 0.01")
    assert library.row("film.mkv").action is PlanAction.ENCODE, "other settings try again"


def test_damaged_source_fails_and_the_rest_goes_on(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    long = make_clip("long.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=4")
    whole = long.read_bytes()
    library.add("a-good.mkv")
    library.add("m-cut.mkv", long).write_bytes(whole[: len(whole) * 6 // 10])
    library.add("z-good.mkv")
    finished = library.run()
    assert (finished.done, finished.failed) == (2, 1)
    (failure,) = (event for event in library.events if isinstance(event, JobFailed))
    assert failure.source == "films/m-cut.mkv"
    assert not library.target("m-cut.mkv").exists()
    assert library.leftovers() == []
    assert any("failed once before" in cause for cause in library.causes("m-cut.mkv"))


def test_source_that_changes_after_the_plan_is_dropped(
    library: SampleLibrary, other_clip: Path
) -> None:
    path = library.add("film.mkv")
    gone = library.add("gone.mkv")
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        plan = build_plan(session.workspace)
        shutil.copy(other_clip, path)
        gone.unlink()
        finished = run_plan(plan, session, jobs=1)
    assert finished.dropped == 2
    reasons = {event.reason for event in library.events if isinstance(event, JobDropped)}
    assert reasons == {
        "the source changed since it was planned",
        "the source is gone: No such file or directory",
    }
    assert not library.target("film.mkv").exists()


def test_stop_keeps_what_is_done_and_leaves_nothing_else(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    library.add("a.mkv")
    library.add("b.mkv", slow)
    library.add("c.mkv", slow)
    library.rules(settings="crf: 40, preset: 4, max_size_ratio: 9")
    with open_workspace(library.rules_file, write=False) as workspace:

        def stop_at_second(event: Event) -> None:
            library.events.append(event)
            is_progress = isinstance(event, JobProgress) and event.phase == "encode"
            if is_progress and event.source == "films/b.mkv":
                threading.Thread(target=workspace.children.stop).start()

        with start_session(workspace, stop_at_second) as session:
            finished = run_plan(build_plan(session.workspace), session, jobs=1)
    assert (finished.done, finished.failed, finished.dropped) == (1, 0, 2)
    assert [row.source for row in library.ledger_rows()] == ["films/a.mkv"]
    assert library.leftovers() == []


def test_several_at_once(library: SampleLibrary) -> None:
    for number in range(6):
        library.add(f"{number}.mkv")
    finished = library.run(jobs=3)
    assert finished.done == 6
    assert len(library.ledger_rows()) == 6
    assert sum(isinstance(event, JobDone) for event in library.events) == 6


def test_second_run_is_refused_and_told_who_holds_the_ledger(library: SampleLibrary) -> None:
    library.add("film.mkv")
    with run_lock(library.state_dir), pytest.raises(UsageError, match=f"process {os.getpid()}"):
        library.run()
    assert library.run().done == 1


def test_receipts_as_the_policy_says(library: SampleLibrary) -> None:
    library.rules(RULES.format(settings=FAST).replace("root: out", "root: out, receipts: both"))
    library.add("film.mkv")
    library.run()
    folder = library.target("film.mkv").parent
    assert sorted(os.listdir(folder)) == [
        "film.mkv",
        "film.mkv.av1rules.json",
        "film.mkv.av1rules.txt",
    ]
    text = (folder / "film.mkv.av1rules.txt").read_text()
    for word in ("libsvtav1", "crf", "rules.yaml", "passed", "remux"):
        assert word in text
    ledger = Ledger.read(library.state_dir)
    assert (
        ledger.receipt(str(folder / "film.mkv")) == (folder / "film.mkv.av1rules.json").read_bytes()
    )
    ledger.close()


def test_temp_dir_elsewhere_is_used_and_left_clean(library: SampleLibrary, tmp_path: Path) -> None:
    temp = tmp_path / "fast"
    library.rules(RULES.format(settings=FAST).replace("root: out", f"root: out, temp_dir: {temp}"))
    library.add("film.mkv")
    assert library.run().done == 1
    assert os.listdir(temp) == []
    assert library.leftovers() == []


def test_too_little_room_is_left_for_next_time_and_says_what_is_needed(
    library: SampleLibrary,
) -> None:
    library.rules(RULES.format(settings=FAST).replace("reserve: 0", "reserve: 900TiB"))
    library.add("film.mkv")
    assert library.run().dropped == 1
    (dropped,) = (event for event in library.events if isinstance(event, JobDropped))
    assert "not enough space" in dropped.reason
    assert "900 TiB" in dropped.reason
    assert library.causes("film.mkv") == ("new",), "lack of space is no failure of the source"


def test_target_folder_that_can_not_be_written(library: SampleLibrary) -> None:
    (library.folder / "out").write_text("a file where the folder should be")
    library.add("film.mkv")
    assert library.run().failed == 1
    (failure,) = (event for event in library.events if isinstance(event, JobFailed))
    assert str(library.folder / "out") in failure.message


def touched_ns(library: SampleLibrary) -> int | None:
    row = library.row("film.mkv")
    assert isinstance(row, Fresh)
    return row.touched_ns


def test_touched_target_is_looked_into_once(library: SampleLibrary) -> None:
    library.add("film.mkv")
    library.run()
    os.utime(library.target("film.mkv"), ns=(5, 5))
    assert touched_ns(library) == 5
    assert library.run().done == 0
    assert touched_ns(library) is None
    (row,) = library.ledger_rows()
    assert row.target_mtime_ns == 5


def test_target_that_a_check_found_rotten_is_made_anew(library: SampleLibrary) -> None:
    library.add("film.mkv")
    library.run()
    (row,) = library.ledger_rows()
    whole = Path(row.target).read_bytes()
    ledger = Ledger.open(library.state_dir)
    found = LastCheck(
        at="2026-01-01T00:00:00+00:00", ways=frozenset({CheckMethod.DIGEST}), fault="rot"
    )
    assert ledger.checks.put(row, found)
    ledger.close()
    assert library.causes("film.mkv") == ("target damaged: rot",)
    assert library.run().done == 1
    assert library.work() == []
    assert Path(row.target).read_bytes() == whole

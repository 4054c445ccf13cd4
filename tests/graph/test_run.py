"""Runs over a real library: redone is exactly what changed, and nothing is lost on the way."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from av1rules.base.digest import file_digest
from av1rules.base.errors import UsageError
from av1rules.base.events import Event, JobDiscarded, JobDone, JobDropped, JobFailed, JobProgress
from av1rules.graph.check_table import Checked, Way
from av1rules.graph.ledger import Ledger
from av1rules.graph.lock import run_lock
from av1rules.graph.open_session import open_session
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import PlanAction
from av1rules.graph.provenance import parse_provenance
from av1rules.graph.run import run_plan
from av1rules.graph.workspace import open_workspace
from av1rules.library.probe import probe_file
from av1rules.library.toolset import Tools
from tests.conftest import MakeClip, library_file
from tests.shelf import FAST, RULES, Shelf

pytestmark = pytest.mark.real


def test_encodes_verifies_and_then_has_nothing_to_do(shelf: Shelf, tools: Tools) -> None:
    source = shelf.add("a/film.mkv")
    finished = shelf.run()
    assert (finished.done, finished.failed) == (1, 0), shelf.events
    target = shelf.target("a/film.mkv")
    probed = probe_file(library_file(target), tools)
    assert probed.main is not None
    assert probed.main.codec == "av1"
    assert probed.provenance is not None
    said = parse_provenance(probed.provenance)
    assert said.source_digest == file_digest(source)
    assert said.settings.crf == 50
    (row,) = shelf.ledger_rows()
    assert row.target == str(target)
    assert row.target_digest == file_digest(target)
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert shelf.run().done == 0
    assert shelf.row("a/film.mkv").action is PlanAction.FRESH
    assert shelf.leftovers() == []


def test_same_work_gives_the_same_bytes(shelf: Shelf) -> None:
    shelf.add("film.mkv")
    shelf.run()
    first = shelf.target("film.mkv").read_bytes()
    shelf.rules(RULES.format(settings=FAST).replace("name: all", "name: renamed"))
    assert shelf.run(force=True).done == 1
    assert shelf.target("film.mkv").read_bytes() == first


def test_redoes_nothing_for_names_order_comments_or_touch(shelf: Shelf) -> None:
    source = shelf.add("film.mkv")
    shelf.run()
    shelf.rules(
        "# a comment\n"
        + RULES.format(settings=f"use: fast, {FAST}").replace("name: all", "name: other")
        + "  - {name: another, when: {path: 'x/**'}, skip: true}\n"
        + "profiles: {fast: {crf: 7}}\n"
    )
    os.utime(source)
    row = shelf.row("film.mkv")
    assert (row.action, row.causes) == (PlanAction.FRESH, ("up to date",))
    os.utime(shelf.target("film.mkv"))
    assert shelf.row("film.mkv").action is PlanAction.FRESH
    assert shelf.run().done == 0


def test_redoes_only_what_a_changed_rule_is_about(shelf: Shelf) -> None:
    text = (
        "version: 1\nlibrary: {roots: [films], settle: 0}\n"
        "output: {mode: mirror, root: out, copies: encode}\n"
        "run: {reserve: 0}\nrules:\n"
        "  - name: one\n    when: {path: 'one/**'}\n"
        "    encode: {crf: %d, preset: 12, max_size_ratio: 9}\n    review: never\n"
        "  - {name: rest, encode: {crf: 50, preset: 12, max_size_ratio: 9}, review: never}\n"
    )
    shelf.rules(text % 50)
    shelf.add("one/a.mkv")
    shelf.add("two/b.mkv")
    assert shelf.run().done == 2
    before = {row.source: row.built_at for row in shelf.ledger_rows()}
    untouched = shelf.target("two/b.mkv").stat()
    shelf.rules(text % 40)
    assert shelf.work() == ["one/a.mkv"]
    assert shelf.causes("one/a.mkv") == ("crf 50 -> 40 (rules.yaml:8)",)
    assert shelf.run().done == 1
    after = {row.source: row.built_at for row in shelf.ledger_rows()}
    assert after["films/two/b.mkv"] == before["films/two/b.mkv"]
    assert shelf.target("two/b.mkv").stat().st_ino == untouched.st_ino


def test_redoes_when_content_or_target_changed(shelf: Shelf, other_clip: Path) -> None:
    shelf.add("film.mkv")
    shelf.run()
    shelf.add("film.mkv", other_clip)
    assert shelf.causes("film.mkv") == ("source changed",)
    assert shelf.run().done == 1
    target = shelf.target("film.mkv")
    good = target.read_bytes()
    target.unlink()
    assert shelf.causes("film.mkv") == ("target missing",)
    assert shelf.run().done == 1
    target.write_bytes(good[:-100])
    assert shelf.causes("film.mkv")[0].startswith("target damaged")
    assert shelf.run().done == 1
    assert target.read_bytes() == good
    target.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert shelf.causes("film.mkv") == ("target damaged: its content is not what was written",)


def test_force_redoes_what_is_named(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.add("b.mkv")
    shelf.run()
    plan = shelf.plan(shelf.folder / "films" / "a.mkv", force=True)
    assert [(row.action, row.causes) for row in plan.rows] == [(PlanAction.ENCODE, ("forced",))]


def test_too_large_is_thrown_away_and_remembered(shelf: Shelf) -> None:
    shelf.rules(settings="crf: 1, preset: 12, max_size_ratio: 0.01")
    shelf.add("film.mkv")
    finished = shelf.run()
    assert (finished.done, finished.discarded) == (0, 1)
    assert any(isinstance(event, JobDiscarded) for event in shelf.events)
    assert not shelf.target("film.mkv").exists()
    assert shelf.leftovers() == []
    row = shelf.row("film.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert "too large" in row.causes[0]
    assert "not tried again until source or settings change" in row.causes[0]
    assert shelf.run().discarded == 0
    shelf.rules(settings="crf: 1, preset: 12, max_size_ratio: 50")
    assert shelf.row("film.mkv").action is PlanAction.ENCODE, "a wider limit tries again"
    shelf.rules(settings="crf: 50, preset: 12, max_size_ratio: 0.01")
    assert shelf.row("film.mkv").action is PlanAction.ENCODE, "other settings try again"


def test_damaged_source_fails_and_the_rest_goes_on(shelf: Shelf, make_clip: MakeClip) -> None:
    long = make_clip("long.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=4")
    whole = long.read_bytes()
    shelf.add("a-good.mkv")
    shelf.add("m-cut.mkv", long).write_bytes(whole[: len(whole) * 6 // 10])
    shelf.add("z-good.mkv")
    finished = shelf.run()
    assert (finished.done, finished.failed) == (2, 1)
    (failure,) = (event for event in shelf.events if isinstance(event, JobFailed))
    assert failure.source == "films/m-cut.mkv"
    assert not shelf.target("m-cut.mkv").exists()
    assert shelf.leftovers() == []
    assert any("failed once before" in cause for cause in shelf.causes("m-cut.mkv"))


def test_source_that_changes_after_the_plan_is_dropped(shelf: Shelf, other_clip: Path) -> None:
    path = shelf.add("film.mkv")
    gone = shelf.add("gone.mkv")
    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, shelf.events.append) as session,
    ):
        plan = build_plan(session.space)
        shutil.copy(other_clip, path)
        gone.unlink()
        finished = run_plan(plan, session, jobs=1)
    assert finished.dropped == 2
    reasons = {event.reason for event in shelf.events if isinstance(event, JobDropped)}
    assert reasons == {
        "the source changed since it was planned",
        "the source is gone: No such file or directory",
    }
    assert not shelf.target("film.mkv").exists()


def test_stop_keeps_what_is_done_and_leaves_nothing_else(shelf: Shelf, make_clip: MakeClip) -> None:
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    shelf.add("a.mkv")
    shelf.add("b.mkv", slow)
    shelf.add("c.mkv", slow)
    shelf.rules(settings="crf: 40, preset: 4, max_size_ratio: 9")
    with open_workspace(shelf.rules_file, write=False) as space:

        def stop_at_second(event: Event) -> None:
            shelf.events.append(event)
            is_progress = isinstance(event, JobProgress) and event.phase == "encode"
            if is_progress and event.source == "films/b.mkv":
                threading.Thread(target=space.children.stop).start()

        with open_session(space, stop_at_second) as session:
            finished = run_plan(build_plan(session.space), session, jobs=1)
    assert (finished.done, finished.failed, finished.dropped) == (1, 0, 2)
    assert [row.source for row in shelf.ledger_rows()] == ["films/a.mkv"]
    assert shelf.leftovers() == []


def test_several_at_once(shelf: Shelf) -> None:
    for number in range(6):
        shelf.add(f"{number}.mkv")
    finished = shelf.run(jobs=3)
    assert finished.done == 6
    assert len(shelf.ledger_rows()) == 6
    assert sum(isinstance(event, JobDone) for event in shelf.events) == 6


def test_second_run_is_refused_and_told_who_holds_the_ledger(shelf: Shelf) -> None:
    shelf.add("film.mkv")
    with run_lock(shelf.state_dir), pytest.raises(UsageError, match=f"process {os.getpid()}"):
        shelf.run()
    assert shelf.run().done == 1


def test_receipts_as_the_policy_says(shelf: Shelf) -> None:
    shelf.rules(RULES.format(settings=FAST).replace("root: out", "root: out, receipts: both"))
    shelf.add("film.mkv")
    shelf.run()
    folder = shelf.target("film.mkv").parent
    assert sorted(os.listdir(folder)) == [
        "film.mkv",
        "film.mkv.av1rules.json",
        "film.mkv.av1rules.txt",
    ]
    text = (folder / "film.mkv.av1rules.txt").read_text()
    for word in ("libsvtav1", "crf", "rules.yaml", "passed", "remux"):
        assert word in text
    ledger = Ledger.read(shelf.state_dir)
    assert (
        ledger.receipt(str(folder / "film.mkv")) == (folder / "film.mkv.av1rules.json").read_bytes()
    )
    ledger.close()


def test_temp_dir_elsewhere_is_used_and_left_clean(shelf: Shelf, tmp_path: Path) -> None:
    temp = tmp_path / "fast"
    shelf.rules(RULES.format(settings=FAST).replace("root: out", f"root: out, temp_dir: {temp}"))
    shelf.add("film.mkv")
    assert shelf.run().done == 1
    assert os.listdir(temp) == []
    assert shelf.leftovers() == []


def test_too_little_room_is_left_for_next_time_and_says_what_is_needed(shelf: Shelf) -> None:
    shelf.rules(RULES.format(settings=FAST).replace("reserve: 0", "reserve: 900TiB"))
    shelf.add("film.mkv")
    assert shelf.run().dropped == 1
    (dropped,) = (event for event in shelf.events if isinstance(event, JobDropped))
    assert "not enough room" in dropped.reason
    assert "900 TiB" in dropped.reason
    assert shelf.causes("film.mkv") == ("new",), "lack of room is no fault of the source"


def test_target_folder_that_can_not_be_written(shelf: Shelf) -> None:
    (shelf.folder / "out").write_text("a file where the folder should be")
    shelf.add("film.mkv")
    assert shelf.run().failed == 1
    (failure,) = (event for event in shelf.events if isinstance(event, JobFailed))
    assert str(shelf.folder / "out") in failure.message


def test_touched_target_is_looked_into_once(shelf: Shelf) -> None:
    shelf.add("film.mkv")
    shelf.run()
    os.utime(shelf.target("film.mkv"), ns=(5, 5))
    assert shelf.row("film.mkv").touched_ns == 5
    assert shelf.run().done == 0
    assert shelf.row("film.mkv").touched_ns is None
    (row,) = shelf.ledger_rows()
    assert row.target_mtime_ns == 5


def test_target_that_a_check_found_rotten_is_made_anew(shelf: Shelf) -> None:
    shelf.add("film.mkv")
    shelf.run()
    (row,) = shelf.ledger_rows()
    whole = Path(row.target).read_bytes()
    ledger = Ledger.open(shelf.state_dir)
    found = Checked(at="2026-01-01T00:00:00+00:00", ways=frozenset({Way.DIGEST}), fault="rot")
    assert ledger.checks.put(row, found)
    ledger.close()
    assert shelf.causes("film.mkv") == ("target damaged: rot",)
    assert shelf.run().done == 1
    assert shelf.work() == []
    assert Path(row.target).read_bytes() == whole

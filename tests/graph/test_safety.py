"""What must never be lost: originals, last copies, other people's files, finished work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from av1rules.base import atomic
from av1rules.base.errors import LedgerError, UsageError
from av1rules.base.events import Event, JobDropped, JobFailed, JobProgress, JobStarted
from av1rules.graph.ledger import LEDGER_NAME, Ledger
from av1rules.graph.lock import run_lock
from av1rules.graph.open_session import open_session
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import PlanAction
from av1rules.graph.run import run_plan
from av1rules.graph.workspace import open_workspace
from av1rules.library.toolset import Tools
from tests.conftest import MakeClip
from tests.graph.test_crash import encoders_at_work, wait_for
from tests.graph.test_doit import DODO
from tests.shelf import RULES, Shelf

pytestmark = pytest.mark.real

BESIDE = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: beside}
run: {reserve: 0}
rules:
  - {name: all, encode: {crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9}, review: never}
"""


def test_original_in_the_place_of_a_former_target_is_safe(shelf: Shelf, other_clip: Path) -> None:
    shelf.rules(BESIDE)
    shelf.add("f.mkv")
    assert shelf.run().done == 1
    precious = shelf.add("f.av1.mkv", other_clip)
    content = precious.read_bytes()
    rows = {row.file.relative_path: row for row in shelf.plan().rows}
    assert rows["f.mkv"].action is PlanAction.BLOCKED
    assert "a file that av1rules did not write" in rows["f.mkv"].causes[0]
    assert rows["f.av1.mkv"].action is PlanAction.ENCODE, "it is a source like any other"
    shelf.run(force=True)
    (shelf.folder / "dodo.py").write_text(DODO)
    subprocess.run(
        [sys.executable, "-m", "doit", "clean", "-a"], cwd=shelf.folder, check=True,
        capture_output=True,
    )  # fmt: skip
    assert precious.read_bytes() == content


def test_file_that_appears_in_the_targets_place_during_the_encode_is_safe(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    target = shelf.target("a.mkv")

    def drop_a_file(event: Event) -> None:
        shelf.events.append(event)
        if isinstance(event, JobProgress) and event.phase == "verify":
            target.write_bytes(b"copied there just now")

    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, drop_a_file) as session,
    ):
        finished = run_plan(build_plan(session.space), session, jobs=1)
    assert (finished.done, finished.dropped) == (0, 1)
    assert target.read_bytes() == b"copied there just now"
    assert shelf.leftovers() == []


def test_target_replaced_during_its_redo_is_safe(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.run()
    target = shelf.target("a.mkv")

    def replace_it(event: Event) -> None:
        shelf.events.append(event)
        if isinstance(event, JobStarted):
            target.write_bytes(b"another")

    shelf.rules(settings="crf: 40, preset: 12, max_size_ratio: 9")
    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, replace_it) as session,
    ):
        assert run_plan(build_plan(session.space), session, jobs=1).dropped == 1
    assert target.read_bytes() == b"another"


def test_last_copy_is_not_replaced_by_another_film(shelf: Shelf, other_clip: Path) -> None:
    first = shelf.add("x.mkv")
    shelf.run()
    first.unlink()
    shelf.add("x.avi", other_clip)
    content = shelf.target("x.mkv").read_bytes()
    row = shelf.row("x.avi")
    assert row.action is PlanAction.BLOCKED
    assert f"was made from another source, {first}" in row.causes[0]
    shelf.run(force=True)
    assert shelf.target("x.mkv").read_bytes() == content


def test_same_film_under_another_extension_is_fresh(shelf: Shelf) -> None:
    path = shelf.add("x.mkv")
    shelf.run()
    path.rename(path.with_suffix(".mk3d"))
    assert shelf.row("x.mk3d").action is PlanAction.MOVE
    assert shelf.run().done == 0
    assert shelf.row("x.mk3d").action is PlanAction.FRESH


def test_output_that_is_gone_stops_the_run(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.run()
    shutil.move(shelf.folder / "out", shelf.folder / "unmounted")
    for make_empty in (False, True):
        if make_empty:
            (shelf.folder / "out").mkdir()
        with pytest.raises(UsageError, match="missing, but the ledger has 1 targets"):
            shelf.run()
    command = [sys.executable, "-m", "av1rules", "run", "--accept-missing"]
    subprocess.run(command, cwd=shelf.folder, check=True, capture_output=True)
    assert shelf.target("a.mkv").exists()


def test_plan_made_before_another_run_redoes_nothing(shelf: Shelf) -> None:
    """Plain doit plans when it loads its tasks, which may be long before they are executed."""
    shelf.add("a.mkv")
    with open_workspace(shelf.rules_file, write=False) as space:
        plan = build_plan(space)
        assert shelf.run().done == 1
        inode = shelf.target("a.mkv").stat().st_ino
        shelf.events.clear()
        with open_session(space, shelf.events.append) as session:
            assert run_plan(plan, session, jobs=1).done == 1
    assert shelf.target("a.mkv").stat().st_ino == inode
    assert not any(isinstance(event, JobStarted) for event in shelf.events)


def test_failure_between_publishing_and_commit_orphans_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add("a.mkv")

    def fail(*_arguments: object) -> None:
        raise LedgerError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "commit", fail)
        assert shelf.run().failed == 1
    assert shelf.target("a.mkv").exists()
    row = shelf.row("a.mkv")
    assert row.causes == ("published by a run that died: the next run takes it up",)
    inode = shelf.target("a.mkv").stat().st_ino
    assert shelf.run().failed == 0
    assert shelf.target("a.mkv").stat().st_ino == inode
    assert shelf.row("a.mkv").action is PlanAction.FRESH
    assert len(shelf.ledger_rows()) == 1


def test_ledger_file_without_content_is_an_empty_ledger(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.state_dir.mkdir()
    (shelf.state_dir / LEDGER_NAME).touch()
    assert shelf.work() == ["a.mkv"]
    assert shelf.run().done == 1


def test_lost_ledger_is_told_and_overwrites_nothing(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.run()
    content = shelf.target("a.mkv").read_bytes()
    for path in shelf.state_dir.iterdir():
        path.unlink()
    row = shelf.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "this ledger does not know it (was it lost?)" in row.causes[0]
    assert shelf.run().done == 0
    assert shelf.target("a.mkv").read_bytes() == content


def test_after_three_failures_a_file_is_left_to_a_person(shelf: Shelf, make_clip: MakeClip) -> None:
    long = make_clip("long.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=4")
    path = shelf.add("cut.mkv", long)
    path.write_bytes(long.read_bytes()[:30_000])
    for _ in range(3):
        assert shelf.run().failed == 1
    row = shelf.row("cut.mkv")
    assert row.action is PlanAction.BLOCKED
    assert row.causes[0].startswith("failed 3 times before: ")
    assert "`av1rules retry PATH`" in row.causes[0]
    assert shelf.run().failed == 0
    assert shelf.run(path, force=True).failed == 1


def test_unwritable_output_is_told_with_what_to_do(shelf: Shelf) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    shelf.add("a.mkv")
    (shelf.folder / "out").mkdir(mode=0o500)
    shelf.run()
    (failure,) = (event for event in shelf.events if isinstance(event, JobFailed))
    assert failure.hint is not None


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_parallel_doit_ends_without_a_trace(
    shelf: Shelf, make_clip: MakeClip, signum: signal.Signals
) -> None:
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    shelf.rules(settings="crf: 50, preset: 3, max_size_ratio: 9")
    (shelf.folder / "dodo.py").write_text(DODO)
    shelf.add("a.mkv", slow)
    shelf.add("b.mkv", slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "doit", "-n", "2"], cwd=shelf.folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    wait_for("both encodes", lambda: len(encoders_at_work(shelf)) >= 2)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in output
    assert encoders_at_work(shelf) == []
    assert shelf.leftovers() == []
    assert not (shelf.state_dir / "run.holder").exists()


def test_reader_of_events_that_leaves_early_ends_no_encode(shelf: Shelf) -> None:
    for number in range(3):
        shelf.add(f"{number}.mkv")
    for way in ("--json 2>&1 | head -n 1", "2>&1 | head -n 1"):
        command = f"{sys.executable} -m av1rules run --force {way}; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=shelf.folder, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "0", done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    assert len(shelf.ledger_rows()) == 3


def test_interrupt_while_planning_ends_at_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add("a.mkv")
    with open_workspace(shelf.rules_file, write=False) as space:
        space.children.stop()
        with pytest.raises(Exception, match="the run was interrupted"):
            build_plan(space)


def test_nothing_is_told_of_jobs_that_never_started(shelf: Shelf) -> None:
    for number in range(5):
        shelf.add(f"{number}.mkv")
    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, shelf.events.append) as session,
    ):
        plan = build_plan(session.space)
        space.children.stop()
        assert run_plan(plan, session, jobs=1).dropped == 5
    assert not any(isinstance(event, JobDropped) for event in shelf.events)


def test_settings_that_only_decide_leave_no_trace_in_the_bytes(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.run()
    first = shelf.target("a.mkv").read_bytes()
    shelf.rules(
        RULES.format(
            settings="crf: 50, preset: 12, film_grain: 0, max_size_ratio: 90, "
            "accept: [chroma, alpha, captions]"
        )
    )
    assert shelf.run(force=True).done == 1
    assert shelf.target("a.mkv").read_bytes() == first


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a real file system of a few megabytes; skipped where that takes rights we lack."""

    def make(size: str) -> Path:
        folder = tmp_path / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("may not mount a file system here")
        return folder

    yield make
    subprocess.run(["umount", str(tmp_path / "small")], capture_output=True, check=False)


@pytest.mark.parametrize("place", ["root", "temp_dir"])
def test_full_disk_fails_that_file_and_leaves_nothing(
    shelf: Shelf, make_clip: MakeClip, small_disk: Callable[[str], Path], place: str
) -> None:
    noisy = make_clip(
        "noisy.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=2,noise=alls=60:allf=t",
        "-c:v", "mpeg2video", "-b:v", "40M", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    disk = small_disk("1m")
    text = RULES.format(settings="crf: 5, preset: 12, film_grain: 0, max_size_ratio: 0.05")
    shelf.rules(text.replace("root: out", f"root: out, {place}: {disk}").replace(
        "root: out, root:", "root:"))  # fmt: skip
    shelf.add("noisy.mkv", noisy)
    shelf.run()
    (failure,) = (event for event in shelf.events if isinstance(event, JobFailed))
    assert "room" in failure.message or "No space left" in failure.message
    assert failure.hint is not None
    assert [name for _, _, names in os.walk(disk) for name in names] == []
    assert shelf.causes("noisy.mkv") == ("new",), "a full disk is no fault of the source"


def test_file_that_appears_right_before_the_rename_is_safe(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another file system the copy takes minutes: the last look comes after it."""
    shelf.add("a.mkv")
    shelf.run()
    target = shelf.target("a.mkv")
    shelf.rules(settings="crf: 40, preset: 12, max_size_ratio: 9")
    sync = atomic.fsync_file

    def drop_a_file(path: Path) -> None:
        sync(path)
        if path.suffix == ".mkv":
            target.write_bytes(b"precious")

    monkeypatch.setattr(atomic, "fsync_file", drop_a_file)
    assert shelf.run().dropped == 1
    assert target.read_bytes() == b"precious"


def test_source_swapped_before_the_rename_is_dropped(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, other_clip: Path
) -> None:
    source = shelf.add("a.mkv")
    sync = atomic.fsync_file

    def swap(path: Path) -> None:
        sync(path)
        if path.suffix == ".mkv":
            shutil.copy(other_clip, source)

    monkeypatch.setattr(atomic, "fsync_file", swap)
    assert shelf.run().dropped == 1
    assert not shelf.target("a.mkv").exists()


def test_edit_of_a_target_is_kept(shelf: Shelf, tools: Tools) -> None:
    shelf.add("a.mkv")
    shelf.run()
    target = shelf.target("a.mkv")
    edited = target.with_name("edited.mkv")
    command = [tools.ffmpeg, "-v", "error", "-i", str(target), "-c", "copy", "-metadata"]
    subprocess.run([*command, "title=My own", str(edited)], check=True)
    os.replace(edited, target)
    content = target.read_bytes()
    row = shelf.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "by an edit as it seems: it is kept" in row.causes[0]
    shelf.run()
    assert target.read_bytes() == content
    assert shelf.run(shelf.folder / "films", force=True).done == 1, "unless a person says so"


def test_emptied_target_is_made_anew(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    shelf.run()
    shelf.target("a.mkv").write_bytes(b"")
    assert shelf.causes("a.mkv")[0].startswith("target damaged: 0 bytes")
    assert shelf.run().done == 1


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_no_file_in_the_targets_place_blocks_before_the_encode(shelf: Shelf, kind: str) -> None:
    shelf.add("a.mkv")
    target = shelf.target("a.mkv")
    target.parent.mkdir(parents=True)
    if kind == "folder":
        target.mkdir()
    else:
        target.symlink_to("/nowhere/at/all")
    row = shelf.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "no readable file" in row.causes[0]


def test_source_edited_with_its_old_time_set_back_is_redone(shelf: Shelf) -> None:
    path = shelf.add("a.mkv")
    shelf.run()
    shelf.plan()
    stat = path.stat()
    with path.open("r+b") as file:
        file.write(b"\x1aE\xdf\xa3changed in place"[:4])
        file.seek(-40, os.SEEK_END)
        file.write(b"another end of the same length!!")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert shelf.causes("a.mkv") == ("source changed",)


def test_plan_after_a_kill_leaves_the_ledger_as_it_was(shelf: Shelf) -> None:
    shelf.add("a.mkv")
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom av1rules.graph.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        "ledger.begin('/nowhere/.av1rules-1', 'films/x.mkv')\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(shelf.state_dir)], check=False)
    files = sorted(shelf.state_dir.glob(f"{LEDGER_NAME}*"))
    assert len(files) == 3, "the dead writer left its log"
    before = [path.read_bytes() for path in files[:1]]
    assert shelf.work() == ["a.mkv"]
    assert sorted(shelf.state_dir.glob(f"{LEDGER_NAME}*")) == files
    assert [path.read_bytes() for path in files[:1]] == before


def test_doit_forget_frees_a_file_that_was_too_large(shelf: Shelf) -> None:
    shelf.rules(settings="crf: 1, preset: 12, max_size_ratio: 0.01")
    (shelf.folder / "dodo.py").write_text(DODO)
    shelf.add("a.mkv")
    assert shelf.run().discarded == 1

    def doit(*arguments: str) -> None:
        command = [sys.executable, "-m", "doit", *arguments]
        subprocess.run(command, cwd=shelf.folder, check=True, capture_output=True)

    doit()
    assert shelf.row("a.mkv").action is PlanAction.LEFT_ALONE
    doit("forget", "encode:films/a.mkv")
    assert shelf.row("a.mkv").action is PlanAction.ENCODE


def test_plain_doit_beside_a_run_is_refused_without_a_traceback(shelf: Shelf) -> None:
    (shelf.folder / "dodo.py").write_text(DODO)
    shelf.add("a.mkv")
    shelf.run()
    shelf.rules(settings="crf: 44, preset: 12, max_size_ratio: 9")
    with run_lock(shelf.state_dir):
        done = subprocess.run(
            [sys.executable, "-m", "doit"], cwd=shelf.folder, capture_output=True, check=False
        )
    assert done.returncode != 0
    assert b"another run is at work" in done.stderr
    assert b"Traceback" not in done.stderr + done.stdout


def test_disk_that_is_full_under_the_log_ends_no_encode(shelf: Shelf) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    shelf.add("a.mkv")
    command = f"{sys.executable} -m av1rules run --json >/dev/full"
    done = subprocess.run(
        ["bash", "-c", command], cwd=shelf.folder, capture_output=True, check=False
    )
    assert shelf.target("a.mkv").exists()
    assert b"Traceback" not in done.stderr


def test_plan_of_a_library_with_a_missing_root_is_not_nothing_to_do(shelf: Shelf) -> None:
    shutil.rmtree(shelf.folder / "films")
    command = [sys.executable, "-m", "av1rules", "plan", "--detailed-exitcode"]
    assert (
        subprocess.run(command, cwd=shelf.folder, capture_output=True, check=False).returncode == 1
    )

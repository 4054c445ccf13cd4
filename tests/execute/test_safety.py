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

from av1rules.base import files as atomic
from av1rules.base.errors import LedgerError, UsageError
from av1rules.base.events import Event, JobDropped, JobFailed, JobProgress, JobStarted
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.execute.test_crash import encoders_at_work, wait_for
from tests.graph.test_doit import DODO
from tests.runs import run_plan
from tests.sample_library import RULES, SampleLibrary

pytestmark = pytest.mark.real

BESIDE = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: beside}
run: {reserve: 0}
rules:
  - {name: all, encode: {crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9}, review: never}
"""


def test_original_in_the_place_of_a_former_target_is_safe(
    library: SampleLibrary, other_clip: Path
) -> None:
    library.rules(BESIDE)
    library.add("f.mkv")
    assert library.run().done == 1
    precious = library.add("f.av1.mkv", other_clip)
    content = precious.read_bytes()
    rows = {row.file.relative_path: row for row in library.plan().rows}
    assert rows["f.mkv"].action is PlanAction.BLOCKED
    assert "a file that av1rules did not write" in rows["f.mkv"].causes[0]
    assert rows["f.av1.mkv"].action is PlanAction.ENCODE, "it is a source like any other"
    library.run(force=True)
    (library.folder / "dodo.py").write_text(DODO)
    subprocess.run(
        [sys.executable, "-m", "doit", "clean", "-a"], cwd=library.folder, check=True,
        capture_output=True,
    )  # fmt: skip
    assert precious.read_bytes() == content


def test_file_that_appears_in_the_targets_place_during_the_encode_is_safe(
    library: SampleLibrary,
) -> None:
    library.add("a.mkv")
    target = library.target("a.mkv")

    def drop_a_file(event: Event) -> None:
        library.events.append(event)
        if isinstance(event, JobProgress) and event.phase == "verify":
            target.write_bytes(b"copied there just now")

    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, drop_a_file) as session,
    ):
        finished = run_plan(build_plan(session.workspace), session, jobs=1)
    assert (finished.done, finished.dropped) == (0, 1)
    assert target.read_bytes() == b"copied there just now"
    assert library.leftovers() == []


def test_target_replaced_during_its_redo_is_safe(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    target = library.target("a.mkv")

    def replace_it(event: Event) -> None:
        library.events.append(event)
        if isinstance(event, JobStarted):
            target.write_bytes(b"another")

    library.rules(settings="crf: 40, preset: 12, max_size_ratio: 9")
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, replace_it) as session,
    ):
        assert run_plan(build_plan(session.workspace), session, jobs=1).dropped == 1
    assert target.read_bytes() == b"another"


def test_last_copy_is_not_replaced_by_another_film(
    library: SampleLibrary, other_clip: Path
) -> None:
    first = library.add("x.mkv")
    library.run()
    first.unlink()
    library.add("x.avi", other_clip)
    content = library.target("x.mkv").read_bytes()
    row = library.row("x.avi")
    assert row.action is PlanAction.BLOCKED
    assert f"was made from another source, {first}" in row.causes[0]
    library.run(force=True)
    assert library.target("x.mkv").read_bytes() == content


def test_same_film_under_another_extension_is_fresh(library: SampleLibrary) -> None:
    path = library.add("x.mkv")
    library.run()
    path.rename(path.with_suffix(".mk3d"))
    assert library.row("x.mk3d").action is PlanAction.MOVE
    assert library.run().done == 0
    assert library.row("x.mk3d").action is PlanAction.FRESH


def test_output_that_is_gone_stops_the_run(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    shutil.move(library.folder / "out", library.folder / "unmounted")
    for make_empty in (False, True):
        if make_empty:
            (library.folder / "out").mkdir()
        with pytest.raises(UsageError, match="missing, but the ledger has 1 target there"):
            library.run()
    command = [sys.executable, "-m", "av1rules", "run", "--accept-missing"]
    subprocess.run(command, cwd=library.folder, check=True, capture_output=True)
    assert library.target("a.mkv").exists()


def test_plan_made_before_another_run_redoes_nothing(library: SampleLibrary) -> None:
    """Plain doit plans when it loads its tasks, which may be long before they are executed."""
    library.add("a.mkv")
    with open_workspace(library.rules_file, write=False) as workspace:
        plan = build_plan(workspace)
        assert library.run().done == 1
        inode = library.target("a.mkv").stat().st_ino
        library.events.clear()
        with start_session(workspace, library.events.append) as session:
            assert run_plan(plan, session, jobs=1).done == 1
    assert library.target("a.mkv").stat().st_ino == inode
    assert not any(isinstance(event, JobStarted) for event in library.events)


def test_failure_between_publishing_and_commit_orphans_nothing(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("a.mkv")

    def fail(*_arguments: object) -> None:
        raise LedgerError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "commit", fail)
        assert library.run().failed == 1
    assert library.target("a.mkv").exists()
    row = library.row("a.mkv")
    assert row.causes == ("published by a run that died: the next run takes it up",)
    inode = library.target("a.mkv").stat().st_ino
    assert library.run().failed == 0
    assert library.target("a.mkv").stat().st_ino == inode
    assert library.row("a.mkv").action is PlanAction.FRESH
    assert len(library.ledger_rows()) == 1


def test_ledger_file_without_content_is_an_empty_ledger(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.state_dir.mkdir()
    (library.state_dir / LEDGER_NAME).touch()
    assert library.work() == ["a.mkv"]
    assert library.run().done == 1


def test_lost_ledger_is_told_and_overwrites_nothing(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    content = library.target("a.mkv").read_bytes()
    for path in library.state_dir.iterdir():
        path.unlink()
    row = library.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "this ledger does not know it (was it lost?)" in row.causes[0]
    assert library.run().done == 0
    assert library.target("a.mkv").read_bytes() == content


def test_a_damaged_file_is_left_to_a_person_at_once(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    long = make_clip("long.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=4")
    path = library.add("cut.mkv", long)
    path.write_bytes(long.read_bytes()[:30_000])
    assert library.run().failed == 1
    row = library.row("cut.mkv")
    assert row.action is PlanAction.BLOCKED
    assert row.causes[0].startswith("failed once before: ")
    assert "`av1rules retry PATH`" in row.causes[0]
    assert library.run().failed == 0
    assert library.run(path, force=True).failed == 1


def test_unwritable_output_is_told_with_what_to_do(library: SampleLibrary) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    library.add("a.mkv")
    (library.folder / "out").mkdir(mode=0o500)
    library.run()
    (failure,) = (event for event in library.events if isinstance(event, JobFailed))
    assert failure.hint is not None


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_parallel_doit_ends_without_a_trace(
    library: SampleLibrary, make_clip: MakeClip, signum: signal.Signals
) -> None:
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    library.rules(settings="crf: 50, preset: 3, max_size_ratio: 9")
    (library.folder / "dodo.py").write_text(DODO)
    library.add("a.mkv", slow)
    library.add("b.mkv", slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "doit", "-n", "2"], cwd=library.folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    wait_for("both encodes", lambda: len(encoders_at_work(library)) >= 2)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in output
    assert encoders_at_work(library) == []
    assert library.leftovers() == []
    assert not (library.state_dir / "run.holder").exists()


def test_reader_of_events_that_leaves_early_ends_no_encode(library: SampleLibrary) -> None:
    for number in range(3):
        library.add(f"{number}.mkv")
    for way in ("--json 2>&1 | head -n 1", "2>&1 | head -n 1"):
        command = f"{sys.executable} -m av1rules run --force {way}; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=library.folder, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "0", done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    assert len(library.ledger_rows()) == 3


def test_interrupt_while_planning_ends_at_once(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("a.mkv")
    with open_workspace(library.rules_file, write=False) as workspace:
        workspace.children.stop()
        with pytest.raises(Exception, match="the run was interrupted"):
            build_plan(workspace)


def test_nothing_is_told_of_jobs_that_never_started(library: SampleLibrary) -> None:
    for number in range(5):
        library.add(f"{number}.mkv")
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        plan = build_plan(session.workspace)
        workspace.children.stop()
        assert run_plan(plan, session, jobs=1).dropped == 5
    assert not any(isinstance(event, JobDropped) for event in library.events)


def test_settings_that_only_decide_leave_no_trace_in_the_bytes(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    first = library.target("a.mkv").read_bytes()
    library.rules(
        RULES.format(
            settings="crf: 50, preset: 12, film_grain: 0, max_size_ratio: 90, "
            "accept: [chroma, alpha, captions]"
        )
    )
    assert library.run(force=True).done == 1
    assert library.target("a.mkv").read_bytes() == first


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
    library: SampleLibrary, make_clip: MakeClip, small_disk: Callable[[str], Path], place: str
) -> None:
    noisy = make_clip(
        "noisy.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=2,noise=alls=60:allf=t",
        "-c:v", "mpeg2video", "-b:v", "40M", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    disk = small_disk("1m")
    text = RULES.format(settings="crf: 5, preset: 12, film_grain: 0, max_size_ratio: 0.05")
    library.rules(text.replace("root: out", f"root: out, {place}: {disk}").replace(
        "root: out, root:", "root:"))  # fmt: skip
    library.add("noisy.mkv", noisy)
    library.run()
    (failure,) = (event for event in library.events if isinstance(event, JobFailed))
    assert "room" in failure.message or "No space left" in failure.message
    assert failure.hint is not None
    assert [name for _, _, names in os.walk(disk) for name in names] == []
    assert library.causes("noisy.mkv") == ("new",), "a full disk is no fault of the source"


def test_file_that_appears_right_before_the_rename_is_safe(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another file system the copy takes minutes: the final check comes after it."""
    library.add("a.mkv")
    library.run()
    target = library.target("a.mkv")
    library.rules(settings="crf: 40, preset: 12, max_size_ratio: 9")
    sync = atomic.fsync_file

    def drop_a_file(path: Path) -> None:
        sync(path)
        if path.suffix == ".mkv":
            target.write_bytes(b"precious")

    monkeypatch.setattr(atomic, "fsync_file", drop_a_file)
    assert library.run().dropped == 1
    assert target.read_bytes() == b"precious"


def test_source_swapped_before_the_rename_is_dropped(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch, other_clip: Path
) -> None:
    source = library.add("a.mkv")
    sync = atomic.fsync_file

    def swap(path: Path) -> None:
        sync(path)
        if path.suffix == ".mkv":
            shutil.copy(other_clip, source)

    monkeypatch.setattr(atomic, "fsync_file", swap)
    assert library.run().dropped == 1
    assert not library.target("a.mkv").exists()


def test_edit_of_a_target_is_kept(library: SampleLibrary, tools: Tools) -> None:
    library.add("a.mkv")
    library.run()
    target = library.target("a.mkv")
    edited = target.with_name("edited.mkv")
    command = [tools.ffmpeg, "-v", "error", "-i", str(target), "-c", "copy", "-metadata"]
    subprocess.run([*command, "title=My own", str(edited)], check=True)
    os.replace(edited, target)
    content = target.read_bytes()
    row = library.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "by an edit as it seems: it is kept" in row.causes[0]
    library.run()
    assert target.read_bytes() == content
    assert library.run(library.folder / "films", force=True).done == 1, "unless a person says so"


def test_emptied_target_is_made_anew(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    library.target("a.mkv").write_bytes(b"")
    assert library.causes("a.mkv")[0].startswith("target damaged: 0 bytes")
    assert library.run().done == 1


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_no_file_in_the_targets_place_blocks_before_the_encode(
    library: SampleLibrary, kind: str
) -> None:
    library.add("a.mkv")
    target = library.target("a.mkv")
    target.parent.mkdir(parents=True)
    if kind == "folder":
        target.mkdir()
    else:
        target.symlink_to("/nowhere/at/all")
    row = library.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "not a readable file" in row.causes[0]


def test_source_edited_with_its_old_time_set_back_is_redone(library: SampleLibrary) -> None:
    path = library.add("a.mkv")
    library.run()
    library.plan()
    stat = path.stat()
    with path.open("r+b") as file:
        file.write(b"\x1aE\xdf\xa3changed in place"[:4])
        file.seek(-40, os.SEEK_END)
        file.write(b"another end of the same length!!")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert library.causes("a.mkv") == ("source changed",)


def test_plan_after_a_kill_leaves_the_ledger_as_it_was(library: SampleLibrary) -> None:
    library.add("a.mkv")
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom av1rules.ledger.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        "ledger.begin('/nowhere/.av1rules-1', 'films/x.mkv')\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(library.state_dir)], check=False)
    files = sorted(library.state_dir.glob(f"{LEDGER_NAME}*"))
    assert len(files) == 3, "the dead writer left its log"
    before = [path.read_bytes() for path in files[:1]]
    assert library.work() == ["a.mkv"]
    assert sorted(library.state_dir.glob(f"{LEDGER_NAME}*")) == files
    assert [path.read_bytes() for path in files[:1]] == before


def test_doit_forget_frees_a_file_that_was_too_large(library: SampleLibrary) -> None:
    library.rules(settings="crf: 1, preset: 12, max_size_ratio: 0.01")
    (library.folder / "dodo.py").write_text(DODO)
    library.add("a.mkv")
    assert library.run().discarded == 1

    def doit(*arguments: str) -> None:
        command = [sys.executable, "-m", "doit", *arguments]
        subprocess.run(command, cwd=library.folder, check=True, capture_output=True)

    doit()
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE
    doit("forget", "encode:films/a.mkv")
    assert library.row("a.mkv").action is PlanAction.ENCODE


def test_plain_doit_beside_a_run_is_refused_without_a_traceback(library: SampleLibrary) -> None:
    (library.folder / "dodo.py").write_text(DODO)
    library.add("a.mkv")
    library.run()
    library.rules(settings="crf: 44, preset: 12, max_size_ratio: 9")
    with run_lock(library.state_dir):
        done = subprocess.run(
            [sys.executable, "-m", "doit"], cwd=library.folder, capture_output=True, check=False
        )
    assert done.returncode != 0
    assert b"another run uses this ledger" in done.stderr
    assert b"Traceback" not in done.stderr + done.stdout


def test_disk_that_is_full_under_the_log_ends_no_encode(library: SampleLibrary) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    library.add("a.mkv")
    command = f"{sys.executable} -m av1rules run --json >/dev/full"
    done = subprocess.run(
        ["bash", "-c", command], cwd=library.folder, capture_output=True, check=False
    )
    assert library.target("a.mkv").exists()
    assert b"Traceback" not in done.stderr


def test_plan_of_a_library_with_a_missing_root_is_not_nothing_to_do(library: SampleLibrary) -> None:
    shutil.rmtree(library.folder / "films")
    command = [sys.executable, "-m", "av1rules", "plan", "--detailed-exitcode"]
    assert (
        subprocess.run(command, cwd=library.folder, capture_output=True, check=False).returncode
        == 1
    )

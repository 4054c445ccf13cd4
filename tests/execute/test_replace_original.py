"""Mode replace: the target takes the source's place, the original goes to the trash, undo puts it
back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from av1rules.base.hashing import file_digest
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.operations.undo import Undone, find_entries, undo
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.source_item import OURS_UNKNOWN
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undone_line
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.runs import run_plan
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: replace{output}}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def rules(library: SampleLibrary, output: str = "", settings: str = FAST) -> None:
    library.rules(RULES.format(output=f", {output}" if output else "", settings=settings))


def films(library: SampleLibrary) -> list[str]:
    """The files of the library as a user sees them."""
    top = library.folder / "films"
    return sorted(
        str(path.relative_to(top))
        for path in top.rglob("*")
        if path.is_file() and ".av1rules-kept" not in path.parts
    )


def undo_all(library: SampleLibrary, *words: str) -> list[Undone]:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        return list(undo(session, find_entries(session.workspace.ledger, words)))


@pytest.fixture
def replaced(library: SampleLibrary) -> SampleLibrary:
    """One film that was replaced under its own name."""
    rules(library)
    library.add("a.mkv")
    assert library.run().done == 1
    return library


def test_takes_the_place_and_keeps_the_original(replaced: SampleLibrary, clip: Path) -> None:
    assert films(replaced) == ["a.mkv"]
    assert file_digest(replaced.folder / "films" / "a.mkv") != file_digest(clip)
    (kept,) = replaced.kept()
    assert file_digest(kept.path) == file_digest(clip)
    assert "/films/.av1rules-kept/" in kept.path
    plan = replaced.plan()
    assert [row.action for row in plan.rows] == [PlanAction.FRESH]
    assert (plan.kept.files, plan.kept.size_bytes) == (1, clip.stat().st_size)
    assert plan.orphans == ()
    assert replaced.run().done == 0
    assert replaced.leftovers() == []


def test_another_extension_frees_the_old_name_and_renames_side_files(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(library, output="side_files: carry")
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1")
    library.add("a.mp4", make_clip("a.mp4", *source))
    for name in ("a.mp4.nfo", "a.srt"):
        (library.folder / "films" / name).write_text(name)
    assert library.run().done == 1
    assert films(library) == ["a.mkv", "a.mkv.nfo", "a.srt"]
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]
    (result,) = undo_all(library, "last")
    assert result.refusal is None
    assert films(library) == ["a.mp4", "a.mp4.nfo", "a.srt"]
    (again,) = undo_all(library, str(library.folder / "films" / "a.mp4"))
    assert again.refusal is None
    assert films(library) == ["a.mkv", "a.mkv.nfo", "a.srt"]


def test_undo_and_undo_of_undo(replaced: SampleLibrary, clip: Path) -> None:
    film = replaced.folder / "films" / "a.mkv"
    result = file_digest(film)
    (done,) = undo_all(replaced, "last")
    assert undone_line(done).endswith("the original is back")
    assert file_digest(film) == file_digest(clip)
    row = replaced.row("a.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert row.causes[0].startswith("undone: left alone")
    assert replaced.run().done == 0
    (done,) = undo_all(replaced, str(film))
    assert done.refusal is None
    assert file_digest(film) == result
    assert replaced.row("a.mkv").action is PlanAction.FRESH
    (done,) = undo_all(replaced, str(film))
    assert file_digest(film) == file_digest(clip)
    rules(replaced, settings=FAST.replace("crf: 50", "crf: 40"))
    assert replaced.run().done == 1, "other settings: it may be tried again"


@pytest.mark.parametrize(
    ("form", "suffixes"),
    [("json", [".json"]), ("text", [".txt"]), ("both", [".json", ".txt"]), ("none", [])],
)
def test_receipts_go_and_come_with_the_result(
    library: SampleLibrary, form: str, suffixes: list[str]
) -> None:
    rules(library, output=f"receipts: {form}")
    library.add("a.mkv")
    assert library.run().done == 1
    film = library.folder / "films" / "a.mkv"
    with_receipts = ["a.mkv", *(f"a.mkv.av1rules{suffix}" for suffix in suffixes)]
    assert films(library) == with_receipts
    undo_all(library, "last")
    assert films(library) == ["a.mkv"], "a receipt beside an original would be of another file"
    undo_all(library, str(film))
    assert films(library) == with_receipts
    undo_all(library, str(film))
    assert films(library) == ["a.mkv"]


def test_receipts_go_after_a_crash_in_an_undo(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library, output="receipts: json")
    library.add("a.mkv")
    assert library.run().done == 1

    def crash(step: str) -> None:
        if step == "side files renamed":
            raise KeyboardInterrupt

    def no_repair(*_: object) -> None:
        raise OSError  # a killed process repairs nothing either

    with (
        monkeypatch.context() as patch,
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append, failpoint=crash) as session,
    ):
        patch.setattr("av1rules.execute.replace_original._repair", no_repair)
        with pytest.raises(KeyboardInterrupt):
            list(undo(session, find_entries(session.workspace.ledger, ["last"])))
    assert films(library) == ["a.mkv", "a.mkv.av1rules.json"]
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append),
    ):
        assert films(library) == ["a.mkv"]


def test_undo_refuses_with_the_reason(replaced: SampleLibrary) -> None:
    film = replaced.folder / "films" / "a.mkv"
    (kept,) = replaced.kept()
    whole = film.read_bytes()
    film.write_bytes(whole + b"edited")
    (result,) = undo_all(replaced, "last")
    assert "changed or replaced since" in (result.refusal or "")
    film.write_bytes(whole)
    original = Path(kept.path).read_bytes()
    Path(kept.path).write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    (result,) = undo_all(replaced, "last")
    assert "not what was moved to the trash" in (result.refusal or "")
    Path(kept.path).unlink()
    (result,) = undo_all(replaced, "last")
    assert "no longer there" in (result.refusal or "")
    assert film.read_bytes() == whole


def test_changed_settings_redo_from_the_original(replaced: SampleLibrary, clip: Path) -> None:
    rules(replaced, settings=FAST.replace("crf: 50", "crf: 40"))
    row = replaced.row("a.mkv")
    assert row.causes == ("crf 50 -> 40 (rules.yaml:6)",)
    assert row.action is PlanAction.ENCODE
    assert replaced.run().done == 1
    assert [one.action for one in replaced.plan().rows] == [PlanAction.FRESH]
    (kept,) = replaced.kept()
    assert file_digest(kept.path) == file_digest(clip)
    undo_all(replaced, "last")
    assert file_digest(replaced.folder / "films" / "a.mkv") == file_digest(clip)


def test_changed_settings_without_the_original_are_told(replaced: SampleLibrary) -> None:
    (kept,) = replaced.kept()
    Path(kept.path).unlink()
    rules(replaced, settings=FAST.replace("crf: 50", "crf: 40"))
    row = replaced.row("a.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert row.causes == ("cannot rebuild: original gone (crf 50 -> 40 (rules.yaml:6))",)


def test_lost_ledger_makes_no_source_of_a_result(replaced: SampleLibrary) -> None:
    shutil.rmtree(replaced.state_dir)
    row = replaced.row("a.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert row.causes == (OURS_UNKNOWN,)


def test_delete_after_verify_keeps_nothing(library: SampleLibrary, clip: Path) -> None:
    rules(library, output="originals: delete after verify")
    library.add("a.mkv")
    assert library.run().done == 1
    assert library.kept() == ()
    digests = [file_digest(p) for p in library.folder.rglob("*.mkv")]
    assert file_digest(clip) not in digests
    assert len(digests) == 1
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]


def test_hard_linked_sources_are_held_unless_allowed(library: SampleLibrary) -> None:
    rules(library)
    path = library.add("a.mkv")
    os.link(path, library.folder / "seeding.mkv")
    row = library.row("a.mkv")
    assert row.action is PlanAction.HELD
    assert "free 0 bytes" in row.causes[0]
    rules(library, output="hard_links: replace")
    row = library.row("a.mkv")
    assert row.notes[-1] == "frees 0 bytes: 1 other names (hard links) keep the original"
    assert library.run().done == 1


def test_new_film_in_the_place_of_a_result_is_replaced_too(
    replaced: SampleLibrary, other_clip: Path
) -> None:
    shutil.copy(other_clip, replaced.folder / "films" / "a.mkv")
    row = replaced.row("a.mkv")
    assert row.action is PlanAction.ENCODE
    assert replaced.run().done == 1
    assert len(replaced.kept()) == 2
    assert [one.action for one in replaced.plan().rows] == [PlanAction.FRESH]


def test_copies_of_one_content_share_the_result(library: SampleLibrary) -> None:
    rules(library)
    library.add("a.mkv")
    library.add("b.mkv")
    done = library.run()
    assert (done.done, done.copied) == (1, 1)
    assert len(library.kept()) == 2
    assert {row.action for row in library.plan().rows} == {PlanAction.FRESH}


def test_undone_film_is_not_replaced_again_by_the_result_of_a_copy(library: SampleLibrary) -> None:
    rules(library)
    film = library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    undo_all(library, str(film))
    before = file_digest(film)
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE
    library.run()
    assert file_digest(film) == before


def test_temp_dir_on_another_file_system(
    library: SampleLibrary, clip: Path, tmp_path: Path
) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    temp = other / f"av1rules-test-{os.getpid()}"
    try:
        rules(library, output=f"temp_dir: {temp}")
        library.add("a.mkv")
        assert library.run().done == 1
        (kept,) = library.kept()
        assert file_digest(kept.path) == file_digest(clip)
        assert list(temp.iterdir()) == []
        assert library.leftovers() == []
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def test_source_that_changes_at_the_last_moment_is_not_replaced(
    library: SampleLibrary, other_clip: Path
) -> None:
    rules(library)
    path = library.add("a.mkv")

    def swap(step: str) -> None:
        if step == "kept aside":
            os.unlink(path)
            shutil.copy(other_clip, path)

    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append, failpoint=swap) as session,
    ):
        assert run_plan(build_plan(session.workspace), session, jobs=1).dropped == 1
    assert file_digest(path) == file_digest(other_clip)


# --- found by a hostile review


def test_undone_film_is_not_replaced_by_way_of_a_copy(library: SampleLibrary, clip: Path) -> None:
    rules(library)
    library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    film = library.folder / "films" / "a.mkv"
    (result,) = undo_all(library, str(film))
    assert result.refusal is None
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE
    library.run()
    library.run(library.folder / "films" / "b.mkv", force=True)
    assert file_digest(film) == file_digest(clip)


def test_newer_file_at_the_last_moment_is_not_put_aside(
    library: SampleLibrary, other_clip: Path
) -> None:
    """An import by another program between the final check and the replacement."""
    rules(library)
    path = library.add("a.mkv")

    def swap(step: str) -> None:
        if step == "final check":
            os.unlink(path)
            shutil.copy(other_clip, path)

    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append, failpoint=swap) as session,
    ):
        assert run_plan(build_plan(session.workspace), session, jobs=1).dropped == 1
    assert file_digest(path) == file_digest(other_clip)
    assert library.kept() == ()


def test_file_in_the_place_of_the_result_blocks_before_the_encode(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(library)
    library.add("a.mp4", make_clip("w.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1"))
    library.run()
    (kept,) = library.kept()
    Path(kept.path).unlink()
    rules(library, settings=FAST.replace("crf: 50", "crf: 40"))
    library.add("a.mp4", make_clip("v.mp4", "-f", "lavfi", "-i", "smptebars=s=64x64:r=10:d=1"))
    row = library.row("a.mp4")
    assert row.action is PlanAction.BLOCKED
    assert "stands another file" in row.causes[0]


def test_side_file_that_can_not_be_renamed_stops_nothing(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(library, output="side_files: carry")
    name = "x" * 248 + ".ts"
    clip = make_clip("t.ts", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1", "-c:v", "mpeg2video")
    library.add(name, clip)
    (library.folder / "films" / f"{name}.nfo").write_text("note")
    assert library.run().done == 1
    assert len(library.kept()) == 1
    assert library.run().done == 0


def test_each_original_of_one_place_stays_what_it_is(
    replaced: SampleLibrary, other_clip: Path
) -> None:
    shutil.copy(other_clip, replaced.folder / "films" / "a.mkv")
    replaced.run()
    rules(replaced, settings=FAST.replace("crf: 50", "crf: 40"))
    assert replaced.run().done == 1
    for kept in replaced.kept():
        assert file_digest(kept.path) == kept.digest


def test_copies_made_anew_keep_the_names_of_their_sources(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(library)
    clip = make_clip("c.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1")
    library.add("a.mp4", clip)
    library.add("b.mp4", clip)
    library.run()
    rules(library, settings=FAST.replace("crf: 50", "crf: 40"))
    library.run()
    undo_all(library, str(library.folder / "films"))
    assert films(library) == ["a.mp4", "b.mp4"]


def test_undo_is_no_loss_to_the_brake(library: SampleLibrary, make_clip: MakeClip) -> None:
    rules(library)
    for number in range(6):
        source = ("-f", "lavfi", "-i", f"testsrc2=s=64x64:r=10:d=1,hue=h={number * 30}")
        library.add(f"{number}.mp4", make_clip(f"brake{number}.mp4", *source))
    library.run(jobs=2)
    library.run()
    undo_all(library, "last")
    assert library.plan().safety_stops == ()


def test_original_that_nobody_may_write_to_goes_and_comes_back(
    library: SampleLibrary, clip: Path
) -> None:
    rules(library)
    library.add("a.mkv").chmod(0o444)
    assert library.run().done == 1
    (result,) = undo_all(library, "last")
    assert result.refusal is None
    assert file_digest(library.folder / "films" / "a.mkv") == file_digest(clip)


def test_touched_damaged_and_forgotten_results_stay_in_the_graph(replaced: SampleLibrary) -> None:
    film = replaced.folder / "films" / "a.mkv"
    whole = film.read_bytes()
    os.utime(film, ns=(7, 7))
    assert replaced.row("a.mkv").action is PlanAction.FRESH
    film.write_bytes(whole[: len(whole) // 2])
    row = replaced.row("a.mkv")
    assert row.action is PlanAction.ENCODE
    assert row.causes[0].startswith("target damaged: ")
    assert replaced.run().done == 1
    assert film.read_bytes() == whole
    ledger = Ledger.open(replaced.state_dir)
    ledger.forget("films/a.mkv")
    ledger.close()
    assert replaced.causes("a.mkv") == ("forgotten",)
    assert replaced.run().done == 1
    assert replaced.row("a.mkv").action is PlanAction.FRESH


def test_interrupt_while_the_original_is_deleted_leaves_a_whole_replacement(
    library: SampleLibrary, clip: Path
) -> None:
    rules(library, output="originals: delete after verify")
    library.add("a.mkv")
    with open_workspace(library.rules_file, write=False) as workspace:

        def stop(step: str) -> None:
            if step == "exchange settled":
                workspace.children.stop()

        with start_session(workspace, library.events.append, failpoint=stop) as session:
            finished = run_plan(build_plan(session.workspace), session, jobs=1)
    assert finished.done == 1
    assert "its original is in the trash" in library.output()
    (kept,) = library.kept()
    assert file_digest(kept.path) == file_digest(clip)

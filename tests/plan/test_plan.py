"""The plan over a real library: every action with its cause, and not a byte changed on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.encode import trial
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import PlanAction
from av1rules.plan.packed.cache import CACHE_NAME
from av1rules.plan.source_item import OURS_UNKNOWN
from av1rules.policy.match import PassedOver
from av1rules.report.plan_text import plan_text
from tests.conftest import MakeClip
from tests.sample_library import FAST, RULES, Disk, SampleLibrary

pytestmark = pytest.mark.real

CACHES = (".av1rules/cache", f".av1rules/{CACHE_NAME}", ".av1rules/rules.checked")

SPEC = """\
version: 1
library: {{roots: [films], settle: 0, exclude: ["extras/**"]}}
output: {{mode: {mode}}}
run: {{reserve: 0}}
rules:
  - {{name: hold these, when: {{path: "hold/**"}}, hold: look at them first}}
  - {{name: skip these, when: {{path: "skip/**"}}, skip: fine as they are}}
  - name: only mpeg
    when: {{video_codec: mpeg2video}}
    encode: {{crf: 50, preset: 12}}
    review: never
"""


def test_every_file_has_an_action_and_a_cause(library: SampleLibrary, make_clip: MakeClip) -> None:
    library.rules(SPEC.format(mode="beside"))
    mjpeg = make_clip("m.avi", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-c:v", "mjpeg")
    for name in ("a.mkv", "hold/b.mkv", "skip/c.mkv", "extras/d.mkv", "marked.mkv", "film.AVI"):
        library.add(name)
    (library.folder / "films" / "marked.mkv.av1skip").touch()
    library.add("m.avi", mjpeg)
    (library.folder / "films" / "broken.mkv").write_bytes(b"this is no film")
    (library.folder / "films" / "notes.txt").write_text("not a film by its name")
    rows = {row.file.relative_path: (row.action, row.causes) for row in library.plan().rows}
    broken = rows.pop("broken.mkv")
    assert rows == {
        "a.mkv": (PlanAction.ENCODE, ("new",)),
        "extras/d.mkv": (
            PlanAction.LEFT_ALONE, ("excluded by library.include or library.exclude",)),
        "film.AVI": (PlanAction.COPY, ("new", "same content as films/a.mkv: made once")),
        "hold/b.mkv": (PlanAction.HELD, ("look at them first",)),
        "m.avi": (PlanAction.LEFT_ALONE, ("no rule matches: left alone",)),
        "marked.mkv": (PlanAction.LEFT_ALONE, ("marked with .av1skip",)),
        "skip/c.mkv": (PlanAction.LEFT_ALONE, ("fine as they are",)),
    }  # fmt: skip
    assert broken[0] is PlanAction.BLOCKED
    assert "can't be read as video" in broken[1][0]


def test_sources_of_one_target_block_each_other(library: SampleLibrary) -> None:
    for name in ("film.mkv", "film.mp4.mkv", "film.avi", "other.mkv"):
        library.add(name)
    rows = {row.file.relative_path: row for row in library.plan().rows}
    assert rows["other.mkv"].action is PlanAction.ENCODE
    assert rows["film.mp4.mkv"].action is PlanAction.ENCODE
    assert rows["film.mkv"].action is PlanAction.BLOCKED
    assert rows["film.mkv"].causes == (
        "would write the same target as film.avi (film.mkv): rename one, or skip one by a rule",
    )
    assert rows["film.avi"].action is PlanAction.BLOCKED
    (alone,) = library.plan(library.folder / "films" / "film.mkv").rows
    assert alone.action is PlanAction.BLOCKED, "a rival outside of PATHS must be seen too"


def test_changes_no_byte_but_its_cache(
    library: SampleLibrary, snapshot: Callable[[Path], Disk]
) -> None:
    library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    library.rules(settings="crf: 40, preset: 12, max_size_ratio: 9")
    before = snapshot(library.folder)
    assert len(library.plan().of(PlanAction.ENCODE)) == 2
    after = snapshot(library.folder)
    caches = {name for name in after if name.startswith(CACHES)}
    assert {n: v for n, v in after.items() if n not in caches} == {
        n: v for n, v in before.items() if n not in caches
    }


def test_remembered_plan_equals_a_fresh_one(library: SampleLibrary) -> None:
    library.rules(SPEC.format(mode="mirror, root: out"))
    for name in ("a.mkv", "hold/b.mkv", "skip/c.mkv", "d.mkv", "d.avi"):
        library.add(name)
    library.run()
    library.plan()
    remembered = library.plan()
    (library.state_dir / CACHE_NAME).unlink()
    fresh = library.plan()
    assert remembered.rows == fresh.rows
    assert {row.action for row in fresh.rows} == {
        PlanAction.FRESH, PlanAction.HELD, PlanAction.LEFT_ALONE, PlanAction.BLOCKED,
    }  # fmt: skip


def test_rules_that_unknown_facts_pass_over_are_named_from_the_cache_too(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    library.rules(
        """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out}
rules:
  - {name: japanese, when: {audio_language: ja}, skip: in Japanese}
  - {name: all, skip: fine}
"""
    )
    sound = ("-f", "lavfi", "-i", "sine=d=0.2", "-c:v", "mjpeg", "-c:a", "aac")
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2")
    library.add("a.mkv", make_clip("a.mkv", *picture, *sound))
    library.add("b.mkv", make_clip("b.mkv", *picture, *sound, "-metadata:s:a", "language=jpn"))
    first, remembered = library.plan(), library.plan()
    assert {row.file.relative_path: row.passed_over for row in first.rows} == {
        "a.mkv": (PassedOver("japanese", ("audio_language",)),),
        "b.mkv": (),
    }
    assert remembered.rows == first.rows
    assert (
        "rule japanese was passed over for 1 file, where audio_language is unknown "
        "(`av1rules explain FILE`)"
    ) in plan_text(remembered)


def test_works_without_a_cache_that_can_be_written(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.plan()
    for path in library.state_dir.iterdir():
        path.write_bytes(b"nonsense")
    assert library.work() == ["a.mkv"]


def test_names_of_every_kind(library: SampleLibrary) -> None:
    names = [
        b"-dash.mkv", b"two  spaces.mkv", b"it's \"quoted\".mkv", b"line\nbreak.mkv",
        b"100% %d.mkv", b"a:b.mkv", b"\xff\xfe.mkv", "emoji \U0001f3ac.mkv".encode(),
        b"$HOME `id` ; rm.mkv", b"[x].mkv", b"\x1b[31mred.mkv", b"a=b.mkv",
    ]  # fmt: skip
    for name in names:
        library.add(b"odd folder \xfe/" + name)
    finished = library.run(jobs=2)
    assert finished.done == len(names), library.events
    folder = os.fsencode(library.folder / "out" / "films") + b"/odd folder \xfe"
    assert sorted(os.listdir(folder)) == sorted(names)
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH] * len(names)
    assert library.leftovers() == []


def test_outputs_are_never_sources(library: SampleLibrary) -> None:
    """Not in `beside` mode, not with the ledger gone, not when copied into the library."""
    library.rules(SPEC.format(mode="beside"))
    source = library.add("a.mkv")
    library.run()
    target = source.with_name("a.av1.mkv")
    assert target.is_file()
    assert [row.file.relative_path for row in library.plan().rows] == ["a.mkv"]
    library.add("copied.mkv", target)
    rows = {row.file.relative_path: row for row in library.plan().rows}
    cause = f"has the content of {target}, made by av1rules: no source"
    assert rows["copied.mkv"].causes == (cause,)
    for path in library.state_dir.iterdir():
        path.unlink()
    rows = {row.file.relative_path: row for row in library.plan().rows}
    assert rows["a.av1.mkv"].causes == (OURS_UNKNOWN,)


def test_foreign_file_in_the_targets_place_is_not_overwritten(library: SampleLibrary) -> None:
    library.add("a.mkv")
    target = library.target("a.mkv")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"somebody's file")
    row = library.row("a.mkv")
    assert row.action is PlanAction.BLOCKED
    assert "not in the ledger" in row.causes[0]
    assert library.run().done == 0
    assert target.read_bytes() == b"somebody's file"


def test_file_still_being_written_is_left_for_next_time(library: SampleLibrary) -> None:
    library.rules(RULES.format(settings="preset: 12").replace("settle: 0", "settle: 1h"))
    path = library.add("a.mkv")
    assert library.row("a.mkv").causes == ("written to within library.settle: left for next time",)
    old = time.time() - 7200
    os.utime(path, (old, old))
    # The change time can't be set back: it says that the file was dealt with just now.
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE


def test_paths_restrict_the_plan(library: SampleLibrary) -> None:
    for name in ("a.mkv", "b/c.mkv", "b/d.mkv", "bb/e.mkv"):
        library.add(name)
    films = library.folder / "films"
    chosen = [row.file.relative_path for row in library.plan(films / "b").rows]
    assert chosen == ["b/c.mkv", "b/d.mkv"]
    assert len(library.plan().rows) == 4


def test_missing_root_is_a_problem_not_an_empty_library(library: SampleLibrary) -> None:
    library.add("a.mkv")
    os.rename(library.folder / "films", library.folder / "elsewhere")
    plan = library.plan()
    assert tuple(plan.rows) == ()
    (stop,) = plan.safety_stops
    assert "films" in stop.where
    assert plan.problems == (), "the stop tells it, once"
    (problem,) = library.plan(accept_missing=True).problems
    assert "films" in problem


def test_rules_with_faults_are_refused(library: SampleLibrary) -> None:
    library.rules_file.write_text("version: 1\nlibrary: {roots: [films]}\nrulez: []\n")
    with pytest.raises(Av1rulesError, match="rulez"):
        library.plan()


def test_what_was_set_aside_is_looked_at_once_it_no_longer_is(library: SampleLibrary) -> None:
    """The file's own stat is the same before and after: nothing may be remembered of it."""
    library.add("marked.mkv")
    marker = library.folder / "films" / "marked.mkv.av1skip"
    marker.touch()
    assert library.causes("marked.mkv") == ("marked with .av1skip",)
    marker.unlink()
    assert library.causes("marked.mkv") == ("new",)
    library.rules(RULES.format(settings=FAST).replace("settle: 0", "settle: 2s"))
    library.add("young.mkv")
    assert library.causes("young.mkv") == ("written to within library.settle: left for next time",)
    time.sleep(2.1)
    assert library.causes("young.mkv") == ("new",)


def test_forgotten_verdict_is_not_remembered_elsewhere(library: SampleLibrary) -> None:
    library.rules(settings="crf: 1, preset: 12, max_size_ratio: 0.01")
    library.add("film.mkv")
    library.run()
    library.plan()
    assert library.row("film.mkv").action is PlanAction.LEFT_ALONE
    ledger = Ledger.open(library.state_dir)
    ledger.forget("films/film.mkv")
    ledger.close()
    assert library.causes("film.mkv") == ("new",)


def test_settings_that_the_encoder_refuses_block_before_any_encode(
    library: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which settings a build refuses is its own affair: here every trial ends as if it had."""
    library.add("film.mkv")
    library.rules(settings="crf: 50, preset: 12, keyint: 48")
    assert library.row("film.mkv").action is PlanAction.ENCODE
    monkeypatch.setattr(trial, "trial_problem", lambda *_, **__: "no such tune")
    row = library.row("film.mkv")
    assert row.action is PlanAction.BLOCKED
    assert row.causes == ("the encoder refuses these settings: no such tune",)
    assert library.run().done == 0

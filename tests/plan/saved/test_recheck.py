"""A saved plan against a world that went on: what of it still holds, and why the rest does not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from av1rules.plan.items import PlanAction
from av1rules.plan.saved.rows import OutdatedCause
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary
from tests.saved_plans import check, holding, outdated, run_saved, save

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: {mode}, copies: {copies}}}
run: {{reserve: 0}}
rules:
  - name: first
    when: {{path: "**/a*"}}
    encode: {{crf: {crf}, preset: 12, film_grain: 0, max_size_ratio: 9}}
    review: never
  - name: others
    encode: {{{fast}}}
    review: never
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """Three films of different content, none encoded."""
    rules(library)
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        library.add(name, make_clip(name))
    return library


def rules(
    library: SampleLibrary,
    *,
    crf: int = 40,
    mode: str = "mirror, root: out",
    copies: str = "encode",
) -> None:
    library.rules(RULES.format(crf=crf, mode=mode, copies=copies, fast=FAST))


def film(shelf: SampleLibrary, name: str) -> Path:
    return shelf.folder / "films" / name


def test_rows_hold_as_long_as_nothing_changes(shelf: SampleLibrary) -> None:
    save(shelf)
    checked = check(shelf)
    assert holding(checked) == ["films/a.mkv", "films/b.mkv", "films/c.mkv"]
    assert (checked.outdated, checked.done, checked.count) == ((), (), 3)
    assert run_saved(shelf).done == 3


def test_what_is_done_since_is_done_already(shelf: SampleLibrary) -> None:
    save(shelf)
    shelf.run(film(shelf, "b.mkv"))
    checked = check(shelf)
    assert holding(checked) == ["films/a.mkv", "films/c.mkv"]
    assert [one.library_path for one in checked.done] == ["films/b.mkv"]
    run_saved(shelf)
    again = check(shelf)
    assert (holding(again), again.outdated, len(again.done)) == ([], (), 3)


def test_comments_names_of_rules_other_rows_and_the_ledger_change_nothing(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    save(shelf, film(shelf, "b.mkv"))
    text = shelf.rules_file.read_text().replace("others", "the rest").replace("crf: 40", "crf: 41")
    shelf.rules("# looked over\n" + text)
    shelf.add("d.mkv", make_clip("d.mkv"))
    shelf.run(film(shelf, "d.mkv"))
    os.utime(film(shelf, "b.mkv"), ns=(1, 1))
    checked = check(shelf)
    assert (holding(checked), checked.outdated) == (["films/b.mkv"], ())
    assert [row.rule for row in checked.plan.rows] == ["the rest"]


def test_what_changed_is_named_with_its_cause(shelf: SampleLibrary, make_clip: MakeClip) -> None:
    shelf.add("d.mkv", make_clip("d.mkv"))
    save(shelf)
    rules(shelf, crf=41)
    shelf.add("b.mkv", make_clip("other.mkv"))
    film(shelf, "c.mkv").unlink()
    checked = check(shelf)
    assert holding(checked) == ["films/d.mkv"]
    assert outdated(checked) == {
        "films/a.mkv": "settings changed",
        "films/b.mkv": "source changed",
        "films/c.mkv": "source gone",
    }
    details = [row.detail for row in checked.outdated if row.detail]
    assert details == ["crf 40 -> 41 (rules.yaml:8)"]
    assert run_saved(shelf).done == 1


def test_settings_that_another_run_has_used_by_now_are_others_too(shelf: SampleLibrary) -> None:
    save(shelf)
    rules(shelf, crf=41)
    shelf.run(film(shelf, "a.mkv"))
    checked = check(shelf)
    assert outdated(checked) == {"films/a.mkv": "settings changed"}
    assert checked.outdated[0].detail == "its target was made with others since"


def test_a_changed_source_is_one_even_if_its_target_is_fresh(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    save(shelf)
    shelf.add("a.mkv", make_clip("other.mkv"))
    shelf.run()
    assert outdated(check(shelf)) == {"films/a.mkv": "source changed"}


def test_a_film_that_is_skipped_by_now_is_left_out(shelf: SampleLibrary) -> None:
    save(shelf)
    text = shelf.rules_file.read_text()
    shelf.rules(
        text.replace("rules:\n", 'rules:\n  - {name: no, when: {path: "**/a*"}, skip: not this}\n')
    )
    checked = check(shelf)
    assert outdated(checked) == {"films/a.mkv": "decided otherwise"}
    assert checked.outdated[0].detail == "left alone: not this"


def test_a_source_that_was_exchanged_and_is_skipped_has_changed(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    save(shelf)
    shelf.add("a.mkv", make_clip("other.mkv"))
    text = shelf.rules_file.read_text()
    shelf.rules(
        text.replace("rules:\n", 'rules:\n  - {name: no, when: {path: "**/a*"}, skip: not this}\n')
    )
    assert outdated(check(shelf)) == {"films/a.mkv": "source changed"}


def test_a_film_that_left_the_library_on_disk(shelf: SampleLibrary) -> None:
    save(shelf)
    shelf.rules(shelf.rules_file.read_text().replace("roots: [films]", "roots: [films/b]"))
    (shelf.folder / "films" / "b").mkdir()
    assert set(outdated(check(shelf)).values()) == {"decided otherwise"}


def test_a_target_that_would_stand_elsewhere(shelf: SampleLibrary) -> None:
    save(shelf)
    rules(shelf, mode="mirror, root: elsewhere")
    checked = check(shelf)
    assert set(outdated(checked).values()) == {"target elsewhere"}
    assert checked.outdated[0].detail == str(shelf.folder / "elsewhere/films/a.mkv")


def test_a_target_that_was_made_otherwise_since(shelf: SampleLibrary) -> None:
    shelf.run()
    rules(shelf, crf=41)
    save(shelf)
    rules(shelf, crf=42)
    shelf.run(film(shelf, "a.mkv"))
    rules(shelf, crf=41)
    assert outdated(check(shelf)) == {"films/a.mkv": "target changed"}


def test_a_target_that_was_only_touched_is_the_same(shelf: SampleLibrary) -> None:
    shelf.run()
    rules(shelf, crf=41)
    save(shelf)
    os.utime(shelf.target("a.mkv"), ns=(7, 7))
    assert holding(check(shelf)) == ["films/a.mkv"]


def test_a_file_of_others_at_the_path_of_a_target(shelf: SampleLibrary) -> None:
    save(shelf)
    shelf.target("a.mkv").parent.mkdir(parents=True)
    shelf.target("a.mkv").write_text("mine")
    checked = check(shelf)
    assert outdated(checked) == {"films/a.mkv": "decided otherwise"}
    assert (checked.outdated[0].detail or "").startswith("blocked: the target exists, but not in")


def test_forced_rows_are_redone_once(shelf: SampleLibrary) -> None:
    shelf.run()
    save(shelf, film(shelf, "a.mkv"), force=True)
    assert holding(check(shelf, force=True)) == ["films/a.mkv"]
    assert run_saved(shelf, force=True).done == 1
    again = check(shelf, force=True)
    assert (holding(again), len(again.done)) == ([], 1)


def test_a_copy_is_left_out_with_the_film_that_it_counts_on(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(shelf, copies="copy")
    shelf.add("b2.mkv", make_clip("b.mkv"))
    save(shelf)
    assert [row.action for row in shelf.plan().rows] == [
        PlanAction.ENCODE, PlanAction.ENCODE, PlanAction.COPY, PlanAction.ENCODE,
    ]  # fmt: skip
    shelf.add("b.mkv", make_clip("other.mkv"))
    checked = check(shelf)
    assert outdated(checked) == {
        "films/b.mkv": "source changed", "films/b2.mkv": "decided otherwise",
    }  # fmt: skip
    assert holding(checked) == ["films/a.mkv", "films/c.mkv"]


def test_a_copy_of_a_target_that_is_made_by_now_still_holds(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(shelf, copies="copy")
    shelf.add("b2.mkv", make_clip("b.mkv"))
    save(shelf)
    shelf.run(film(shelf, "b.mkv"))
    checked = check(shelf)
    assert (holding(checked)[1], checked.outdated) == ("films/b2.mkv", ())
    assert run_saved(shelf).finished.findings == ()
    assert len(check(shelf).done) == 4


def test_nothing_but_its_rows_is_done(shelf: SampleLibrary, make_clip: MakeClip) -> None:
    rules(shelf, mode="mirror, root: out, orphans: trash")
    shelf.run()
    film(shelf, "c.mkv").unlink()
    rules(shelf, mode="mirror, root: out, orphans: trash", crf=41)
    save(shelf)
    shelf.add("d.mkv", make_clip("d.mkv"))
    assert run_saved(shelf).done == 1
    assert shelf.target("c.mkv").exists(), "an orphan is no row"
    assert not shelf.target("d.mkv").exists()
    shelf.run()
    assert not shelf.target("c.mkv").exists(), "an ordinary run takes it"


def test_no_expired_original_is_purged(shelf: SampleLibrary) -> None:
    rules(shelf, mode="replace, originals: keep for 1s")
    shelf.run(film(shelf, "a.mkv"))
    (kept,) = shelf.kept()
    save(shelf)
    time.sleep(1.1)
    assert run_saved(shelf).done == 2
    assert os.path.exists(kept.path)
    shelf.run()
    assert not os.path.exists(kept.path), "an ordinary run does"


def test_a_target_in_place_of_its_source_is_found_under_its_new_name(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(shelf, mode="replace")
    shelf.add("d.mp4", make_clip("d.mp4"))
    save(shelf, film(shelf, "a.mkv"), film(shelf, "d.mp4"))
    assert len(holding(check(shelf))) == 2
    assert run_saved(shelf).done == 2
    assert not film(shelf, "d.mp4").exists()
    checked = check(shelf)
    assert (holding(checked), checked.outdated, len(checked.done)) == ([], (), 2)


def test_targets_beside_their_sources(shelf: SampleLibrary) -> None:
    rules(shelf, mode="beside")
    save(shelf)
    assert run_saved(shelf).done == 3
    checked = check(shelf)
    assert (holding(checked), checked.outdated, len(checked.done)) == ([], (), 3)


def test_a_target_takes_the_place_of_a_link_in_a_complete_mirror(shelf: SampleLibrary) -> None:
    mirror = "mirror, root: out, rest: hardlink"
    text = RULES.format(crf=40, mode=mirror, copies="encode", fast=FAST)
    encoded = f"encode: {{{FAST}}}"
    shelf.rules(text.replace(encoded, "skip: not yet"))
    shelf.run()
    assert shelf.target("b.mkv").samefile(film(shelf, "b.mkv"))
    shelf.rules(text)
    save(shelf, film(shelf, "b.mkv"))
    assert run_saved(shelf).done == 1
    assert not shelf.target("b.mkv").samefile(film(shelf, "b.mkv"))
    assert shelf.target("c.mkv").samefile(film(shelf, "c.mkv")), "what is no row stays"
    assert len(check(shelf).done) == 1


def test_a_source_that_went_after_its_target_was_made(shelf: SampleLibrary) -> None:
    save(shelf)
    shelf.run()
    film(shelf, "a.mkv").unlink()
    assert len(check(shelf).done) == 3


def test_a_missing_disk_is_no_reason_to_call_films_gone(shelf: SampleLibrary) -> None:
    shelf.run()
    rules(shelf, crf=41)
    save(shelf)
    (shelf.folder / "films").rename(shelf.folder / "away")
    (shelf.folder / "films").mkdir()
    checked = check(shelf)
    assert checked.plan.safety_stops
    assert checked.outdated == ()


def test_names_that_are_not_utf_8_survive(shelf: SampleLibrary, make_clip: MakeClip) -> None:
    shelf.add(b"w\xff.mkv", make_clip("w.mkv"))
    save(shelf)
    assert os.fsdecode(b"films/w\xff.mkv") in holding(check(shelf))
    assert run_saved(shelf).done == 4
    assert len(check(shelf).done) == 4


def test_the_order_of_the_file_is_kept(shelf: SampleLibrary) -> None:
    path = save(shelf)
    document = json.loads(path.read_text())
    document["rows"].reverse()
    path.write_text(json.dumps(document))
    assert holding(check(shelf)) == ["films/c.mkv", "films/b.mkv", "films/a.mkv"]


def test_causes_are_told_in_their_order() -> None:
    assert next(iter(OutdatedCause)) is OutdatedCause.SOURCE_GONE

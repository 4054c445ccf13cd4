"""A plan is saved, the world changes under it, and `run plan.json` does what still holds of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.cli.conventions.options import Conventions
from av1rules.cli.main import cli
from tests.cli.saved.test_write import said, typed
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
rules:
  - name: {name}
    when: {{path: "**/one*"}}
    encode: {{crf: {crf}, preset: 12, film_grain: 0, max_size_ratio: 9}}
    review: never
  - name: {others}
    encode: {{{fast}}}
    review: never
"""


def rules(crf: int = 50, name: str = "one rule", others: str = "all others") -> str:
    return RULES.format(name=name, crf=crf, others=others, fast=FAST)


def films(make_clip: MakeClip, *names: str) -> dict[str, Path]:
    """Clips of different content."""
    return {
        name: make_clip(
            f"{name}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=128x72:r=24:d=1,hue=h={at * 20}",
            "-c:v", "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p",
        )
        for at, name in enumerate(names)
    }  # fmt: skip


def events(text: str, kind: str) -> list[str]:
    """The films that events of a kind are about."""
    lines = map(json.loads, text.splitlines())
    return [line["source"] for line in lines if line["type"] == kind]


@pytest.mark.real
def test_the_world_changes_under_a_plan(library: SampleLibrary, make_clip: MakeClip) -> None:
    folder = library.folder
    library.rules(rules())
    made = films(make_clip, "as it was", "one", "replaced", "deleted", "made", "renamed rule")
    for name, clip in made.items():
        library.add(f"{name}.mkv", clip)
    av1rules("plan", "-o", "plan.json", cwd=folder)

    library.add("replaced.mkv", made["one"])
    (folder / "films" / "deleted.mkv").unlink()
    library.rules("# looked over\n" + rules(crf=49, name="one film", others="the rest"))
    av1rules("run", "made.mkv", cwd=folder)
    library.add("new.mkv", made["as it was"])

    refused = av1rules("run", "plan.json", "--strict", cwd=folder, code=2).stderr
    assert "3 of 6 rows are outdated since 20" in refused
    assert ": source gone 1, source changed 1, settings changed 1" in refused
    assert "films/one.mkv: settings changed: crf 50 -> 49 (rules.yaml:9)" in refused
    assert sorted(os.listdir(folder / "out" / "films")) == ["made.mkv"]

    ahead = json.loads(av1rules("run", "plan.json", "-n", "--json", cwd=folder, code=1).stdout)
    assert [row["library_path"] for row in ahead["rows"]] == [
        "films/as it was.mkv", "films/renamed rule.mkv",
    ]  # fmt: skip
    assert {row["cause"] for row in ahead["outdated"]} == {
        "source gone", "source changed", "settings changed",
    }  # fmt: skip

    done = av1rules("run", "plan.json", cwd=folder, code=1).stderr
    assert "films/deleted.mkv: outdated: source gone" in done
    assert "films/replaced.mkv: outdated: source changed" in done
    assert "1 row was done already" in done
    assert "outdated (3)" in done
    assert "next: av1rules explain films/replaced.mkv" in done
    targets = ["as it was.mkv", "made.mkv", "renamed rule.mkv"]
    assert sorted(os.listdir(folder / "out" / "films")) == targets

    again = av1rules("run", "plan.json", cwd=folder, code=4).stderr
    assert "3 rows were done already" in again, "and the others were told before"
    av1rules("run", "plan.json", "--fail-on", "none", cwd=folder)
    runs = json.loads(av1rules("runs", "--json", cwd=folder).stdout)["runs"]
    assert [run["counts"].get("done", 0) for run in runs] == [0, 0, 2, 1]
    shown = av1rules("runs", "show", "3", cwd=folder).stdout
    assert "films/replaced.mkv" in shown

    rest = av1rules("run", "--json", cwd=folder).stdout
    assert events(rest, "job_done") == ["films/new.mkv", "films/one.mkv", "films/replaced.mkv"]


@pytest.mark.real
def test_a_killed_run_continues_by_the_same_command(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    made = films(make_clip, *"abcde")
    for name, clip in made.items():
        library.add(f"{name}.mkv", clip)
    av1rules("plan", "-o", "plan.json", cwd=library.folder)
    library.add("f.mkv", made["a"])
    killed = subprocess.Popen(
        [sys.executable, "-m", "av1rules", "run", "plan.json"],
        cwd=library.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    targets = library.folder / "out" / "films"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(targets.glob("*.mkv"))) < 2:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    before = {path.name: path.stat().st_ino for path in targets.glob("*.mkv")}
    assert 2 <= len(before) < 5
    text = av1rules("run", "plan.json", "--json", "--strict", cwd=library.folder).stdout
    assert len(events(text, "job_done")) == 5 - len(before)
    after = {path.name: path.stat().st_ino for path in targets.glob("*.mkv")}
    assert sorted(after) == ["a.mkv", "b.mkv", "c.mkv", "d.mkv", "e.mkv"]
    assert before.items() <= after.items(), "what was done is not done again"


@pytest.mark.real
def test_forced_rows_are_done_once(library: SampleLibrary) -> None:
    library.add("a.mkv")
    av1rules("run", cwd=library.folder)
    av1rules("plan", "--force", "-o", "plan.json", cwd=library.folder)
    for expected in (["films/a.mkv"], []):
        text = av1rules("run", "plan.json", "--json", cwd=library.folder).stdout
        assert events(text, "job_done") == expected


@pytest.mark.real
def test_what_is_beyond_the_budget_is_no_part_of_it(library: SampleLibrary) -> None:
    library.add("a.mkv")
    av1rules("plan", "--budget", "1ms", "-o", "plan.json", cwd=library.folder)
    assert av1rules("run", "plan.json", "--json", cwd=library.folder).stdout.count("job_") == 0


@pytest.mark.real
def test_a_plan_from_facts_runs_on_the_library(library: SampleLibrary, tmp_path: Path) -> None:
    library.rules(rules())
    library.add("one.mkv")
    av1rules("run", cwd=library.folder)
    library.rules(rules(crf=49))
    facts = str(tmp_path / "facts.jsonl.gz")
    av1rules("facts", "export", "-o", facts, cwd=library.folder)
    av1rules("plan", "--facts", facts, "-o", "plan.json", cwd=library.folder)
    text = av1rules("run", "plan.json", "--strict", "--json", cwd=library.folder).stdout
    assert events(text, "job_done") == ["films/one.mkv"]


@pytest.mark.real
def test_a_row_to_measure_is_measured_and_no_more(library: SampleLibrary) -> None:
    library.rules(rules().replace('when: {path: "**/one*"}', "when: {grain: {min: 0.1}}"))
    library.add("a.mkv")
    av1rules("plan", "-o", "plan.json", cwd=library.folder)
    done = av1rules("run", "plan.json", cwd=library.folder).stderr
    assert "1 film was measured: `av1rules plan` says what becomes of it" in done
    assert not library.target("a.mkv").exists()
    assert "1 row was done already" in av1rules("run", "plan.json", cwd=library.folder).stderr
    av1rules("run", cwd=library.folder)
    assert library.target("a.mkv").exists()


# --- without FFmpeg


@pytest.fixture
def make_fake(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(tmp_path: Path, make_fake: MakeClip, monkeypatch: pytest.MonkeyPatch) -> SampleLibrary:
    """Two films and their plan."""
    made = SampleLibrary(folder=tmp_path / "shelf", clip=make_fake("clip.mkv"))
    (made.folder / "films").mkdir(parents=True)
    made.rules(rules())
    made.add("one.mkv", make_fake("one.mkv"))
    made.add("two.mkv", make_fake("two.mkv"))
    monkeypatch.chdir(made.folder)
    assert typed("plan", "-o", "plan.json").return_value == 0
    return made


def test_a_dry_run_shows_what_holds_and_what_does_not(shelf: SampleLibrary) -> None:
    whole = typed("run", "plan.json", "-n")
    assert whole.return_value == 0
    assert whole.stdout.startswith("Saved ")
    shelf.rules(rules(crf=49))
    part = typed("run", "plan.json", "-n")
    assert part.return_value == 1
    assert "1 of 2 rows is outdated since" in part.stdout
    assert "\n  films/one.mkv: settings changed: crf 50 -> 49 (rules.yaml:8)\n" in part.stdout
    assert "\nPlan: 1 file, " in part.stdout
    assert part.stdout.endswith("next: av1rules run plan.json\n")
    assert "--strict" in said("run", "plan.json", "-n", "--strict")


def test_a_dry_run_as_json_is_a_plan_of_what_holds(shelf: SampleLibrary) -> None:
    shelf.rules(rules(crf=49))
    text = typed("run", "plan.json", "-n", "--json").stdout
    (shelf.folder / "less.json").write_text(text)
    assert typed("run", "less.json", "-n").return_value == 0
    (outdated,) = json.loads(text)["outdated"]
    assert outdated == {
        "library_path": "films/one.mkv",
        "path": str(shelf.folder / "films" / "one.mkv"),
        "cause": "settings changed",
        "detail": "crf 50 -> 49 (rules.yaml:8)",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("plan.json", "--force"), "--force is for a plan that is made now"),
        (("plan.json", "--only", "one rule"), "--only is for a plan that is made now"),
        (("plan.json", "films/one.mkv"), "a saved plan stands alone"),
        (("--strict",), "--strict is for a saved plan"),
        (("films/one.mkv", "--strict"), "--strict is for a saved plan"),
        (("missing.json",), "the plan can't be read: No such file or directory"),
        (("-n", "missing.json"), "the plan can't be read: No such file or directory"),
    ],
)
def test_what_does_not_go_together(
    words: tuple[str, ...], message: str, shelf: SampleLibrary
) -> None:
    assert message in said("run", *words)


def test_other_rules_are_refused_unless_they_are_named(shelf: SampleLibrary) -> None:
    other = shelf.folder / "other.yaml"
    shutil.move(shelf.rules_file, other)
    shelf.rules(rules())
    typed("plan", "-f", "other.yaml", "-o", "other.json")
    message = said("run", "other.json", "-n")
    assert "this plan is not of these rules: it was made by " in message
    assert f"such as -f {other}" in message
    assert typed("run", "other.json", "-n", "-f", "rules.yaml").return_value == 0
    assert typed("run", "other.json", "-n", "-f", "other.yaml").return_value == 0


def test_a_plan_of_another_library_is_refused(
    shelf: SampleLibrary, make_fake: MakeClip, tmp_path: Path
) -> None:
    (shelf.folder / "else").mkdir()
    shelf.rules(rules().replace("roots: [films]", "roots: [else]"))
    assert "this is the plan of another library: none of its 2 films" in said("run", "plan.json")


def test_a_row_that_needs_no_work_is_nothing_to_run(shelf: SampleLibrary) -> None:
    shelf.run()
    assert typed("plan", "-o", "plan.json").return_value == 0
    done = typed("run", "plan.json", "-n")
    assert done.return_value == 0
    assert "Plan: 0 files" in done.stdout


def test_nothing_runs_while_a_disk_is_missing(shelf: SampleLibrary) -> None:
    shelf.run()
    shelf.rules(rules(crf=49))
    typed("plan", "-o", "plan.json")
    shutil.move(shelf.folder / "films", shelf.folder / "away")
    (shelf.folder / "films").mkdir()
    assert "the root is empty, but held 2 files" in said("run", "plan.json", "-n")


def test_the_options_of_the_program_name_rules_too(shelf: SampleLibrary) -> None:
    shutil.copy(shelf.rules_file, shelf.folder / "copy.yaml")
    kept = Conventions(rules_file=shelf.folder / "copy.yaml")
    code = cli.main(["run", "plan.json", "-n"], standalone_mode=False, obj=kept)
    assert code == 0
    shutil.move(shelf.rules_file, shelf.folder / "rules.yml")
    with pytest.raises(UsageError, match="not of these rules"):
        cli.main(["run", "plan.json", "-n"], standalone_mode=False, obj=Conventions())

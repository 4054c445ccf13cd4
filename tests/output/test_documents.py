"""What every command really prints with `--json`, in every state of a library, is what its schema
says: no key that it does not name, none missing."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from av1rules.cli.clips import PLAYER_VARIABLE
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.output.check import check_output
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

QUICK = "crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9"

RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: link, orphans: trash}}
run: {{reserve: 0}}
rules:
  - {{name: held, when: {{path: "hold/**"}}, hold: look at them first}}
  - {{name: skipped, when: {{path: "skip/**"}}, skip: never}}
  - name: reviewed
    when: {{path: "review/**"}}
    encode:
      crf: 50
      preset: 12
      max_size_ratio: 9
      accept: [damage, captions, alpha, streams, chroma]
      params: {{enable-qm: 1}}
    review: each
  - name: grainy
    when: {{all: [{{path: "grain/**"}}, {{grain: {{min: 1}}}}]}}
    encode: {{{QUICK}}}
  - name: by target
    when: {{path: "target/**"}}
    encode:
      preset: 12
      film_grain: auto
      max_size_ratio: 9
      quality_target: {{metric: vmaf, mean: 60, crf: {{min: 40, max: 60}}}}
      quality_gate: {{vmaf_mean: 10}}
    review: never
  - name: too good
    when: {{path: "poor/**"}}
    encode: {{{QUICK}, quality_gate: {{vmaf_mean: 99.9}}}}
    review: never
  - name: too large
    when: {{path: "large/**"}}
    encode: {{crf: 1, preset: 12, film_grain: 0, max_size_ratio: 0.01}}
    review: never
  - {{name: all, encode: {{{QUICK}}}, review: never}}
"""


def document(folder: Path, *arguments: str, code: int = 0) -> Any:
    """What a command prints, checked."""
    done = av1rules(*arguments, "--json", cwd=folder, code=code, **{PLAYER_VARIABLE: "true"})
    return check_output(arguments, done.stdout)


READERS = (
    ("adopt", "--dry-run"), ("clips", "list"), ("forecast", "--check"), ("health",),
    ("originals", "list"), ("originals", "purge", "--all", "--yes"), ("plan",), ("report",),
    ("report", "--plan"), ("retry",), ("run",),
    ("run", "-n"), ("runs",), ("status",), ("validate",), ("verify",),
)  # fmt: skip


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_of_nothing(library: SampleLibrary, arguments: tuple[str, ...]) -> None:
    (library.folder / "out").mkdir()
    document(library.folder, *arguments)


def test_init_and_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "My 'films").mkdir()
    wrote = document(tmp_path, "init", "My 'films")
    assert wrote["written"] == ["rules.yaml", "rules.tests.yaml", "dodo.py"]
    assert document(tmp_path, "test", "--coverage")["ok"]
    assert document(tmp_path, "validate")["valid"]


def test_rules_with_problems(library: SampleLibrary) -> None:
    library.rules("version: 1\nlibrary: {roots: [films]}\nrules: [{name: a, encode: {crf: x}}]\n")
    found = document(library.folder, "validate", code=2)
    assert not found["valid"]
    assert (found["errors"], found["rules"]) == (len(found["problems"]), None)
    assert {problem["severity"] for problem in found["problems"]} == {"error"}


def test_fmt(library: SampleLibrary) -> None:
    library.rules("version:   1\nrules: []\n")
    (found,) = document(library.folder, "fmt", "--diff")["files"]
    assert (found["differs"], found["written"], len(found["diff"])) == (True, False, 6)
    (found,) = document(library.folder, "fmt")["files"]
    assert found["written"]
    library.rules("rules: [")
    (found,) = document(library.folder, "fmt", code=2)["files"]
    assert found["problems"] == 1


def test_rules_tests(library: SampleLibrary) -> None:
    library.rules(RULES)
    tests = library.folder / "rules.tests.yaml"
    tests.write_text(
        "version: 1\ncases:\n"
        "  - {name: a, given: {path: films/hold/a.mkv}, expect: {action: skip, rule: held}}\n"
        "  - {name: b, given: {path: elsewhere/a.mkv}, expect: {action: skip}}\n"
    )
    found = document(library.folder, "test", "--coverage", code=2)
    assert not found["ok"]
    assert [(one["name"], one["passed"], one["rule"]) for one in found["cases"]] == [
        ("a", False, "held")
    ]
    assert [one["path"] for one in found["problems"]] == ["cases[1].given.path"]
    assert {one["outcome"] for one in found["unreached"]} == {True, False, None}


def test_doctor_says_what_is_wrong(library: SampleLibrary) -> None:
    (library.folder / "films").rmdir()
    found = document(library.folder, "doctor", code=1)
    assert not found["ok"]
    assert {"ok", "wrong"} <= {one["grade"] for one in found["findings"]}


@pytest.fixture
def filled(library: SampleLibrary, other_clip: Path, make_clip: MakeClip) -> SampleLibrary:
    """A film of every action."""
    library.rules(RULES)
    library.add("a.mkv")
    library.add("copy of a.mkv")
    for number, folder in enumerate(("hold", "skip", "review", "grain", "target", "poor", "large")):
        film = make_clip(
            f"{folder}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=128x{72 + 2 * number}:r=24:d=1",
            "-c:v", "ffv1", "-pix_fmt", "yuv420p",
        )  # fmt: skip
        library.add(f"{folder}/b.mkv", film)
    library.add(b"odd \x1b[31m \xff \xe2\x80\xae.mkv", other_clip)
    broken = library.add("broken.mkv", other_clip)
    content = bytearray(broken.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(range(250)) * 8
    broken.write_bytes(content)
    library.add("in the way.mkv", other_clip).write_bytes(other_clip.read_bytes() + b"\0")
    way = library.target("in the way.mkv")
    way.parent.mkdir(parents=True)
    way.write_bytes(b"not ours")
    return library


def test_a_library_from_its_first_plan_to_its_loss(filled: SampleLibrary) -> None:
    folder = filled.folder
    planned = document(folder, "plan")
    actions = Counter(row["action"] for row in planned["rows"])
    assert actions.keys() == {
        "encode", "copy", "held", "left alone", "make clip", "measure", "blocked"
    }, actions  # fmt: skip
    assert planned["forecast"]["encodes"]
    for row in planned["rows"]:
        if "\\x" not in row["path"]:
            explained = document(folder, "explain", row["path"])
            assert explained["row"]["rule"] == row["rule"]
    seen = events(document(folder, "run", code=1))
    assert seen.keys() >= {
        "run_started", "job_started", "progress", "job_done", "job_failed", "job_discarded",
        "job_copied", "clip_made", "step_done", "note", "run_finished",
    }, seen  # fmt: skip
    actions = Counter(row["action"] for row in document(folder, "plan")["rows"])
    assert actions["fresh"] >= 4
    states = [clip["state"] for clip in document(folder, "clips", "list")["clips"]]
    assert states == ["waiting"]
    (failure,) = document(folder, "status")["parked"]
    assert failure["source"] == "films/broken.mkv"
    (run,) = document(folder, "runs")["runs"]
    assert (run["state"], run["new_failures"]) == ("failed", run["failures"])
    shown = document(folder, "runs", "show", "last")
    kinds = {one["kind"] for one in shown["findings"]}
    assert kinds >= {"failed", "blocked", "held", "discarded"}, kinds
    assert shown["made"]
    report = document(folder, "report", "--plan")
    assert report["failed"]
    assert report["too_large"]
    assert report["too_poor"]
    assert report["scores"]
    assert report["skipped"]
    assert document(folder, "receipt", str(filled.target("a.mkv")))["saved_bytes"]
    assert document(folder, "forecast", "--check")["groups"]
    assert {one["health"] for one in document(folder, "health", code=1)["sources"]} >= {"damaged"}
    assert document(folder, "retry")["freed"]
    _moved(filled)
    _lost(filled)


def events(lines: list[Any]) -> Counter[str]:
    return Counter(line["type"] for line in lines)


def _moved(library: SampleLibrary) -> None:
    films = library.folder / "films"
    (films / "a.mkv").rename(films / "renamed.mkv")
    (films / "target" / "b.mkv").unlink()
    planned = document(library.folder, "plan")
    assert "move" in {row["action"] for row in planned["rows"]}
    assert [orphan["to_trash"] for orphan in planned["orphans"]] == [True]
    assert "job_moved" in events(document(library.folder, "run", code=1))
    kinds = [file["kind"] for file in document(library.folder, "originals", "list")["files"]]
    assert kinds == ["orphan"]
    left = document(library.folder, "originals", "purge", "--all", "--yes")
    assert left["orphans_left"] == 1


def _lost(library: SampleLibrary) -> None:
    damaged = library.target("renamed.mkv")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    found = document(library.folder, "verify", code=1)
    assert {one["health"] for one in found["targets"]} >= {"well", "damaged"}
    (library.state_dir / "ledger.sqlite3").unlink()
    results = {one["result"] for one in document(library.folder, "adopt", code=1)["targets"]}
    assert results >= {"adopted", "refused"}


def test_clips_and_decisions_on_them(library: SampleLibrary) -> None:
    library.rules(RULES)
    library.add("review/b.mkv")
    assert [one["state"] for one in document(library.folder, "clips", "list")["clips"]] == ["due"]
    name = "films/review/b.mkv"
    assert "clip" not in document(library.folder, "clips", "show", name)
    document(library.folder, "run")
    tried = document(library.folder, "clips", "try", name, "--set", "preset=11")
    assert "clip_made" in events(tried)
    assert len(document(library.folder, "clips", "show", name)["variants"]) == 1
    variant = document(library.folder, "clips", "show", name, "--variant", "1")
    assert variant["adjust"].startswith("av1rules clips adjust")
    document(library.folder, "clips", "open", name)
    document(library.folder, "clips", "compare", name)
    (rejected,) = document(library.folder, "clips", "reject", name, "--reason", "bands")["clips"]
    assert (rejected["before"], rejected["reason"]) == ("waiting", "bands")
    (approved,) = document(library.folder, "clips", "approve", name)["clips"]
    assert (approved["before"], approved["decision"]) == ("rejected", "approved")
    decisions = document(library.folder, "clips", "adjust", name, "--set", "film_grain=auto")
    (adjusted,) = decisions["clips"]
    assert adjusted["settings"]["film_grain_auto"]
    assert adjusted["changed"] == ["film_grain"]
    assert {one["state"] for one in document(library.folder, "clips", "list")["clips"]} >= {"due"}
    assert document(library.folder, "validate")["decisions"] == 1


def test_replaced_undone_and_purged(library: SampleLibrary, other_clip: Path) -> None:
    library.rules(
        RULES.replace("mode: mirror, root: out, copies: link, orphans: trash", "mode: replace")
    )
    library.add("a.mkv")
    library.add("b.mkv", other_clip)
    document(library.folder, "run")
    assert {file["state"] for file in document(library.folder, "originals", "list")["files"]} == {
        "there"
    }
    foreign = library.folder / "films" / "b.mkv"
    foreign.write_bytes(b"something else")
    undone = document(library.folder, "undo", "last", "--yes", code=1)["files"]
    assert sorted(file["undone"] for file in undone) == [False, True]
    purged = document(library.folder, "originals", "purge", "--all", "--yes", code=1)
    assert not purged["ok"]
    assert sorted(file["purged"] for file in purged["files"]) == [False, True]
    document(library.folder, "plan")
    assert document(library.folder, "status")["undone"] == 1


def test_sets_are_sorted(library: SampleLibrary) -> None:
    """Their order differs between processes otherwise."""
    library.rules(RULES)
    library.add("review/b.mkv")
    texts = {
        re.sub(  # the second of each plan
            r'"at": "[^"]*"',
            r'"at": ""',
            av1rules("plan", "--json", cwd=library.folder, PYTHONHASHSEED=str(seed)).stdout,
        )
        for seed in range(4)
    }
    (text,) = texts
    row = json.loads(text)["rows"][0]
    assert row["action"] == "make clip"
    accept = row["settings"]["accept"]
    assert accept == sorted(accept)
    assert len(accept) == 5

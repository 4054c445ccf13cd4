"""A policy in git: what a branch changes is what a run then redoes, at the cost that was told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import on_a_terminal
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.operations.against.test_git import commit, git
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

RULES = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out, copies: encode}
run: {reserve: 0}
defaults: {preset: 12, film_grain: 0, max_size_ratio: 9}
rules:
  - {name: waits, when: {path: "films/waits/**"}, skip: not yet}
  - name: series
    when: {path: "films/series/**"}
    encode: {crf: 50}
    review: never
  - {name: the rest, encode: {crf: 45}, review: never}
"""

TESTS = """\
version: 1
cases:
  - {name: series, given: {path: films/series/a.mkv}, expect: {rule: series, settings: {crf: 50}}}
  - {name: wait, given: {path: films/waits/a.mkv}, expect: {action: skip}}
"""

NAMES = ("series/a.mkv", "series/b.mkv", "series/c.mkv", "d.mkv", "e.mkv", "waits/f.mkv")


@pytest.fixture
def shelf(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """A library in AV1, under the policy of `main`; a branch is checked out."""
    for number, name in enumerate(NAMES):
        clip = make_clip(
            f"{number}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=320x{180 + 2 * number}:r=24:d=2",
            "-c:v", "ffv1", "-pix_fmt", "yuv420p",
        )  # fmt: skip
        library.add(name, clip)
    library.rules(RULES)
    git(library.folder, "init", "-q", "-b", "main")
    (library.folder / ".gitignore").write_text("films\nout\n.av1rules\n")
    commit(library.folder, rules__tests__yaml=TESTS)
    assert library.run().done == 5
    git(library.folder, "checkout", "-q", "-b", "edit")
    return library


def edit(library: SampleLibrary, before: str, after: str) -> None:
    text = library.rules_file.read_text()
    assert before in text
    library.rules_file.write_text(text.replace(before, after))


def against(library: SampleLibrary, revision: str, *options: str, code: int = 0) -> Any:
    arguments = ("plan", "--against", revision, *options, "--json")
    return json.loads(av1rules(*arguments, cwd=library.folder, code=code).stdout)


def films(found: Any, kind: str) -> list[str]:
    rows = (row for row in found["rows"] if row["kind"] == kind)
    return [row["library_path"].removeprefix("films/") for row in rows]


def holds(interval: dict[str, float], value: float) -> bool:
    return interval["low"] <= value <= interval["high"]


def test_a_branch_changes_one_rule_and_a_run_redoes_its_films(shelf: SampleLibrary) -> None:
    edit(shelf, "crf: 50", "crf: 48")
    commit(shelf.folder)
    found = against(shelf, "main", "--detailed-exitcode", code=2)
    redone = films(found, "would be redone")
    assert redone == ["series/a.mkv", "series/b.mkv", "series/c.mkv"]
    assert (found["changed"], found["unchanged"]) == (3, 3)
    assert {row["why"] for row in found["rows"]} == {"crf 50 -> 48 (rules.yaml:10)"}
    setting = {"setting": "crf", "then": "50", "now": "48", "place": "rules.yaml:10"}
    assert all(row["settings"] == [setting] for row in found["rows"])

    before = {row.source: row for row in shelf.ledger_rows()}
    assert shelf.run().done == 3
    after = {row.source: row for row in shelf.ledger_rows()}
    made = {source for source, row in after.items() if row != before[source]}
    assert made == {f"films/{name}" for name in redone}

    cost = found["totals"]["would be redone"]
    assert cost["then"]["encodes"] == 0
    was = sum(before[source].target_bytes for source in made)
    now = sum(after[source].target_bytes for source in made)
    assert {cost["then"]["target_bytes"][end] for end in ("low", "mid", "high")} == {was}
    assert holds(cost["now"]["target_bytes"], now)
    assert holds(cost["difference"]["target_bytes"], now - was)
    # Bounds hold in 8 of 10 cases at rest; this is a second of work beside other tests.
    elapsed_s = sum(after[source].encode_s + after[source].verify_s for source in made)
    seconds = cost["now"]["seconds"]
    assert seconds["low"] / 5 <= elapsed_s <= seconds["high"] * 5
    assert against(shelf, "edit")["differs"] is False


def test_kinds_tests_and_the_total(shelf: SampleLibrary) -> None:
    edit(shelf, "skip: not yet", "encode: {crf: 40}, review: never")
    edit(shelf, 'name: series\n    when: {path: "films/series/**"}\n    encode: {crf: 50}',
         'name: series\n    when: {path: "films/series/**"}\n    hold: look first')  # fmt: skip
    edit(shelf, "name: the rest", "name: everything else")
    found = against(shelf, "main")
    assert films(found, "newly encoded") == ["waits/f.mkv"]
    assert films(found, "newly held or blocked") == ["series/a.mkv", "series/b.mkv", "series/c.mkv"]
    assert films(found, "another rule, same result") == ["d.mkv", "e.mkv"]
    held = found["totals"]["newly held or blocked"]
    assert held["now"]["target_bytes"] == held["then"]["target_bytes"], "the targets stay"
    assert held["difference"]["saved_bytes"] == {"low": 0, "mid": 0, "high": 0}
    assert {one["name"]: one["passes"] for one in found["rule_tests"]} == {
        "series": "then",
        "wait": "then",
    }
    (new,) = [row for row in found["rows"] if row["kind"] == "newly encoded"]
    assert (new["why"], new["reviewed"]) == ("then: not yet", False)


def test_the_plan_of_now_is_not_disturbed(shelf: SampleLibrary) -> None:
    cache = shelf.state_dir / "glance.msgpack"
    edit(shelf, "crf: 50", "crf: 48")
    shelf.plan()
    before = cache.read_bytes()
    planned = shelf.plan().rows
    found = against(shelf, "main")
    assert found["changed"] == 3
    assert cache.read_bytes() == before
    assert shelf.plan().rows == planned
    log = av1rules("-vv", "plan", "--against", "main", cwd=shelf.folder).stderr
    assert "ffprobe -v" not in log, "all facts are known"


def test_only_some_films_and_rules(shelf: SampleLibrary) -> None:
    edit(shelf, "crf: 50", "crf: 48")
    edit(shelf, "crf: 45", "crf: 44")
    assert films(against(shelf, "main", "d.mkv"), "would be redone") == ["d.mkv"]
    found = against(shelf, "main", "--only", "series")
    assert (found["changed"], found["unchanged"]) == (3, 0)
    done = av1rules("plan", "--against", "main", "--only", "serie", cwd=shelf.folder, code=2)
    assert "did you mean series?" in done.stderr


def test_another_library_and_another_output(shelf: SampleLibrary) -> None:
    edit(shelf, "settle: 0}", 'settle: 0, exclude: ["series/a.mkv"]}')
    found = against(shelf, "main")
    assert films(found, "newly left alone") == ["series/a.mkv"]
    git(shelf.folder, "checkout", "-q", "rules.yaml")
    edit(shelf, "root: out", "root: elsewhere")
    found = against(shelf, "main")
    assert len(films(found, "would be redone")) == 5
    assert {row["why"] for row in found["rows"]} == {
        "output or container gives its target another path"
    }


def test_screen_markdown_and_wrong_options(shelf: SampleLibrary) -> None:
    edit(shelf, "crf: 50", "crf: 48")
    text = av1rules("plan", "--against", "main", cwd=shelf.folder).stdout
    assert re.match(r"Policy of now against main \([0-9a-f]{7}\): 3 of 6 films differ\n", text)
    assert "To redo what is finished: 3 films, " in text
    assert "Rules tests: of 2 cases 1 passes with the policy of now, 2 with that of then" in text
    assert "crf 50 -> 48 (rules.yaml:10)" in text
    page = av1rules("plan", "--against", "main", "--markdown", cwd=shelf.folder).stdout
    assert page.startswith("## Policy of now against main (")
    assert "| crf 50 -\\> 48 (rules.yaml:10)" in page
    assert page.count("<details>") == page.count("</details>") == 1
    code, shown = on_a_terminal(["plan", "--against", "main", "--no-pager"], cwd=shelf.folder)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert code == 0
    assert "films/series/a.mkv" in plain
    assert all(len(line) <= 120 for line in plain.splitlines())
    for wrong in ("--force", "--sample", "--csv", "--budget=1h"):
        done = av1rules("plan", "--against", "main", wrong, cwd=shelf.folder, code=2)
        assert "--against compares policies, and takes no" in done.stderr
    done = av1rules("plan", "--against", "mian", "--detailed-exitcode", cwd=shelf.folder, code=1)
    assert "did you mean main?" in done.stderr


def test_a_revision_chooses_no_programs(shelf: SampleLibrary, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch '{sprung}'\n")
    trap.chmod(0o755)
    text = shelf.rules_file.read_text()
    shelf.rules(f"{text}tools: {{ffmpeg: {trap}, ffprobe: {trap}, mkvpropedit: {trap}}}\n")
    commit(shelf.folder)
    shelf.rules(text)
    assert against(shelf, "edit")["differs"] is False
    assert not sprung.exists()

"""Plain doit from a dodo.py of two lines: it agrees with the plan, and the ledger decides."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.graph.dodo import doit_graph
from av1rules.graph.tasks import LedgerState
from av1rules.plan.items import PlanAction
from av1rules.plan.task_names import GROUP, source_of_task, task_name
from tests.sample_library import FAST, RULES, SampleLibrary

pytestmark = pytest.mark.real

DODO = """\
from av1rules.graph.dodo import doit_graph
DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
"""

OWN_TASK = """
def task_index():
    def write():
        open("index.txt", "w").write("made")
    return {"actions": [write], "file_dep": ["rules.yaml"], "targets": ["index.txt"]}
"""


@pytest.fixture
def dodo(library: SampleLibrary) -> SampleLibrary:
    (library.folder / "dodo.py").write_text(DODO)
    library.add("a b.mkv")
    library.add(b"odd\n\xff.mkv")
    return library


def doit(library: SampleLibrary, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "doit", *arguments],
        cwd=library.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == code, text
    return text


def statuses(library: SampleLibrary) -> dict[str, str]:
    lines = doit(library, "list", "--all", "--status", "-q").splitlines()
    return {name.strip(): status for status, name in (line.split(" ", 1) for line in lines)}


ODD_TASK = "encode:films/odd%0A%FF.mkv"


def test_agrees_with_the_plan_at_every_step(dodo: SampleLibrary) -> None:
    assert statuses(dodo) == {"encode": "R", "encode:films/a b.mkv": "R", ODD_TASK: "R"}
    assert dodo.run(dodo.folder / "films" / "a b.mkv").done == 1
    assert statuses(dodo) == {"encode": "R", "encode:films/a b.mkv": "U", ODD_TASK: "R"}
    doit(dodo)
    assert dodo.work() == []
    assert statuses(dodo)[ODD_TASK] == "U"
    inodes = [row.target_mtime_ns for row in dodo.ledger_rows()]
    text = doit(dodo)
    assert "-- encode:films/a b.mkv" in text
    assert [row.target_mtime_ns for row in dodo.ledger_rows()] == inodes
    dodo.rules(settings="crf: 45, preset: 12, max_size_ratio: 9")
    assert set(statuses(dodo).values()) == {"R"}
    assert "crf 50 -> 45 (rules.yaml:7)" in doit(dodo, "info", "encode:films/a b.mkv", code=1)


def test_info_shows_source_target_and_reason(dodo: SampleLibrary) -> None:
    text = doit(dodo, "info", "encode:films/a b.mkv", code=1)  # doit: not up to date
    assert str(dodo.folder / "films" / "a b.mkv") in text
    assert str(dodo.target("a b.mkv")) in text
    assert "- new" in text


def test_clean_removes_targets_and_keeps_the_last_copy(dodo: SampleLibrary) -> None:
    doit(dodo)
    assert dodo.target("a b.mkv").exists()
    doit(dodo, "clean", "--dry-run", "encode:films/a b.mkv")
    assert dodo.target("a b.mkv").exists()
    doit(dodo, "clean", "encode:films/a b.mkv")
    assert not dodo.target("a b.mkv").exists()
    assert dodo.causes("a b.mkv") == ("target missing",)
    assert (dodo.folder / "films" / "a b.mkv").exists()


def test_clean_says_why_it_keeps_a_target_and_goes_on(dodo: SampleLibrary) -> None:
    dodo.rules(RULES.replace("mirror, root: out, copies: encode", "replace").format(settings=FAST))
    doit(dodo)
    text = doit(dodo, "clean")
    kept = "kept: it has replaced its source; `av1rules undo` restores that"
    assert text.count(kept) == 2
    assert f"films/a b.mkv: {dodo.folder}/films/a b.mkv: {kept}" in text
    assert "Traceback" not in text
    assert (dodo.folder / "films" / "a b.mkv").exists()


def test_forget_makes_one_stale(dodo: SampleLibrary) -> None:
    doit(dodo)
    doit(dodo, "forget", "encode:films/a b.mkv")
    assert dodo.causes("a b.mkv") == ("forgotten",)
    assert dodo.work() == ["a b.mkv"]
    doit(dodo, "forget", "--all")
    assert len(dodo.work()) == 2
    doit(dodo, "-n", "2")
    assert dodo.work() == []


def test_lost_doit_store_changes_nothing(dodo: SampleLibrary) -> None:
    doit(dodo)
    for path in dodo.state_dir.glob("doit*"):
        path.unlink()
    assert dodo.plan().of(PlanAction.ENCODE) == ()
    assert statuses(dodo)["encode:films/a b.mkv"] == "U"


def test_own_tasks_beside_keep_doits_ways(dodo: SampleLibrary) -> None:
    with (dodo.folder / "dodo.py").open("a") as file:
        file.write(OWN_TASK)
    assert ".  index" in doit(dodo, "index")
    assert "-- index" in doit(dodo, "index")
    dodo.rules(settings="crf: 44, preset: 12")
    assert ".  index" in doit(dodo, "index")


def test_failure_is_told_and_remembered(dodo: SampleLibrary) -> None:
    (dodo.folder / "films" / "a b.mkv").write_bytes(dodo.clip.read_bytes()[:60_000])
    text = doit(dodo, "--continue", code=2)  # doit: the group has an unmet dependency
    assert "the source is damaged" in text
    assert any("failed once before" in cause for cause in dodo.causes("a b.mkv"))
    assert len(dodo.ledger_rows()) == 1


def test_forked_processes_are_refused(dodo: SampleLibrary) -> None:
    assert "doit -P thread" in doit(dodo, "-n", "2", "-P", "process", code=1)


def test_without_rules_file_the_graph_is_empty(tmp_path: Path) -> None:
    (tmp_path / "dodo.py").write_text(DODO)
    library = SampleLibrary(folder=tmp_path, clip=tmp_path)
    assert doit(library, "list").split() == ["encode"]
    assert doit(library, "list", "--all").split() == ["encode"]


def test_faulty_rules_are_shown(dodo: SampleLibrary) -> None:
    dodo.rules_file.write_text("version: 1\nlibary: {}\nrules: []\n")
    text = doit(dodo, "list", code=1)
    assert "libary" in text
    assert "Traceback" not in text


def test_a_clip_is_a_target_of_its_own(dodo: SampleLibrary) -> None:
    dodo.rules(dodo.rules_file.read_text().replace("review: never", "review: each"))
    name = "clip:films/a b.mkv"  # both films have the same content: one clip is enough
    assert statuses(dodo) == {"encode": "R", "clip": "R", name: "R"}
    assert "review: each" in doit(dodo, "info", name, code=1)
    doit(dodo, name)
    assert statuses(dodo)[name] == "U"
    doit(dodo, "forget", name)
    assert statuses(dodo)[name] == "R"


def test_python_looks_for_garbage_again_once_the_tasks_are_made(
    dodo: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dodo.folder)
    _, tasks = doit_graph("rules.yaml")
    try:
        made = tasks()
        next(made)
        assert not gc.isenabled()
        assert [task["name"] for task in made] == [
            "films/a b.mkv",
            "films/odd%0A%FF.mkv",
        ]
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_the_state_of_a_task_says_that_it_takes_nothing(dodo: SampleLibrary) -> None:
    state = LedgerState(dodo.row("a b.mkv"))
    assert not inspect.signature(state).parameters
    assert state() is False


def test_names_of_tasks_keep_letters_of_all_scripts_and_escape_what_doit_reads() -> None:
    path = "Fïlm 片_[1]=*?%.mkv"
    assert task_name(path) == "Fïlm 片_%5B1%5D%3D%2A%3F%25.mkv"
    for character in map(chr, range(0xD800)):
        name = task_name(f"a{character}b")
        assert source_of_task(f"{GROUP}:{name}") == f"a{character}b"
        assert not set(name) & set("=*?[]")

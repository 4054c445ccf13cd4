"""Several runs at a time, on one ledger and on two; a run by a user who may not write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from av1rules.base.digest import file_digest
from av1rules.graph.planned import PlanAction
from tests.faults.live import all_names, rules
from tests.shelf import Shelf

pytestmark = pytest.mark.real

NOBODY = 65534

Clips = Mapping[str, Path]


def start(
    shelf: Shelf, *prefix: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-m", "av1rules", "run", "-f", str(shelf.rules_file)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **(env or {})},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    assert "Traceback" not in out
    return process.returncode, out


def second(shelf: Shelf, output: str, **more: str) -> Shelf:
    """Another ledger, with rules of its own, for the same library."""
    other = Shelf(folder=shelf.folder.with_name("second"), clip=shelf.clip)
    other.folder.mkdir()
    rules(other, output, library=f"roots: ['{shelf.folder}/films']", **more)
    return other


def films(shelf: Shelf, clips: Clips) -> None:
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        shelf.add(name, clips[name])


def test_two_runs_on_one_ledger(shelf: Shelf, tiny_clips: Clips) -> None:
    rules(shelf, "mode: mirror, root: out")
    films(shelf, tiny_clips)
    results = [ended(process) for process in [start(shelf), start(shelf)]]
    refused = [out for code, out in results if code not in (0,)]
    assert len(refused) <= 1
    assert all("another run is at work on this ledger: process" in out for out in refused)
    assert len(shelf.ledger_rows()) == 3
    assert shelf.plan().work == ()
    assert shelf.leftovers() == []


def test_second_ledger_leaves_the_targets_of_the_first(shelf: Shelf, tiny_clips: Clips) -> None:
    rules(shelf, "mode: mirror, root: out")
    films(shelf, tiny_clips)
    shelf.run()
    before = {path: path.read_bytes() for path in shelf.target("").iterdir()}
    other = second(shelf, f"mode: mirror, root: '{shelf.folder}/out'")
    assert {row.action for row in other.plan().rows} == {PlanAction.BLOCKED}
    other.run()
    assert {path: path.read_bytes() for path in shelf.target("").iterdir()} == before
    assert shelf.plan().work == ()


def test_two_ledgers_race_for_the_same_targets(shelf: Shelf, tiny_clips: Clips) -> None:
    output = f"mode: mirror, root: '{shelf.folder}/out', receipts: json"
    rules(shelf, output)
    films(shelf, tiny_clips)
    other = second(shelf, output)
    for process in [start(shelf), start(other)]:
        ended(process)
    rows = [*shelf.ledger_rows(), *other.ledger_rows()]
    assert sorted(Path(row.target).name for row in rows) == ["a.mkv", "b.mkv", "c.mkv"], (
        "each target belongs to one ledger"
    )
    assert all(file_digest(row.target) == row.target_digest for row in rows)
    assert shelf.leftovers() == []


@pytest.mark.parametrize("try_", range(3))
def test_two_ledgers_race_in_mode_replace(shelf: Shelf, tiny_clips: Clips, try_: int) -> None:
    rules(shelf, "mode: replace")
    films(shelf, tiny_clips)
    other = second(shelf, "mode: replace")
    for process in [start(shelf), start(other)]:
        ended(process)
    top = shelf.folder / "films"
    there = {file_digest(path) for path in top.rglob("*.mkv")}
    originals = {file_digest(tiny_clips[name]) for name in ("a.mkv", "b.mkv", "c.mkv")}
    assert originals <= there
    assert not originals & {file_digest(path) for path in top.glob("*.mkv")}, "all are replaced"
    for one in (shelf, other):
        one.run()
        assert one.plan().work == ()
        for kept in one.kept():
            assert file_digest(kept.path) == kept.digest
    aside = {entry.row.target for one in (shelf, other) for entry in one.kept()}
    assert len(aside) == 3, "each original lies aside for one of both, at least"
    assert shelf.leftovers() == []


def test_no_rights_to_write(near_shelf: Shelf, tiny_clips: Clips) -> None:
    """As another user: the targets' folder, then the library in mode replace, then the ledger."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to become somebody else")
    shelf = near_shelf
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    home = shelf.folder / "home"
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    rules(shelf, "mode: mirror, root: out")
    shelf.add("a.mkv", tiny_clips["a.mkv"])
    for name in ("home", ".av1rules", "out"):
        (shelf.folder / name).mkdir()
    os.chown(home, NOBODY, NOBODY)
    os.chown(shelf.state_dir, NOBODY, NOBODY)
    code, out = ended(start(shelf, *as_nobody, env=env))
    if code not in (0, 1) or "No module" in out:
        pytest.skip(f"another user can't run this checkout: {out}")
    assert code == 1
    assert "Permission denied" in out
    assert "may this user write there?" in out
    rules(shelf, "mode: replace")
    code, out = ended(start(shelf, *as_nobody, env=env))
    assert code == 1
    assert "Permission denied" in out
    assert all_names(shelf.folder / "films") == ["a.mkv"]
    assert (shelf.folder / "films" / "a.mkv").read_bytes() == tiny_clips["a.mkv"].read_bytes()
    os.chown(shelf.state_dir, 0, 0)
    for path in shelf.state_dir.iterdir():
        os.chown(path, 0, 0)
    code, out = ended(start(shelf, *as_nobody, env=env))
    assert code == 2
    assert "state folder can't be written" in out

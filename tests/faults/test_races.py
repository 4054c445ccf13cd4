"""Several runs at a time, on one ledger and on two; a run by a user without write permission."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from av1rules.base.hashing import file_digest
from av1rules.plan.items import PlanAction
from tests.faults.live import all_names, rules
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

NOBODY = 65534

Clips = Mapping[str, Path]


def start(
    library: SampleLibrary, *prefix: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-m", "av1rules", "run", "-f", str(library.rules_file)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **(env or {})},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    assert "Traceback" not in out
    return process.returncode, out


def second(library: SampleLibrary, output: str, **more: str) -> SampleLibrary:
    """Another ledger, with rules of its own, for the same library."""
    other = SampleLibrary(folder=library.folder.with_name("second"), clip=library.clip)
    other.folder.mkdir()
    rules(other, output, library=f"roots: ['{library.folder}/films']", **more)
    return other


def films(library: SampleLibrary, clips: Clips) -> None:
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        library.add(name, clips[name])


def test_two_runs_on_one_ledger(library: SampleLibrary, tiny_clips: Clips) -> None:
    rules(library, "mode: mirror, root: out")
    films(library, tiny_clips)
    results = [ended(process) for process in [start(library), start(library)]]
    refused = [out for code, out in results if code not in (0,)]
    assert len(refused) <= 1
    assert all("another run uses this ledger: process" in out for out in refused)
    assert len(library.ledger_rows()) == 3
    assert library.plan().work == ()
    assert library.leftovers() == []


def test_second_ledger_leaves_the_targets_of_the_first(
    library: SampleLibrary, tiny_clips: Clips
) -> None:
    rules(library, "mode: mirror, root: out")
    films(library, tiny_clips)
    library.run()
    before = {path: path.read_bytes() for path in library.target("").iterdir()}
    other = second(library, f"mode: mirror, root: '{library.folder}/out'")
    assert {row.action for row in other.plan().rows} == {PlanAction.BLOCKED}
    other.run()
    assert {path: path.read_bytes() for path in library.target("").iterdir()} == before
    assert library.plan().work == ()


def test_two_ledgers_race_for_the_same_targets(library: SampleLibrary, tiny_clips: Clips) -> None:
    output = f"mode: mirror, root: '{library.folder}/out', receipts: json"
    rules(library, output)
    films(library, tiny_clips)
    other = second(library, output)
    for process in [start(library), start(other)]:
        ended(process)
    rows = [*library.ledger_rows(), *other.ledger_rows()]
    assert sorted(Path(row.target).name for row in rows) == ["a.mkv", "b.mkv", "c.mkv"], (
        "each target belongs to one ledger"
    )
    assert all(file_digest(row.target) == row.target_digest for row in rows)
    assert library.leftovers() == []


@pytest.mark.parametrize("try_", range(3))
def test_two_ledgers_race_in_mode_replace(
    library: SampleLibrary, tiny_clips: Clips, try_: int
) -> None:
    rules(library, "mode: replace")
    films(library, tiny_clips)
    other = second(library, "mode: replace")
    for process in [start(library), start(other)]:
        ended(process)
    top = library.folder / "films"
    there = {file_digest(path) for path in top.rglob("*.mkv")}
    originals = {file_digest(tiny_clips[name]) for name in ("a.mkv", "b.mkv", "c.mkv")}
    assert originals <= there
    assert not originals & {file_digest(path) for path in top.glob("*.mkv")}, "all are replaced"
    for one in (library, other):
        one.run()
        assert one.plan().work == ()
        for kept in one.kept():
            assert file_digest(kept.path) == kept.digest
    trashed = {entry.row.target for one in (library, other) for entry in one.kept()}
    assert len(trashed) == 3, "each original is in the trash of at least one of both"
    assert library.leftovers() == []


def test_no_rights_to_write(near_library: SampleLibrary, tiny_clips: Clips) -> None:
    """As another user: the targets' folder, then the library in mode replace, then the ledger."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to become another user")
    library = near_library
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    home = library.folder / "home"
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    rules(library, "mode: mirror, root: out")
    library.add("a.mkv", tiny_clips["a.mkv"])
    for name in ("home", ".av1rules", "out"):
        (library.folder / name).mkdir()
    os.chown(home, NOBODY, NOBODY)
    os.chown(library.state_dir, NOBODY, NOBODY)
    code, out = ended(start(library, *as_nobody, env=env))
    if code not in (0, 1) or "No module" in out:
        pytest.skip(f"another user can't run this checkout: {out}")
    assert code == 1
    assert "Permission denied" in out
    assert "may this user write there?" in out
    rules(library, "mode: replace")
    code, out = ended(start(library, *as_nobody, env=env))
    assert code == 1, "another folder: no earlier run told it"
    assert "Permission denied" in out
    assert all_names(library.folder / "films") == ["a.mkv"]
    assert (library.folder / "films" / "a.mkv").read_bytes() == tiny_clips["a.mkv"].read_bytes()
    os.chown(library.state_dir, 0, 0)
    for path in library.state_dir.iterdir():
        os.chown(path, 0, 0)
    code, out = ended(start(library, *as_nobody, env=env))
    assert code == 2
    assert "state folder can't be written" in out

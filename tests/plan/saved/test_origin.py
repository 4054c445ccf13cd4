"""Where a plan comes from, in a real git repository and without one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.plan.saved.origin import PlanOrigin, origin_of
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


Git = Callable[..., str]


@pytest.fixture
def git(library: SampleLibrary, monkeypatch: pytest.MonkeyPatch) -> Git:
    """git in the folder of the library."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "n")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "n@example.org")

    def call(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=library.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    call("init", "-q")
    return call


def origin(library: SampleLibrary, *, forced: bool = False) -> PlanOrigin:
    with open_workspace(library.rules_file, write=False) as workspace:
        return origin_of(workspace, forced=forced)


def test_without_git(library: SampleLibrary) -> None:
    found = origin(library, forced=True)
    assert (found.rules.git_revision, found.rules.git_is_clean) == (None, None)
    assert found.rules.file == str(library.rules_file)
    assert (found.ledger.folder, found.ledger.last_run) == (str(library.state_dir), None)
    assert found.forced


def test_the_revision_of_the_rules(library: SampleLibrary, git: Git) -> None:
    assert origin(library).rules.git_revision is None, "nothing is committed yet"
    git("commit", "-q", "--allow-empty", "-m", "none")
    empty = origin(library).rules
    assert (empty.git_revision, empty.git_is_clean) == (git("rev-parse", "HEAD"), False)
    git("add", "rules.yaml")
    git("commit", "-q", "-m", "rules")
    first = origin(library)
    assert first.rules.git_revision == git("rev-parse", "HEAD") != empty.git_revision
    assert first.rules.git_is_clean
    library.rules("# more\n" + library.rules_file.read_text())
    second = origin(library)
    assert second.rules.git_is_clean is False
    assert second.rules.digest != first.rules.digest


def test_no_program_that_a_repository_names_is_run(
    library: SampleLibrary, git: Git, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git("add", "rules.yaml")
    git("commit", "-q", "-m", "rules")
    (library.folder / ".gitattributes").write_text("* filter=trap\n")
    for key in ("core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "core.pager"):
        git("config", key, str(trap))
    assert origin(library).rules.git_is_clean
    assert not (tmp_path / "sprung").exists()


def test_a_machine_without_git(
    library: SampleLibrary, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("add", "rules.yaml")
    git("commit", "-q", "-m", "rules")
    monkeypatch.setenv("PATH", os.devnull)
    assert origin(library).rules.git_revision is None


def test_the_last_run_is_the_state_of_the_ledger(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    library.add("a.mkv", make_clip("a.mkv"))
    run = library.run().run
    assert origin(library).ledger.last_run == run == 1

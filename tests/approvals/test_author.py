"""Whose name stands under a decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.approvals.author import author
from tests.fakes.stub import Answer, Stub


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    monkeypatch.setenv("LOGNAME", "ann")


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann Example")
    monkeypatch.setenv("PATH", "")
    assert author(tmp_path) == "Ann Example"


def test_then_what_git_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stub: Stub) -> None:
    git = stub.make("git", Answer(when=["config", "user.name"], stdout="Bob of git\n"))
    monkeypatch.setenv("PATH", str(git.parent))
    assert author(tmp_path) == "Bob of git"


def test_without_git_the_login_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert author(tmp_path) == "ann"

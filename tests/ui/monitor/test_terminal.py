"""`av1rules top` as a user has it: on a real terminal beside a real run, and without a terminal."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.base.errors import ToolError
from av1rules.cli import top
from tests.ui.monitor.recorded import EVENTS
from tests.ui.screen import ROOT, Screen

TOP = ("-m", "av1rules", "top")


def run_top(folder: Path, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    argv = [sys.executable, *TOP, *more]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_beside_a_run(shelf: Path) -> None:
    command = [sys.executable, "-m", "tests.ui.program", "run"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "AV1RULES_FAKE_S": "3"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=shelf, env=env, stdout=quiet, stderr=quiet) as run:
        try:
            with Screen(*TOP, cwd=shelf, columns=100, lines=30) as screen:
                screen.wait_for("running, 2 of 2 slots")
                screen.wait_for("encoding")
                screen.wait_for("will be 16 KiB (25%)")
                screen.resize(60, 10)
                screen.wait_for("waiting, 0 failed")
                screen.resize(100, 30)
                screen.wait_for("by date")
                screen.type("p")
                screen.wait_for("done: av1rules pause")
                screen.wait_for("stands still")
                screen.type("p")
                screen.wait_for("done: av1rules resume")
                screen.type("q")
                assert screen.end() == 0
            assert run.poll() is None, "a run goes on when the monitor ends"
        finally:
            run.terminate()


def test_a_recorded_run(tmp_path: Path) -> None:
    with Screen(
        *TOP, "--replay", str(EVENTS), "--speed", "10000", cwd=tmp_path, columns=80, lines=24
    ) as screen:
        screen.wait_for("Blade Runner")
        screen.type("?")
        screen.wait_for("In the list of films")
        screen.type("q")
        screen.wait_for("by date")
        screen.type("q")
        assert screen.end() == 0


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "linux"}])
def test_plain_terminals(tmp_path: Path, environ: dict[str, str]) -> None:
    with Screen(
        *TOP, "--replay", str(EVENTS), "--speed", "1e5", cwd=tmp_path, environ=environ
    ) as screen:
        screen.wait_for("encoding")
        screen.type("q")
        assert screen.end() == 0


def test_without_a_terminal_it_is_the_status(shelf: Path) -> None:
    ended = run_top(shelf)
    assert ended.returncode == 0
    assert top.NO_SCREEN in ended.stderr
    assert "targets" in ended.stdout
    refused = run_top(shelf, "--replay", str(EVENTS))
    assert refused.returncode == 2
    assert "needs a terminal" in refused.stderr


def test_a_dumb_terminal_has_the_status_too(shelf: Path) -> None:
    with Screen(*TOP, cwd=shelf, environ={"TERM": "dumb"}) as screen:
        screen.wait_for("this is `av1rules status`")
        assert screen.end() == 0


def test_as_json(shelf: Path) -> None:
    found = json.loads(run_top(shelf, "--json").stdout)
    assert found["format"] == 1
    assert found["jobs"] == []
    played = json.loads(run_top(shelf, "--json", "--replay", str(EVENTS)).stdout)
    assert [one["phase"] for one in played["jobs"]] == ["encode", "encode"]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ToolError, match="Textual") as problem:
        top.require_textual()
    assert problem.value.hint == "pip install 'av1rules[top]'"

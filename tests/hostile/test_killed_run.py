"""No program that reads a film outlives a run that is killed by SIGKILL."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import av1rules
from av1rules.ffmpeg.tools import Tools
from tests.hostile import forge
from tests.hostile.conftest import RULES

UNTETHERED = {
    "approvals/author.py": "git, for the user's name",
    "base/git.py": "git, for the rules of a revision",
    "cli/clips/__init__.py": "the user's own player, which may go on",
    "integrations/neighbours/program.py": "the user's own program, with its own limits",
    "operations/units/install.py": "systemctl, launchctl and crontab",
    "ui/monitor/commands.py": "av1rules itself, which ends its programs, and the user's browser",
}
"""Programs that read no film."""

needs_setpriv = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("setpriv") is None,
    reason="needs Linux and setpriv of util-linux",
)

STUB = """#!/bin/sh
case "$*" in *film.mkv*) echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 300;; esac
exec {real} "$@"
"""


def _calls(path: Path) -> Iterator[ast.Call]:
    """Calls of `run` where it is the one of base.process."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    names = {
        name.name for node in imports if node.module == "av1rules.base.process"
        for name in node.names
    }  # fmt: skip
    if "run" in names:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "run":
                yield node


def test_every_program_that_reads_a_film_is_tethered() -> None:
    package = Path(av1rules.__file__).parent
    loose, found = set(), 0
    for path in package.rglob("*.py"):
        for call in _calls(path):
            found += 1
            if not any(word.arg == "tether" for word in call.keywords):
                loose.add(str(path.relative_to(package)))
    assert found > 10
    assert loose == set(UNTETHERED)


def _is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][:1] != "Z"
    except OSError:
        return False


@needs_setpriv
@pytest.mark.real
@pytest.mark.parametrize("command", ["plan", "run"])
def test_ffprobe_ends_with_a_killed_run(command: str, workdir: Path, tools: Tools) -> None:
    pid_file, stub = workdir / "pid", workdir / "ffprobe"
    stub.write_text(STUB.format(pid=pid_file, real=tools.ffprobe))
    stub.chmod(0o755)
    (workdir / "rules.yaml").write_text(
        f"{RULES}tools: {{ffprobe: '{stub}', ffmpeg: '{tools.ffmpeg}'}}\n"
    )
    (workdir / "films" / "film.mkv").write_bytes(forge.matroska())
    child = subprocess.Popen(
        [sys.executable, "-m", "av1rules", command], cwd=workdir, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not pid_file.exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert pid_file.exists(), child.communicate()[1].decode()
        number = int(pid_file.read_text())
        assert _is_alive(number)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for _ in range(100):
            if not _is_alive(number):
                break
            time.sleep(0.05)
        assert not _is_alive(number), "ffprobe goes on"
    finally:
        child.kill()
        child.communicate()
        if pid_file.exists() and _is_alive(int(pid_file.read_text())):
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

"""What lies under the name of a file of ours is not followed, waited for or written through."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.conftest import RULES, av1rules

OWN_NAMES = (
    ".av1rules/ledger.sqlite3",
    ".av1rules/ledger.sqlite3-wal",
    ".av1rules/ledger.sqlite3-shm",
    ".av1rules/cache.sqlite3",
    ".av1rules/glance.msgpack",
    ".av1rules/rules.checked",
    ".av1rules/run.lock",
    ".av1rules/run.holder",
    "approvals.yaml",
)
VICTIM = b"somebody's letters\n"


def _fifo(path: Path, _victim: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, _victim: Path) -> None:
    path.mkdir()


def _link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _dangling_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("new"))


def _socket(path: Path, _victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        old = Path.cwd()
        os.chdir(path.parent)  # socket names are short
        try:
            listener.bind(path.name)
        finally:
            os.chdir(old)


PLANT: dict[str, Callable[[Path, Path], None]] = {
    "fifo": _fifo, "folder": _folder, "link": _link, "dangling link": _dangling_link,
    "socket": _socket,
}  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library without films: nothing but our own files is opened."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "notes.txt").write_text("not a film")
    (tmp_path / ".av1rules").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "victim").write_bytes(VICTIM)
    return tmp_path


@pytest.mark.parametrize("kind", PLANT)
@pytest.mark.parametrize("name", OWN_NAMES)
def test_no_command_waits_for_it_or_writes_through_it(name: str, kind: str, library: Path) -> None:
    PLANT[kind](library / name, library / "elsewhere" / "victim")
    # One command opens all to write; those that only read are tried with what could hurt them.
    for command in ("plan", "run", "status") if kind in ("fifo", "link") else ("run",):
        done = av1rules(command, cwd=library)  # would be killed after its time limit
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, 2), done.stderr
        if done.returncode:
            assert os.path.basename(name).encode() in done.stderr
    assert [path.name for path in (library / "elsewhere").iterdir()] == ["victim"]
    assert (library / "elsewhere" / "victim").read_bytes() == VICTIM


def test_originals_do_not_leave_the_library_through_a_link(library: Path, small_clip: Path) -> None:
    (library / "rules.yaml").write_text(
        RULES.replace("{mode: mirror, root: out}", "{mode: replace}")
    )
    (library / "films" / "tiny.ts").write_bytes(small_clip.read_bytes())
    outside = library / "elsewhere"
    (library / "films" / ".av1rules-kept").symlink_to(outside)
    done = av1rules("run", cwd=library)
    assert done.returncode == 1
    assert b".av1rules-kept" in done.stdout + done.stderr
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert (library / "films" / "tiny.ts").read_bytes() == small_clip.read_bytes()
    assert not (library / "films" / "tiny.mkv").exists()


def test_a_marker_creates_nothing_elsewhere(library: Path, small_clip: Path) -> None:
    (library / "rules.yaml").write_text(
        RULES.replace("{mode: mirror, root: out}", "{mode: replace}")
    )
    (library / "films" / "tiny.ts").write_bytes(small_clip.read_bytes())
    trash = library / "films" / ".av1rules-kept"
    trash.mkdir()
    (trash / ".ignore").symlink_to(library / "elsewhere" / "new")
    assert av1rules("run", cwd=library).returncode == 0
    assert (library / "films" / "tiny.mkv").exists()
    assert [path.name for path in (library / "elsewhere").iterdir()] == ["victim"]

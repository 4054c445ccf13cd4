"""Asked of a real kernel, with real processes that write."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from av1rules.base.system import leases as in_use
from av1rules.base.system.leases import is_open_for_writing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"x" * 1000)
    if is_open_for_writing(path) is None:
        pytest.skip("no leases on this file system")
    return path


@contextmanager
def other_process(code: str, film: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has done `code` to the open file when this returns, and then waits."""
    script = f"import mmap, os, sys\n{code}\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(film)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.communicate()


@pytest.mark.parametrize(
    ("code", "is_open"),
    [
        ("file = open(sys.argv[1], 'ab')", True),
        ("file = open(sys.argv[1], 'rb')", False),
        # Mapped and closed: it can still be written to.
        (
            "d = os.open(sys.argv[1], os.O_RDWR); mapped = mmap.mmap(d, 0); os.close(d)",
            True,
        ),
    ],
)
def test_other_process_with_the_file_open(code: str, is_open: bool, film: Path) -> None:
    with other_process(code, film):
        assert is_open_for_writing(film) is is_open
    assert is_open_for_writing(film) is False


def test_own_process_counts(film: Path) -> None:
    with film.open("ab"):
        assert is_open_for_writing(film) is True
        link = film.with_name("link.mkv")
        link.hardlink_to(film)
        assert is_open_for_writing(link) is True


def test_not_a_regular_file_is_not_told_and_never_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "film.mkv"
    os.mkfifo(pipe)
    assert is_open_for_writing(pipe) is None
    assert is_open_for_writing(tmp_path) is None
    with pytest.raises(FileNotFoundError):
        is_open_for_writing(tmp_path / "absent.mkv")


def test_file_system_of_many_writers_gives_no_answer(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_use, "_file_system_type", lambda descriptor: "nfs4")
    with film.open("ab"):
        assert is_open_for_writing(film) is None


def test_type_of_a_file_system_is_read_from_the_system() -> None:
    with open("/proc/self/status", encoding="ascii") as file:
        assert in_use._file_system_type(file.fileno()) == "proc"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_file_of_somebody_else_is_not_told() -> None:
    code = (
        "import os, sys\n"
        "from av1rules.base.system.leases import is_open_for_writing\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(0 if is_open_for_writing(sys.argv[1]) is None else 1)\n"
    )
    with tempfile.NamedTemporaryFile() as film:  # folders of pytest are closed to others
        os.fchmod(film.fileno(), 0o644)
        done = subprocess.run([sys.executable, "-c", code, film.name], check=False, timeout=60)
    assert done.returncode == 0


def test_writers_that_come_meanwhile_neither_fail_nor_end_us(film: Path) -> None:
    """A process opens and closes the file all the time; it would end if one of that failed."""
    code = "import sys\nwhile True:\n    with open(sys.argv[1], 'r+b') as file: file.write(b'y')\n"
    answers: set[bool | None] = set()
    deadline = time.monotonic() + 60
    with subprocess.Popen([sys.executable, "-c", code, str(film)]) as child:
        for number in itertools.count():
            if (number > 2000 and len(answers) > 1) or time.monotonic() > deadline:
                break
            answers.add(is_open_for_writing(film))
        assert child.poll() is None
        child.kill()
    assert answers == {True, False}

"""The lock of a folder excludes other processes and goes with its holder, by both ways."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.files import is_temp_name
from av1rules.base.system.folder_lock import LOCK_NAME, try_file_lock, try_folder_lock

TryLock = Callable[[Path], contextlib.AbstractContextManager[bool]]

HOLDS = """
import sys
from pathlib import Path
from av1rules.base.system import folder_lock
with getattr(folder_lock, sys.argv[1])(Path(sys.argv[2])) as is_locked:
    print(is_locked, flush=True)
    sys.stdin.read()
"""


def is_free(try_lock: TryLock, folder: Path) -> bool:
    with try_lock(folder) as is_locked:
        return is_locked


@pytest.mark.parametrize("try_lock", [try_folder_lock, try_file_lock])
def test_the_lock_of_another_process(try_lock: TryLock, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, getattr(try_lock, "__name__", ""), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert not is_free(try_lock, tmp_path)
        other.kill()
        other.wait(60)
    end = time.monotonic() + 60
    while not is_free(try_lock, tmp_path):
        assert time.monotonic() < end
    assert is_free(try_lock, tmp_path)


def test_a_folder_is_locked_without_a_file(tmp_path: Path) -> None:
    with try_folder_lock(tmp_path) as is_locked:
        assert is_locked
        assert list(tmp_path.iterdir()) == []


def test_the_file_is_one_of_ours() -> None:
    assert is_temp_name(LOCK_NAME)

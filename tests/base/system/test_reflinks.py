"""What is said where nothing can be cloned."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from av1rules.base.system.reflinks import clone


def test_other_systems_say_that_they_can_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "film").write_bytes(b"x")
    monkeypatch.setattr(sys, "platform", "win32")
    with (
        open(tmp_path / "film", "rb") as film,
        pytest.raises(OSError, match="part") as caught,
    ):
        clone(film.fileno(), str(tmp_path / "part"))
    assert caught.value.errno == errno.ENOTSUP
    assert not (tmp_path / "part").exists()


def test_nothing_is_cloned_over_a_file(tmp_path: Path) -> None:
    for name in ("film", "part"):
        (tmp_path / name).write_bytes(name.encode())
    with open(tmp_path / "film", "rb") as film, pytest.raises(FileExistsError):
        clone(film.fileno(), str(tmp_path / "part"))
    assert (tmp_path / "part").read_bytes() == b"part"

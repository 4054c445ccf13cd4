"""SIGHUP is answered until the former way is restored; without one nothing happens."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from av1rules.base.system.hang_up import on_hang_up


def test_each_hang_up_is_told_until_restored() -> None:
    came: list[str] = []
    former = signal.getsignal(signal.SIGHUP)
    restore = on_hang_up(lambda: came.append("hang-up"))
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)
    restore()
    assert came == ["hang-up", "hang-up"]
    assert signal.getsignal(signal.SIGHUP) == former


def test_windows_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    former = signal.getsignal(signal.SIGHUP)
    monkeypatch.setattr(sys, "platform", "win32")
    on_hang_up(lambda: None)()
    assert signal.getsignal(signal.SIGHUP) == former

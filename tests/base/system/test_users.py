"""Owners of files: this user, root, others; Windows has none of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from av1rules.base.system import users


def of(uid: int, mode: int = 0o600) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 1, 1, 1, uid, uid, 0, 0, 0, 0))


def test_names_are_the_systems_own() -> None:
    assert (users.user_name(0), users.group_name(0)) == ("root", "root")
    assert (users.user_name(987_654), users.group_name(987_654)) == (None, None)


def test_own_files_and_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    seen = [(users.is_mine(of(uid)), users.is_mine_or_roots(of(uid))) for uid in (1000, 0, 1001)]
    assert seen == [(True, True), (False, True), (False, False)]
    assert (users.user_id(), users.is_root()) == (1000, False)


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, True), (0o604, True)])
def test_files_open_to_others(mode: int, *, is_open: bool) -> None:
    assert users.open_to_others(of(0, mode)) is is_open


def test_windows_has_no_owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert (users.user_id(), users.group_id(), users.is_root()) == (None, None, False)
    assert (users.is_mine(of(5)), users.open_to_others(of(5, 0o666))) == (True, False)
    users.give(str(tmp_path / "absent"), user=1, group=1)
    assert (users.user_name(0), users.group_name(0)) == (None, None)

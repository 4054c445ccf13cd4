"""Commands run beside the monitor: what they say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.ui.monitor.commands import open_page, run_command
from tests.operations.monitor.test_figures import ruleset


def test_a_command_of_ours(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    found = run_command(("status",), rules.file, columns=80, children=Children())
    assert found.is_done
    assert "ledger" in found.text
    missing = run_command(("retry", "films/none.mkv"), rules.file, columns=80, children=Children())
    assert not missing.is_done
    assert missing.last_line
    stopping = Children()
    stopping.stop()
    ended = run_command(("status",), rules.file, columns=80, children=stopping)
    assert not ended.is_done


def test_there_is_no_browser_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not open_page("/tmp/page.html", Children())
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", "")
    assert not open_page("/tmp/page.html", Children())

"""The gauges: what a system tells, and what it does not."""

from __future__ import annotations

from pathlib import Path

from av1rules.ui.monitor.gauges import GaugeReader, gpu_share
from tests.operations.monitor.test_figures import ruleset


def test_this_machine(tmp_path: Path) -> None:
    found = GaugeReader(ruleset(tmp_path), drm=tmp_path / "none").read()
    assert found.cpu is not None
    assert 0.0 <= found.cpu <= 1.0
    assert found.memory is not None
    assert 0.0 < found.memory <= 1.0
    assert found.gpu is None
    assert found.target_free is not None


def test_graphics_cards(tmp_path: Path) -> None:
    (tmp_path / "card0-HDMI-A-1").mkdir()
    intel = tmp_path / "card0"
    intel.mkdir()
    assert gpu_share(tmp_path) is None
    (intel / "gt_act_freq_mhz").write_text("600\n")
    (intel / "gt_max_freq_mhz").write_text("1200\n")
    assert gpu_share(tmp_path) == 0.5
    (intel / "gt_max_freq_mhz").write_text("not a number\n")
    assert gpu_share(tmp_path) is None
    amd = tmp_path / "card1" / "device"
    amd.mkdir(parents=True)
    (amd / "gpu_busy_percent").write_text("30\n")
    assert gpu_share(tmp_path) == 0.3

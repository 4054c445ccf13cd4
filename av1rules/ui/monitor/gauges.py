"""Gauges of this machine: processor, memory, graphics, load, temperature, free disk space."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from av1rules.policy.model import OutputMode, RuleSet
from av1rules.ui.monitor.model import Gauges

_GPU_PAIRS = (
    ("gt_act_freq_mhz", "gt_max_freq_mhz"),  # i915
    ("device/tile0/gt0/freq0/act_freq", "device/tile0/gt0/freq0/max_freq"),  # xe
)
"""Files below /sys/class/drm/card*: a frequency of the maximum stands for the load of the graphics
card, as av1top has it; AMD tells the load itself."""


class GaugeReader:
    """Reads them; the processor's share is that since the last call."""

    def __init__(self, ruleset: RuleSet, *, drm: Path = Path("/sys/class/drm")) -> None:
        import psutil  # noqa: PLC0415 - 25 ms that only the monitor pays

        self._psutil = psutil
        self._targets = _folder_of_targets(ruleset)
        self._work = str(ruleset.output.temp_dir or self._targets)
        self._drm = drm
        psutil.cpu_percent()

    def read(self) -> Gauges:
        """What this system does not tell is None."""
        return Gauges(
            cpu=self._psutil.cpu_percent() / 100,
            memory=self._psutil.virtual_memory().percent / 100,
            gpu=gpu_share(self._drm),
            load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            temperature_c=self._temperature(),
            target_free=_free(self._targets),
            temp_free=None if self._work == self._targets else _free(self._work),
        )

    def _temperature(self) -> float | None:
        sensors = getattr(self._psutil, "sensors_temperatures", None)
        if sensors is None:
            return None
        with contextlib.suppress(OSError, ValueError):
            found = [one.current for kind in sensors().values() for one in kind if one.current]
            return max(found, default=None)
        return None


def gpu_share(drm: Path) -> float | None:
    """How busy the first graphics card is that tells it, 0..1."""
    for card in sorted(_cards(drm)):
        if (busy := _number(card / "device/gpu_busy_percent")) is not None:
            return busy / 100
        for now, most in _GPU_PAIRS:
            current, limit = _number(card / now), _number(card / most)
            if current is not None and limit:
                return min(current / limit, 1.0)
    return None


def _cards(drm: Path) -> Iterable[Path]:
    with contextlib.suppress(OSError):
        return [one for one in drm.iterdir() if one.name.startswith("card") and "-" not in one.name]
    return []


def _number(path: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        return float(path.read_text().strip())
    return None


def _folder_of_targets(ruleset: RuleSet) -> str:
    output = ruleset.output
    if output.mode is OutputMode.MIRROR and output.root is not None:
        return str(output.root)
    return str(next(iter(ruleset.library.roots)).path)


def _free(folder: str) -> int | None:
    """Of the nearest folder that exists."""
    path = Path(folder)
    for one in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(one).free
    return None

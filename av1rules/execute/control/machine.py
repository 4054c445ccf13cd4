"""Measures what else the machine does, or how it is: the readings for the limits of a policy.

Imported only by runs whose policy has limits: psutil takes 25 ms.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import psutil

from av1rules.base.events import Note, Sink
from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.control.hold import Hold, HoldCause
from av1rules.execute.control.limits import LimitKeeper, Reading
from av1rules.execute.control.viewers import Viewers, find_viewers
from av1rules.policy.neighbours.spec import Neighbour
from av1rules.policy.schedule.limits import PLUGGED, MachineLimits

_log = logging.getLogger(__name__)

MEASURE_S = 5.0
"""How often it is measured: several times within the half minute that a limit must be passed."""

_GOODBYE_S = 1.0
"""How long the end of a run waits for a measurement, which may hang in a dead server."""

ASK_S = 15.0
"""How often media servers are asked: twice within the half minute."""

_PROCESSOR_SENSORS = (
    "coretemp",
    "k10temp",
    "zenpower",
    "cpu_thermal",
    "cpu-thermal",
    "soc_thermal",
)
"""Sensors that are in the processor. Others, of disks or boards, count only where none is."""


def own_processes() -> dict[int, psutil.Process]:
    """This process and all that it started."""
    this = psutil.Process()
    with contextlib.suppress(psutil.Error):
        return {one.pid: one for one in (this, *this.children(recursive=True))}
    return {this.pid: this}


class OthersLoad:
    """The share of all cores that other programs use, between two calls."""

    def __init__(self) -> None:
        self._before: tuple[float, float, float] | None = None

    def share(self) -> float | None:
        """0 to 1; None at the first call."""
        before, now = self._before, (time.monotonic(), _busy_s(), _own_s())
        self._before = now
        if before is None:
            return None
        elapsed, busy, own = (new - old for new, old in zip(now, before, strict=True))
        cores = os.cpu_count() or 1
        return min(max((busy - own) / (elapsed * cores), 0.0), 1.0) if elapsed > 0 else None


def _busy_s() -> float:
    """Processor time of all programs since the start. Time stolen from a virtual machine is that of
    other machines, which do not wait for this one."""
    times = psutil.cpu_times()
    kinds = ("user", "nice", "system", "irq", "softirq")
    return sum(float(getattr(times, kind, 0.0)) for kind in kinds)


def _own_s() -> float:
    """Processor time of this process and its children, those that ended included."""
    total = 0.0
    for process in own_processes().values():
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def processor_temperature() -> float | None:
    """The hottest sensor of the processor, in degrees Celsius; None if there is none."""
    if not hasattr(psutil, "sensors_temperatures"):  # not on every system
        return None
    found = psutil.sensors_temperatures()
    inside = [one for name in _PROCESSOR_SENSORS for one in found.get(name, ())]
    readings = inside or [one for sensors in found.values() for one in sensors]
    return max((one.current for one in readings if one.current), default=None)


def free_for_us() -> int:
    """Memory in bytes that other programs leave: what is free and what our encodes hold."""
    held = 0
    for process in own_processes().values():
        with contextlib.suppress(psutil.Error):
            held += process.memory_info().rss
    return int(psutil.virtual_memory().available) + held


class MachineWatch:
    """Measures in a thread of its own while it is `running`, since a sensor or a share may hang.
    `hold` is what follows."""

    def __init__(
        self,
        limits: MachineLimits,
        roots: Collection[str],
        sink: Sink,
        neighbours: Sequence[Neighbour] = (),
    ) -> None:
        self._limits = limits
        self._roots = roots
        self._neighbours = neighbours
        self._viewing = Viewers()
        self._asked_at: float | None = None
        self._sink = sink
        self._keeper = LimitKeeper(limits)
        self._load = OthersLoad()
        self._unknown: set[HoldCause] = set()
        self.hold: Hold | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        if not self._limits.has_any:
            yield
            return
        is_over = threading.Event()
        self.look()  # before anything begins
        thread = threading.Thread(
            target=self._serve, args=(is_over,), daemon=True, name="machine-watch"
        )
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(_GOODBYE_S)

    def _serve(self, is_over: threading.Event) -> None:
        while not is_over.wait(MEASURE_S):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a broken sensor must not end the watch
                _log.exception("the machine could not be measured")

    def look(self) -> None:
        """Measure once."""
        readings = tuple(self.readings())
        for one in readings:
            if one.is_beyond is None and one.cause not in self._unknown:
                self._unknown.add(one.cause)
                self._sink(Note(message=one.text))
        self.hold = self._keeper.feed(readings, time.monotonic())

    def readings(self) -> Iterator[Reading]:
        """One for each limit that is set."""
        limits = self._limits
        kinds: tuple[tuple[object, Callable[[], Reading | None]], ...] = (
            (limits.battery, self._battery),
            (limits.viewers, self._viewers),
            (limits.temperature, self._temperature),
            (limits.free_memory, self._memory),
            (limits.load, self._others),
        )
        for limit, read in kinds:
            if limit is not None and (reading := read()) is not None:
                yield reading

    def _others(self) -> Reading | None:
        share, most = self._load.share(), self._limits.load or 0.0
        if share is None:
            return None
        return Reading(
            cause=HoldCause.LOAD,
            is_beyond=share >= most,
            text=f"other programs use {share:.0%} of the processor (limits.load: {most:.0%})",
        )

    def _temperature(self) -> Reading:
        found, most = processor_temperature(), self._limits.temperature or 0.0
        if found is None:
            return _unknown(HoldCause.TEMPERATURE, "there is no sensor of temperature here")
        return Reading(
            cause=HoldCause.TEMPERATURE,
            is_beyond=found >= most,
            text=f"the processor has {found:.0f} °C (limits.temperature: {most:g})",
        )

    def _battery(self) -> Reading:
        has_sensor = hasattr(psutil, "sensors_battery")
        found, least = psutil.sensors_battery() if has_sensor else None, self._limits.battery or 0.0
        if found is None:  # a machine without one is plugged in
            return Reading(cause=HoldCause.BATTERY, is_beyond=False, text="no battery")
        is_plugged = found.power_plugged is True
        charge = found.percent / 100
        shown = "plugged" if least == PLUGGED else f"{least:.0%}"
        return Reading(
            cause=HoldCause.BATTERY,
            is_beyond=not is_plugged and charge < least,
            text=f"on battery, {charge:.0%} left (limits.battery: {shown})",
        )

    def _memory(self) -> Reading:
        free, least = free_for_us(), self._limits.free_memory or 0
        return Reading(
            cause=HoldCause.MEMORY,
            is_beyond=free < least,
            text=f"other programs leave {format_size(free)} of memory "
            f"(limits.free_memory: {format_size(least)})",
        )

    def _viewers(self) -> Reading:
        most, now = self._limits.viewers or 1, time.monotonic()
        if self._asked_at is None or now - self._asked_at >= ASK_S:
            self._viewing = find_viewers(self._roots, self._neighbours, own_processes())
            self._asked_at = time.monotonic()
        viewing = self._viewing
        if viewing.count < most and viewing.problems:
            text = f"it is not known who watches ({'; '.join(viewing.problems)})"
            return _unknown(HoldCause.VIEWERS, text)
        names = sorted(map(os.path.basename, viewing.films - viewing.paused))
        shown = f": {printable(names[0])}" if names else ""
        return Reading(
            cause=HoldCause.VIEWERS,
            is_beyond=viewing.count >= most,
            text=f"{counted(viewing.count, 'film')} being watched{shown} (limits.viewers: {most})",
        )


def _unknown(cause: HoldCause, text: str) -> Reading:
    return Reading(cause=cause, is_beyond=None, text=f"{text}: limits.{cause.value} is not known")

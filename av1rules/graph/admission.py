"""How many encodes fit into memory together: by an estimate of each, against a budget.

A job that would overfill the budget waits for others to end; one alone always runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from av1rules.base.units import format_size
from av1rules.encode.encoders import AOM_CODEC, SVT_CODEC
from av1rules.graph.free_memory import available_bytes
from av1rules.graph.turnstile import Turnstile, nothing_to_check, tell_nobody

BUDGET_SHARE = 0.8
"""Of the memory that is available when the run starts: the rest is for everything else."""

BASE_BYTES = 160 * 1024**2
"""FFmpeg, its decoder and its queues without a picture; measured 90-110 MiB."""

_SVT_BYTES_PER_PIXEL = ((9, 340), (8, 370), (6, 600), (0, 720))
"""From this preset up, so many bytes for each pixel, at parallel level 2 and 10 bit: what was
measured and a seventh more. Peak resident memory in MiB, SVT-AV1 4.2, the film made by FFmpeg:

    preset                         10     8   6-7     5     3   1-2
    640x360                       147   203     -   255   253     -
    1920x1080                     699   737  1143  1274  1347  1379
    3840x2160                    2312  2503     -  3855  3946     -    (preset 3 cut short)
"""

_SVT_LEVEL_FACTORS = (0.95, 1.0, 1.4, 1.7, 1.8, 2.0)
"""SVT-AV1 keeps more pictures at work the more threads it may use. MiB by parallel level, 1 to 6:

    1920x1080, preset 10          559   711   904  1089  1138  1312
    1920x1080, preset 5           862  1308  1587  1719  1820  2009
    3840x2160, preset 10         1844  2064  2799  3325  3583  4006    (40 to 50 frames)
"""

_SVT_LEVEL_CORES = (1, 2, 5, 11, 23)
"""Up to so many cores SVT-AV1 chooses parallel level 1, 2 ... 5 by itself; 6 beyond."""

_OTHER_BYTES_PER_PIXEL = {AOM_CODEC: 480, "librav1e": 600}
"""Measured in 1920x1080: libaom 865 MiB (with 8 threads 877), rav1e 900 when cut short."""


def estimate_bytes(
    width: int,
    height: int,
    *,
    codec: str,
    preset: int,
    threads: int | None = None,
    cores: int | None = None,
) -> int:
    """Most memory that one encode will use, rather too much than too little.

    `codec` is FFmpeg's name of the encoder, `threads` as in `run.threads_per_job`, `cores` what the
    encoder may run on (None: all of this machine).
    """
    pixels = max(width * height, 1)
    if codec != SVT_CODEC:
        return BASE_BYTES + pixels * _OTHER_BYTES_PER_PIXEL.get(codec, 700)
    per_pixel = next(size for least, size in _SVT_BYTES_PER_PIXEL if max(preset, 0) >= least)
    level = threads or _usual_level(cores or os.cpu_count() or 1)
    factor = _SVT_LEVEL_FACTORS[min(level, len(_SVT_LEVEL_FACTORS)) - 1]
    return BASE_BYTES + int(pixels * per_pixel * factor)


def _usual_level(cores: int) -> int:
    return 1 + sum(cores > most for most in _SVT_LEVEL_CORES)


@dataclass(slots=True)
class Memory:
    """The estimates of the encodes under way. Safe to use from many threads.

    Without `budget_bytes` it is a share of what is available at the first encode, before any runs.
    """

    budget_bytes: int | None = None
    _turns: Turnstile = field(default_factory=Turnstile)
    _running: list[int] = field(default_factory=list)

    @contextmanager
    def admitted(
        self,
        need_bytes: int,
        *,
        check: Callable[[], None] = nothing_to_check,
        tell: Callable[[str], None] = tell_nobody,
    ) -> Iterator[None]:
        """Waits until `need_bytes` fit beside what runs, or nothing else runs.

        `tell` hears once for what it waits, and that it is larger than the whole budget; `check`
        is called twice a second and may raise.
        """

        def take(_measured: None) -> str | None:
            budget = self._budget()
            used = sum(self._running)
            if self._running and used + need_bytes > budget:
                jobs = "another job" if len(self._running) == 1 else f"{len(self._running)} jobs"
                return (
                    f"waits for memory: it needs about {format_size(need_bytes)}, {jobs} about "
                    f"{format_size(used)} of {format_size(budget)} (run.memory)"
                )
            self._running.append(need_bytes)
            return None

        self._turns.enter(
            frozenset(("memory",)), measure=lambda: None, take=take, check=check, tell=tell
        )
        try:
            if need_bytes > self._budget():
                tell(
                    f"it needs about {format_size(need_bytes)} of memory, more than "
                    f"{format_size(self._budget())} (run.memory): it runs alone"
                )
            yield
        finally:
            with self._turns.lock:
                self._running.remove(need_bytes)
                self._turns.lock.notify_all()

    def _budget(self) -> int:
        if self.budget_bytes is None:
            self.budget_bytes = int(available_bytes() * BUDGET_SHARE)
        return self.budget_bytes

"""Room on disk, promised once: what one job may need is not counted as free for the next."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from av1rules.base.errors import Av1rulesError
from av1rules.base.units import format_size


class Room:
    """The promises of one run, by file system."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promised: dict[int, int] = {}

    @contextmanager
    def promised(self, places: list[str], need_bytes: int, reserve_bytes: int) -> Iterator[None]:
        """Promise `need_bytes` on the file system of each place while the context is open.

        Raises Av1rulesError if that would leave less than `reserve_bytes` free.
        """
        devices = {os.stat(folder).st_dev: folder for folder in map(_existing, places)}
        with self._lock:
            for device, folder in devices.items():
                self._require(device, folder, need_bytes, reserve_bytes)
            for device in devices:
                self._promised[device] = self._promised.get(device, 0) + need_bytes
        try:
            yield
        finally:
            with self._lock:
                for device in devices:
                    self._promised[device] -= need_bytes

    def _require(self, device: int, folder: str, need_bytes: int, reserve_bytes: int) -> None:
        free = shutil.disk_usage(folder).free - self._promised.get(device, 0)
        if free < need_bytes + reserve_bytes:
            raise Av1rulesError(
                f"not enough room: {format_size(max(free, 0))} free, needed are up to "
                f"{format_size(need_bytes)} and a reserve of {format_size(reserve_bytes)}",
                where=folder,
                hint="free some space, or set output.temp_dir or run.reserve",
            )


def _existing(path: str) -> str:
    """The nearest folder that is there already."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path

"""What systemd is told of a service of `Type=notify`, by datagrams to its socket (sd_notify(3)).

Without systemd nothing happens. Children get neither socket nor watchdog: they are not the service.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import MutableMapping
from typing import Self

_MOST_STATUS = 300


class ServiceManager:
    """Talks to the service manager that started this process, if one did."""

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = address
        self._watchdog_s = watchdog_s
        self._pinged = 0.0
        self._status = ""

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> Self:
        """By the variables of the environment, which are taken out of it."""
        address = environment.pop("NOTIFY_SOCKET", None)
        interval_us = environment.pop("WATCHDOG_USEC", "")
        owner = environment.pop("WATCHDOG_PID", "")
        is_ours = owner in ("", str(os.getpid()))
        return cls(address, int(interval_us) / 1e6 if is_ours and interval_us.isdigit() else None)

    def ready(self, status: str) -> None:
        """The service works; also at the end of a reload."""
        self._status = status
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        now_us = time.monotonic_ns() // 1000  # CLOCK_MONOTONIC, where systemd is
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def stopping(self, status: str) -> None:
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`; said again only if it is another."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Twice in the time after which systemd takes the service for hung; to be called often."""
        now = time.monotonic()
        if self._watchdog_s is not None and now - self._pinged >= self._watchdog_s / 2:
            self._pinged = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        """A manager that does not listen is no reason to stop."""
        if sys.platform != "win32" and self._address:
            address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
            ):
                manager.settimeout(1.0)
                manager.sendto(text.encode(), address)


def _line(status: str) -> str:
    return " ".join(status.split())[:_MOST_STATUS]

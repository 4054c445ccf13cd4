"""What a real socket of a service manager gets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.service.sd_notify import ServiceManager


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.chdir(tmp_path)  # paths of sockets are short
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("notify")
        listening.settimeout(20)
        yield listening


def said(listening: socket.socket) -> list[str]:
    return listening.recv(4096).decode().split("\n")


def test_ready_status_and_stopping(manager: socket.socket) -> None:
    service = ServiceManager("notify")
    service.ready("started")
    assert said(manager) == ["READY=1", "STATUS=started"]
    service.status("idle\nREADY=1")
    assert said(manager) == ["STATUS=idle READY=1"]
    service.status("idle\nREADY=1")
    service.stopping("stopped")
    assert said(manager) == ["STOPPING=1", "STATUS=stopped"]


def test_a_reload_has_the_time_that_systemd_compares(manager: socket.socket) -> None:
    ServiceManager("notify").reloading()
    first, second = said(manager)
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_the_watchdog_is_fed_twice_in_its_time(manager: socket.socket) -> None:
    service = ServiceManager("notify", watchdog_s=1000)
    service.alive()
    service.alive()
    assert said(manager) == ["WATCHDOG=1"]
    service.ready("next")
    assert said(manager)[0] == "READY=1"


def test_abstract_sockets(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"av1rules-test-{os.getpid()}"
        listening.bind(f"\0{name}")
        listening.settimeout(20)
        ServiceManager(f"@{name}").ready("x")
        assert said(listening)[0] == "READY=1"


def test_the_environment_is_taken_and_not_left_to_children() -> None:
    environment = {
        "NOTIFY_SOCKET": "/none",
        "WATCHDOG_USEC": "5000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    service = ServiceManager.of(environment)
    assert environment == {"HOME": "/"}
    service.alive()
    service.ready("nobody listens")


def test_a_watchdog_of_another_process_is_not_ours(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": "notify", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    service = ServiceManager.of(environment)
    service.alive()
    service.ready("x")
    assert said(manager)[0] == "READY=1"


def test_without_systemd_nothing_happens(manager: socket.socket) -> None:
    service = ServiceManager.of({})
    service.ready("x")
    service.alive()
    service.stopping("y")
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(1)

"""An interrupt is answered even where the main thread does not notice it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from av1rules.base.process import Children
from av1rules.base.signals import stop_on_signals

SIGNALS = {signal.SIGINT, signal.SIGTERM}


@pytest.fixture
def another_thread_gets_them() -> Iterator[None]:
    """As the system may choose: the main thread's waits are not interrupted then."""
    over = threading.Event()
    threading.Thread(target=over.wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    over.set()


@pytest.mark.usefixtures("another_thread_gets_them")
@pytest.mark.parametrize("signum", sorted(SIGNALS))
def test_signal_during_a_wait_stops_the_children(signum: signal.Signals) -> None:
    children, stopped = Children(), threading.Event()
    children.on_stop = stopped.set
    with stop_on_signals(children):
        threading.Timer(0.1, os.kill, (os.getpid(), signum)).start()
        assert stopped.wait(20)  # nobody else ends this wait
    assert children.is_stopping


@pytest.mark.usefixtures("another_thread_gets_them")
def test_only_the_second_signal_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    children, stopped = Children(), threading.Event()
    kills: list[bool] = []
    stop = Children.stop

    def recorded(children: Children, *, kill: bool = False) -> None:
        kills.append(kill)
        stop(children, kill=kill)

    monkeypatch.setattr(Children, "stop", recorded)
    children.on_stop = stopped.set
    with stop_on_signals(children):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stopped.wait(20)
        deadline = time.monotonic() + 20
        while len(kills) < 2 and time.monotonic() < deadline:  # its handler runs at last
            time.sleep(0.01)
        assert kills == [False, False]
        with pytest.raises(KeyboardInterrupt):
            _interrupt_a_busy_thread()
    assert kills == [False, False, True]


def _interrupt_a_busy_thread() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.01)

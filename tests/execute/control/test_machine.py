"""What is measured: of others, not of our own encodes; unknown where it can't be."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from av1rules.base.children import Children
from av1rules.base.errors import RunInterruptedError
from av1rules.base.events import Event, Note, Paused, Resumed
from av1rules.base.process import run
from av1rules.execute.control import machine, played
from av1rules.execute.control.hold import HoldCause
from av1rules.execute.control.limits import Reading
from av1rules.execute.control.machine import MachineWatch, OthersLoad, free_for_us, own_processes
from av1rules.execute.control.players import watched_films
from av1rules.policy.schedule.limits import PLUGGED, MachineLimits
from tests.base.test_children import PYTHON, Running, until

BUSY = """
import os
print(os.getpid(), flush=True)
print("", flush=True)
while True:
    pass
"""


@pytest.fixture
def children() -> Any:
    children = Children()
    yield children
    children.stop(kill=True)


def test_our_own_encodes_are_no_load_of_others(children: Children) -> None:
    """Compared with all that is used: whatever else this machine does meanwhile."""
    load = OthersLoad()
    Running(children, BUSY)
    assert load.share() is None
    before = psutil.cpu_times()
    time.sleep(1.0)
    share, after = load.share(), psutil.cpu_times()
    busy = sum(after[:3]) - sum(before[:3])
    assert share is not None
    assert 0 <= share <= 1
    own = busy - share * 1.0 * (os.cpu_count() or 1)
    assert own > 0.2, "a core that we use all the time is ours, if a slow machine lets us have it"


def test_a_child_that_has_ended_does_not_count_as_others(children: Children) -> None:
    code = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    own = machine._own_s()
    run([*PYTHON, code], children=children)
    assert machine._own_s() - own >= 0.4


def test_memory_that_encodes_hold_is_free_for_us(children: Children) -> None:
    code = (
        "import os, time\nprint(os.getpid(), flush=True)\nheld = bytearray(200 * 2**20)\n"
        "print('held', flush=True)\ntime.sleep(600)"
    )
    child = Running(children, code)
    assert child.pid in own_processes()
    available = psutil.virtual_memory().available
    assert free_for_us() > available + 100 * 2**20


def watch(found: list[Event] | None = None, **limits: Any) -> MachineWatch:
    return MachineWatch(MachineLimits(**limits), (), ([] if found is None else found).append)


def only(one: MachineWatch) -> Reading:
    (reading,) = one.readings()
    return reading


@pytest.mark.parametrize(
    ("sensors", "is_beyond"),
    [
        ({"coretemp": [60.0, 86.0], "nvme": [99.0]}, True),
        ({"coretemp": [60.0, 84.9], "nvme": [99.0]}, False),
        ({"nvme": [99.0]}, True),
        ({}, None),
        ({"acpitz": [0.0]}, None),
    ],
)
def test_temperature(
    monkeypatch: pytest.MonkeyPatch, sensors: dict[str, list[float]], is_beyond: bool | None
) -> None:
    found = {name: [SimpleNamespace(current=one) for one in ones] for name, ones in sensors.items()}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: found, raising=False)
    assert only(watch(temperature=85.0)).is_beyond is is_beyond


@pytest.mark.parametrize(
    ("battery", "least", "is_beyond"),
    [
        (None, PLUGGED, False),
        ((50, True), PLUGGED, False),
        ((100, False), PLUGGED, True),
        ((50, False), 0.3, False),
        ((29, False), 0.3, True),
        ((5, True), 0.3, False),
        ((29, None), 0.3, True),
    ],
)
def test_battery(
    monkeypatch: pytest.MonkeyPatch,
    battery: tuple[int, bool | None] | None,
    least: float,
    is_beyond: bool,
) -> None:
    found = None
    if battery is not None:
        found = SimpleNamespace(percent=battery[0], power_plugged=battery[1])
    monkeypatch.setattr(psutil, "sensors_battery", lambda: found, raising=False)
    assert only(watch(battery=least)).is_beyond is is_beyond


def test_memory_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_for_us", lambda: 2**30)
    assert only(watch(free_memory=2**31)).is_beyond
    assert not only(watch(free_memory=2**29)).is_beyond
    one = watch(load=0.5)
    assert list(one.readings()) == []  # a share needs two looks
    monkeypatch.setattr(one._load, "share", lambda: 0.5)
    assert only(one).is_beyond


def test_what_can_not_be_measured_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_temperatures", dict, raising=False)
    events: list[Event] = []
    one = watch(events, temperature=85.0)
    one.look()
    one.look()
    (note,) = events
    assert isinstance(note, Note)
    assert "limits.temperature" in note.message
    assert one.hold is None


def test_the_watch_measures_before_anything_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_for_us", lambda: 2**30)
    one = watch(free_memory=2**31)
    with one.running():
        assert one.hold is not None
        assert one.hold.cause is HoldCause.MEMORY
        assert "2 GiB" in one.hold.reason


HOLDS_OPEN = """
import os, sys, time
file = open(sys.argv[1], "rb")
print(os.getpid(), flush=True)
time.sleep(600)
"""


LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is open is read from /proc"
)


def play(program: Path, film: Path, children: Children) -> int:
    """Start a program that has the film open; its process."""
    shutil.copy(os.path.realpath(sys.executable), program)
    pids: list[str] = []
    thread = threading.Thread(
        target=lambda: run(
            [str(program), "-ISsc", HOLDS_OPEN, str(film)],
            children=children,
            env={"PYTHONHOME": sys.base_prefix},
            on_line=pids.append,
        ),
        daemon=True,
    )
    thread.start()
    until(lambda: bool(pids) or not thread.is_alive(), "it opened the film")
    if not pids:
        pytest.skip("this Python does not run under another name")
    return int(pids[0])


@LINUX
@pytest.mark.parametrize(("name", "is_player"), [("mpv", True), ("transmission-da", False)])
def test_films_that_players_have_open(
    tmp_path: Path, children: Children, name: str, is_player: bool
) -> None:
    film = tmp_path / "films" / "a.mkv"
    film.parent.mkdir()
    film.touch()
    player = play(tmp_path / name, film, children)
    expected = frozenset({str(film)} if is_player else ())
    assert watched_films([str(film.parent)], ()) == expected
    assert watched_films([str(film.parent)], [player]) == frozenset()
    assert watched_films([str(tmp_path / "others")], ()) == frozenset()


def test_a_system_without_proc_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av1rules.execute.control.players.PROC", str(tmp_path / "none"))
    assert watched_films(["/"], ()) is None
    assert only(watch(viewers=1)).is_beyond is None


@LINUX
def test_a_film_that_is_played_waits_for_its_end(
    tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(played, "LOOK_S", 0.1)
    # The player of this test is a child of it, and would count as our own.
    monkeypatch.setattr(machine, "own_processes", dict)
    film = tmp_path / "a.mkv"
    film.touch()
    events: list[Event] = []
    player = play(tmp_path / "vlc", film, children)

    def wait() -> None:
        played.wait_while_played(
            str(film), name="films/a.mkv", neighbours=(), children=job, sink=events.append
        )

    job = Children(parent=children)
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    until(lambda: bool(events), "it waits")
    assert isinstance(events[0], Paused)
    assert (events[0].cause, events[0].source) == ("viewers", "films/a.mkv")
    os.kill(player, signal.SIGKILL)
    waiting.join(60)
    assert not waiting.is_alive()
    assert isinstance(events[1], Resumed)
    wait()
    assert len(events) == 2


@LINUX
def test_a_run_is_stopped_while_it_waits(
    tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "own_processes", dict)
    film = tmp_path / "a.mkv"
    film.touch()
    play(tmp_path / "mpv", film, children)

    def stop(_event: Event) -> None:
        job.stop()

    job = Children(parent=Children())
    with pytest.raises(RunInterruptedError):
        played.wait_while_played(str(film), name="a", neighbours=(), children=job, sink=stop)

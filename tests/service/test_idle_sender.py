"""A watcher and its neighbours as real processes and servers: told between rounds, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from av1rules.ledger.ledger import Ledger
from av1rules.policy.load import load_rules
from av1rules.service.idle_sender import IdleSender
from tests.fakes.neighbours import KEY, FakeHook, FakeJellyfin, Fault, serving
from tests.service.program import HASTE
from tests.service.watched import WatchedLibrary, until

NEIGHBOURS = """\
neighbours:
  hook:
    {{type: webhook, url: '{hook}', secret: {{env: HOOK_KEY}}, on: [published], timeout: {timeout}}}
  den: {{type: jellyfin, url: '{den}', token: {{env: DEN_KEY}}, timeout: {timeout}}}
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    secrets = {HASTE: "1", "HOOK_KEY": KEY, "DEN_KEY": KEY}
    with WatchedLibrary(tmp_path / "library", environment=secrets) as library:
        yield library


@pytest.fixture
def hook() -> FakeHook:
    return FakeHook()


@pytest.fixture
def den() -> FakeJellyfin:
    return FakeJellyfin()


@pytest.fixture(autouse=True)
def served(hook: FakeHook, den: FakeJellyfin) -> Iterator[None]:
    with serving(hook, den):
        yield


def follow(library: WatchedLibrary, hook: FakeHook, den: FakeJellyfin, timeout: str = "5s") -> None:
    """With neighbours, and no round for ten minutes unless something asks for it."""
    library.rules(more=NEIGHBOURS.format(hook=hook.url, den=den.url, timeout=timeout))
    library.start("--no-events")


def waiting(library: WatchedLibrary) -> int:
    with closing(Ledger.read(library.state_dir)) as ledger:
        return ledger.outbox.count_waiting()


def test_who_was_off_in_the_round_is_told_once_before_the_next(
    library: WatchedLibrary, hook: FakeHook, den: FakeJellyfin
) -> None:
    hook.is_down = den.is_down = True
    library.add("a.mkv")
    library.add("b.mkv")
    follow(library, hook, den)
    library.until_idle()
    attempts = len(hook.refused)
    assert waiting(library) == 4
    library.until(lambda: len(hook.refused) > attempts + 1, "attempts while it waits")
    assert not hook.seen

    hook.is_down = den.is_down = False
    library.until(lambda: waiting(library) == 0, "all told")
    time.sleep(1.5)  # three more looks
    assert sorted(hook.seen.values()) == [1, 1]
    updates = [one for call in den.posts("/Library/Media/Updated") for one in call.body["Updates"]]
    assert sorted(one["Path"][-5:] for one in updates) == ["a.mkv", "b.mkv"]
    state = library.state()
    assert state is not None
    assert state.rounds == 1
    assert library.log.count("hook was not told") == 1, library.log
    assert library.log.count("neighbours told: hook of 2") == 1, library.log
    assert library.stop() == 0


def test_a_server_that_does_not_answer_delays_neither_a_round_nor_the_end(
    library: WatchedLibrary, hook: FakeHook, den: FakeJellyfin
) -> None:
    den.is_down = True
    library.add("a.mkv")
    follow(library, hook, den, timeout="40s")
    library.until_idle()
    den.faults.append(Fault.TIMEOUT)
    den.is_down = False
    until(lambda: not den.faults, "a call that hangs")

    library.add("b.mkv")
    library.call("notify", "changed", str(library.folder / "films" / "b.mkv"))
    library.until(lambda: library.target("b.mkv").exists(), "a round meanwhile")
    begun = time.monotonic()
    assert library.stop() == 0
    assert time.monotonic() - begun < 30  # and not the 40 s of the call
    assert waiting(library) > 0


def test_the_next_watcher_repeats_nothing(
    library: WatchedLibrary, hook: FakeHook, den: FakeJellyfin
) -> None:
    library.add("a.mkv")
    follow(library, hook, den)
    library.until_idle()
    assert library.stop() == 0
    library.start("--no-events")
    library.until(lambda: waiting(library) == 0, "all told")
    time.sleep(1.5)
    assert list(hook.seen.values()) == [1]


def test_without_neighbours_there_is_no_thread(library: WatchedLibrary) -> None:
    ruleset = load_rules(library.folder / "rules.yaml")
    sender = IdleSender(lambda: ruleset, lambda *_: None)
    sender.go_on()
    sender.rest()
    sender.close()
    assert sender._thread is None

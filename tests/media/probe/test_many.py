"""Progress of many probes: only what is probed counts, by a rate of the last seconds."""

from __future__ import annotations

import pytest

from av1rules.base.events import Event, Probing
from av1rules.media.probe import many
from av1rules.ui.event_text import event_text


class _Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(many, "time", clock)
    return clock


def test_rate_is_that_of_the_last_seconds(clock: _Clock) -> None:
    events: list[Event] = []
    progress = many._Progress(events.append, lambda: 1000)
    progress.begin()
    for seconds, each_s in ((30, 1.0), (40, 0.1)):
        for _ in range(int(seconds / each_s)):
            clock.now += each_s
            progress.step()
    last = events[-1]
    assert isinstance(last, Probing)
    assert last.per_s == pytest.approx(10, rel=0.05)
    assert last.eta_s == pytest.approx((1000 - 430) / 10, rel=0.05)


def test_no_rate_is_told_from_an_instant(clock: _Clock) -> None:
    events: list[Event] = []
    progress = many._Progress(events.append, lambda: 3)
    progress.begin()
    clock.now += 0.01
    progress.step()
    assert events == [Probing(done=1, total=3)]


def test_nothing_is_counted_or_told_where_nothing_is_probed() -> None:
    events: list[Event] = []

    def count() -> int:
        raise AssertionError

    many._Progress(events.append, count).end()
    assert not events


def test_a_file_of_two_names_does_not_leave_the_progress_open() -> None:
    events: list[Event] = []
    progress = many._Progress(events.append, lambda: 2)
    progress.begin()
    progress.step()
    progress.end()
    assert events[-1] == Probing(done=1, total=1)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            Probing(done=1234, total=56000, per_s=110.2, eta_s=497.0),
            "probed 1,234 of 56,000 new files, 110 a second, about 8 min left",
        ),
        (Probing(done=2, total=9, per_s=0.6, eta_s=11.7),
         "probed 2 of 9 new files, 0.6 a second, about 12 s left"),
        (Probing(done=1, total=1, per_s=0.6, eta_s=0.0), "probed 1 of 1 new file, 0.6 a second"),
    ],
)  # fmt: skip
def test_progress_as_text(event: Probing, text: str) -> None:
    assert event_text(event) == text

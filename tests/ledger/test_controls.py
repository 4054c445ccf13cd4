"""Controls: what holds a film, what ends by itself, the order, and two writers at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from av1rules.ledger.controls import ALL_FILMS, Control, ControlKind, Controls
from av1rules.ledger.ledger import Ledger

AT = "2026-11-27T10:{:02}:00+00:00"
NOW = AT.format(30)


def control(film: str, kind: ControlKind, until: str | None = None) -> Control:
    return Control(film=film, kind=kind, since=AT.format(0), until=until)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as opened:
        yield opened


def test_the_strongest_control_of_a_film_counts() -> None:
    controls = Controls((
        control("films/a.mkv", ControlKind.PAUSE),
        control("films/a.mkv", ControlKind.STOP),
        control("films/b.mkv", ControlKind.ORDER),
        control(ALL_FILMS, ControlKind.PAUSE),
    ))  # fmt: skip
    held = controls.held_films(NOW)
    assert {film: one.kind for film, one in held.items()} == {"films/a.mkv": ControlKind.STOP}
    everything = controls.holding(ALL_FILMS, NOW)
    assert everything is not None
    assert everything.kind is ControlKind.PAUSE


def test_a_control_ends_at_its_time() -> None:
    controls = Controls((control("films/a.mkv", ControlKind.PAUSE, until=AT.format(30)),))
    assert controls.holding("films/a.mkv", AT.format(29)) is not None
    assert controls.holding("films/a.mkv", AT.format(30)) is None
    assert controls.held_films(AT.format(31)) == {}


def test_another_process_is_seen_at_once(tmp_path: Path, ledger: Ledger) -> None:
    assert ledger.controls.current() == Controls()
    with closing(Ledger.open(tmp_path)) as other:
        other.controls.put([control("films/\udcff.mkv", ControlKind.PAUSE)])
    assert ledger.controls.current().holding("films/\udcff.mkv", NOW) is not None
    ledger.controls.remove(["films/\udcff.mkv"], ControlKind)
    assert ledger.controls.current() == Controls()


def test_nothing_is_read_again_without_a_change(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ledger.controls.current()
    monkeypatch.setattr(ledger.controls, "select", None)
    assert ledger.controls.current() is first


def test_writing_takes_away_what_has_ended(ledger: Ledger) -> None:
    ledger.controls.put([control("films/a.mkv", ControlKind.PAUSE, until=AT.format(5))])
    later = Control(film="films/b.mkv", kind=ControlKind.STOP, since=AT.format(10), reason="why")
    ledger.controls.put([later])
    assert ledger.controls.current().entries == (later,)


def test_films_are_moved_to_either_end(ledger: Ledger) -> None:
    move = ledger.controls.move
    move(["a", "b"], AT.format(1), to_front=True)
    move(["c"], AT.format(2), to_front=True)
    move(["d"], AT.format(3), to_front=False)
    move(["e"], AT.format(4), to_front=False)
    move(["a"], AT.format(5), to_front=False)
    places = ledger.controls.current().places()
    assert sorted(places, key=lambda film: places[film]) == ["c", "b", "d", "e", "a"]
    assert places["b"] < 0 < places["d"]


def test_only_what_is_named_goes(ledger: Ledger) -> None:
    for kind in ControlKind:
        ledger.controls.put([control("a", kind), control("b", kind)])
    gone = ledger.controls.remove(["a"], (ControlKind.PAUSE, ControlKind.SKIP))
    assert [(one.film, one.kind) for one in gone] == [
        ("a", ControlKind.PAUSE), ("a", ControlKind.SKIP),
    ]  # fmt: skip
    assert len(ledger.controls.current().entries) == 6

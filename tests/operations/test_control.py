"""Controls are written beside a run, and outlive it."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.units import now_text
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.controls import ALL_FILMS, ControlKind
from av1rules.operations import control

FILM = "films/a.mkv"


def test_they_are_written_while_a_run_holds_its_lock(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        control.pause(tmp_path, reason="guests")
        control.stop(tmp_path, [FILM])
    controls = control.read_controls(tmp_path)
    everything = controls.find(ControlKind.PAUSE, ALL_FILMS, now_text())
    assert everything is not None
    assert everything.reason == "guests"
    assert controls.holding(FILM, now_text()) is not None


def test_resume_takes_back_what_it_names(tmp_path: Path) -> None:
    control.pause(tmp_path)
    control.pause(tmp_path, [FILM])
    control.skip(tmp_path, [FILM])
    assert [one.kind for one in control.resume(tmp_path)] == [ControlKind.PAUSE]
    assert control.read_controls(tmp_path).held_films(now_text()).keys() == {FILM}
    assert len(control.resume(tmp_path, [FILM])) == 2
    assert control.resume(tmp_path, [FILM]) == ()


def test_skip_is_taken_back_alone(tmp_path: Path) -> None:
    control.skip(tmp_path, [FILM])
    control.pause(tmp_path, [FILM])
    assert [one.kind for one in control.unskip(tmp_path, [FILM])] == [ControlKind.SKIP]
    held = control.read_controls(tmp_path).holding(FILM, now_text())
    assert held is not None
    assert held.kind is ControlKind.PAUSE


@pytest.mark.parametrize("move", [control.move_first, control.move_last])
def test_the_order_is_restored(tmp_path: Path, move: object) -> None:
    assert callable(move)
    move(tmp_path, [FILM])
    assert control.read_controls(tmp_path).places().keys() == {FILM}
    control.restore_order(tmp_path, [FILM])
    assert control.read_controls(tmp_path).places() == {}

"""`pause`, `resume` and `stop` as typed: films by name, times, beside a run and after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import StoppedError, UsageError
from av1rules.base.units import now_text
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.controls import ControlKind
from av1rules.operations import control
from av1rules.operations.control import end_of
from av1rules.plan.items import Held, PlanAction
from tests.cli.test_commands import av1rules
from tests.fakes.worker import FakeClips, FakeWorker
from tests.output.check import check_output
from tests.sample_library import SampleLibrary


@pytest.fixture
def films(library: SampleLibrary, fake_worker: FakeWorker, fake_clips: FakeClips) -> SampleLibrary:
    for name in ("Heat (1995)", "Ronin", "show/s01e01"):
        library.add(f"{name}.mkv", fake_clips(f"{name}.mkv"))
    return library


def typed(films: SampleLibrary, *arguments: str, code: int = 0) -> str:
    return av1rules(*arguments, cwd=films.folder, code=code, TZ="UTC").stdout


def document(films: SampleLibrary, *arguments: str) -> Any:
    return check_output(arguments, typed(films, *arguments, "--json"))


def test_all_is_paused_and_resumed(films: SampleLibrary) -> None:
    said = typed(films, "pause", "--reason", "guests\x1b[31m")
    assert "all films: paused by a user since " in said
    assert "guests" in said
    assert "\x1b" not in said
    assert "no run is active" in said
    assert "held        all films: paused" in typed(films, "status")
    assert "goes on; it was all films: paused" in typed(films, "resume")
    assert "nothing was held" in typed(films, "resume")
    assert "held " not in typed(films, "status")


@pytest.mark.parametrize(
    "name", ["films/Heat (1995).mkv", "films/./Heat (1995).mkv", "heat", "*Heat*"]
)
def test_films_are_named_as_everywhere(films: SampleLibrary, name: str) -> None:
    if not name.startswith("films/"):
        control.skip(films.state_dir, ["films/Heat (1995).mkv"])  # the ledger knows it then
    typed(films, "pause", name)
    held = control.read_controls(films.state_dir).held_films(now_text())
    assert held["films/Heat (1995).mkv"].kind in (ControlKind.PAUSE, ControlKind.SKIP)
    typed(films, "resume", name)
    assert control.read_controls(films.state_dir).entries == ()


def test_films_that_a_run_found_are_known_by_parts_of_their_names(films: SampleLibrary) -> None:
    films.run()
    typed(films, "stop", "show")
    assert control.read_controls(films.state_dir).held_films(now_text()).keys() == {
        "films/show/s01e01.mkv"
    }
    target = str(films.target("Ronin.mkv"))
    assert document(films, "pause", target)["changed"][0]["film"] == "films/Ronin.mkv"


def test_a_name_of_no_film_is_an_error(films: SampleLibrary) -> None:
    films.run()
    found = av1rules("pause", "heet", cwd=films.folder, code=2).stderr
    assert "no film has this name" in found
    assert "Heat" in found
    assert control.read_controls(films.state_dir).entries == ()


def test_resume_of_the_whole_leaves_single_films(films: SampleLibrary) -> None:
    typed(films, "pause", "films/Ronin.mkv")
    typed(films, "pause")
    said = typed(films, "resume")
    assert "also held: films/Ronin.mkv: paused by a user" in said
    found = document(films, "resume", "--all")
    assert [one["film"] for one in found["changed"]] == ["films/Ronin.mkv"]
    assert found["controls"] == []


def test_a_run_is_told(films: SampleLibrary) -> None:
    with run_lock(films.state_dir):
        found = document(films, "pause")
        assert found["holder"]
        assert found["changed"] == found["controls"]


def test_times(films: SampleLibrary) -> None:
    (one,) = document(films, "pause", "--for", "2h")["changed"]
    left = datetime.fromisoformat(one["until"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=50) < left <= timedelta(hours=2)
    later = (datetime.now(UTC) + timedelta(hours=3)).strftime("%H:%M")
    (one,) = document(films, "stop", "--until", later)["changed"]
    assert one["until"].endswith(f"T{later}:00+00:00")
    for wrong in (["--for", "2h", "--until", "22:00"], ["--for", "soon"], ["--until", "25:00"],
                  ["--until", "2020-01-01 10:00"]):  # fmt: skip
        av1rules("pause", *wrong, cwd=films.folder, code=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:00", "2026-11-27T22:00"),
        ("10:30", "2026-11-28T10:30"),
        ("2026-12-24 18:00", "2026-12-24T18:00"),
        ("2026-12-24", "2026-12-24T00:00"),
    ],
)
def test_the_end_is_the_next_such_time(text: str, expected: str) -> None:
    zone = datetime.now().astimezone().tzinfo
    now = datetime(2026, 11, 27, 10, 30, tzinfo=zone)
    assert end_of(text, now).isoformat().startswith(expected)


@pytest.mark.parametrize("text", ["", "x", "24:00", "1:2:3", "2026-11-27 10:00", "2020-01-01"])
def test_what_is_no_time_to_come_is_an_error(text: str) -> None:
    now = datetime(2026, 11, 27, 10, 30, tzinfo=datetime.now().astimezone().tzinfo)
    with pytest.raises(UsageError):
        end_of(text, now)


def test_a_plan_holds_what_a_user_holds(films: SampleLibrary) -> None:
    control.stop(films.state_dir, ["films/Ronin.mkv"], reason="looks odd")
    row = films.row("Ronin.mkv")
    assert isinstance(row, Held)
    assert "stopped by a user since" in row.causes[0]
    assert "looks odd" in row.causes[0]
    assert row.is_by_user
    assert len(films.work()) == 2
    assert films.run().done == 2
    shown = typed(films, "runs", "show", "last")
    assert "films/Ronin.mkv: held by user" in shown
    assert "next: av1rules resume films/Ronin.mkv" in shown
    control.resume(films.state_dir, ["films/Ronin.mkv"])
    assert films.row("Ronin.mkv").action is PlanAction.ENCODE
    assert films.run().done == 1


def test_a_held_film_that_is_done_stays_done(films: SampleLibrary) -> None:
    films.run()
    control.pause(films.state_dir, ["films/Ronin.mkv"])
    assert films.row("Ronin.mkv").action is PlanAction.FRESH


def test_run_refuses_after_stop(films: SampleLibrary) -> None:
    control.stop(films.state_dir)
    with pytest.raises(StoppedError, match="stopped by a user since"):
        films.run()
    control.resume(films.state_dir)
    assert films.run().done == 3


BOTH_WRITE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from av1rules.operations import control
for number in range(20):
    control.pause(Path({state!r}), [f"films/{{sys.argv[1]}}-{{number}}.mkv"])
"""


def test_many_may_write_at_once(films: SampleLibrary) -> None:
    root = str(Path(__file__).parents[2])
    code = BOTH_WRITE.format(root=root, state=str(films.state_dir))
    control.read_controls(films.state_dir)
    writers = [
        subprocess.Popen([sys.executable, "-c", code, name], env=dict(os.environ)) for name in "abc"
    ]
    assert [one.wait(120) for one in writers] == [0, 0, 0]
    assert len(control.read_controls(films.state_dir).entries) == 60


def test_json_names_films_of_odd_bytes(films: SampleLibrary) -> None:
    control.skip(films.state_dir, ["films/\udcff.mkv"])
    (one,) = json.loads(typed(films, "status", "--json"))["controls"]
    assert (one["film"], one["kind"]) == ("films/\\xff.mkv", "skip")

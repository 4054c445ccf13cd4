"""A run on a terminal: its lines, a window that changes, the first and the second Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from av1rules.base.events import (
    CheckStarted,
    FileChecked,
    JobDone,
    JobDropped,
    JobFailed,
    JobProgress,
    JobStarted,
    Paused,
    Resumed,
    RunForecast,
    RunStarted,
)
from av1rules.base.process import GENTLE_STOP_S, STOP_S
from av1rules.report.view import View, display_width
from av1rules.ui.run_state import RunState, after, screen_lines, stop_text
from av1rules.ui.time_left import TimeLeft, time_left
from tests.ui.conftest import NAMES
from tests.ui.screen import ROOT, Screen

PROGRAM = ("-m", "tests.ui.program")
SLOW = {"AV1RULES_FAKE_S": "3"}
MIB = 2**20


def started(name: str, size_bytes: int = 100 * MIB) -> JobStarted:
    return JobStarted(
        source=name,
        target="/out/a.mkv",
        size_bytes=size_bytes,
        duration_s=60.0,
        frames=1000,
        causes=("new",),
        encoder="libsvtav1",
    )


def encoding(name: str, frame: int) -> JobProgress:
    return JobProgress(
        source=name, phase="encode", frame=frame, frames=1000, fps=24.0, speed=1.0, eta_s=3723.0,
        projected_bytes=50 * MIB,
    )  # fmt: skip


def done(name: str) -> JobDone:
    return JobDone(
        source=name, target="/out/a.mkv", source_bytes=100 * MIB, target_bytes=40 * MIB,
        encode_s=60.0, verify_s=6.0,
    )  # fmt: skip


START = RunStarted(jobs=2, stale=4, fresh=0, held=0, blocked=0, size_bytes=400 * MIB)
FORECAST = RunForecast(encodes=4, low_s=1800, mid_s=3600, high_s=7200)


def state_of(*events: object) -> RunState:
    state = RunState()
    for event in events:
        state = after(state, event)  # type: ignore[arg-type]
    return state


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
def test_every_line_fits_and_names_the_film(width: int) -> None:
    names = ("films/漢字 a rather long name of a film (1999) REMUX-2160p.mkv", "films/b.mkv")
    state = state_of(FORECAST, START, *(started(name) for name in names), encoding(names[0], 420))
    first, second, whole = screen_lines(state, View(width=width, height=24), 60.0)
    assert max(map(display_width, (first, second, whole))) < width
    assert first.startswith("films/")
    assert "encode" in first
    assert second.startswith("films/b.mkv")
    assert whole.startswith("0 of 4 done")
    assert ("42%" in first) == (width > 30)
    assert ("1:02:03 left" in first) == (width >= 80)


def test_line_for_all_has_what_is_done_saved_and_left() -> None:
    state = state_of(FORECAST, START, started("a"), done("a"), started("b"), JobFailed(
        source="b", message="broken"
    ), started("c"), JobDropped(source="c", reason="stopped"))  # fmt: skip
    (whole,) = screen_lines(state, View(width=80, height=24), 1200.0)
    assert whole.startswith("2 of 4 done, 1 failed, 60 MiB saved, about ")
    (short,) = screen_lines(state, View(width=50, height=24), 1200.0)
    assert short.startswith("2 of 4 done, 1 failed, about ")


def test_a_low_window_shows_as_many_jobs_as_it_has_room_for() -> None:
    state = state_of(START, *(started(f"films/{n}.mkv") for n in range(9)))
    lines = screen_lines(state, View(width=80, height=6), 0.0)
    assert len(lines) == 5
    assert lines[3] == "... and 6 more jobs"


def test_checks_count_problems() -> None:
    state = state_of(
        CheckStarted(files=3, known=1, size_bytes=9),
        FileChecked(source="a", fault=None, elapsed_s=1.0),
        FileChecked(source="b", fault="torn", elapsed_s=1.0),
    )
    (whole,) = screen_lines(state, View(width=80, height=24), 10.0)
    assert whole == "2 of 3 checked, 1 problem, about 5.0 s left"


def test_forecast_counts_until_the_run_has_a_pace_of_its_own() -> None:
    forecast = TimeLeft(50.0, 100.0, 200.0)
    assert time_left(0.0, 3.0, forecast) == forecast
    assert time_left(0.0, 3.0) is None
    assert time_left(0.75, 300.0, forecast) == (100.0, 100.0, 100.0)
    low, mid, high = time_left(0.25, 50.0, forecast) or (0, 0, 0)
    assert 37.5 < low < mid < high <= 150


def test_stop_says_what_it_does() -> None:
    assert stop_text(0) == "stopping: what is done is kept"
    assert stop_text(2) == (
        f"stopping: 2 jobs end within {STOP_S:.0f} s and start anew next time; "
        "what is done is kept; once more to kill"
    )
    assert "1 check ends within" in stop_text(1, is_check=True)


# --- on a terminal


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_progress_stays_on_its_lines(shelf: Path, columns: int) -> None:
    environ = {"AV1RULES_FAKE_S": "20"}
    with Screen(*PROGRAM, "run", cwd=shelf, columns=columns, environ=environ) as screen:
        screen.wait_for("0 of 12 done")
        for share in ("5%", "10%", "15%"):
            screen.wait_for(share)
            assert screen.text.count(" of 12 done") == 1
            assert len(re.findall(r"  encode +\d+%", screen.text)) == 2, screen.text
        screen.type("\x03")
        assert screen.end() == 130


def test_nothing_of_the_lines_is_left_at_the_end(shelf: Path) -> None:
    with Screen(*PROGRAM, "run", cwd=shelf, lines=60, environ={"AV1RULES_FAKE_S": "0.2"}) as screen:
        assert screen.end() == 1
        assert " of 12 done" not in screen.whole
        assert " ".join(screen.whole.split()).count("done: 64 KiB -> 16 KiB") == 12
        assert "run 1: 12 done" in screen.whole
        assert screen.raw.count(b"\x1b[?25l") == screen.raw.count(b"\x1b[?25h"), "cursor shown"


def is_drawn(text: str, columns: int) -> bool:
    """A line for each job and one for all, each once, within the window."""
    return (
        text.count(" of 12 done") == 1
        and len(re.findall(r"  encode +\d+%", text)) == 2
        and max(map(len, text.splitlines())) <= columns
    )


def test_a_window_that_changes_leaves_no_ghosts(shelf: Path) -> None:
    with Screen(*PROGRAM, "run", cwd=shelf, environ={"AV1RULES_FAKE_S": "60"}) as screen:
        screen.wait_for("  1%")
        for columns in (50, 120, 45, 100):
            screen.resize(columns, 24)
            seen = time.monotonic() + 0.6
            while time.monotonic() < seen:
                screen.read()
            # What is being drawn is drawn to its end; a ghost would stay.
            screen.wait_until(partial(is_drawn, columns=columns))
        assert "12 to encode (768 KiB)" in screen.text, "the log is there too"
        screen.type("\x03")
        assert screen.end() == 130


def test_ctrl_c_answers_at_once_and_keeps_what_is_done(shelf: Path) -> None:
    with Screen(*PROGRAM, "run", cwd=shelf, environ=SLOW) as screen:
        screen.wait_for("2 of 12 done")
        screen.wait_for("  encode ")
        pressed = time.monotonic()
        screen.type("\x03")
        screen.wait_for("stopping: 2 jobs end within 10 s")
        assert time.monotonic() - pressed < 5
        assert screen.end() == 130
        assert "2 done, 10 left for the next run" in " ".join(screen.whole.split())
    assert len(list(shelf.joinpath("out", "films").glob("*.mkv"))) == 2


def test_second_ctrl_c_ends_at_once(shelf: Path) -> None:
    environ = {"AV1RULES_FAKE_S": "60", "AV1RULES_FAKE_DEAF": "1"}
    with Screen(*PROGRAM, "run", cwd=shelf, environ=environ) as screen:
        screen.wait_for("  encode ")
        pressed = time.monotonic()
        screen.type("\x03")
        screen.wait_for("once more to kill")
        screen.type("\x03")
        assert screen.end() == 130
        # Jobs that do not listen are killed after that time anyway.
        assert time.monotonic() - pressed < GENTLE_STOP_S


def test_without_a_terminal_there_are_plain_lines(shelf: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, *PROGRAM, "run"],
        cwd=shelf,
        env={**os.environ, **SLOW, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    lines = []
    with child.stderr:
        for line in child.stderr:
            lines.append(line)
            if f"{NAMES[1]}: encoding" in line:
                child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 130
    text = "".join(lines)
    assert "\x1b" not in text
    assert "\r" not in text
    assert "stopping: 2 jobs end within 10 s and start anew next time" in text
    assert "left for the next run" in text


def test_end_names_what_failed_and_waits_with_the_next_command(shelf: Path) -> None:
    rules = shelf.joinpath("rules.yaml")
    held = '  - {name: ask, when: {path: "**/*196*"}, hold: somebody decides}\n'
    rules.write_text(rules.read_text().replace("rules:\n", f"rules:\n{held}"))
    environ = {"AV1RULES_FAKE_FAILS": NAMES[11]}
    with Screen(*PROGRAM, "run", cwd=shelf, columns=120, lines=60, environ=environ) as screen:
        assert screen.end() == 1
        text = screen.whole
    *_, after_result = text.partition("run 1: ")
    assert re.search(r"^failed \(1\)\n  films/A Film .*1971.*: FFmpeg ended", after_result, re.M)
    assert f"    next: av1rules retry 'films/{NAMES[11]}'" in after_result
    assert "blocked (1)\n  films/bad.mkv: can't be read" in after_result
    assert "    next: av1rules explain films/bad.mkv" in after_result
    assert "held (10)" in after_result
    assert after_result.count("somebody decides") == 3
    assert "  ... and 7 more: av1rules plan" in after_result


def test_a_pause_shows_on_the_screen() -> None:
    start = started("films/a.mkv"), encoding("films/a.mkv", 5)
    paused = Paused(cause="user", reason="paused by a user since now")
    lines = screen_lines(state_of(*start, paused), View(width=100, height=24), 10)
    assert any("paused" in line and "fps" not in line for line in lines if "a.mkv" in line)
    assert any(line.startswith("stands still: paused by a user") for line in lines)
    going = state_of(*start, paused, Resumed(paused_s=5))
    assert going == state_of(*start)


def test_a_film_that_alone_is_paused_shows_it() -> None:
    one = Paused(source="films/a.mkv", cause="user", reason="why")
    state = state_of(started("films/a.mkv"), started("films/b.mkv"), one)
    assert [job.is_paused for job in state.jobs.values()] == [True, False]
    again = after(state, Resumed(source="films/a.mkv", paused_s=1))
    assert [job.is_paused for job in again.jobs.values()] == [False, False]

"""The monitor without a terminal: whole screens of a recorded run at four sizes, and every key on a
real library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from av1rules.base.units import now_text
from av1rules.ledger.controls import ControlKind
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.ledger.ledger import Ledger
from av1rules.operations.control import read_controls
from av1rules.policy.model import RuleSet
from av1rules.ui.monitor import acting
from av1rules.ui.monitor.app import MonitorApp
from av1rules.ui.monitor.commands import CommandAnswer
from av1rules.ui.monitor.screens.clips import ClipsScreen
from av1rules.ui.monitor.screens.questions import AskText, YesOrNo
from av1rules.ui.monitor.screens.texts import TextScreen
from av1rules.ui.monitor.source import LibrarySource, MonitorSource
from tests.conftest import Golden
from tests.ledger import sample_records as sample
from tests.operations.monitor.test_figures import ruleset
from tests.ui.monitor import recorded

SIZES = ((60, 10), (80, 24), (120, 40), (200, 60))

Played = Callable[[MonitorApp, Pilot[None]], Awaitable[None]]


def play(source: MonitorSource, steps: Played, *, size: tuple[int, int] = (120, 40)) -> None:
    async def inside() -> None:
        app = MonitorApp(source)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(app, pilot)
        source.close()

    asyncio.run(inside())


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times on the screen are local."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_whole_screens(size: tuple[int, int], golden: Golden, in_utc: None) -> None:
    texts: dict[str, str] = {}

    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        texts["main"] = app.canvas.text
        await pilot.press("5")
        texts["failed"] = app.canvas.text
        await pilot.press("question_mark")
        assert isinstance(app.screen, TextScreen)
        await pilot.pause()
        texts["keys"] = app.screen.text
        await pilot.press("escape", "l")
        await pilot.pause()
        assert isinstance(app.screen, TextScreen)
        texts["notes"] = app.screen.text

    play(recorded.source(), steps, size=size)
    for name, text in texts.items():
        golden(f"{name}-{size[0]}x{size[1]}.txt", text + "\n")


FILMS = ("films/a.mkv", "films/b.mkv", "films/c.mkv")


@pytest.fixture
def library(tmp_path: Path) -> RuleSet:
    """Three films wait, one is done, one clip is to review."""
    rules = ruleset(tmp_path)
    with closing(Ledger.open(rules.run.state_dir)) as ledger:
        ledger.queue.put(
            [
                QueuedFilm(film=film, place=place, kind="encode", size_bytes=100 + place)
                for place, film in enumerate(FILMS)
            ],
            is_whole=True,
        )
        ledger.commit(replace(sample.BARE_ROW, source="films/done.mkv"), None)
        facts = replace(sample.CLIP.facts, is_variant=False)
        clip = replace(sample.CLIP, source="films/clip.mkv", facts=facts, fingerprint="own")
        ledger.clips.put(clip)
    return rules


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_so():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never came")


def kinds(rules: RuleSet) -> dict[str, ControlKind]:
    entries = read_controls(rules.run.state_dir).entries
    return {one.film: one.kind for one in entries}


def test_keys_that_control_a_run(library: RuleSet) -> None:
    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "n")
        await until(pilot, lambda: kinds(library) == {FILMS[1]: ControlKind.SKIP})
        await until(pilot, lambda: "skipped" in app.canvas.text)
        await pilot.press("n")
        await until(pilot, lambda: not kinds(library))
        await pilot.press("P")
        await until(pilot, lambda: kinds(library) == {FILMS[1]: ControlKind.PAUSE})
        await until(pilot, lambda: "paused" in app.canvas.text)
        await pilot.press("P")
        await until(pilot, lambda: not kinds(library))
        await pilot.press("p")
        await until(pilot, lambda: app.shown.live.library.pause is not None)
        assert "done: av1rules pause" in app.canvas.text
        await pilot.press("p")
        await until(pilot, lambda: app.shown.live.library.pause is None)
        await pilot.press("plus")
        await until(pilot, lambda: app.shown.list.rows[0].film == FILMS[1])
        await pilot.press("minus")
        await until(pilot, lambda: app.shown.list.rows[2].film == FILMS[1])

    play(LibrarySource(library), steps)


def test_a_stop_is_asked_for(library: RuleSet) -> None:
    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        await pilot.press("S")
        assert isinstance(app.screen, YesOrNo)
        assert "$ av1rules stop" in app.screen.text
        await pilot.press("n")
        assert not kinds(library)
        await pilot.press("R")
        assert "not at work" in app.canvas.text
        await pilot.press("S", "y")
        await until(pilot, lambda: kinds(library) == {"": ControlKind.STOP})

    play(LibrarySource(library), steps)


def test_filters_sorts_and_search(library: RuleSet) -> None:
    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        assert app.shown.list.total == 4
        await pilot.press("4")
        assert [one.film for one in app.shown.list.rows] == ["films/done.mkv"]
        await pilot.press("3")
        assert app.shown.list.total == 0
        await pilot.press("1", "s")
        assert "by size" in app.canvas.text
        await pilot.press("slash", "b", ".")
        await until(pilot, lambda: app.shown.list.total == 1)
        await pilot.press("enter")
        assert app.shown.list.text == "b."
        await pilot.press("escape")
        await until(pilot, lambda: app.shown.list.total == 4)
        await pilot.press("end", "home", "pagedown", "pageup", "r", "down")
        await pilot.click(offset=(5, 7))
        await pilot.resize_terminal(60, 10)
        await until(pilot, lambda: "waiting" in app.canvas.text)

    play(LibrarySource(library), steps, size=(100, 24))


def answering(monkeypatch: pytest.MonkeyPatch, text: str = "it is so") -> list[tuple[str, ...]]:
    """The commands that are run, each of which answers at once."""
    asked: list[tuple[str, ...]] = []

    def answer(words: tuple[str, ...], *_rest: object, **_more: object) -> CommandAnswer:
        asked.append(words)
        return CommandAnswer(is_done=True, text=text)

    monkeypatch.setattr(acting, "run_command", answer)
    return asked


def test_details_retry_and_undo(library: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch)

    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        await pilot.press("v", "v", "enter")
        assert isinstance(app.screen, TextScreen)
        screen = app.screen
        await until(pilot, lambda: "it is so" in screen.text)
        assert {words[0] for words in asked} == {"explain", "receipt"}
        await pilot.press("tab", "down", "pagedown", "home", "end", "up", "escape")
        await pilot.press("t")
        await until(pilot, lambda: ("retry", FILMS[0]) in asked)
        await pilot.press("u")
        assert "only a finished film" in app.canvas.text
        await pilot.press("4", "u")
        assert isinstance(app.screen, YesOrNo)
        await pilot.press("y")
        await until(pilot, lambda: ("undo", "--yes", "films/done.mkv") in asked)
        await until(pilot, lambda: "done: it is so" in app.canvas.text)

    play(LibrarySource(library), steps)


def test_clips_are_decided_on(library: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, '{"page": "/tmp/page.html"}')
    monkeypatch.setattr(acting, "open_page", lambda *_given: True)

    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        assert "1 clip to review" in app.canvas.text
        await pilot.press("c")
        assert isinstance(app.screen, ClipsScreen)
        clips = app.screen
        await pilot.pause()
        assert "films/clip.mkv" in clips.text
        await pilot.press("o")
        await until(pilot, lambda: "the page: /tmp/page.html" in clips.text)
        await pilot.press("down", "a")
        await until(pilot, lambda: ("clips", "approve", "films/clip.mkv") in asked)
        await pilot.press("n")
        assert isinstance(app.screen, AskText)
        await pilot.press("enter")
        assert isinstance(app.screen, AskText), "a rejection needs a reason"
        await pilot.press("f", "o", "g", "enter")
        rejected = ("clips", "reject", "--reason", "fog", "films/clip.mkv")
        await until(pilot, lambda: rejected in asked)
        await pilot.press("d", "escape", "d", "enter")
        await until(pilot, lambda: ("clips", "adjust", "films/clip.mkv") in asked)
        await pilot.press("x")
        assert isinstance(app.screen, TextScreen)
        await pilot.press("escape", "escape")
        assert app.screen is app.screen_stack[0]

    play(LibrarySource(library), steps)


def test_nothing_can_be_done_to_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch)

    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        for key in ("n", "P", "p", "S", "R", "t", "u", "c", "enter", "x", "plus", "minus"):
            await pilot.press(key)
            assert "a recorded run" in app.canvas.text, key
            await pilot.press("escape")
        await pilot.press("q")

    play(recorded.source(), steps)
    assert asked == []


def test_a_film_whose_encode_is_given_up_is_queued_again(library: RuleSet) -> None:
    state_dir = library.run.state_dir
    with closing(Ledger.open(state_dir)) as ledger:
        ledger.controls.move([FILMS[0]], now_text(), to_front=True)

    async def steps(app: MonitorApp, pilot: Pilot[None]) -> None:
        app.requeued.add(FILMS[0])  # its encode has ended by now
        app.update_state()
        await until(pilot, lambda: app.shown.list.rows[2].film == FILMS[0])
        assert app.requeued == set()

    play(LibrarySource(library), steps)

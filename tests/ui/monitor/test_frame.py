"""The main screen at every size: each line fits, nothing that matters is lost, all words stand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.ledger.films.queue import QueuedFilm
from av1rules.report.live.model import LibraryFigures, LivePause, LiveState, RunPhase
from av1rules.ui.monitor.cards import CARD_LINES, card, card_height, cards
from av1rules.ui.monitor.frame import frame, list_place
from av1rules.ui.monitor.model import Gauges, ListFilter, ListView, ScreenState
from av1rules.ui.monitor.table import COLUMNS, fitting_columns
from tests.ui.monitor.recorded import state

RECORDED = state()
HEAT = "movies/Seven Samurai (1954) REMUX-1080p.mkv"


def text_of(shown: ScreenState, width: int = 120, height: int = 40) -> str:
    return "\n".join(one.text.rstrip() for one in frame(shown, width, height))


@pytest.mark.parametrize("height", [1, 2, 5, 10, 12, 13, 24, 40, 60])
@pytest.mark.parametrize("width", [10, 20, 40, 60, 79, 80, 81, 100, 120, 161, 200])
def test_every_line_fits(width: int, height: int) -> None:
    busy = replace(
        RECORDED,
        gauges=Gauges(
            cpu=0.99, memory=0.5, gpu=0.1, load=12.5, temperature_c=71.0, temp_free=10**10,
            target_free=10**12,
        ),
        message="" if height % 2 else "a message that is longer than a narrow screen is wide",
        held={HEAT: "paused"},
        facts={HEAT: QueuedFilm(film=HEAT, place=0, kind="encode", size_bytes=1, hdr="hdr10")},
    )  # fmt: skip
    for shown in (busy, replace(busy, live=LiveState(), list=ListView())):
        lines = frame(shown, width, height)
        assert len(lines) == height
        assert max(one.width for one in lines) <= width
        first, rows = list_place(shown, width, height)
        assert first + rows <= height


def test_the_rows_of_the_list_are_where_a_click_finds_them() -> None:
    for width, height in ((80, 24), (120, 40), (200, 60)):
        first, rows = list_place(RECORDED, width, height)
        lines = frame(RECORDED, width, height)
        assert lines[first].text.startswith("run ")
        assert lines[first].is_selected
        assert lines[first - 1].text.startswith("ST ")
        assert rows > 5


def test_what_holds_a_run_stands_above_it() -> None:
    run = RECORDED.live.run
    assert run is not None
    pause = LivePause(cause="viewers", reason="2 people watch", is_finishing=True)
    live = replace(RECORDED.live, run=replace(run, pause=pause))
    assert "nothing is begun: 2 people watch" in text_of(replace(RECORDED, live=live))
    figures = LibraryFigures(pause="paused by a user since noon", problem="the ledger is away")
    text = text_of(replace(RECORDED, live=replace(RECORDED.live, library=figures)))
    assert "paused by a user since noon" in text
    assert "the ledger is away" in text
    assert "run 41 paused" in text
    closed = LibraryFigures(
        schedules=("closed until 2026-11-28 23:00",), is_closed=True, neighbours_untold=3
    )
    text = text_of(replace(RECORDED, live=replace(RECORDED.live, library=closed)))
    assert "hours closed until 2026-11-28 23:00" in text
    assert "3 to tell neighbours" in text


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (RunPhase.PLANNING, "run 41 planning"),
        (RunPhase.WORKING, "run 41 running, 2 of 2 slots"),
        (RunPhase.FINISHED, "waiting, run 41 finished"),
        (RunPhase.GONE, "waiting, run 41 ended without a last word"),
    ],
)
def test_the_state_of_the_run_in_words(phase: RunPhase, words: str) -> None:
    run = RECORDED.live.run
    assert run is not None
    live = replace(RECORDED.live, run=replace(run, phase=phase))
    assert words in text_of(replace(RECORDED, live=live))
    idle = replace(live, holder=None, jobs=())
    if phase in (RunPhase.FINISHED, RunPhase.GONE):
        assert "idle, run 41" in text_of(replace(RECORDED, live=idle))


def test_names_are_no_commands_for_the_terminal() -> None:
    (first, *rest) = RECORDED.list.rows
    evil = replace(first, film="films/\x1b[2J\u202eevil.mkv", detail="\x1b]0;title\x07")
    job = replace(RECORDED.live.jobs[0], film=evil.film, paused="\x1b[31m", causes=("\x9b",))
    shown = replace(
        RECORDED,
        list=replace(RECORDED.list, rows=(evil, *rest), filter=ListFilter.FAILED, text="\x1b"),
        live=replace(RECORDED.live, jobs=(job,)),
        message="\x1b[2J",
    )
    for width, height in ((60, 10), (80, 24), (200, 60)):
        assert all(one.text.isprintable() for one in frame(shown, width, height))


def test_a_list_without_films_says_what_to_do() -> None:
    empty = replace(RECORDED, list=ListView())
    assert "`av1rules run` begins" in text_of(empty)
    filtered = ListView(filter=ListFilter.FAILED, all_films=5)
    assert "1 shows all" in text_of(replace(RECORDED, list=filtered))
    searched = ListView(text="none", all_films=5)
    assert "Esc shows all" in text_of(replace(RECORDED, list=searched))


def test_columns_appear_by_width() -> None:
    counts = [len(fitting_columns(width)) for width in range(40, 300, 10)]
    assert counts == sorted(counts)
    assert counts[-1] == len(COLUMNS)
    assert fitting_columns(120, ListFilter.FAILED)[0].title == "REASON"


@pytest.mark.parametrize("jobs", [0, 1, 2, 3, 7, 40])
@pytest.mark.parametrize("room", [0, 1, 3, 8, 20])
def test_cards_keep_to_their_room(jobs: int, room: int) -> None:
    (first, *_) = RECORDED.live.jobs
    many = tuple(replace(first, film=f"films/{number}.mkv") for number in range(jobs))
    found = cards(many, {}, RECORDED.now, 100, room)
    assert len(found) <= room
    assert card_height(jobs, room) in (0, *CARD_LINES)
    if jobs > room > 0:
        assert found[-1].text.startswith("... and")


def test_a_card_tells_the_gate_and_a_pause() -> None:
    job = replace(RECORDED.live.jobs[0], projected_bytes=40 * 2**30)
    text = "\n".join(one.text for one in card(job, None, RECORDED.now, 100, 5))
    assert "over the limit of 35 GiB" in text
    assert "of 297,000" in "\n".join(one.text for one in card(job, None, RECORDED.now, 120, 3))
    paused = card(replace(job, paused="paused by a user"), None, RECORDED.now, 100, 3)
    assert "paused by a user" in paused[1].text
    assert paused[0].text.startswith("‖")

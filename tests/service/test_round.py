from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.children import Children
from av1rules.base.events import JobDone, JobProgress, Outcome, Paused, Resumed, RunFinished
from av1rules.policy.load import load_rules
from av1rules.service import round as round_module
from av1rules.service.round import HELD_S, RoundAtWork
from tests.service.watched import until

FILM = "films/a.mkv"
PROGRESS = JobProgress(source=FILM, phase="encode")


class Gate:
    """What a round asks of its gate."""

    def __init__(self) -> None:
        self.films: tuple[str, ...] = ()
        self.is_ending = False
        self.calls = 0
        self.given_up: list[tuple[str, str]] = []

    def end_round(self) -> None:
        self.is_ending = True
        self.calls += 1

    def give_up(self, film: str, why: str) -> None:
        self.given_up.append((film, why))


class RoundSession:
    def __init__(self) -> None:
        self.gate = Gate()
        self.workspace = self
        self.children = Children()


@pytest.fixture
def session() -> RoundSession:
    return RoundSession()


@pytest.fixture
def at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RoundAtWork:
    monkeypatch.setattr(round_module, "SOURCES_S", 0.05)
    (tmp_path / "rules.yaml").write_text(
        "version: 1\nlibrary: {roots: [films]}\nrules: [{name: all, encode: {}}]\n"
    )
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mkv").write_bytes(b"film")
    own: list[str] = []
    at_work = RoundAtWork(
        load_rules(tmp_path / "rules.yaml"), on_own=own.append, attend=lambda _at, _ended: None
    )
    at_work.own = own  # type: ignore[attr-defined]
    return at_work


def finished(left: int = 0) -> RunFinished:
    counts = {**dict.fromkeys(Outcome, 0), Outcome.NOT_ATTEMPTED: left}
    return RunFinished(counts=counts, source_bytes=0, target_bytes=0, elapsed_s=1)


def attended(at_work: RoundAtWork, session: RoundSession) -> Any:
    return at_work.attending(session)  # type: ignore[arg-type]


def test_a_round_of_which_nothing_may_run_ends(at_work: RoundAtWork, session: RoundSession) -> None:
    with attended(at_work, session):
        at_work.see(Paused(cause="schedule", reason="closed", until="2026-11-28T22:00:00+00:00"))
        session.gate.films = (FILM,)
        at_work.end_if_held(time.monotonic() + HELD_S + 1)
        assert session.gate.calls == 0, "a film is at work"
        session.gate.films = ()
        at_work.end_if_held(time.monotonic())
        assert session.gate.calls == 0, "it may be over in a moment"
        at_work.end_if_held(time.monotonic() + HELD_S + 1)
        assert session.gate.calls == 1
    end = at_work.end(plan_s=1, is_settling=False, finished=finished(left=3))
    assert (end.held, end.until) == ("closed", "2026-11-28T22:00:00+00:00")
    assert (end.has_rest, end.is_by_user) == (False, False)


def test_a_pause_that_is_over_or_of_one_film_ends_nothing(
    at_work: RoundAtWork, session: RoundSession
) -> None:
    with attended(at_work, session):
        at_work.see(Paused(cause="user", reason="guests"))
        at_work.see(Resumed(paused_s=1))
        at_work.see(Paused(source=FILM, cause="user", reason="this one"))
        at_work.end_if_held(time.monotonic() + 99)
    assert not session.gate.is_ending


def test_a_round_that_was_cut_has_a_rest(at_work: RoundAtWork, session: RoundSession) -> None:
    with attended(at_work, session):
        at_work.end_soon()
    assert at_work.end(plan_s=1, is_settling=True, finished=finished(left=1)).has_rest
    assert not at_work.end(plan_s=1, is_settling=True, finished=finished()).has_rest


def test_a_user_who_stops_all_holds_what_follows(
    at_work: RoundAtWork, session: RoundSession
) -> None:
    with attended(at_work, session):
        session.children.stop(why="stopped by a user")
    end = at_work.end(plan_s=1, is_settling=False, finished=finished())
    assert (end.held, end.is_by_user) == ("stopped by a user", True)


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_a_source_that_changes_ends_its_encode(
    change: str, at_work: RoundAtWork, session: RoundSession, tmp_path: Path
) -> None:
    source = tmp_path / "films" / "a.mkv"
    session.gate.films = (FILM,)
    with attended(at_work, session):
        until(lambda: bool(at_work._sources), "the first look")
        at_work.see(PROGRESS)
        assert session.gate.given_up == []
        source.unlink() if change == "deleted" else source.write_bytes(b"another film")

        def is_given_up() -> bool:
            at_work.see(PROGRESS)
            return bool(session.gate.given_up)

        until(is_given_up, "the end of the encode")
    film, why = session.gate.given_up[0]
    assert film == FILM
    assert ("gone" in why) == (change == "deleted")


def test_a_source_that_its_own_delivery_moves_away_ends_nothing(
    at_work: RoundAtWork, session: RoundSession, tmp_path: Path
) -> None:
    session.gate.films = (FILM,)
    with attended(at_work, session):
        until(lambda: bool(at_work._sources), "the first look")
        (tmp_path / "films" / "a.mkv").unlink()
        until(lambda: bool(at_work._lost), "the second look")
        at_work.see(JobProgress(source=FILM, phase="verify"))
    assert session.gate.given_up == []


def test_what_the_round_makes_is_its_own(at_work: RoundAtWork, tmp_path: Path) -> None:
    at_work.see(
        JobDone(
            source=FILM, target="/out/a.mkv", source_bytes=1, target_bytes=1, encode_s=1, verify_s=1
        )
    )
    assert at_work.own == [  # type: ignore[attr-defined]
        "/out/a.mkv",
        str(tmp_path / "films" / "a.mkv"),
    ]


def test_it_is_attended_until_it_ends(tmp_path: Path, session: RoundSession) -> None:
    (tmp_path / "rules.yaml").write_text(
        "version: 1\nlibrary: {roots: [films]}\nrules: [{name: all, encode: {}}]\n"
    )
    seen: list[threading.Event] = []

    def attend(_at_work: RoundAtWork, ended: threading.Event) -> None:
        ended.wait(60)
        seen.append(ended)

    at_work = RoundAtWork(
        load_rules(tmp_path / "rules.yaml"), on_own=lambda _path: None, attend=attend
    )
    with attended(at_work, session):
        assert seen == []
    assert seen[0].is_set()

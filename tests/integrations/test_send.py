"""The outbox is sent to strict fakes: each event once, in order, whatever fails meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from av1rules.integrations.send import LOCK_NAME, Post, SendResult, send_pending
from av1rules.integrations.sender import Sender
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.recipient import recipients_of
from av1rules.ledger.outbox.table import Announcement, OutboxState
from av1rules.policy.neighbours.spec import AnnouncedEvent, Neighbour, NeighbourKind
from tests.fakes.neighbours import (
    KEY,
    FakeArr,
    FakeEmby,
    FakeHealthchecks,
    FakeHook,
    FakeJellyfin,
    FakePlex,
    FakeServer,
    Fault,
    serving,
)
from tests.integrations.servers import ENVIRON, neighbour_of

NEW = Announcement(
    event=AnnouncedEvent.PUBLISHED,
    film="tv/Show/a.mkv",
    new_path="/media/tv/Show/a.mkv",
    source_bytes=900,
    target_bytes=300,
    rule="all",
    run=1,
)
AGAIN = Announcement(
    event=AnnouncedEvent.PUBLISHED,
    old_path="/media/tv/Show/b.mkv",
    new_path="/media/tv/Show/b.mkv",
)
OTHER_NAME = Announcement(
    event=AnnouncedEvent.PUBLISHED,
    old_path="/media/movies/Heat/Heat.mp4",
    new_path="/media/movies/Heat/Heat.mkv",
)
STARTED = Announcement(event=AnnouncedEvent.RUN_STARTED, run=1)
FINISHED = Announcement(event=AnnouncedEvent.RUN_FINISHED, run=1, exit_code=4, detail="3 done")


class Clock:
    at = "2026-11-27T10:00:00+00:00"

    def __call__(self) -> str:
        return self.at


class World:
    """A ledger, neighbours, and a clock that stands still."""

    def __init__(self, ledger: Ledger, folder: Path, clock: Clock) -> None:
        self.ledger, self.folder, self.clock = ledger, folder, clock
        self.neighbours: tuple[Neighbour, ...] = ()

    def add(self, *events: Announcement, to: tuple[Neighbour, ...]) -> None:
        self.neighbours = to
        self.ledger.outbox.address(recipients_of(to))
        self.ledger.outbox.add(*events)

    def send(self) -> tuple[SendResult, ...]:
        return send_pending(
            Post(
                ledger=self.ledger,
                state_dir=self.folder,
                neighbours=self.neighbours,
                environ=ENVIRON,
                now=self.clock,
            )
        )

    def states(self) -> list[OutboxState]:
        return [one.state for one in self.ledger.outbox.select("ORDER BY id")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    clock = Clock()
    monkeypatch.setattr("av1rules.ledger.outbox.table.now_text", clock)
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        yield World(ledger, tmp_path, clock)


@pytest.mark.parametrize(
    ("server", "kind", "path"),
    [
        (FakeJellyfin(), NeighbourKind.JELLYFIN, "/Library/Media/Updated"),
        (FakeEmby(), NeighbourKind.EMBY, "/emby/Library/Media/Updated"),
    ],
)
def test_media_servers_are_told_of_all_files_in_one_call(
    world: World, server: FakeServer, kind: NeighbourKind, path: str
) -> None:
    with serving(server):
        world.add(NEW, AGAIN, OTHER_NAME, FINISHED, to=(neighbour_of(server, kind),))
        assert world.send() == (SendResult(neighbour=kind.value, events=3),)
        assert world.send() == ()
    (call,) = server.posts(path)
    assert call.body == {
        "Updates": [
            {"Path": "/data/tv/Show/a.mkv", "UpdateType": "Created"},
            {"Path": "/data/tv/Show/b.mkv", "UpdateType": "Modified"},
            {"Path": "/data/movies/Heat/Heat.mp4", "UpdateType": "Deleted"},
            {"Path": "/data/movies/Heat/Heat.mkv", "UpdateType": "Created"},
        ]
    }
    assert server.refused == []


def test_plex_scans_folders_and_analyses_what_kept_its_name(world: World) -> None:
    plex = FakePlex(items={"7": "/data/tv/Show/b.mkv", "8": "/data/tv/Show/c.mkv"})
    with serving(plex):
        world.add(NEW, AGAIN, OTHER_NAME, to=(neighbour_of(plex, NeighbourKind.PLEX),))
        assert world.send() == (SendResult(neighbour="plex", events=3),)
    refreshed = [(c.path, c.query["path"]) for c in plex.calls if c.path.endswith("/refresh")]
    assert refreshed == [
        ("/library/sections/2/refresh", "/data/tv/Show"),
        ("/library/sections/1/refresh", "/data/movies/Heat"),
    ]
    assert [c.path for c in plex.calls if c.method == "PUT"] == ["/library/metadata/7/analyze"]
    assert plex.refused == []


def test_sonarr_rescans_each_series_once_and_renames_if_it_may(world: World) -> None:
    sonarr = FakeArr(
        things=[{"id": 12, "path": "/data/tv/Show/"}, {"id": 13, "path": "/data/tv/Show B"}],
        renames=[
            {"seriesId": 12, "episodeFileId": 5, "existingPath": "a.mkv", "newPath": "A.mkv"},
            {"seriesId": 12, "episodeFileId": 6, "existingPath": "z.mkv", "newPath": "Z.mkv"},
        ],
    )
    with serving(sonarr):
        neighbour = neighbour_of(sonarr, NeighbourKind.SONARR, may_rename=True)
        world.add(NEW, AGAIN, OTHER_NAME, to=(neighbour,))
        assert world.send() == (SendResult(neighbour="sonarr", events=3),)
    assert [call.body for call in sonarr.posts("/api/v3/command")] == [
        {"name": "RescanSeries", "seriesId": 12},
        {"name": "RenameFiles", "seriesId": 12, "files": [5]},
    ]
    assert sonarr.refused == []
    kept = {one.problem for one in world.ledger.outbox.select()}
    assert kept == {"not of its library: /data/movies/Heat/Heat.mp4"}


def test_radarr(world: World) -> None:
    radarr = FakeArr(thing="movie", things=[{"id": 7, "path": "/data/movies/Heat"}])
    with serving(radarr):
        world.add(OTHER_NAME, to=(neighbour_of(radarr, NeighbourKind.RADARR),))
        world.send()
    bodies = [call.body for call in radarr.posts("/api/v3/command")]
    assert bodies == [{"name": "RescanMovie", "movieId": 7}]


@pytest.mark.parametrize("app", ["sonarr", "radarr"])
def test_bodies_are_those_of_the_published_description(
    app: str, shared_apis: dict[str, Any]
) -> None:
    """`Command` takes the name and what its kind needs; the paths must exist."""
    paths = shared_apis[app]["paths"]
    things = "/api/v3/series" if app == "sonarr" else "/api/v3/movie"
    assert "post" in paths["/api/v3/command"]
    assert {"get"} <= paths[things].keys() & paths["/api/v3/rename"].keys()
    resource = "RenameEpisodeResource" if app == "sonarr" else "RenameMovieResource"
    wanted = {"existingPath", "episodeFileId" if app == "sonarr" else "movieFileId"}
    assert wanted <= shared_apis[app]["components"]["schemas"][resource]["properties"].keys()
    command = shared_apis[app]["components"]["schemas"]["CommandResource"]["properties"]
    assert {"id", "name", "status"} <= command.keys()


def test_a_webhook_is_signed_and_gets_each_event(world: World) -> None:
    with serving(hook := FakeHook()):
        world.add(NEW, FINISHED, STARTED, to=(neighbour_of(hook, NeighbourKind.WEBHOOK),))
        assert world.send() == (SendResult(neighbour="webhook", events=2),)
    first, second = hook.calls
    assert (first.body["event"], second.body["event"]) == ("published", "run_finished")
    assert first.body["film"] == "tv/Show/a.mkv"
    assert second.body["exit_code"] == 4
    assert first.headers["idempotency-key"] == first.body["id"] != second.body["id"]
    signed = f"{first.headers['x-av1rules-timestamp']}.".encode() + first.raw
    expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert first.headers["x-av1rules-signature"] == f"sha256={expected}"


def test_what_was_taken_without_an_answer_is_sent_again_with_the_same_key(world: World) -> None:
    with serving(hook := FakeHook(faults=[Fault.LOST_ANSWER])):
        world.add(NEW, AGAIN, to=(neighbour_of(hook, NeighbourKind.WEBHOOK),))
        (result,) = world.send()
        assert result.problem is not None
        world.clock.at = "2026-11-27T10:01:00+00:00"
        assert world.send() == (SendResult(neighbour="webhook", events=2),)
    assert sorted(hook.seen.values()) == [1, 2]


def test_a_neighbour_that_fails_is_left_alone_longer_each_time(world: World) -> None:
    with serving(jellyfin := FakeJellyfin(faults=[Fault.BROKEN, Fault.UNAUTHORIZED])):
        world.add(NEW, to=(neighbour_of(jellyfin, NeighbourKind.JELLYFIN),))
        (result,) = world.send()
        assert "500" in (result.problem or "")
        assert world.send() == ()  # left alone
        world.clock.at = "2026-11-27T10:01:00+00:00"
        (result,) = world.send()
        assert "check the key" in result.text
        world.clock.at = "2026-11-27T10:02:59+00:00"
        assert world.send() == ()
        (backlog,) = world.ledger.outbox.backlogs()
        assert (backlog.waiting, backlog.since) == (1, "2026-11-27T10:00:00+00:00")
        world.clock.at = "2026-11-27T10:03:00+00:00"
        assert world.send() == (SendResult(neighbour="jellyfin", events=1),)
    assert world.ledger.outbox.backlogs() == ()


def test_after_a_week_it_is_given_up_with_the_reason(world: World) -> None:
    with serving(jellyfin := FakeJellyfin(is_down=True)):
        world.add(NEW, to=(neighbour_of(jellyfin, NeighbourKind.JELLYFIN),))
        world.send()
        world.clock.at = "2026-12-05T10:00:00+00:00"
        world.send()
    (entry,) = world.ledger.outbox.select()
    assert entry.state is OutboxState.GIVEN_UP
    assert (entry.problem or "").startswith("given up: ")


def test_one_neighbour_that_fails_is_not_in_the_way_of_others(world: World) -> None:
    with serving(bad := FakeJellyfin(is_down=True), good := FakeEmby()):
        servers = (
            neighbour_of(bad, NeighbourKind.JELLYFIN),
            neighbour_of(good, NeighbourKind.EMBY),
        )
        world.add(NEW, to=servers)
        failed, done = world.send()
    assert failed.problem
    assert done == SendResult(neighbour="emby", events=1)


def test_a_message_that_is_never_taken_is_not_in_the_way_of_others(world: World) -> None:
    @contextlib.contextmanager
    def picky() -> Iterator[FakeHook]:
        with serving(hook := FakeHook(faults=[])):
            yield hook

    with picky() as hook:
        neighbour = neighbour_of(hook, NeighbourKind.WEBHOOK)
        world.add(NEW, AGAIN, to=(neighbour,))
        answer = hook.answer
        refused: list[str] = []

        def once(call: Any) -> tuple[int, Any]:
            if not refused:
                refused.append(call.body["id"])
                hook.require(False, 422, "not this one")
            return answer(call)

        hook.answer = once  # type: ignore[method-assign]
        world.send()
    assert world.states() == [OutboxState.GIVEN_UP, OutboxState.DONE]


def test_a_neighbour_that_left_the_rules_is_given_up(world: World) -> None:
    with serving(hook := FakeHook()):
        world.add(NEW, to=(neighbour_of(hook, NeighbourKind.WEBHOOK),))
        world.neighbours = ()
        assert world.send() == ()
    assert world.states() == [OutboxState.GIVEN_UP]


def test_only_one_process_sends(world: World) -> None:
    with serving(hook := FakeHook()):
        world.add(NEW, to=(neighbour_of(hook, NeighbourKind.WEBHOOK),))
        with FileLock(world.folder / LOCK_NAME):
            assert world.send() == ()
    assert hook.calls == []


def test_an_answer_of_another_form_is_a_problem_not_a_crash(world: World) -> None:
    sonarr = FakeArr(things=[{"id": "x", "path": 3}])
    with serving(sonarr):
        world.add(NEW, to=(neighbour_of(sonarr, NeighbourKind.SONARR),))
        (result,) = world.send()
    assert "not of the form" in (result.problem or "")


def test_pings_of_a_run_share_their_id(world: World) -> None:
    with serving(checks := FakeHealthchecks()):
        checks.url = f"{checks.url}/{checks.check}"
        neighbour = neighbour_of(checks, NeighbourKind.HEALTHCHECKS)
        world.add(STARTED, FINISHED, to=(neighbour,))
        idle = Announcement(event=AnnouncedEvent.RUN_FINISHED, exit_code=0, detail="nothing to do")
        world.add(idle, to=(neighbour,))
        assert world.send() == (SendResult(neighbour="healthchecks", events=3),)
    start, end, idle_end = checks.calls
    assert start.path.endswith("/start")
    assert end.path.endswith("/4")
    assert idle_end.path.endswith("/0")
    assert start.query["rid"] == end.query["rid"]
    assert idle_end.query == {}
    assert checks.refused == []


def test_a_ping_that_would_come_late_is_given_up(world: World) -> None:
    with serving(checks := FakeHealthchecks()):
        world.add(STARTED, to=(neighbour_of(checks, NeighbourKind.HEALTHCHECKS),))
        world.clock.at = "2026-11-27T11:30:00+00:00"
        world.send()
    assert (checks.calls, checks.refused) == ([], [])
    assert world.states() == [OutboxState.GIVEN_UP]


def test_a_program_gets_the_event_and_no_secret(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEIGHBOUR_KEY", KEY)
    out = tmp_path / "out.json"
    code = (
        "import json, os, sys; json.dump([json.load(sys.stdin), sys.argv[1:], dict(os.environ)],"
        f" open({str(out)!r}, 'w'))"
    )
    program = Neighbour(
        name="mine",
        kind=NeighbourKind.PROGRAM,
        command=(sys.executable, "-c", code, "$(reboot)", "a b"),
        events=frozenset({AnnouncedEvent.PUBLISHED}),
        timeout_s=60,
    )
    with serving(hook := FakeHook()):
        world.add(NEW, to=(program, neighbour_of(hook, NeighbourKind.WEBHOOK, events=())))
        assert world.send() == (SendResult(neighbour="mine", events=1),)
    given, arguments, environ = json.loads(out.read_text())
    assert given["new_path"] == environ["AV1RULES_NEW_PATH"] == "/media/tv/Show/a.mkv"
    assert environ["AV1RULES_EVENT"] == "published"
    assert "AV1RULES_OLD_PATH" not in environ
    assert arguments == ["$(reboot)", "a b"]
    assert KEY not in out.read_text()


@pytest.mark.parametrize(
    ("command", "problem"),
    [(("/no/such/program",), "can't be started"), (("/bin/false",), "exit code 1")],
)
def test_a_program_that_fails(world: World, command: tuple[str, ...], problem: str) -> None:
    program = Neighbour(
        name="mine",
        kind=NeighbourKind.PROGRAM,
        command=command,
        events=frozenset({AnnouncedEvent.PUBLISHED}),
    )
    world.add(NEW, to=(program,))
    (result,) = world.send()
    assert problem in (result.problem or "")


def test_metrics(world: World, tmp_path: Path) -> None:
    path = tmp_path / "metrics" / "av1rules.prom"
    neighbour = Neighbour(
        name="prom",
        kind=NeighbourKind.PROMETHEUS,
        file=path,
        events=frozenset({AnnouncedEvent.RUN_FINISHED}),
    )
    world.add(FINISHED, to=(neighbour,))
    (result,) = world.send()
    assert "can't be written" in (result.problem or "")
    path.parent.mkdir()
    world.clock.at = "2026-11-27T10:01:00+00:00"
    world.send()
    lines = path.read_text().splitlines()
    assert "av1rules_targets 0" in lines
    assert 'av1rules_outbox_waiting{neighbour="prom"} 1' in lines
    names = {line.split("{")[0].split(" ")[0] for line in lines if line[0] != "#"}
    assert {f"# TYPE {name} " for name in names} == {
        line[: line.index(" ", 7) + 1] for line in lines if line.startswith("# TYPE")
    }
    assert "/media" not in path.read_text()
    assert list(path.parent.iterdir()) == [path]


def test_no_secret_is_in_the_ledger(world: World) -> None:
    faults = [Fault.UNAUTHORIZED, Fault.BROKEN]
    with serving(sonarr := FakeArr(faults=list(faults)), hook := FakeHook(faults=list(faults))):
        servers = (
            neighbour_of(sonarr, NeighbourKind.SONARR),
            neighbour_of(hook, NeighbourKind.WEBHOOK),
        )
        world.add(NEW, to=servers)
        told = [one.text for one in world.send()]
    world.ledger.close()
    stored = b"".join(path.read_bytes() for path in world.folder.iterdir())
    assert KEY.encode() not in stored
    assert len(told) == 2
    assert KEY not in "".join(told)


def test_a_thread_sends_meanwhile_and_stops_whatever_a_neighbour_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEIGHBOUR_KEY", KEY)
    failures: list[SendResult] = []
    with (
        serving(hook := FakeHook(), stuck := FakeJellyfin(faults=[Fault.TIMEOUT])),
        contextlib.closing(Ledger.open(tmp_path)) as ledger,
    ):
        servers = (
            neighbour_of(hook, NeighbourKind.WEBHOOK),
            neighbour_of(stuck, NeighbourKind.JELLYFIN, timeout_s=50),
        )
        ledger.outbox.address(recipients_of(servers))
        ledger.outbox.add(NEW)
        sender = Sender(tmp_path, servers, failures.append, every_s=3600)
        sender.start()
        counts = sender.finish(lambda: bool(hook.calls and stuck.refused))
        waiting = [one.neighbour for one in ledger.outbox.backlogs()]
    assert waiting == ["jellyfin"]
    assert counts == {}  # the look did not come to its end; what was told is recorded
    assert failures == []

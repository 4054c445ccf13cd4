"""`notify test` against strict fakes: what is well, and what is told of what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from av1rules.cli.main import cli
from av1rules.integrations.check import NeighbourCheck, check_neighbour
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind
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

SERVERS: list[tuple[FakeServer, NeighbourKind, str]] = [
    (FakeJellyfin(), NeighbourKind.JELLYFIN, "den, version 10.11.2"),
    (FakeEmby(), NeighbourKind.EMBY, "den, version 10.11.2"),
    (FakePlex(), NeighbourKind.PLEX, "version 1.43.0"),
    (FakeArr(), NeighbourKind.SONARR, "Sonarr 4.0.16"),
    (FakeArr(thing="movie"), NeighbourKind.RADARR, "Radarr 4.0.16"),
]


def check(neighbour: Neighbour, *folders: str, sends: bool = False) -> NeighbourCheck:
    return check_neighbour(neighbour, folders, sends=sends, environ=ENVIRON)


@pytest.mark.parametrize(("server", "kind", "said"), SERVERS)
def test_servers_say_who_they_are_and_which_folders_they_have(
    server: FakeServer, kind: NeighbourKind, said: str
) -> None:
    with serving(server):
        found = check(neighbour_of(server, kind), "/media/tv", "/elsewhere")
        lost = check(neighbour_of(server, kind), "/elsewhere")
    assert (found.said, found.problem) == (said, None)
    assert [(one.theirs, one.is_known) for one in found.folders] == [
        ("/data/tv", True),
        ("/elsewhere", False),
    ]
    assert lost.problem == "it has none of our folders"
    assert "/data/tv" in (lost.hint or "")
    assert all(call.method == "GET" for call in server.calls)


def test_radarr_in_place_of_sonarr() -> None:
    with serving(radarr := FakeArr(thing="movie")):
        found = check(neighbour_of(radarr, NeighbourKind.SONARR))
    assert found.problem == "Radarr answers there"


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.NOT_FOUND, Fault.HTML, Fault.DROPPED])
def test_failures_say_what_to_do(fault: Fault) -> None:
    with serving(server := FakeJellyfin(faults=[fault])):
        found = check(neighbour_of(server, NeighbourKind.JELLYFIN))
    assert found.problem
    assert found.hint
    assert KEY not in f"{found.problem}{found.hint}"


def test_those_that_have_nothing_to_ask_are_sent_a_test_when_told() -> None:
    with serving(hook := FakeHook(), checks := FakeHealthchecks()):
        checks.url = f"{checks.url}/{checks.check}"
        for server, kind in (
            (hook, NeighbourKind.WEBHOOK),
            (checks, NeighbourKind.HEALTHCHECKS),
        ):
            neighbour = neighbour_of(server, kind)
            assert check(neighbour).is_ok
            assert server.calls == []
            assert check(neighbour, sends=True).said == "it took a test"
            assert len(server.calls) == 1
    assert hook.calls[0].body["detail"] == "a test of av1rules"
    assert checks.calls[0].path.endswith("/log")


def test_programs_and_metrics(tmp_path: Path) -> None:
    program = Neighbour(name="p", kind=NeighbourKind.PROGRAM, command=(sys.executable, "-c", ""))
    assert check(program).is_ok
    assert check(program, sends=True).said == "it took a test"
    missing = Neighbour(name="p", kind=NeighbourKind.PROGRAM, command=("/no/such",))
    assert not check(missing).is_ok
    metrics = Neighbour(name="m", kind=NeighbourKind.PROMETHEUS, file=tmp_path / "a.prom")
    assert check(metrics).is_ok
    lost = Neighbour(name="m", kind=NeighbourKind.PROMETHEUS, file=tmp_path / "no" / "a.prom")
    assert not check(lost).is_ok


def test_the_command(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[Any, str]:
        path = str(tmp_path / "rules.yaml")
        done = CliRunner(env=ENVIRON).invoke(
            cli, ["notify", "test", "-f", path, *words], standalone_mode=False
        )
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.output

    with serving(jellyfin := FakeJellyfin()):
        (tmp_path / "rules.yaml").write_text(
            "version: 1\nlibrary: {roots: [/media/tv]}\nrules: [{name: a, encode: {}}]\n"
            f"neighbours:\n  den: {{type: jellyfin, url: '{jellyfin.url}',"
            " token: {env: NEIGHBOUR_KEY}, paths: {/media: /data}}\n"
        )
        code, output = run()
        assert code in (0, None)
        assert "ok  den (jellyfin): den, version 10.11.2" in output
        assert "/media/tv is /data/tv: known there" in output
        jellyfin.faults.append(Fault.UNAUTHORIZED)
        code, output = run("--json", "den")
        assert code == 1
        assert "401" in json.loads(output)["neighbours"][0]["problem"]
        assert KEY not in output
        with pytest.raises(Exception, match="no neighbour is called nobody"):
            run("nobody")

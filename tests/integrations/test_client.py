"""Calls to a neighbour that misbehaves: each failure is an error that says what to do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from av1rules.integrations import http
from av1rules.integrations.client import open_client
from av1rules.integrations.http import NeighbourError
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind, Secret
from tests.fakes.neighbours import KEY, Call, FakeArr, FakeServer, Fault, serving
from tests.integrations.servers import ENVIRON, neighbour_of


def call(server: FakeServer, *, timeout_s: float = 20.0, environ: dict[str, str] = ENVIRON) -> Any:
    neighbour = neighbour_of(server, NeighbourKind.SONARR, timeout_s=timeout_s)
    return open_client(neighbour, environ).call("GET", "/api/v3/system/status")


def test_a_right_call() -> None:
    with serving(arr := FakeArr()):
        assert call(arr)["appName"] == "Sonarr"
    assert [one.path for one in arr.calls] == ["/api/v3/system/status"]
    assert arr.calls[0].headers["user-agent"].startswith("av1rules/")


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (Fault.UNAUTHORIZED, "status 401", "check the key"),
        (Fault.NOT_FOUND, "status 404", "base path"),
        (Fault.TOO_MANY, "status 429", "later"),
        (Fault.BROKEN, "status 500", "its own log"),
        (Fault.HTML, "a web page", "login page"),
        (Fault.NO_JSON, "no JSON", "address of its API"),
        (Fault.REDIRECT, "sends callers elsewhere", "answers at itself"),
        (Fault.DROPPED, "", ""),
    ],
)
def test_faults(fault: Fault, message: str, hint: str) -> None:
    with serving(arr := FakeArr(faults=[fault])), pytest.raises(NeighbourError) as caught:
        call(arr)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.SLOW])
def test_no_answer_in_time(fault: Fault) -> None:
    began = time.monotonic()
    with (
        serving(arr := FakeArr(faults=[fault], slow_s=1)),
        pytest.raises(NeighbourError, match=r"no answer within 0\.5 s"),
    ):
        call(arr, timeout_s=0.5)
    assert time.monotonic() - began < 30


def test_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1 << 22)
    with serving(arr := FakeArr(faults=[Fault.OVERSIZE])), pytest.raises(NeighbourError) as caught:
        call(arr)
    assert caught.value.message == "its answer is too long"


def test_nobody_there_and_a_name_that_is_none() -> None:
    with serving(arr := FakeArr()):
        pass
    with pytest.raises(NeighbourError, match="nothing answers"):
        call(arr)
    arr.url = "http://no-such-host.invalid"
    with pytest.raises(NeighbourError, match="can't be reached"):
        call(arr)


def test_a_wrong_key_is_refused_and_never_shown() -> None:
    with serving(arr := FakeArr()), pytest.raises(NeighbourError, match="401") as caught:
        call(arr, environ={"NEIGHBOUR_KEY": "wr0ng-key"})
    assert "wr0ng-key" not in str(caught.value)
    assert arr.refused == ["GET /api/v3/system/status: 401 Unauthorized"]


@dataclass
class Redirecting(FakeServer):
    """Sends callers to another path of its own."""

    def answer(self, call: Call) -> tuple[int, Any]:
        return 200, {"path": call.path}


def test_an_address_that_is_a_secret_is_hidden_too() -> None:
    with serving(hook := Redirecting(faults=[Fault.NOT_FOUND])):
        neighbour = Neighbour(name="x", kind=NeighbourKind.WEBHOOK, url=Secret(env="U"))
        client = open_client(neighbour, {"U": f"{hook.url}/T0PS3CR3T/"})
        with pytest.raises(NeighbourError) as caught:
            client.call("POST", "", body={})
        assert client.scrub(f"see {hook.url}/T0PS3CR3T") == "see (hidden)"
        assert client.call("POST", "", body={}) == {"path": "/T0PS3CR3T"}
    assert "T0PS3CR3T" not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a", "nonsense"])
def test_a_secret_address_is_one_of_http(url: str) -> None:
    neighbour = Neighbour(name="x", kind=NeighbourKind.WEBHOOK, url=Secret(env="U"))
    with pytest.raises(NeighbourError, match="holds no address of http") as caught:
        open_client(neighbour, {"U": url})
    assert url not in str(caught.value)

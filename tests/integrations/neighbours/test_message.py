"""What people and programs are told, and apprise with a strict fake in its place."""

from __future__ import annotations

import sys
import types

import pytest
from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.integrations.client import NeighbourClient
from av1rules.integrations.http import NeighbourError
from av1rules.integrations.neighbours.apprise import tell_apprise
from av1rules.integrations.neighbours.message import document, sentence, text, variables
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import AnnouncedEvent, MappedPath, Neighbour, NeighbourKind

ENTRY = OutboxEntry(
    id=1,
    neighbour="x",
    key="k",
    event=AnnouncedEvent.PUBLISHED,
    at="2026-11-27T10:00:00+00:00",
    film="movies/\x1b[31m.mkv",
    old_path="/m/\udcff.mkv",
    new_path="/m/\udcff.mkv",
    source_bytes=2 * 1024**3,
    target_bytes=1024**3,
)
NEIGHBOUR = Neighbour(
    name="x", kind=NeighbourKind.APPRISE, paths=(MappedPath(ours="/m", theirs="/data"),)
)
CLIENT = NeighbourClient(neighbour=NEIGHBOUR, url="mailto://me:pw@example.org")


def test_paths_in_json_and_in_variables() -> None:
    assert document(NEIGHBOUR, ENTRY)["new_path"] == "/data/\ufffd.mkv"
    found = variables(NEIGHBOUR, ENTRY)
    assert found["AV1RULES_NEW_PATH"] == "/data/\udcff.mkv"
    assert found["AV1RULES_RUN"] is None


def test_lines_for_people() -> None:
    assert sentence(ENTRY) == "encoded: movies/\\x1b[31m.mkv, 2 GiB to 1 GiB"
    failed = replace(ENTRY, event=AnnouncedEvent.FAILED, detail="a\nb")
    assert "\n" not in sentence(failed)
    assert sentence(replace(ENTRY, event=AnnouncedEvent.RUN_STARTED, film=None)) == "run started"
    title, body = text([failed] * 50)
    assert title == "av1rules: something failed"
    assert body.endswith("and 10 more")


class FakeApprise:
    """Takes mail, and messages with a title and a body alone."""

    sent: list[tuple[str, str]]
    takes = True

    def __init__(self) -> None:
        self.is_known = False

    def add(self, url: str) -> bool:
        self.is_known = url.startswith("mailto://")
        return self.is_known

    def notify(self, *, title: str, body: str) -> bool:
        assert self.is_known
        if self.takes:
            self.sent.append((title, body))
        return self.takes


@pytest.fixture
def apprise(monkeypatch: pytest.MonkeyPatch) -> type[FakeApprise]:
    FakeApprise.sent, FakeApprise.takes = [], True
    module = types.SimpleNamespace(Apprise=FakeApprise)
    monkeypatch.setitem(sys.modules, "apprise", module)
    return FakeApprise


def test_apprise_gets_one_message(apprise: type[FakeApprise]) -> None:
    tell_apprise(CLIENT, [ENTRY, ENTRY])
    ((title, body),) = apprise.sent
    assert (title, len(body.splitlines())) == ("av1rules", 2)


def test_apprise_refuses(apprise: type[FakeApprise]) -> None:
    with pytest.raises(NeighbourError, match="none that apprise knows"):
        tell_apprise(replace(CLIENT, url="nonsense"), [ENTRY])
    apprise.takes = False
    with pytest.raises(NeighbourError, match="did not take") as caught:
        tell_apprise(CLIENT, [ENTRY])
    assert "pw" not in str(caught.value)


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError) as caught:
        tell_apprise(CLIENT, [ENTRY])
    assert caught.value.hint == "pip install 'av1rules[notify]'"

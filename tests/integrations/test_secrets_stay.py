"""Keys of neighbours appear nowhere but in the calls to them, whatever these answer."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from av1rules.ledger.ledger import Ledger
from av1rules.policy.neighbours.spec import AnnouncedEvent
from tests.fakes.neighbours import (
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
from tests.service.program import HASTE
from tests.service.watched import WatchedLibrary

SERVERS = {
    "jellyfin": FakeJellyfin,
    "emby": FakeEmby,
    "plex": FakePlex,
    "sonarr": FakeArr,
    "radarr": FakeArr,
    "webhook": FakeHook,
    "healthchecks": FakeHealthchecks,
}

OTHERS = (Fault.HTML, Fault.REDIRECT, Fault.NO_JSON, Fault.DROPPED, Fault.BROKEN)

RULES = """\
version: 1
library: {{roots: [films], settle: 0s}}
output: {{mode: replace}}
run: {{reserve: 0}}
neighbours:
{neighbours}
rules:
  - name: all
    encode: {{crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9}}
    review: never
"""


def key_of(name: str) -> str:
    return f"K3y+of/{name}=0123456789abcdef"


@pytest.fixture
def servers() -> Iterator[dict[str, FakeServer]]:
    made = {name: kind(key=key_of(name)) for name, kind in SERVERS.items()}
    with serving(*made.values()):
        yield made


@pytest.fixture
def library(tmp_path: Path, servers: dict[str, FakeServer]) -> Iterator[WatchedLibrary]:
    with WatchedLibrary(tmp_path / "library", environment={HASTE: "1"}) as library:
        (library.folder / "rules.yaml").write_text(rules(library, servers))
        yield library


def rules(library: WatchedLibrary, servers: dict[str, FakeServer]) -> str:
    """Every second key comes from a file, the others from the environment; two are addresses."""
    lines = []
    for number, (name, server) in enumerate(servers.items()):
        is_address = name in ("webhook", "healthchecks")
        value = f"{server.url}/{urllib.parse.quote(key_of(name), safe='')}"
        value = value if is_address else key_of(name)
        if number % 2:
            path = library.folder.parent / f"{name}.key"
            path.write_text(value)
            path.chmod(0o600)
            source = f"{{file: {path}}}"
        else:
            library.environment[f"SECRET_OF_{number}"] = value
            source = f"{{env: SECRET_OF_{number}}}"
        if is_address:
            lines.append(f"  {name}: {{type: {name}, url: {source}, timeout: 5s}}")
        else:
            lines.append(
                f"  {name}: {{type: {name}, url: '{server.url}', token: {source}, timeout: 5s}}"
            )
    return RULES.format(neighbours="\n".join(lines))


def leaks(library: WatchedLibrary, texts: dict[str, str]) -> list[str]:
    """Where a key stands in what was said, or in any file of library and state."""
    found = []
    said = {name: text.encode() for name, text in texts.items()}
    for path in library.folder.rglob("*"):
        if path.is_file():
            said[path.relative_to(library.folder).as_posix()] = path.read_bytes()
    for name in SERVERS:
        key = key_of(name)
        forms = {
            key.encode(),
            urllib.parse.quote(key).encode(),
            urllib.parse.quote(key, safe="").encode(),
            base64.b64encode(key.encode()),
            json.dumps(key)[1:-1].encode(),
            key.replace("/", "\\/").encode(),
        }
        found += [
            f"the key of {name} is in {where}"
            for where, raw in said.items()
            if any(one in raw for one in forms)
        ]
    return found


def test_keys_are_nowhere(library: WatchedLibrary, servers: dict[str, FakeServer]) -> None:
    for server in servers.values():
        server.faults = [one for other in OTHERS for one in (Fault.UNAUTHORIZED, other)] * 8
    said: dict[str, str] = {}

    def call(*words: str) -> str:
        done = library.call(*words)
        said[" ".join(words)] = done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    library.add("a.mkv")
    call("-v", "--log-file", "run.log", "run")
    assert "was not told" in said["-v --log-file run.log run"]
    library.add("b.mkv")
    call("-v", "--log-file", "run.log", "run", "--json")
    for words in ("runs show 1", "runs show last --json", "status", "status --json",
                  "notify test", "notify test --json", "report --json",
                  "doctor", "receipt a.mkv --json"):  # fmt: skip
        call(*words.split())
    assert "FAILED" in said["notify test"]
    library.start("-v", "--json", "--log-file", "watch.log")
    library.until_idle()
    assert (library.state_dir / "watch.json").exists()
    assert library.stop() == 0
    assert (library.state_dir / "events.ndjson").exists()
    assert all(server.refused for server in servers.values())
    assert leaks(library, said) == []


def test_an_undo_is_told_as_of_the_undo(
    library: WatchedLibrary, servers: dict[str, FakeServer]
) -> None:
    library.add("a.mkv")
    assert library.call("run").returncode == 0
    done = library.call("undo", "1", "--yes")
    assert done.returncode == 0, done.stderr
    with closing(Ledger.read(library.state_dir)) as ledger:
        of_undo = [one for one in ledger.outbox.of_run(2) if one.neighbour == "jellyfin"]
        of_run = [one for one in ledger.outbox.of_run(1) if one.neighbour == "jellyfin"]
    assert [one.event for one in of_undo] == [AnnouncedEvent.UNDONE]
    assert [one.event for one in of_run] == [AnnouncedEvent.PUBLISHED]
    shown = library.call("runs", "show", "2").stdout
    assert "jellyfin: told of 1 event" in shown

"""Tries each neighbour: does it answer, is the key right, does it know a folder that we know?"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.integrations.client import NeighbourClient, as_text, open_client
from av1rules.integrations.http import HttpRequest, NeighbourError
from av1rules.integrations.neighbours.apprise import tell_apprise
from av1rules.integrations.neighbours.media_server import api_path
from av1rules.integrations.neighbours.plex import read_sections
from av1rules.integrations.neighbours.program import tell_program
from av1rules.integrations.neighbours.webhook import tell_webhook
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import AnnouncedEvent, Neighbour, NeighbourKind


class FolderCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of ours, as the neighbour would see it, and whether it has such a folder."""

    ours: str
    theirs: str
    is_known: bool


class NeighbourCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one neighbour: what it `said` of itself, or the `problem`."""

    name: str
    kind: NeighbourKind
    said: str | None = None
    problem: str | None = None
    hint: str | None = None
    folders: tuple[FolderCheck, ...] = ()

    @property
    def is_ok(self) -> bool:
        return self.problem is None


def check_neighbour(
    neighbour: Neighbour,
    folders: Sequence[str],
    *,
    sends: bool,
    environ: Mapping[str, str] = os.environ,
) -> NeighbourCheck:
    """Ask it; `sends`: those that have nothing to ask get a message that says it is a test."""
    try:
        client = open_client(neighbour, environ)
        if neighbour.kind.is_media_server or neighbour.kind.is_arr:
            return _server(client, folders)
        said = (_send if sends else _look)(client)
    except Av1rulesError as problem:
        where = "" if problem.where is None else f" ({problem.where})"
        return NeighbourCheck(
            name=neighbour.name,
            kind=neighbour.kind,
            problem=f"{problem.message}{where}",
            hint=problem.hint,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return NeighbourCheck(
            name=neighbour.name,
            kind=neighbour.kind,
            problem="its answer is not of the form that is documented",
            hint="is it the program that the rules file says?",
        )
    return NeighbourCheck(name=neighbour.name, kind=neighbour.kind, said=said)


def _server(client: NeighbourClient, folders: Sequence[str]) -> NeighbourCheck:
    neighbour = client.neighbour
    ask = {NeighbourKind.PLEX: _plex, NeighbourKind.SONARR: _arr, NeighbourKind.RADARR: _arr}
    said, theirs = ask.get(neighbour.kind, _media_server)(client)
    found = tuple(
        FolderCheck(ours=one, theirs=mapped, is_known=any(_meet(mapped, top) for top in theirs))
        for one in folders
        if (mapped := as_text(neighbour.their_path(one)))
    )
    is_lost = bool(found) and not any(one.is_known for one in found)
    has = ", ".join(printable(one) for one in theirs[:5]) or "none"
    return NeighbourCheck(
        name=neighbour.name,
        kind=neighbour.kind,
        said=client.scrub(said),
        problem="it has none of our folders" if is_lost else None,
        hint=f"`paths` maps ours to its own, which are {has}" if is_lost else None,
        folders=found,
    )


def _media_server(client: NeighbourClient) -> tuple[str, tuple[str, ...]]:
    info = client.call("GET", api_path(client, "/System/Info"))
    libraries = client.call("GET", api_path(client, "/Library/VirtualFolders"))
    tops = tuple(str(top) for one in libraries for top in one.get("Locations", ()))
    return f"{info['ServerName']}, version {info['Version']}", tops


def _plex(client: NeighbourClient) -> tuple[str, tuple[str, ...]]:
    version = client.call("GET", "/identity")["MediaContainer"]["version"]
    sections = read_sections(client)
    return f"version {version}", tuple(top for one in sections for top in one.folders)


def _arr(client: NeighbourClient) -> tuple[str, tuple[str, ...]]:
    status = client.call("GET", "/api/v3/system/status")
    name = str(status["appName"])
    if name.lower() != client.neighbour.kind.value:
        raise NeighbourError(f"{client.scrub(name)} answers there", hint="is the port right?")
    roots = client.call("GET", "/api/v3/rootfolder")
    return f"{name} {status['version']}", tuple(str(one["path"]) for one in roots)


def _meet(ours: str, theirs: str) -> bool:
    """Whether one of two folders is, or is in, the other."""
    a, b = (f"{one.rstrip('/')}/".replace("\\", "/") for one in (ours, theirs))
    return a.startswith(b) or b.startswith(a)


def _look(client: NeighbourClient) -> str:
    """What can be known without a message."""
    neighbour = client.neighbour
    if neighbour.kind is NeighbourKind.PROGRAM:
        if shutil.which(neighbour.command[0]) is None:
            raise NeighbourError("its program is not there, or may not be run")
        return "the program is there; --send runs it"
    if neighbour.kind is NeighbourKind.PROMETHEUS:
        return _metrics_folder(neighbour.file or Path())
    return "its secrets can be read; --send sends a test"


def _metrics_folder(file: Path) -> str:
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise NeighbourError(f"its folder can't be written: {printable(str(file.parent))}")
    return "its folder can be written"


def _send(client: NeighbourClient) -> str:
    kind = client.neighbour.kind
    entry = OutboxEntry(
        id=0,
        neighbour=client.neighbour.name,
        key=str(uuid.uuid4()),
        event=AnnouncedEvent.RUN_FINISHED,
        at=now_text(),
        detail="a test of av1rules",
        exit_code=0,
    )
    senders: dict[NeighbourKind, Callable[[], object]] = {
        NeighbourKind.WEBHOOK: lambda: tell_webhook(client, entry),
        NeighbourKind.APPRISE: lambda: tell_apprise(client, [entry]),
        NeighbourKind.PROGRAM: lambda: tell_program(client, entry, hidden=(), children=Children()),
        NeighbourKind.HEALTHCHECKS: lambda: client.send(
            HttpRequest(method="POST", url=f"{client.url}/log", body=b"a test of av1rules")
        ),
    }
    if kind not in senders:
        return _look(client)
    senders[kind]()
    return "it took a test"

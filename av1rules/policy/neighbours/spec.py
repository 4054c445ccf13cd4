"""The types of `neighbours:`, and the parsers of their values. Pure.

A secret is never a value here: only the name of a variable or the path of a file that holds it.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.base.units import UnitError


class NeighbourKind(Enum):
    """What a neighbour is. The value is its word in rules files."""

    JELLYFIN = "jellyfin"
    EMBY = "emby"
    PLEX = "plex"
    SONARR = "sonarr"
    RADARR = "radarr"
    WEBHOOK = "webhook"
    PROGRAM = "program"
    APPRISE = "apprise"
    HEALTHCHECKS = "healthchecks"
    PROMETHEUS = "prometheus"

    @property
    def is_media_server(self) -> bool:
        """Whether it knows who is watching."""
        return self in (NeighbourKind.JELLYFIN, NeighbourKind.EMBY, NeighbourKind.PLEX)

    @property
    def is_arr(self) -> bool:
        return self in (NeighbourKind.SONARR, NeighbourKind.RADARR)


class AnnouncedEvent(Enum):
    """What neighbours can be told of. The value is its word in rules files and webhooks."""

    PUBLISHED = "published"  # a target is in its place: new, made anew, or put back
    RENAMED = "renamed"  # a target followed its film
    UNDONE = "undone"  # an original is back in its place
    REMOVED = "removed"  # a target went to the trash, as its film is gone
    FAILED = "failed"
    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"


FILE_EVENTS = (
    AnnouncedEvent.PUBLISHED,
    AnnouncedEvent.RENAMED,
    AnnouncedEvent.UNDONE,
    AnnouncedEvent.REMOVED,
)
"""Those after which other files are in the library than before."""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret is: in an environment variable, or in a file that only its owner can read."""

    env: str | None = None
    file: Path | None = None

    @property
    def text(self) -> str:
        return f"the variable {self.env}" if self.file is None else str(self.file)


class MappedPath(msgspec.Struct, frozen=True, kw_only=True):
    """A folder as this machine sees it, and the same one as the neighbour does."""

    ours: str
    theirs: str


DEFAULT_TIMEOUT_S = 15.0
"""A media server that scans answers late; healthchecks recommends 10 s at least."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """One neighbour. `url` is a `Secret` where the address itself is one. `secret` signs a webhook.
    `paths` are in the order of the file; the longest that fits counts."""

    name: str
    kind: NeighbourKind
    url: str | Secret | None = None
    token: Secret | None = None
    secret: Secret | None = None
    command: tuple[str, ...] = ()
    file: Path | None = None
    paths: tuple[MappedPath, ...] = ()
    events: frozenset[AnnouncedEvent] = frozenset()
    may_rename: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S

    def their_path(self, path: str) -> str:
        """A path of ours as the neighbour sees it."""
        return _mapped(path, [(one.ours, one.theirs) for one in self.paths])

    def our_path(self, path: str) -> str:
        """A path of the neighbour as we see it."""
        return _mapped(path, [(one.theirs, one.ours) for one in self.paths])


def _mapped(path: str, pairs: list[tuple[str, str]]) -> str:
    fitting = [(a.rstrip("/\\"), b.rstrip("/\\")) for a, b in pairs if _is_below(path, a)]
    if not fitting:
        return path
    was, now = max(fitting, key=lambda pair: len(pair[0]))
    rest = path[len(was) :]
    # A server on Windows: D:\Films for /media/films.
    ours_to_windows, windows_to_ours = "\\" in now and "/" not in now, "\\" in was
    if ours_to_windows:
        rest = rest.replace("/", "\\")
    elif windows_to_ours:
        rest = rest.replace("\\", "/")
    return f"{now}{rest}" or "/"


def _is_below(path: str, folder: str) -> bool:
    top = folder.rstrip("/\\")
    return path == top or path.startswith((f"{top}/", f"{top}\\"))


USUAL_EVENTS: dict[NeighbourKind, tuple[AnnouncedEvent, ...]] = {
    **dict.fromkeys(NeighbourKind, FILE_EVENTS),
    NeighbourKind.WEBHOOK: (*FILE_EVENTS, AnnouncedEvent.FAILED, AnnouncedEvent.RUN_FINISHED),
    NeighbourKind.PROGRAM: (*FILE_EVENTS, AnnouncedEvent.FAILED, AnnouncedEvent.RUN_FINISHED),
    NeighbourKind.APPRISE: (AnnouncedEvent.FAILED, AnnouncedEvent.RUN_FINISHED),
    NeighbourKind.HEALTHCHECKS: (AnnouncedEvent.RUN_STARTED, AnnouncedEvent.RUN_FINISHED),
    NeighbourKind.PROMETHEUS: (AnnouncedEvent.RUN_FINISHED,),
}
"""What each kind is told of where `on` is left out."""

_WHERE_INSTEAD = "write {env: NAME} or {file: PATH}, a file that only you can read (mode 600)"

_IN_QUERY = re.compile(r"(?i)(?:^|&)(?:x-plex-token|api_?key|token|key|secret|password)=")


def plain_secret(_value: object) -> str:
    """Refuses any value: a secret does not stand in a rules file. Raises UnitError."""
    raise UnitError(
        "a secret does not belong in a rules file, which is shown, copied and committed",
        hint=_WHERE_INSTEAD,
    )


def http_url(text: str) -> str:
    """An address without a secret. Raises UnitError."""
    try:
        parts = urllib.parse.urlsplit(text)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_right = is_right and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right or any(character <= " " or character == "\x7f" for character in text):
        raise UnitError("expected an address such as http://192.168.1.5:8096", hint=None)
    if parts.username or parts.password:
        raise UnitError("an address with a password is a secret", hint=_WHERE_INSTEAD)
    if _IN_QUERY.search(parts.query):
        raise UnitError("an address with a key is a secret", hint=_WHERE_INSTEAD)
    return text


def variable_name(text: str) -> str:
    """The name of an environment variable. Raises UnitError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise UnitError(
            "expected the name of an environment variable, such as SONARR_KEY",
            hint="the name alone, without $",
        )
    return text


NEIGHBOUR_FORMATS: dict[str, Callable[[str], object]] = {
    "http-url": http_url,
    "variable-name": variable_name,
}
"""The formats of the schema for neighbours, by name."""

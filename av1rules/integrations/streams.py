"""Asks media servers who is watching what."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.integrations.client import NeighbourClient, open_client
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind

ACTIVE_S = 300
"""Seconds since a player was last heard of: a paused one reports seldom, and a server forgets one
that went away after five minutes."""


class ActiveStream(msgspec.Struct, frozen=True, kw_only=True):
    """One film that somebody plays. `path` is ours; None: the server does not say it."""

    server: str
    title: str | None = None
    path: str | None = None
    is_paused: bool = False


class ServerStreams(msgspec.Struct, frozen=True, kw_only=True):
    """What one server said. With a `problem` nobody knows who is watching there."""

    server: str
    streams: tuple[ActiveStream, ...] = ()
    problem: str | None = None

    @property
    def is_known(self) -> bool:
        return self.problem is None


def active_streams(
    neighbours: Sequence[Neighbour], *, environ: Mapping[str, str] = os.environ
) -> tuple[ServerStreams, ...]:
    """What each media server among the neighbours says, paused streams included. A server that is
    down or refuses is no error, but unknown. Takes up to the timeout of each."""
    servers = (one for one in neighbours if one.kind.is_media_server)
    return tuple(_streams_of(one, environ) for one in servers)


def _streams_of(neighbour: Neighbour, environ: Mapping[str, str]) -> ServerStreams:
    try:
        streams = tuple(read_streams(open_client(neighbour, environ)))
    except Av1rulesError as problem:
        return ServerStreams(server=neighbour.name, problem=problem.message)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ServerStreams(
            server=neighbour.name, problem="its answer is not of the form that is documented"
        )
    return ServerStreams(server=neighbour.name, streams=streams)


def read_streams(client: NeighbourClient) -> Iterator[ActiveStream]:
    """What one media server says. Raises NeighbourError; AttributeError, KeyError, TypeError or
    ValueError for an answer of another form."""
    if client.neighbour.kind is NeighbourKind.PLEX:
        yield from _plex(client)
        return
    path = "/Sessions" if client.neighbour.kind is NeighbourKind.JELLYFIN else "/emby/Sessions"
    if client.url.endswith("/emby"):
        path = "/Sessions"
    for session in client.call("GET", path, query={"activeWithinSeconds": str(ACTIVE_S)}):
        item = session.get("NowPlayingItem")
        if not item or item.get("MediaType", "Video") != "Video":
            continue
        yield _stream(
            client,
            title=_title(item.get("SeriesName"), item.get("Name")),
            path=item.get("Path"),
            is_paused=bool((session.get("PlayState") or {}).get("IsPaused")),
        )


def _plex(client: NeighbourClient) -> Iterator[ActiveStream]:
    container = client.call("GET", "/status/sessions")["MediaContainer"]
    for item in container.get("Metadata", ()):
        if item.get("type") in ("track", "photo"):
            continue
        path = _part(item)
        if path is None and (key := item.get("ratingKey")) is not None and str(key).isdecimal():
            found = client.call("GET", f"/library/metadata/{key}")["MediaContainer"]
            path = next(filter(None, map(_part, found.get("Metadata", ()))), None)
        yield _stream(
            client,
            title=_title(item.get("grandparentTitle"), item.get("title")),
            path=path,
            is_paused=(item.get("Player") or {}).get("state") == "paused",
        )


def _part(item: Mapping[str, Any]) -> str | None:
    """The file of the version that is played, or of the first."""
    media = item.get("Media", ())
    chosen = [one for one in media if one.get("selected")] or media
    parts = (part for one in chosen for part in one.get("Part", ()))
    return next((part["file"] for part in parts if part.get("file")), None)


def _stream(
    client: NeighbourClient, *, title: str | None, path: Any, is_paused: bool
) -> ActiveStream:
    return ActiveStream(
        server=client.neighbour.name,
        title=title,
        path=client.neighbour.our_path(path) if isinstance(path, str) and path else None,
        is_paused=is_paused,
    )


def _title(series: Any, name: Any) -> str | None:
    words = [printable(one, limit=80) for one in (series, name) if isinstance(one, str) and one]
    return ": ".join(words) or None

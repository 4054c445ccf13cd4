"""Who watches a film of the library: by what players of this machine have open, and by what media
servers say."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

import msgspec

from av1rules.execute.control.players import watched_films
from av1rules.integrations.streams import ActiveStream, ServerStreams, active_streams
from av1rules.policy.neighbours.spec import Neighbour


class Viewers(msgspec.Struct, frozen=True, kw_only=True):
    """`films` are the paths that are open or streamed, those that stand in a pause among them;
    `paused` only these. `unnamed` streams are of films that their server does not name. `problems`
    say what is not known."""

    films: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()
    unnamed: int = 0
    problems: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many watch now. Who stopped to answer the door does not, and needs no processor; the
        same film seen by a server and as an open file is one."""
        return len(self.films - self.paused) + self.unnamed


def find_viewers(
    roots: Collection[str], neighbours: Sequence[Neighbour], own: Collection[int]
) -> Viewers:
    """Ask all. `own` are processes of this run. Takes up to the timeout of each server."""
    servers = active_streams(neighbours) if neighbours else ()
    opened = watched_films(roots, own)
    return together(opened, servers)


def together(opened: frozenset[str] | None, servers: Sequence[ServerStreams]) -> Viewers:
    """What open files and media servers say, as one. None: this system does not show open files,
    which is a problem only where no server is asked."""
    streams = [stream for server in servers for stream in server.streams]
    paths = {path: stream for stream in streams if (path := _real(stream)) is not None}
    going = {path for stream in streams if (path := _real(stream)) and not stream.is_paused}
    problems = [f"{one.server}: {one.problem}" for one in servers if not one.is_known]
    if opened is None and not servers:
        problems.append("this system does not show who has a film open")
    return Viewers(
        films=frozenset(paths) | (opened or frozenset()),
        paused=frozenset(paths) - going,
        unnamed=sum(stream.path is None and not stream.is_paused for stream in streams),
        problems=tuple(problems),
    )


def _real(stream: ActiveStream) -> str | None:
    return None if stream.path is None else os.path.realpath(stream.path)

"""Who is told of what: as much of a neighbour as the ledger needs to know."""

from __future__ import annotations

import msgspec

from av1rules.policy.neighbours.spec import AnnouncedEvent, Neighbour, NeighbourKind


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A neighbour by its name. One that watches over runs is told of those that had nothing to do,
    too."""

    name: str
    events: frozenset[AnnouncedEvent]
    watches_runs: bool = False


def recipients_of(neighbours: tuple[Neighbour, ...]) -> tuple[Recipient, ...]:
    watching = (NeighbourKind.HEALTHCHECKS, NeighbourKind.PROMETHEUS)
    return tuple(
        Recipient(name=one.name, events=one.events, watches_runs=one.kind in watching)
        for one in neighbours
    )

"""The document of `notify test`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.policy.neighbours.spec import NeighbourKind
from av1rules.report.json import JsonDocument


class CheckedFolder(Struct, frozen=True, kw_only=True):
    """A folder of ours, as the neighbour sees it, and whether it has such a folder."""

    ours: str
    theirs: str
    is_known: bool


class CheckedNeighbour(Struct, frozen=True, kw_only=True):
    """What came of one neighbour. `problem` is null if all is well, `said` what it said of itself,
    `waiting` of how many events it is still to be told."""

    name: str
    type: NeighbourKind
    said: str | None
    problem: str | None
    hint: str | None
    folders: tuple[CheckedFolder, ...]
    waiting: int


class NotifyTestDocument(JsonDocument, frozen=True, kw_only=True):
    """What came of each neighbour that was tried."""

    neighbours: tuple[CheckedNeighbour, ...]

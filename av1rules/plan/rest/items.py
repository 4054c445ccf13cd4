"""What a run would do with the rest of a mirror, as values. Pure."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from av1rules.ledger.stand_ins import StandIn
from av1rules.policy.model import Rest


class PlaceCause(Enum):
    """Why a file is put into the mirror."""

    NEW = "new"
    LOST = "it is not there any more"
    REPLACED = "its source was replaced"
    OTHER_LINK = "output.rest or a folder changed"
    RENAMED = "its source was renamed"


class Placement(Struct, frozen=True, kw_only=True, gc=False):
    """A file that is put into the mirror at `path`. `replaces` stands there now, `moves_from` is
    renamed to it. `target` is what the same run makes of the film, and so in its place."""

    kind: Rest
    source_path: str
    library_path: str
    path: str
    link: str
    size_bytes: int
    is_film: bool
    cause: PlaceCause
    replaces: StandIn | None = None
    moves_from: StandIn | None = None
    target: str | None = None


class RemovalCause(Enum):
    """Why a stand-in goes out of the mirror."""

    ENCODED = "its film has a target there"
    SOURCE_GONE = "its source is gone"
    LEFT_OUT = "it is not part of the library any more"
    TURNED_OFF = "the rules put nothing there any more"


class Removal(Struct, frozen=True, kw_only=True, gc=False):
    stand_in: StandIn
    cause: RemovalCause


class RestProblemKind(Enum):
    """Why a file is not put into the mirror."""

    TAKEN = "taken"  # by a file that av1rules did not put there
    IS_TARGET = "is a target"  # its name is that of the target of another film
    CHANGED = "changed"  # what av1rules put there was changed or replaced by somebody
    OTHER_DISK = "other disk"  # a link of this kind can't reach there


class RestProblem(Struct, frozen=True, kw_only=True, gc=False):
    """`path` is the place in the mirror; for OTHER_DISK it is `output.root`, `source_path` a root,
    and `count` the files below it."""

    kind: RestProblemKind
    path: str
    source_path: str
    count: int = 1


class RestPlan(Struct, frozen=True, kw_only=True):
    """`in_place` counts what is as it should be, `waiting` what was written to a moment ago.
    `to_forget` are places whose stand-in is gone or became somebody else's file."""

    kind: Rest = Rest.LEAVE
    in_place: int = 0
    waiting: int = 0
    to_place: tuple[Placement, ...] = ()
    to_remove: tuple[Removal, ...] = ()
    to_forget: tuple[str, ...] = ()
    problems: tuple[RestProblem, ...] = ()

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the kind of link can't reach the mirror from some root."""
        return any(one.kind is RestProblemKind.OTHER_DISK for one in self.problems)

    @property
    def has_work(self) -> bool:
        return bool(self.to_place or self.to_remove)


NO_REST = RestPlan()

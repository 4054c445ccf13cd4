"""What a run found of a film that it did not finish: a failure, or why the film waits."""

from __future__ import annotations

from enum import Enum

import msgspec


class FindingKind(Enum):
    """What became of the film. The value is its name in the ledger and in JSON."""

    FAILED = "failed"  # its encode, or the verification of the result
    NO_ACCESS = "no_access"  # this user may not read or write there
    SYSTEM = "system_error"  # of a disk, a quota, a network
    ERROR = "error"  # any other error that a user can act on
    BUG = "bug"  # of av1rules
    BLOCKED = "blocked"
    OUTDATED = "outdated"  # a row of a saved plan that does not hold any more
    UNREADABLE = "unreadable"  # a folder or file of the library
    REFUSED = "refused"  # by undo, purge or adopt
    HELD = "held"  # until the user decides
    HELD_BY_USER = "held_by_user"  # paused, stopped or skipped, until `resume`
    CLIP_WAITING = "clip_waiting"  # until its test clip is approved
    DISCARDED = "discarded"  # a gate did not let the result pass
    WITHHELD = "not_encoded"  # what was measured tells against it
    LEFT = "left"

    @property
    def text(self) -> str:
        """The kind in words, for lists."""
        if self is FindingKind.LEFT:
            return "left for the next run"
        return str(self.value).replace("_", " ")

    @property
    def is_failure(self) -> bool:
        """Whether it makes the run fail. The others wait for a user, or are done with."""
        return self in _FAILURES

    @property
    def is_waiting(self) -> bool:
        """Whether the film waits for a user."""
        kinds = (FindingKind.HELD, FindingKind.HELD_BY_USER, FindingKind.CLIP_WAITING)
        return self in kinds


_FAILURES = frozenset(
    {
        FindingKind.FAILED,
        FindingKind.NO_ACCESS,
        FindingKind.SYSTEM,
        FindingKind.ERROR,
        FindingKind.BUG,
        FindingKind.BLOCKED,
        FindingKind.OUTDATED,
        FindingKind.UNREADABLE,
        FindingKind.REFUSED,
    }
)


class FilmFinding(msgspec.Struct, frozen=True, kw_only=True):
    """`film` is a library path; a path on disk for a file of the trash, "" for a part of the
    library. `is_new`: no earlier run found the same of the same content with the same settings."""

    film: str
    kind: FindingKind
    detail: str
    hint: str | None = None
    is_new: bool = True

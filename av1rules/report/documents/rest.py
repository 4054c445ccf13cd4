"""The rest of a mirror in the document of `plan`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.plan.rest.items import PlaceCause, RemovalCause, RestPlan, RestProblemKind
from av1rules.policy.model import Rest
from av1rules.report.rest.reasons import reason_of


class PlacedRecord(Struct, frozen=True, kw_only=True):
    """A file that is put into the mirror at `path`. `moves_from` is the place from which its link
    or copy is renamed, null if it is made."""

    path: str
    source: str
    source_path: str
    size_bytes: int
    is_film: bool
    cause: PlaceCause
    moves_from: str | None


class RemovedRecord(Struct, frozen=True, kw_only=True):
    """A link or copy that is taken out of the mirror."""

    path: str
    cause: RemovalCause


class RestProblemRecord(Struct, frozen=True, kw_only=True):
    """Why a file (of `other disk`: all below the root `source_path`) is not in the mirror."""

    kind: RestProblemKind
    path: str
    source_path: str
    files: int
    reason: str


class RestRecord(Struct, frozen=True, kw_only=True):
    """What stands in a mirror beside targets. `kind` is `output.rest`; `in_place` counts what is as
    it should be, `waiting` what was written to a moment ago."""

    kind: Rest
    in_place: int
    waiting: int
    to_place: tuple[PlacedRecord, ...]
    to_remove: tuple[RemovedRecord, ...]
    problems: tuple[RestProblemRecord, ...]

    @property
    def has_work(self) -> bool:
        return bool(self.to_place or self.to_remove)


def rest_record(rest: RestPlan) -> RestRecord:
    return RestRecord(
        kind=rest.kind,
        in_place=rest.in_place,
        waiting=rest.waiting,
        to_place=tuple(
            PlacedRecord(
                path=one.path,
                source=one.library_path,
                source_path=one.source_path,
                size_bytes=one.size_bytes,
                is_film=one.is_film,
                cause=one.cause,
                moves_from=None if one.moves_from is None else one.moves_from.path,
            )
            for one in rest.to_place
        ),
        to_remove=tuple(
            RemovedRecord(path=one.stand_in.path, cause=one.cause) for one in rest.to_remove
        ),
        problems=tuple(
            RestProblemRecord(
                kind=one.kind,
                path=one.path,
                source_path=one.source_path,
                files=one.count,
                reason=reason_of(one, rest.kind),
            )
            for one in rest.problems
        ),
    )

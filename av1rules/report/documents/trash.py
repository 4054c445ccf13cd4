"""The documents of `originals list`, `originals purge`, `undo` and `retry`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.execute.trash import TrashState
from av1rules.ledger.trash_table import PairOrigin, TrashKind
from av1rules.report.json import JsonDocument


class TrashFile(Struct, frozen=True, kw_only=True):
    """A file that is or should be in the trash, at `path`; `place` is where it was. `since` and
    `until` (null: never) are ISO 8601, UTC. `frees_bytes` is 0 if it has other hard links. `mount`
    is the mount point of its disk. `origin` says who made the AV1 file of the pair, and whether it
    was ever verified."""

    id: int
    run: int | None
    kind: TrashKind
    since: str
    until: str | None
    place: str
    path: str
    source: str
    target: str
    size_bytes: int
    frees_bytes: int
    state: TrashState
    mount: str | None
    origin: PairOrigin


class OriginalsDocument(JsonDocument, frozen=True, kw_only=True):
    """The trash, the oldest first."""

    files: tuple[TrashFile, ...] = ()


class PurgedFile(Struct, frozen=True, kw_only=True):
    """The outcome for one file. `refusal` says why it stays, `hint` what to do; `was_there` is
    false if somebody else had removed it before. `given_up` says why it was the last copy of that
    version of its film (`--last-copy`)."""

    path: str
    place: str
    kind: TrashKind
    run: int | None
    purged: bool
    was_there: bool
    freed_bytes: int
    refusal: str | None
    hint: str | None
    given_up: str | None


class PurgeDocument(JsonDocument, frozen=True, kw_only=True):
    """What was deleted for good, with `dry_run` what would be. `orphans_left` counts matching
    orphans, which only `--kind orphan` deletes. `ok`: nothing was refused."""

    dry_run: bool
    ok: bool
    freed_bytes: int
    orphans_left: int
    files: tuple[PurgedFile, ...]


class RestoredFile(Struct, frozen=True, kw_only=True):
    """The outcome for one file that was in the trash at `path`; `to` is its new path. `refusal`
    says why it stays."""

    path: str
    kind: TrashKind
    run: int | None
    to: str
    refusal: str | None


class RestoreDocument(JsonDocument, frozen=True, kw_only=True):
    """What was taken out of the trash, or would be. `ok`: nothing was refused."""

    ok: bool
    files: tuple[RestoredFile, ...]


class UndoneFile(Struct, frozen=True, kw_only=True):
    """The outcome for one file. `refusal` says why it was not put back."""

    place: str
    kind: TrashKind
    run: int | None
    undone: bool
    refusal: str | None


class UndoDocument(JsonDocument, frozen=True, kw_only=True):
    """What was put back, in the order in which it was done, or would be (`dry_run`)."""

    dry_run: bool
    files: tuple[UndoneFile, ...]

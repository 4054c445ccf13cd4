"""The documents of `migrate`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.operations.migrate.av1d.carry import JobFate
from av1rules.operations.migrate.av1d.config import ConfigForm
from av1rules.operations.migrate.av1d.jobs import JobStatus
from av1rules.operations.migrate.av1d.originals import PairState
from av1rules.operations.migrate.files import FileState
from av1rules.operations.migrate.outcome import KeyFate
from av1rules.report.json import JsonDocument


class MigratedKey(Struct, frozen=True, kw_only=True):
    """What becomes of a key: `here` has its value or takes its place. `value` is null where the key
    is not in the file, so that the program's `default` counts. `place` is file:line:column."""

    key: str
    value: str | None
    fate: KeyFate
    here: str | None
    why: str
    place: str | None
    default: str | None


class MigratedFile(Struct, frozen=True, kw_only=True):
    """A file of the migration: written (with `dry_run`: would be), unchanged, or kept because it
    has another text."""

    path: str
    state: FileState


class MigratedConfigFile(Struct, frozen=True, kw_only=True):
    """A configuration of av1d, in the form of its Docker/QSV or its native version."""

    file: str
    form: ConfigForm
    keys: tuple[MigratedKey, ...]


class MigratedUnitFile(Struct, frozen=True, kw_only=True):
    """A unit of systemd with its drop-ins, and the configuration that it is for."""

    name: str
    files: tuple[str, ...]
    config: str
    lines: tuple[MigratedKey, ...]


class MigratedJob(Struct, frozen=True, kw_only=True):
    """The newest job of a film. `new`: the ledger gets it now."""

    source: str
    status: JobStatus
    reason: str | None
    fate: JobFate
    why: str
    new: bool


class MigratedOriginal(Struct, frozen=True, kw_only=True):
    """An original that av1d left beside its AV1 file, `result`. `decoded`: that decodes to its end,
    as a purge of the original asks for. `new`: it changed now."""

    path: str
    result: str | None
    state: PairState
    why: str
    decoded: bool
    new: bool
    size_bytes: int


class MarkedFile(Struct, frozen=True, kw_only=True):
    """A film with a marker, and what av1d noted of it."""

    library_path: str
    marker: str
    by_size_gate: bool
    why: str | None


class MigratedLibrary(Struct, frozen=True, kw_only=True):
    """One policy: its folder, its roots, its files, and what stands in the roots. `problem` says
    why jobs and originals were not looked at, `problems` which folders can't be read."""

    folder: str
    roots: tuple[str, ...]
    configs: tuple[str, ...]
    files: tuple[MigratedFile, ...]
    films: int
    jobs: tuple[MigratedJob, ...]
    originals: tuple[MigratedOriginal, ...]
    marked: tuple[MarkedFile, ...]
    unfinished: tuple[str, ...]
    reports: tuple[str, ...]
    problem: str | None
    problems: tuple[str, ...]


class UnreadJobFile(Struct, frozen=True, kw_only=True):
    """A job file that says nothing, and why."""

    path: str
    problem: str


class Av1dMigrationDocument(JsonDocument, frozen=True, kw_only=True):
    """What became of every key, job and file of av1d, or would (`dry_run`). `changes` counts what
    the ledgers got. `strays` are films of jobs in none of the roots, `overlaps` roots of more than
    one policy. `ok`: all of it could be looked at, and no original was refused."""

    ok: bool
    dry_run: bool
    changes: int
    configs: tuple[MigratedConfigFile, ...]
    units: tuple[MigratedUnitFile, ...]
    policies: tuple[MigratedLibrary, ...]
    unread_jobs: tuple[UnreadJobFile, ...]
    strays: tuple[str, ...]
    commands: tuple[str, ...]
    overlaps: tuple[str, ...]


class ImportDocument(JsonDocument, frozen=True, kw_only=True):
    """A rules file made from an export of another program, and what became of every key. `profiles`
    are the profiles in it, `roots` its roots."""

    dry_run: bool
    written: MigratedFile
    profiles: tuple[str, ...]
    roots: tuple[str, ...]
    keys: tuple[MigratedKey, ...]

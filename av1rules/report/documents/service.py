"""The documents of `service print`, `install`, `status` and `uninstall`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.operations.units.health import WatcherHealth
from av1rules.operations.units.model import ManagerKind, ServiceScope
from av1rules.operations.units.stamp import UnitState
from av1rules.report.json import JsonDocument


class ServiceFileRecord(Struct, frozen=True, kw_only=True):
    """A file of a service manager: what stands there compared with what would be written now. For
    the user's crontab, `path` is `crontab` and `text` are the lines in it."""

    path: str
    state: UnitState
    text: str


class ServiceDocument(JsonDocument, frozen=True, kw_only=True):
    """The files of one instance, `name`. `done`: they were written (or removed) and the service
    manager was told; false for `print`, for `--dry-run` and where nothing was to be done. `state`
    of a file is what it was before."""

    name: str
    manager: ManagerKind
    scope: ServiceScope
    rules_file: str
    command: tuple[str, ...]
    done: bool
    files: tuple[ServiceFileRecord, ...]


class ServiceRun(Struct, frozen=True, kw_only=True):
    """The last run of a ledger. Times are ISO 8601, UTC; null: at work, or killed."""

    number: int
    started: str
    ended: str | None
    exit_code: int | None


class ServiceFileState(Struct, frozen=True, kw_only=True):
    """A file of an instance, and what it is to what `install` would write now."""

    path: str
    state: UnitState


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """One instance. `active`: its service manager has it running, or waiting for its time (null:
    cron does not say). `problem`: why its rules can't be read."""

    name: str
    manager: ManagerKind
    scope: ServiceScope
    rules_file: str
    command: tuple[str, ...]
    active: bool | None
    files: tuple[ServiceFileState, ...]
    last_run: ServiceRun | None
    problem: str | None


class ServicesDocument(JsonDocument, frozen=True, kw_only=True):
    """The instances that are installed here. `ok`: all of them are active, or can't be asked, with
    their files in place and rules that can be read."""

    ok: bool
    services: tuple[ServiceStatus, ...]


class WatcherCheckDocument(JsonDocument, frozen=True, kw_only=True):
    """Whether the watcher of a policy is alive. `state` and `reason` are what it does and why,
    `until` when it looks again by itself (ISO 8601, UTC); all three are null if it is gone."""

    ok: bool
    health: WatcherHealth
    state: str | None
    reason: str | None
    until: str | None

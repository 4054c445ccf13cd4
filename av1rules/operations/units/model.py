"""What a service is about: what a user asked for, and what the policy adds. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.text import printable

DEFAULT_NAME = "av1rules"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")


class ManagerKind(StrEnum):
    """Who starts av1rules. TIMER is systemd, too: runs in place of a watcher."""

    SYSTEMD = "systemd"
    TIMER = "timer"
    LAUNCHD = "launchd"
    CRON = "cron"


class ServiceScope(StrEnum):
    """Whose service it is: that of the user who installs it, or one of the machine."""

    USER = "user"
    SYSTEM = "system"


class ServiceLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the service manager holds av1rules and its encodes to. `cpus` is in cores' worth of
    time, `memory` in bytes."""

    cpus: float | None = None
    memory: int | None = None
    nice: int = 10
    cpu_affinity: tuple[int, ...] = ()


class ServiceRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a user asked for; it is kept in the files that are written. Paths are absolute.

    `program` starts av1rules from the folders `runtime` (Python and its packages), `path` is the
    PATH in which it finds other programs. `at` (HH:MM) or
    `every_s` say when a run starts; a watcher has neither. `account` is USER or USER:GROUP.
    """

    name: str
    manager: ManagerKind
    scope: ServiceScope
    rules_file: str
    program: tuple[str, ...]
    path: str
    runtime: tuple[str, ...] = ()
    limits: ServiceLimits = ServiceLimits()
    account: str | None = None
    at: str | None = None
    every_s: int | None = None

    @property
    def is_watch(self) -> bool:
        """A watcher that stays; otherwise runs that end."""
        return self.manager in (ManagerKind.SYSTEMD, ManagerKind.LAUNCHD) and not (
            self.at or self.every_s
        )

    @property
    def stem(self) -> str:
        """Of the names of its files: several instances stand side by side."""
        return DEFAULT_NAME if self.name == DEFAULT_NAME else f"{DEFAULT_NAME}-{self.name}"

    @property
    def command(self) -> tuple[str, ...]:
        """What is started. A run that finds another at work, or failures that were told before, is
        no failure of the service."""
        words = ("watch",) if self.is_watch else ("run", "--quiet", "--fail-on", "new")
        return (*self.program, *words, "-f", self.rules_file)


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A request and the folders of its policy: those it writes to (`written`), where films are
    only read (`read`), and `made`, which must exist before it starts. `roots` are the library's.
    `kept` are lines of a former unit:
    (section, name, value); `origin` says who wrote this one."""

    request: ServiceRequest
    roots: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    kept: tuple[tuple[str, str, str], ...] = ()
    origin: str | None = None


class UnitFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a service manager, as it is to be."""

    path: str
    text: str


def require_sound(request: ServiceRequest) -> None:
    """Raise UsageError for what no service manager can be told."""
    if _NAME.fullmatch(request.name) is None:
        raise UsageError(
            f"expected a name of a-z, 0-9, - and _, found {printable(request.name, limit=60)}",
            where="--name",
        )
    if request.at is not None and _CLOCK.fullmatch(request.at) is None:
        raise UsageError(
            f"expected a time such as 01:30, found {printable(request.at)}",
            where="--at",
        )
    if request.at is not None and request.every_s is not None:
        raise UsageError("--at and --every are two ways to say one thing: give one")
    if (request.at or request.every_s) and request.manager is ManagerKind.SYSTEMD:
        raise UsageError(
            "a watcher runs all the time: --at and --every are for runs",
            hint="give --timer too; windows of time for a watcher belong in `schedule:`",
        )
    if request.every_s is not None and request.every_s < 60:
        raise UsageError("a run can start once a minute at most", where="--every")
    _require_account(request)
    for text in (request.rules_file, request.path, *request.program):
        require_text(text)


def _require_account(request: ServiceRequest) -> None:
    if request.account is None:
        return
    if request.scope is ServiceScope.USER:
        raise UsageError("a user's own service runs as that user", where="--run-as")
    user, sign, group = request.account.partition(":")
    if not _ACCOUNT.fullmatch(user) or (sign and not _ACCOUNT.fullmatch(group)):
        shown = printable(request.account, limit=60)
        raise UsageError(f"expected USER or USER:GROUP, found {shown}", where="--run-as")


def require_text(text: str) -> None:
    """Units, property lists and crontabs are UTF-8, and one line is one line. Raises UsageError."""
    if not text.isprintable():
        raise UsageError(
            "a service can't be told of a path with bytes that are not UTF-8, or with characters "
            "that can't be printed",
            where=printable(text),
            hint="rename it",
        )

"""The options by which `service print` and `service install` are told the same things."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from av1rules.base.errors import UsageError
from av1rules.base.system.users import is_root, user_name
from av1rules.base.units import parse_duration, parse_size
from av1rules.cli.options import with_unit
from av1rules.operations.units.files import UnitFolders
from av1rules.operations.units.model import (
    DEFAULT_NAME,
    ManagerKind,
    ServiceLimits,
    ServiceRequest,
    ServiceScope,
    require_sound,
)
from av1rules.policy.formats import FormatError, cpus

_Command = TypeVar("_Command", bound=Callable[..., Any])

_STANDARD_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_USED = ("ffmpeg", "ffprobe", "mkvpropedit")


def unit_folders() -> UnitFolders:
    home = Path.home()
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return UnitFolders.of_user(home, Path(config) if os.path.isabs(config) else home / ".config")


def name_option(command: _Command) -> _Command:
    return click.option(
        "--name",
        default=DEFAULT_NAME,
        show_default=True,
        help="The instance: several stand side by side, one a policy.",
    )(command)


def scope_options(command: _Command) -> _Command:
    user = click.option(
        "--user", "scope", flag_value="user", help="A service of yours. No root needed."
    )
    system = click.option(
        "--system", "scope", flag_value="system", help="One of the machine; the default for root."
    )
    return user(system(command))


def scope_of(given: str | None) -> ServiceScope:
    if given is not None:
        return ServiceScope(given)
    return ServiceScope.SYSTEM if is_root() else ServiceScope.USER


def request_options(command: _Command) -> _Command:
    """All of them. The command gets a `request_of`, which makes the request of a rules file."""

    @functools.wraps(command)
    def with_request(*given: Any, **options: Any) -> Any:
        mine = {name: options.pop(name) for name in _OPTIONS}
        return command(*given, request_of=functools.partial(_request, **mine), **options)

    for option in reversed(_DECLARED):
        with_request = option(with_request)
    return cast("_Command", name_option(scope_options(with_request)))


def _manager(name: str, about: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", "manager", flag_value=name, help=about)


_DECLARED: tuple[Callable[..., Any], ...] = (
    _manager("systemd", "A watcher under systemd; the default on Linux."),
    _manager("timer", "Runs that a timer of systemd starts."),
    _manager("launchd", "A watcher under launchd; the default on macOS. Runs with --at, --every."),
    _manager("cron", "Runs from a crontab, or from /etc/cron.d with --system."),
    click.option("--at", metavar="HH:MM", help="When a run starts. Default: 01:00."),
    click.option(
        "--every",
        "every_s",
        metavar="TIME",
        callback=with_unit(parse_duration),
        help="Start a run this often, such as 6h.",
    ),
    click.option("--run-as", "account", metavar="USER[:GROUP]", help="Whose rights a service of "
        "the machine has. Default: the owner of the rules file."),
    click.option(
        "--cpus", type=click.FloatRange(min=0.1, max=4096),
        help="The time of so many CPUs at most, such as 6 or 2.5.",
    ),
    click.option(
        "--memory", metavar="SIZE", callback=with_unit(parse_size),
        help="Memory of av1rules and its encodes, such as 12GiB.",
    ),
    click.option(
        "--nice", type=click.IntRange(0, 19), default=ServiceLimits().nice, show_default=True,
        help="How much it gives way to others.",
    ),
    click.option(
        "--cpu-affinity", metavar="CPUS", callback=lambda *given: _cpus(given[-1]),
        help="Run on these CPUs only, such as 0-5.",
    ),
)  # fmt: skip

_OPTIONS = (
    "name", "scope", "manager", "at", "every_s", "account", "cpus", "memory", "nice",
    "cpu_affinity",
)  # fmt: skip


def _cpus(text: str | None) -> tuple[int, ...]:
    try:
        return () if text is None else tuple(sorted(cpus(text)))
    except FormatError as problem:
        raise click.BadParameter(str(problem)) from problem


def _request(
    rules_file: Path,
    *,
    name: str,
    scope: str | None,
    manager: str | None,
    at: str | None,
    every_s: float | None,
    account: str | None,
    cpus: float | None,
    memory: float | None,
    nice: int,
    cpu_affinity: tuple[int, ...],
) -> ServiceRequest:
    """What is asked for. Raises UsageError for what can't be."""
    whose = scope_of(scope)
    path = rules_file.resolve()
    if not path.exists():
        raise UsageError("there is no rules file", where=str(rules_file), hint="`av1rules init`")
    if account is None and whose is ServiceScope.SYSTEM:
        account = _owner(path)
    request = ServiceRequest(
        name=name,
        manager=ManagerKind(manager) if manager else _usual_manager(),
        scope=whose,
        rules_file=str(path),
        program=_program(),
        path=_path(),
        runtime=_runtime(),
        limits=ServiceLimits(
            cpus=cpus,
            memory=None if memory is None else int(memory),
            nice=nice,
            cpu_affinity=cpu_affinity,
        ),
        account=account,
        at=at,
        every_s=None if every_s is None else int(every_s),
    )
    require_sound(request)
    return request


def _usual_manager() -> ManagerKind:
    return ManagerKind.LAUNCHD if sys.platform == "darwin" else ManagerKind.SYSTEMD


def _owner(path: Path) -> str | None:
    """None: root, as which such a service runs anyway."""
    try:
        owner = user_name(os.stat(path).st_uid)
    except OSError:
        return None
    return None if owner == "root" else owner


def _program() -> tuple[str, ...]:
    """The program of this installation: it stays where its environment is."""
    beside = os.path.join(os.path.dirname(sys.executable), "av1rules")
    if os.access(beside, os.X_OK):
        return (beside,)
    return (sys.executable, "-m", "av1rules")


def _runtime() -> tuple[str, ...]:
    """Where Python and its packages stand: an environment may be in a home, and so may the Python
    that it was made with."""
    folders = (sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)))
    return tuple(dict.fromkeys(folders))


def _path() -> str:
    """Where the service finds FFmpeg: where it is found now, and the usual places."""
    found = (shutil.which(name) for name in _USED)
    folders = (os.path.dirname(path) for path in found if path is not None)
    return ":".join(dict.fromkeys((*folders, *_STANDARD_PATH)))

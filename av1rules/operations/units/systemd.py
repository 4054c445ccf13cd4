"""The .service and .timer files of systemd. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from av1rules.base.files import is_at_or_below
from av1rules.operations.units.model import ManagerKind, ServiceScope, ServiceSpec
from av1rules.operations.units.systemd_words import command_word, specifiers, word

BUSY = 5
"""Exit code of a run that finds another at work."""

INTERRUPTED = 130

WATCHDOG = "5min"
"""A watcher says twice in this time that it is alive. Calls to a dead NFS server may hold it up for
more than a minute."""

_HARDENED = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
"""What av1rules can do without, and what a user's own manager can enforce. The network is for
neighbours, AF_NETLINK for the C library's look at its own addresses."""

_HARDENED_SYSTEM = (
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_LEASE CAP_SYS_NICE",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictNamespaces=yes",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
)
"""What needs rights that only the machine's manager has. The capabilities count for root alone: to
keep owners of films, and to see whether a file is open for writing."""

_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - only compared with


def service_lines(spec: ServiceSpec) -> Iterator[str]:
    """The .service file."""
    yield from _unit_section(spec)
    yield ""
    yield "[Service]"
    yield from _replaced(_started(spec), spec, "Service")
    yield ""
    yield from _replaced(_limits(spec), spec, "Service")
    yield from _kept(spec, "Service")
    yield ""
    yield from _hardening(spec)
    if spec.request.manager is ManagerKind.SYSTEMD:
        is_system = spec.request.scope is ServiceScope.SYSTEM
        yield ""
        yield "[Install]"
        yield f"WantedBy={'multi-user' if is_system else 'default'}.target"


def timer_lines(spec: ServiceSpec) -> Iterator[str]:
    """The .timer file: at a time of day, or a while after the last run ended."""
    request = spec.request
    if spec.origin is not None:
        yield f"# {spec.origin}"
    yield "[Unit]"
    yield f"Description=Start av1rules again and again ({request.name})"
    yield ""
    yield "[Timer]"
    if request.every_s is not None:
        yield "OnStartupSec=5min"
        yield f"OnUnitInactiveSec={request.every_s}s"
    else:
        yield f"OnCalendar=*-*-* {request.at or '01:00'}:00"
        yield "Persistent=true"
    yield "RandomizedDelaySec=1min"
    yield ""
    yield "[Install]"
    yield "WantedBy=timers.target"


def _unit_section(spec: ServiceSpec) -> Iterator[str]:
    request = spec.request
    if spec.origin is not None:
        yield f"# {spec.origin}"
    yield "[Unit]"
    yield f"Description=Re-encode films to AV1 by policy ({request.name})"
    yield f"Documentation=man:av1rules-{'watch' if request.is_watch else 'run'}(1)"
    if request.scope is ServiceScope.SYSTEM:
        if request.is_watch:
            # Not RequiresMountsFor: that would end a watcher whose disk goes, and it waits for it.
            yield "After=local-fs.target remote-fs.target network.target"
        elif spec.roots:
            yield f"RequiresMountsFor={' '.join(map(word, spec.roots))}"
    yield from _kept(spec, "Unit")


def _started(spec: ServiceSpec) -> Iterator[str]:
    request = spec.request
    yield f"Type={'notify' if request.is_watch else 'oneshot'}"
    yield f"ExecStart={' '.join(map(command_word, request.command))}"
    if request.is_watch:
        yield "ExecReload=/bin/kill -HUP $MAINPID"
    yield f'Environment="PATH={_assigned(request.path)}"'
    # %E is /etc, or the folder of a user's configuration.
    yield f"EnvironmentFile=-%E/av1rules/{request.name}.env"
    if request.account is not None:
        user, _, group = request.account.partition(":")
        yield f"User={user}"
        if group:
            yield f"Group={group}"
    yield "KillMode=mixed"
    yield "TimeoutStopSec=2min"
    if request.is_watch:
        yield f"WatchdogSec={WATCHDOG}"
        yield "Restart=on-failure"
        yield "RestartSec=1min"
        yield f"SuccessExitStatus={INTERRUPTED}"
    else:
        yield f"SuccessExitStatus={BUSY} {INTERRUPTED}"


def _limits(spec: ServiceSpec) -> Iterator[str]:
    limits = spec.request.limits
    yield f"Nice={limits.nice}"
    yield "CPUWeight=20"
    yield "IOSchedulingClass=best-effort"
    yield "IOSchedulingPriority=7"
    if limits.cpus is not None:
        yield f"CPUQuota={limits.cpus * 100:.0f}%"
    if limits.memory is not None:
        yield f"MemoryMax={limits.memory}"
    if limits.cpu_affinity:
        yield f"CPUAffinity={' '.join(map(str, limits.cpu_affinity))}"
    # An FFmpeg that the system ends for its memory fails one film, not the service.
    yield "OOMPolicy=continue"


def _hardening(spec: ServiceSpec) -> Iterator[str]:
    """What av1rules is kept from, as far as its own folders allow."""
    yield from _HARDENED
    if spec.request.scope is ServiceScope.USER:
        # Mount namespaces of a user's manager take the groups of that user away (PrivateUsers).
        return
    yield from _HARDENED_SYSTEM
    written = spec.written
    request = spec.request
    used = (
        *written, *spec.read, *spec.made, *request.program, *request.runtime, request.rules_file,
        *request.path.split(":"),
    )  # fmt: skip
    if not _touches(used, _HOMES):
        yield "ProtectHome=yes"
    elif not any(path in _HOMES or path == "/" for path in used):
        yield "ProtectHome=read-only"
    if _touches(used, _TEMPORARY):
        written = (*written, *_TEMPORARY)
    else:
        yield "PrivateTmp=yes"
    if "/" in written:
        yield "ProtectSystem=full"
        return
    yield "ProtectSystem=strict"
    paths = [*spec.made, *(f"-{path}" for path in written)]
    # A root or an output that is not there is for av1rules to tell, not for systemd.
    yield f"ReadWritePaths={' '.join(map(word, dict.fromkeys(paths)))}"
    if spec.read:
        yield f"ReadOnlyPaths={' '.join(word(f'-{path}') for path in spec.read)}"


def _touches(paths: Sequence[str], tops: Sequence[str]) -> bool:
    return any(
        is_at_or_below(path, top) or is_at_or_below(top, path)
        for path in map(os.path.expanduser, paths)
        for top in tops
        if path.startswith("/")
    )


def _assigned(text: str) -> str:
    return specifiers(text.replace("\\", "\\\\").replace('"', '\\"'))


def _kept(spec: ServiceSpec, section: str) -> Iterator[str]:
    return (f"{name}={value}" for place, name, value in spec.kept if place == section)


def _replaced(lines: Iterator[str], spec: ServiceSpec, section: str) -> Iterator[str]:
    """Lines of ours, without those whose place a line of a former unit takes."""
    names = {name for place, name, _ in spec.kept if place == section} - {"Environment"}
    return (line for line in lines if line.partition("=")[0] not in names)

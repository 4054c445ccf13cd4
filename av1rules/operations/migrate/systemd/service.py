"""The unit and the timer that start runs of a policy. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.base.files import is_at_or_below
from av1rules.operations.migrate.systemd.limits import UnitLimits

_HARDENED = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectControlGroups=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "PrivateDevices=yes",
    "PrivateNetwork=yes",
    "LockPersonality=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
"""What a run can do without: it reads and writes files, and starts FFmpeg."""

_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - only compared with

BUSY = 5
"""Exit code of a run that finds another at work."""


class ServicePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the unit is about. Paths are absolute. `program` starts av1rules."""

    program: tuple[str, ...]
    rules_file: str
    roots: tuple[str, ...]
    temp_dir: str | None
    interval_s: int
    limits: UnitLimits
    origin: str  # what it was made from


def service_text(plan: ServicePlan) -> str:
    """The .service file."""
    folder = os.path.dirname(plan.rules_file)
    command = (*plan.program, "run", "--quiet", "--fail-on", "new", "-f", plan.rules_file)
    written = (*plan.roots, *filter(None, (plan.temp_dir,)), folder)
    mounts = " ".join(map(_word, plan.roots))
    lines = [
        f"# {_comment(plan.origin)}",
        "# `systemctl stop` ends a run within a minute, and nothing finished is lost.",
        "[Unit]",
        "Description=Re-encode films to AV1 by policy",
        f"RequiresMountsFor={mounts}",
        *(f"{name}={value}" for section, name, value in plan.limits.kept if section == "Unit"),
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_specifiers(folder)}",
        f"ExecStart={' '.join(map(_word, command))}",
        f"SuccessExitStatus={BUSY}",
        "KillMode=mixed",
        "TimeoutStopSec=2min",
        *(f"{name}={value}" for section, name, value in plan.limits.kept if section == "Service"),
        "",
        *_hardening(plan, written),
    ]
    return "".join(f"{line}\n" for line in lines)


def timer_text(plan: ServicePlan) -> str:
    """The .timer file."""
    lines = [
        f"# {_comment(plan.origin)}",
        "[Unit]",
        "Description=Start av1rules again and again",
        "",
        "[Timer]",
        "OnBootSec=5min",
        f"OnUnitInactiveSec={plan.interval_s}s",
        "RandomizedDelaySec=1min",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "".join(f"{line}\n" for line in lines)


def _hardening(plan: ServicePlan, written: Sequence[str]) -> Iterator[str]:
    """What the run is kept from, as far as its own folders allow."""
    yield from _HARDENED
    used = (*written, *plan.program)
    if not _touches(used, _HOMES):
        yield "ProtectHome=yes"
    if _touches(used, _TEMPORARY):
        written = (*written, *_TEMPORARY)
    else:
        yield "PrivateTmp=yes"
    # A root that is not there is for the run to tell, not for systemd.
    yield f"ReadWritePaths={' '.join(_word(f'-{path}') for path in dict.fromkeys(written))}"


def _touches(paths: Sequence[str], tops: Sequence[str]) -> bool:
    shown = [os.path.expanduser(path) for path in paths]
    return any(
        is_at_or_below(path, top) or is_at_or_below(top, path)
        for path in shown
        for top in tops
        if path.startswith("/")
    )


def _comment(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """A word of a command line or of a list of paths: `%` and `$` mean something to systemd."""
    escaped = "".join(_escape(one) for one in text).replace("$", "$$")
    return f'"{escaped}"' if any(one.isspace() or one in "\"'\\;" for one in text) else escaped


def _escape(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one == "%":
        return "%%"
    if one.isprintable() or 0xDC80 <= ord(one) <= 0xDCFF:
        return one
    return "".join(f"\\x{byte:02x}" for byte in one.encode())

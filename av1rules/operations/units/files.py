"""The files of a service: where they stand and what is in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from av1rules.operations.units.cron import cron_lines
from av1rules.operations.units.launchd import label, plist_text
from av1rules.operations.units.model import ManagerKind, ServiceScope, ServiceSpec, UnitFile
from av1rules.operations.units.stamp import stamped
from av1rules.operations.units.systemd import service_lines, timer_lines

CRONTAB = "crontab"
"""Stands for the crontab of the user, which only its own program writes."""


class UnitFolders(msgspec.Struct, frozen=True, kw_only=True):
    """Where service managers look for files, and where logs of launchd go."""

    systemd_user: Path
    systemd_system: Path = Path("/etc/systemd/system")
    launchd_user: Path
    launchd_system: Path = Path("/Library/LaunchDaemons")
    cron_system: Path = Path("/etc/cron.d")
    logs_user: Path
    logs_system: Path = Path("/var/log")

    @classmethod
    def of_user(cls, home: Path, config: Path) -> UnitFolders:
        """`config` is the user's folder of configuration, as XDG has it."""
        return cls(
            systemd_user=config / "systemd" / "user",
            launchd_user=home / "Library" / "LaunchAgents",
            logs_user=home / "Library" / "Logs",
        )

    def folder(self, manager: ManagerKind, scope: ServiceScope) -> Path | None:
        """None: a user's crontab."""
        is_user = scope is ServiceScope.USER
        if manager is ManagerKind.CRON:
            return None if is_user else self.cron_system
        if manager is ManagerKind.LAUNCHD:
            return self.launchd_user if is_user else self.launchd_system
        return self.systemd_user if is_user else self.systemd_system


def unit_files(spec: ServiceSpec, folders: UnitFolders) -> tuple[UnitFile, ...]:
    """What `install` writes and `print` shows."""
    request = spec.request
    folder = folders.folder(request.manager, request.scope)
    if request.manager is ManagerKind.CRON:
        # cron leaves out files whose names have a dot.
        path = CRONTAB if folder is None else str(folder / request.stem)
        return (UnitFile(path=path, text=stamped(_joined(cron_lines(spec)), request)),)
    assert folder is not None
    if request.manager is ManagerKind.LAUNCHD:
        is_user = request.scope is ServiceScope.USER
        logs = folders.logs_user if is_user else folders.logs_system
        path = str(folder / f"{label(request.stem)}.plist")
        return (UnitFile(path=path, text=stamped(plist_text(spec, str(logs)), request)),)
    texts = {f"{request.stem}.service": service_lines(spec)}
    if request.manager is ManagerKind.TIMER:
        texts[f"{request.stem}.timer"] = timer_lines(spec)
    return tuple(
        UnitFile(path=str(folder / name), text=stamped(_joined(lines), request))
        for name, lines in texts.items()
    )


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)

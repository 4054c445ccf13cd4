"""The property list of launchd, the service manager of macOS. Pure."""

from __future__ import annotations

import plistlib
from typing import Any

from av1rules.operations.units.model import ServiceScope, ServiceSpec

_BACKGROUND_NICE = 20


def label(stem: str) -> str:
    return f"org.{stem}"


def plist_text(spec: ServiceSpec, logs: str) -> str:
    """The .plist file; what the program says goes to a file in the folder `logs`."""
    request = spec.request
    limits = request.limits
    keys: dict[str, Any] = {
        "Label": label(request.stem),
        "ProgramArguments": list(request.command),
        "EnvironmentVariables": {"PATH": request.path},
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": min(limits.nice, _BACKGROUND_NICE),
        "ExitTimeOut": 120,
        "ThrottleInterval": 60,
        "StandardOutPath": f"{logs}/{request.stem}.log",
        "StandardErrorPath": f"{logs}/{request.stem}.log",
        "Umask": 0o022,
    }
    if request.is_watch:
        keys |= {"RunAtLoad": True, "KeepAlive": {"SuccessfulExit": False}}
    elif request.every_s is not None:
        keys["StartInterval"] = request.every_s
    else:
        hour, _, minute = (request.at or "01:00").partition(":")
        keys["StartCalendarInterval"] = {"Hour": int(hour), "Minute": int(minute)}
    if request.scope is ServiceScope.SYSTEM and request.account is not None:
        user, _, group = request.account.partition(":")
        keys["UserName"] = user
        if group:
            keys["GroupName"] = group
    return plistlib.dumps(keys, sort_keys=False).decode()

"""Requests and specifications for the tests of units."""

from __future__ import annotations

from typing import Any

from av1rules.operations.units.model import (
    ManagerKind,
    ServiceRequest,
    ServiceScope,
    ServiceSpec,
)


def request(**changes: Any) -> ServiceRequest:
    values: dict[str, Any] = {
        "name": "av1rules",
        "manager": ManagerKind.SYSTEMD,
        "scope": ServiceScope.SYSTEM,
        "rules_file": "/srv/av1/rules.yaml",
        "program": ("/usr/bin/env",),
        "path": "/usr/local/bin:/usr/bin:/bin",
    }
    return ServiceRequest(**(values | changes))


def spec(*roots: str, **changes: Any) -> ServiceSpec:
    """In mode mirror."""
    return ServiceSpec(
        request=request(**changes),
        roots=roots,
        written=("/media/av1",),
        read=roots,
        made=("/srv/av1/.av1rules",),
    )

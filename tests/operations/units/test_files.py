"""Where the files of a service stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.operations.units.files import CRONTAB, UnitFolders, unit_files
from av1rules.operations.units.model import ManagerKind, ServiceScope
from av1rules.operations.units.stamp import read_stamp
from tests.operations.units.requests import spec

FOLDERS = UnitFolders.of_user(Path("/home/me"), Path("/home/me/.config"))
USER, SYSTEM = ServiceScope.USER, ServiceScope.SYSTEM


@pytest.mark.parametrize(
    ("manager", "scope", "paths"),
    [
        ("systemd", SYSTEM, ["/etc/systemd/system/av1rules-a.service"]),
        ("systemd", USER, ["/home/me/.config/systemd/user/av1rules-a.service"]),
        ("timer", SYSTEM,
            [f"/etc/systemd/system/av1rules-a.{kind}" for kind in ("service", "timer")]),
        ("launchd", SYSTEM, ["/Library/LaunchDaemons/org.av1rules-a.plist"]),
        ("launchd", USER, ["/home/me/Library/LaunchAgents/org.av1rules-a.plist"]),
        ("cron", SYSTEM, ["/etc/cron.d/av1rules-a"]),
        ("cron", USER, [CRONTAB]),
    ],
)  # fmt: skip
def test_places(manager: str, scope: ServiceScope, paths: list[str]) -> None:
    made = spec("/m", name="a", manager=ManagerKind(manager), scope=scope)
    files = unit_files(made, FOLDERS)
    assert [file.path for file in files] == paths
    for file in files:
        read = read_stamp(file.text)
        assert read is not None
        assert (read[0].request, read[1]) == (made.request, True)

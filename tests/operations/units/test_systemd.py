"""The units: systemd accepts them, whatever the folders are called, and they open what is needed
and no more."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.cli.exit_codes import EXIT_BUSY, EXIT_INTERRUPTED
from av1rules.operations.units.model import (
    ManagerKind,
    ServiceLimits,
    ServiceScope,
    ServiceSpec,
)
from av1rules.operations.units.systemd import BUSY, INTERRUPTED, service_lines, timer_lines
from tests.conftest import Golden
from tests.operations.units.requests import spec

TIMER = ManagerKind.TIMER
LIMITS = ServiceLimits(cpus=2.5, memory=12 * 1024**3, nice=15, cpu_affinity=(0, 1, 5))
ODD = "/media/100% $HOME \"x\" 'y' \\z; #"


def text(made: ServiceSpec) -> str:
    return "".join(f"{line}\n" for line in service_lines(made))


def value(made: ServiceSpec, name: str) -> str | None:
    found = re.findall(rf"^{name}=(.*)$", text(made), re.MULTILINE)
    assert len(found) < 2
    return found[0] if found else None


def test_whole_units(golden: Golden) -> None:
    golden("watch-system.service", text(spec("/media/movies", limits=LIMITS, account="me:media")))
    golden("watch-user.service", text(spec("/media/movies", scope=ServiceScope.USER)))
    golden("run-system.service", text(spec("/media/movies", manager=TIMER)))
    golden("run-system.timer", "\n".join(timer_lines(spec(manager=TIMER, every_s=900))) + "\n")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("scope", ServiceScope)
@pytest.mark.parametrize("manager", [ManagerKind.SYSTEMD, TIMER])
@pytest.mark.parametrize(
    "changes",
    [
        {"limits": LIMITS},
        {"rules_file": f"{ODD}/rules.yaml", "path": f"{ODD}:/bin"},
        {"rules_file": "/home/me/ümläut/rules.yaml"},
    ],
    ids=["limits", "odd", "home"],
)
def test_systemd_accepts_them(
    tmp_path: Path, manager: ManagerKind, scope: ServiceScope, changes: dict[str, Any]
) -> None:
    made = spec("/media/my films", ODD, "/m/\x07", manager=manager, scope=scope, **changes)
    files = [tmp_path / "av1rules.service"]
    # It looks for the man page that an installation has.
    files[0].write_text(re.sub("^Documentation=.*\n", "", text(made), flags=re.MULTILINE))
    if manager is TIMER:
        files.append(tmp_path / "av1rules.timer")
        files[1].write_text("\n".join(timer_lines(made)) + "\n")
    mode = ["--user"] if scope is ServiceScope.USER else ["--system"]
    done = subprocess.run(
        ["systemd-analyze", "verify", *mode, "--recursive-errors=no", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_calls_the_exposure_of_a_system_service_low(tmp_path: Path) -> None:
    unit = tmp_path / "av1rules.service"
    unit.write_text(text(spec("/media/movies", account="me:media")))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=45", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_exit_codes_that_are_no_failure() -> None:
    assert (BUSY, INTERRUPTED) == (EXIT_BUSY, EXIT_INTERRUPTED)
    assert value(spec("/m"), "SuccessExitStatus") == "130"
    assert value(spec("/m", manager=TIMER), "SuccessExitStatus") == "5 130"


def test_it_may_write_where_it_has_to_and_nowhere_else() -> None:
    made = spec("/media/a b", "/media/50%")
    assert value(made, "ProtectSystem") == "strict"
    assert value(made, "ReadWritePaths") == "/srv/av1/.av1rules -/media/av1"
    assert value(made, "ReadOnlyPaths") == '"-/media/a b" -/media/50%%'
    made = replace(made, written=("/media",), read=())
    assert value(made, "ReadWritePaths") == "/srv/av1/.av1rules -/media"
    assert value(made, "ReadOnlyPaths") is None


def test_nothing_is_closed_where_the_whole_disk_is_written_to() -> None:
    made = replace(spec("/films"), written=("/",), read=())
    assert value(made, "ProtectSystem") == "full"
    assert value(made, "ReadWritePaths") is None
    assert value(made, "ProtectHome") is None


def test_homes_are_closed_as_far_as_nothing_of_it_is_there() -> None:
    assert value(spec("/media"), "ProtectHome") == "yes"
    for made in (
        spec("/home/me/films"),
        spec("/media", rules_file="/root/av1/rules.yaml"),
        spec("/media", runtime=("/home/me/.pyenv",)),
        spec("/media", path="/home/me/bin:/bin"),
    ):
        assert value(made, "ProtectHome") == "read-only"
    assert value(spec("/home"), "ProtectHome") is None


def test_temporary_folders_are_its_own_unless_something_of_it_is_there() -> None:
    assert value(spec("/media"), "PrivateTmp") == "yes"
    made = spec("/tmp/films")
    assert value(made, "PrivateTmp") is None
    assert (value(made, "ReadWritePaths") or "").endswith(" -/tmp -/var/tmp")


def test_a_user_has_no_namespaces_of_mounts() -> None:
    made = spec("/media", scope=ServiceScope.USER)
    assert value(made, "ReadWritePaths") is None
    assert value(made, "NoNewPrivileges") == "yes"
    assert value(made, "WantedBy") == "default.target"


def test_a_disk_that_goes_does_not_end_a_watcher() -> None:
    assert value(spec("/media/a"), "RequiresMountsFor") is None
    assert value(spec("/media/a", manager=TIMER), "RequiresMountsFor") == "/media/a"


def test_limits() -> None:
    made = spec("/m", limits=LIMITS)
    wanted = {
        "CPUQuota": "250%", "MemoryMax": str(12 * 1024**3), "Nice": "15", "CPUAffinity": "0 1 5",
    }  # fmt: skip
    assert {name: value(made, name) for name in wanted} == wanted
    assert value(spec("/m"), "CPUQuota") is None


def test_lines_of_a_former_unit_take_the_place_of_ours() -> None:
    kept = (("Service", "Nice", "-5"), ("Service", "Slice", "a.slice"), ("Unit", "After", "b"))
    made = replace(spec("/m"), kept=kept)
    assert value(made, "Nice") == "-5"
    assert value(made, "Slice") == "a.slice"
    assert "\nAfter=b\n" in text(made)


def test_when_runs_start() -> None:
    at_night = list(timer_lines(spec(manager=TIMER)))
    assert "OnCalendar=*-*-* 01:00:00" in at_night
    assert "Persistent=true" in at_night
    assert "OnCalendar=*-*-* 02:30:00" in list(timer_lines(spec(manager=TIMER, at="02:30")))
    assert "OnUnitInactiveSec=900s" in list(timer_lines(spec(manager=TIMER, every_s=900)))

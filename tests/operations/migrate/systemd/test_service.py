"""The unit and the timer: systemd accepts them, whatever the folders are called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from av1rules.cli.exit_codes import EXIT_BUSY
from av1rules.operations.migrate.systemd.limits import UnitLimits
from av1rules.operations.migrate.systemd.service import (
    BUSY,
    ServicePlan,
    service_text,
    timer_text,
)
from tests.conftest import Golden


def plan(
    *roots: str, folder: str = "/srv/av1", temp: str | None = None, limits: UnitLimits | None = None
) -> ServicePlan:
    return ServicePlan(
        program=("/usr/bin/env",),
        rules_file=f"{folder}/rules.yaml",
        roots=roots,
        temp_dir=temp,
        interval_s=900,
        limits=limits or UnitLimits(),
        origin="made in a test",
    )


LIMITS = UnitLimits(
    kept=(
        ("Service", "CPUQuota", "800%"), ("Service", "MemoryMax", "16G"),
        ("Service", "User", "root"), ("Unit", "RequiresMountsFor", "/mnt/b"),
    )
)  # fmt: skip


def test_the_whole_units(golden: Golden) -> None:
    made = plan("/media/movies", "/media/tv", temp="/nvme/av1d-temp", limits=LIMITS)
    golden("av1rules.service", service_text(made))
    golden("av1rules.timer", timer_text(made))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize(
    "made",
    [
        plan("/media/movies", limits=LIMITS),
        plan("/media/my films", "/media/100% $HOME \"x\" 'y' \\z", folder="/srv/a b;c"),
        plan("/home/me/films", temp="/tmp/av1"),
        plan("/media/ümläut \x07"),
    ],
)
def test_systemd_accepts_them(tmp_path: Path, made: ServicePlan) -> None:
    service, timer = tmp_path / "av1rules.service", tmp_path / "av1rules.timer"
    service.write_text(service_text(made))
    timer.write_text(timer_text(made))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(service), str(timer)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


def lines(made: ServicePlan) -> list[str]:
    return service_text(made).splitlines()


def test_homes_and_temporary_folders_are_hidden_only_where_the_run_needs_none() -> None:
    assert {"ProtectHome=yes", "PrivateTmp=yes"} <= set(lines(plan("/media")))
    assert "ProtectHome=yes" not in lines(plan("/home/me/films"))
    assert "ProtectHome=yes" not in lines(plan("/media", folder="/root/av1"))
    assert "PrivateTmp=yes" not in lines(plan("/media", temp="/tmp/av1"))
    assert "PrivateTmp=yes" not in lines(plan("/"))
    (written,) = (
        line for line in lines(plan("/m", temp="/tmp/av1")) if line.startswith("ReadWritePaths=")
    )
    assert written.endswith(" -/tmp -/var/tmp")


def test_the_run_may_write_where_it_has_to() -> None:
    made = plan("/media/a b", "/media/50%", temp="/fast", folder="/srv/av1")
    (written,) = (line for line in lines(made) if line.startswith("ReadWritePaths="))
    assert written == 'ReadWritePaths="-/media/a b" -/media/50%% -/fast -/srv/av1'


def test_another_run_at_work_is_no_failure_of_the_unit() -> None:
    assert BUSY == EXIT_BUSY
    assert f"SuccessExitStatus={EXIT_BUSY}" in lines(plan("/media"))

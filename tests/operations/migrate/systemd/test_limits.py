"""Each line of a unit: a limit of ours, a line of our unit, or told why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome
from av1rules.operations.migrate.systemd.limits import UnitLimits, limits_of, unit_outcomes
from av1rules.operations.migrate.systemd.unit import Unit, read_units

CARRIED, REPLACED, REFUSED, UNKNOWN = (
    KeyFate.CARRIED, KeyFate.REPLACED, KeyFate.REFUSED, KeyFate.UNKNOWN,
)  # fmt: skip


def unit(folder: Path, *lines: str, section: str = "Service") -> Unit:
    path = folder / "av1d.service"
    path.write_text("\n".join((f"[{section}]", *lines)))
    (found,) = read_units([str(path)])
    return found


def one(folder: Path, line: str, section: str = "Service") -> KeyOutcome:
    (found,) = unit_outcomes(unit(folder, line, section=section))
    return found


@pytest.mark.parametrize(
    ("section", "line", "fate", "ours"),
    [
        ("Service", "CPUQuota=800%", CARRIED, "the unit"),
        ("Service", "CPUWeight=50", CARRIED, "the unit"),
        ("Service", "MemoryMax=16G", CARRIED, "the unit, run.memory"),
        ("Service", "MemoryHigh=12G", CARRIED, "the unit, run.memory"),
        ("Service", "MemoryMax=infinity", CARRIED, "the unit"),
        ("Service", "MemoryMax=40%", CARRIED, "the unit"),
        ("Service", "Nice=10", CARRIED, "run.nice"),
        ("Service", "Nice=-5", CARRIED, "the unit"),
        ("Service", "CPUAffinity=0-7", CARRIED, "run.cpus"),
        ("Service", "AllowedCPUs=8-15", CARRIED, "run.cpus"),
        ("Service", "CPUAffinity=numa", REFUSED, None),
        ("Service", "IOSchedulingClass=idle", CARRIED, "run.io_class"),
        ("Service", "IOSchedulingClass=2", CARRIED, "run.io_class"),
        ("Service", "IOSchedulingClass=realtime", CARRIED, "the unit"),
        ("Service", "IOSchedulingClass=odd", REFUSED, None),
        ("Service", "IOSchedulingPriority=7", CARRIED, "the unit"),
        ("Service", "IOWeight=10", CARRIED, "the unit"),
        ("Service", "User=av1d", CARRIED, "the unit"),
        ("Service", "ReadWritePaths=/media", REPLACED, "the unit"),
        ("Service", "ExecStart=/usr/local/bin/av1d", REPLACED, "the unit"),
        ("Service", "Environment=RUST_LOG=info", REFUSED, None),
        ("Service", 'Environment="PATH=/opt/bin"', CARRIED, "the unit"),
        ("Service", "Restart=always", REPLACED, "the timer"),
        ("Service", "Type=simple", REPLACED, "the unit"),
        ("Service", "ProtectHome=yes", UNKNOWN, None),
        ("Unit", "Description=x", REPLACED, "the unit"),
        ("Unit", "After=docker.service network.target", REFUSED, None),
        ("Unit", "Requires=docker.service", REFUSED, None),
        ("Unit", "After=network.target", REPLACED, "the unit"),
        ("Unit", "RequiresMountsFor=/media", CARRIED, "the unit"),
        ("Unit", "ConditionACPower=true", UNKNOWN, None),
        ("Install", "WantedBy=multi-user.target", REPLACED, "the unit"),
    ],
)
def test_each_line_is_told(
    tmp_path: Path, section: str, line: str, fate: KeyFate, ours: str | None
) -> None:
    found = one(tmp_path, line, section)
    assert (found.fate, found.ours) == (fate, ours)
    assert found.why


def test_limits_of_the_guides_unit(tmp_path: Path) -> None:
    """With the comments behind the values that the guide shows, and that systemd refuses."""
    found = unit(
        tmp_path,
        "CPUQuota=800%      # Limit to 8 cores (800% = 8 cores)",
        "MemoryMax=16G      # Limit to 16GB RAM",
        "Nice=-5            # Higher priority (optional)",
    )
    assert limits_of(found) == UnitLimits(
        memory=16 * 1024**3,
        kept=(
            ("Service", "CPUQuota", "800%"), ("Service", "MemoryMax", "16G"),
            ("Service", "Nice", "-5"),
        ),
    )  # fmt: skip
    assert all("not in force before" in line.why for line in unit_outcomes(found))


def test_cpus_of_both_kinds_count_together(tmp_path: Path) -> None:
    both = unit(tmp_path, "CPUAffinity=0-3 8", "AllowedCPUs=2-9")
    assert limits_of(both).cpus == (2, 3, 8)
    assert limits_of(unit(tmp_path, "CPUAffinity=0,1", "CPUAffinity=4")).cpus == (0, 1, 4)


@pytest.mark.parametrize("text", ["a", "3-1", "0-99999", "", "-1", "1,2,x"])
def test_what_is_no_list_of_cpus_sets_none(tmp_path: Path, text: str) -> None:
    assert limits_of(unit(tmp_path, f"CPUAffinity={text}")).cpus == ()


@pytest.mark.parametrize("text", ["16", "100M", "x", "1e9", "99999999999999999999G"])
def test_memory_that_no_encode_can_do_with_stays_in_the_unit(tmp_path: Path, text: str) -> None:
    found = limits_of(unit(tmp_path, f"MemoryMax={text}"))
    assert found.memory is None
    assert found.kept == (("Service", "MemoryMax", text),)


def test_the_lower_limit_of_memory_counts(tmp_path: Path) -> None:
    found = limits_of(unit(tmp_path, "MemoryHigh=8G", "MemoryMax=16G"))
    assert found.memory == 8 * 1024**3


def test_a_later_line_of_the_same_name_counts(tmp_path: Path) -> None:
    found = unit(tmp_path, "CPUQuota=400%", "CPUQuota=800%", "Nice=3", "Nice=", "User=a")
    assert limits_of(found) == UnitLimits(
        kept=(("Service", "CPUQuota", "800%"), ("Service", "User", "a"))
    )
    first, *_ = unit_outcomes(found)
    assert (first.fate, first.why) == (REPLACED, "a later line of the same name counts")

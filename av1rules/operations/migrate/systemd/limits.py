"""What becomes of each line of a unit: limits of our runs, lines of our unit, or neither. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome
from av1rules.operations.migrate.systemd.unit import Directive, Unit
from av1rules.policy.formats import HIGHEST_CPU, LEAST_MEMORY

_MEMORY = re.compile(r"(\d{1,15})([KMGTP]?)", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_IO_CLASSES = {
    "0": "none", "none": "none", "2": "best-effort", "best-effort": "best-effort",
    "3": "idle", "idle": "idle",
}  # fmt: skip

KEPT_IN_UNIT = frozenset({
    "AllowedMemoryNodes", "CPUQuota", "CPUQuotaPeriodSec", "CPUSchedulingPolicy",
    "CPUSchedulingPriority", "CPUWeight", "Group", "IOReadBandwidthMax",
    "IOSchedulingPriority", "IOWeight", "IOWriteBandwidthMax", "LimitNOFILE", "MemoryHigh",
    "MemoryMax", "MemorySwapMax", "OOMScoreAdjust", "Slice", "StartupCPUWeight",
    "SupplementaryGroups", "TasksMax", "UMask", "User",
})  # fmt: skip
"""Of [Service]: they hold for our unit as they are."""

_BY_TIMER = "a run ends when there is nothing left to do; the timer starts the next one"
_REPLACED = {
    ("Unit", "Description"): "the unit says what it does",
    ("Unit", "Documentation"): "the unit says what it does",
    ("Service", "Type"): "oneshot: a run ends when there is nothing left to do",
    ("Service", "Restart"): _BY_TIMER,
    ("Service", "RestartSec"): _BY_TIMER,
    ("Service", "WorkingDirectory"): "the folder of the rules",
    ("Service", "ExecStart"): "av1rules run, with the rules made from its configuration",
    ("Service", "StandardOutput"): "the journal, systemd's own default",
    ("Service", "StandardError"): "the journal, systemd's own default",
    ("Service", "SyslogIdentifier"): "av1rules, by the name of the program",
    ("Service", "ReadWritePaths"): "the roots, temp_dir and the folder of the rules",
    ("Install", "WantedBy"): "timers.target: the timer is what is enabled",
}

_Read = tuple[KeyFate, str | None, str]


class UnitLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit says of our runs. `memory` in bytes; `kept` are lines of our unit: (section,
    name, value)."""

    nice: int | None = None
    io_class: str | None = None
    cpus: tuple[int, ...] = ()
    memory: int | None = None
    kept: tuple[tuple[str, str, str], ...] = ()


def unit_outcomes(unit: Unit) -> Iterator[KeyOutcome]:
    """Every assignment of a unit, in order."""
    counted = {one.place for one in _that_count(unit)}
    for one in unit.directives:
        if one.place in counted:
            fate, ours, why = _fate(one)
        else:
            fate, ours, why = KeyFate.REPLACED, None, "a later line of the same name counts"
        if one.has_comment:
            why += "; systemd refused it for the comment behind it, so it was not in force before"
        yield KeyOutcome(
            key=f"{one.section}.{one.name}",
            value=one.value,
            fate=fate,
            ours=ours,
            why=why,
            place=one.place,
        )


_SEVERAL = frozenset({
    "After", "AllowedCPUs", "Before", "CPUAffinity", "Environment", "ReadWritePaths",
    "Requires", "RequiresMountsFor", "SupplementaryGroups", "Wants", "WantedBy",
})  # fmt: skip
"""Names whose lines add to each other."""


def _that_count(unit: Unit) -> Iterator[Directive]:
    for section, name in dict.fromkeys((one.section, one.name) for one in unit.directives):
        found = unit.values(name, section=section)
        yield from found if name in _SEVERAL else found[-1:]


def limits_of(unit: Unit) -> UnitLimits:
    """The limits that a unit sets, for our rules and our unit."""
    nice = unit.last("Nice")
    io_class = unit.last("IOSchedulingClass")
    affinity, allowed = (_all_cpus(unit, name) for name in ("CPUAffinity", "AllowedCPUs"))
    both = tuple(cpu for cpu in affinity if cpu in allowed)
    memory = [
        size for name in ("MemoryHigh", "MemoryMax")
        if (one := unit.last(name)) is not None and (size := memory_bytes(one.value)) is not None
    ]  # fmt: skip
    return UnitLimits(
        nice=None if nice is None else nice_of(nice.value),
        io_class=None if io_class is None else _IO_CLASSES.get(io_class.value),
        cpus=both or affinity or allowed,
        memory=min(memory, default=None),
        kept=tuple(
            (one.section, one.name, one.value)
            for one in _that_count(unit)
            if _fate(one)[:2] == (KeyFate.CARRIED, "the unit") or one.name in KEPT_IN_UNIT
        ),
    )


def _all_cpus(unit: Unit, name: str) -> tuple[int, ...]:
    found = {cpu for one in unit.values(name) for cpu in cpu_numbers(one.value) or ()}
    return tuple(sorted(found))


def nice_of(text: str) -> int | None:
    """Niceness that a run can give its encodes, 0 to 19; None: it is less, or no number."""
    return int(text) if re.fullmatch(r"\+?(1?\d)", text) else None


def cpu_numbers(text: str) -> tuple[int, ...] | None:
    """CPU numbers such as `0-3 6` or `0,1`; None if it is no such list."""
    found: set[int] = set()
    for word in text.replace(",", " ").split():
        parts = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", word)
        if parts is None:
            return None
        first, last = int(parts[1]), int(parts[2] or parts[1])
        if first > last or last > HIGHEST_CPU:
            return None
        found.update(range(first, last + 1))
    return tuple(sorted(found)) or None


def memory_bytes(text: str) -> int | None:
    """Bytes of a limit such as `16G`; None for `infinity`, a share, and what no encode can do
    with."""
    found = _MEMORY.fullmatch(text)
    if found is None:
        return None
    size = int(found[1]) * 1024 ** _UNITS[found[2].lower()]
    return size if size >= LEAST_MEMORY else None


def _nice(text: str) -> _Read:
    if nice_of(text) is not None:
        return KeyFate.CARRIED, "run.nice", "of the encodes; the run itself is hardly at work"
    return KeyFate.CARRIED, "the unit", "run.nice yields to others and is never below 0"


def _memory(text: str) -> _Read:
    if memory_bytes(text) is None:
        return KeyFate.CARRIED, "the unit", "the same limit for the unit"
    why = "the unit has the limit; the run starts no encode that would go beyond it, by estimate"
    return KeyFate.CARRIED, "the unit, run.memory", why


def _cpus(text: str) -> _Read:
    if cpu_numbers(text) is None:
        return KeyFate.REFUSED, None, "expected numbers such as 0-7 or 0,2"
    return KeyFate.CARRIED, "run.cpus", "of the encodes"


def _io_class(text: str) -> _Read:
    if text in _IO_CLASSES:
        return KeyFate.CARRIED, "run.io_class", "of the encodes"
    if text in ("1", "realtime"):
        return KeyFate.CARRIED, "the unit", "run.io_class has no class above the usual one"
    return KeyFate.REFUSED, None, "no such class"


_READ: dict[str, Callable[[str], _Read]] = {
    "AllowedCPUs": _cpus,
    "CPUAffinity": _cpus,
    "IOSchedulingClass": _io_class,
    "MemoryHigh": _memory,
    "MemoryMax": _memory,
    "Nice": _nice,
}


def _fate(one: Directive) -> _Read:
    if one.section == "Service" and one.name in _READ:
        return _READ[one.name](one.value)
    if one.section == "Service" and one.name in KEPT_IN_UNIT:
        return KeyFate.CARRIED, "the unit", "the same for the unit"
    if (why := _REPLACED.get((one.section, one.name))) is not None:
        return KeyFate.REPLACED, "the timer" if why == _BY_TIMER else "the unit", why
    if one.name == "Environment":
        return _environment(one.value)
    if one.section == "Unit":
        return _of_others(one)
    return KeyFate.UNKNOWN, None, "not carried over: add it to the unit if it is still wanted"


def _environment(value: str) -> _Read:
    if value.strip("\"'").startswith("PATH="):
        return KeyFate.CARRIED, "the unit", "FFmpeg is found there"
    return (
        KeyFate.REFUSED,
        None,
        "av1rules reads no variables of av1d; the journal has its messages",
    )


def _of_others(one: Directive) -> _Read:
    """What a unit says of other units."""
    if one.name == "RequiresMountsFor":
        return KeyFate.CARRIED, "the unit", "the same mounts come first"
    if "docker" in one.value:
        return KeyFate.REFUSED, None, "FFmpeg runs in no container"
    if one.name in ("After", "Wants", "Requires", "Before"):
        why = "the roots' mounts come first (RequiresMountsFor); a run needs no network"
        return KeyFate.REPLACED, "the unit", why
    return KeyFate.UNKNOWN, None, "not carried over: add it to the unit if it is still wanted"

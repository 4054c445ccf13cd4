"""Prepares a migration from av1d: reads configurations, units, jobs and the library, and makes the
policies. Writes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import is_at_or_below
from av1rules.base.text import printable
from av1rules.operations.migrate.av1d.beside import LibraryFinds, MarkedFilm, look_beside_films
from av1rules.operations.migrate.av1d.config import Av1dConfig, ConfigForm, read_config
from av1rules.operations.migrate.av1d.jobs import Av1dJob, JobFiles, read_jobs
from av1rules.operations.migrate.av1d.keys import (
    LEAST_INTERVAL_S,
    PolicyValues,
    key_outcomes,
    policy_values,
)
from av1rules.operations.migrate.av1d.rules import (
    FIRST_LINE,
    MOST_MARKED,
    PolicyDraft,
    first_tests_text,
    named_roots,
    rules_text,
)
from av1rules.operations.migrate.files import require_ours, require_valid
from av1rules.operations.migrate.outcome import KeyOutcome
from av1rules.operations.migrate.systemd.limits import UnitLimits, limits_of, unit_outcomes
from av1rules.operations.migrate.systemd.unit import Unit, read_units
from av1rules.operations.units.files import UnitFolders, unit_files
from av1rules.operations.units.model import (
    DEFAULT_NAME,
    ManagerKind,
    ServiceRequest,
    ServiceScope,
    ServiceSpec,
    require_text,
)

RULES_NAME, TESTS_NAME = "rules.yaml", "rules.tests.yaml"


class Av1dRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to migrate, and where to (`folder`, absolute). `program` starts av1rules. Without `jobs`
    the job files are those that the configurations name, if they can be read."""

    configs: tuple[str, ...]
    folder: str
    program: tuple[str, ...]
    jobs: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


class MigratedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration, and what becomes of each of its keys."""

    config: Av1dConfig
    keys: tuple[KeyOutcome, ...]


class MigratedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit, the configuration that it starts av1d with, and what becomes of each of its lines."""

    unit: Unit
    config: str
    lines: tuple[KeyOutcome, ...]


class PolicyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One policy to be: its `folder`, its files (name and text), what stands in its roots, and the
    jobs of its films. `marked_left`: films marked by hand that no rule lists."""

    folder: str
    draft: PolicyDraft
    files: tuple[tuple[str, str], ...]
    finds: LibraryFinds
    jobs: tuple[Av1dJob, ...]
    marked_left: int = 0

    @property
    def rules_file(self) -> str:
        return f"{self.folder}/{RULES_NAME}"

    def form_of(self, path: str) -> ConfigForm:
        """The form of the configuration that a film belongs to."""
        return next(
            (one.form for one in self.draft.configs if _has_root(one, path)), ConfigForm.NATIVE
        )


class Av1dPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole migration. `strays` are jobs of films in none of the roots, `commands` files of the
    terminal monitor that av1d did not take any more."""

    configs: tuple[MigratedConfig, ...]
    units: tuple[MigratedUnit, ...]
    policies: tuple[PolicyPlan, ...]
    job_files: JobFiles
    strays: tuple[Av1dJob, ...]
    commands: tuple[str, ...]
    overlaps: tuple[str, ...] = ()


def prepare_av1d(request: Av1dRequest) -> Av1dPlan:
    """Raises UsageError for what can't be read, for rules that would not be valid, and for a folder
    with rules that no migration wrote."""
    configs = tuple(map(read_config, _each_once(request.configs)))
    units = read_units(request.units) if request.units else ()
    homes = [_config_of(unit, configs) for unit in units]
    limits = {home.file: limits_of(unit) for unit, home in zip(units, homes, strict=True)}
    folders = request.jobs or tuple(config.job_state_dir for config in configs)
    job_files = read_jobs(folders, required=bool(request.jobs))
    groups = _grouped(configs, limits)
    policies = tuple(
        _policy(request, group, name if len(groups) > 1 else None, job_files.jobs)
        for name, group in groups.items()
    )
    taken = {job.source_path for policy in policies for job in policy.jobs}
    return Av1dPlan(
        configs=tuple(
            MigratedConfig(config=config, keys=tuple(key_outcomes(config))) for config in configs
        ),
        units=tuple(
            MigratedUnit(unit=unit, config=home.file, lines=tuple(unit_outcomes(unit)))
            for unit, home in zip(units, homes, strict=True)
        ),
        policies=policies,
        job_files=job_files,
        strays=tuple(job for job in job_files.jobs if job.source_path not in taken),
        commands=tuple(_commands(configs)),
        overlaps=tuple(_overlaps(policies)),
    )


class _Group(msgspec.Struct, frozen=True):
    """Configurations that agree in all but their roots."""

    values: PolicyValues
    limits: UnitLimits
    configs: tuple[Av1dConfig, ...]


def _each_once(paths: Sequence[str]) -> list[str]:
    return list({os.path.realpath(path): path for path in paths}.values())


def _config_of(unit: Unit, configs: Sequence[Av1dConfig]) -> Av1dConfig:
    """The configuration that a unit starts av1d with; the only one, whatever the unit says."""
    named = unit.config
    if named is not None:
        for form in (os.path.realpath, os.path.basename):
            found = [config for config in configs if form(config.file) == form(named)]
            if len(found) == 1:
                return found[0]
    if len(configs) == 1:
        return configs[0]
    says = f"it starts av1d with {printable(named)}" if named else "its ExecStart names none"
    raise UsageError(
        f"a unit belongs to none of the configurations: {says}",
        where=printable(unit.files[0]),
        hint="give that configuration too",
    )


def _grouped(configs: Sequence[Av1dConfig], limits: dict[str, UnitLimits]) -> dict[str, _Group]:
    """The policies by their names: one for all configurations that agree."""
    groups: list[_Group] = []
    for config in configs:
        values, limit = policy_values(config), limits.get(config.file, UnitLimits())
        for at, group in enumerate(groups):
            if (group.values, group.limits) == (values, limit):
                groups[at] = _Group(values, limit, (*group.configs, config))
                break
        else:
            groups.append(_Group(values, limit, (config,)))
    named: dict[str, _Group] = {}
    for group in groups:
        name, number = _name_of(group.configs[0].file), 1
        unique = name
        while unique in named:
            number += 1
            unique = f"{name}-{number}"
        named[unique] = group
    return named


def _name_of(file: str) -> str:
    """`movies` for config-movies.json."""
    stem = os.path.splitext(os.path.basename(file))[0]
    plain = re.sub(r"^(?:av1d|config)[-_.]", "", stem)
    return re.sub(r"[^\w.-]", "-", plain).strip(".-") or "policy"


def _policy(
    request: Av1dRequest, group: _Group, name: str | None, jobs: Sequence[Av1dJob]
) -> PolicyPlan:
    roots = named_roots([root for config in group.configs for root in config.library_roots])
    own = [job for job in jobs if any(_has_root(one, job.source_path) for one in group.configs)]
    finds = look_beside_films(roots, own)
    marked, left = _to_list(finds.marked)
    draft = PolicyDraft(
        configs=group.configs,
        values=group.values,
        limits=group.limits,
        roots=roots,
        marked=marked,
    )
    folder = request.folder if name is None else f"{request.folder}/{name}"
    rules = rules_text(draft)
    require_valid(rules, origin=group.configs[0].file)
    require_ours(f"{folder}/{RULES_NAME}", FIRST_LINE)
    units = unit_files(_service(request, group, folder, name), _FOLDERS)
    return PolicyPlan(
        folder=folder,
        draft=draft,
        files=(
            (RULES_NAME, rules),
            (TESTS_NAME, first_tests_text(draft)),
            *((os.path.basename(file.path), file.text) for file in units),
        ),
        finds=finds,
        jobs=tuple(own),
        marked_left=left,
    )


def _to_list(marked: Sequence[MarkedFilm]) -> tuple[tuple[str, ...], int]:
    """Library paths of films marked by hand that a rule can list, and how many it leaves to their
    markers: names that are not UTF-8, or too many to review."""
    by_hand = [one.library_path for one in marked if not one.by_size_gate]
    listed = [path for path in by_hand if not re.search("[\ud800-\udfff]", path)]
    if len(listed) > MOST_MARKED:
        return (), len(by_hand)
    return tuple(listed), len(by_hand) - len(listed)


_FOLDERS = UnitFolders.of_user(Path("/"), Path("/"))
"""Only the names of units count here: a migration writes them beside the rules."""

_PATH = "/usr/local/bin:/usr/bin:/bin"


def _service(request: Av1dRequest, group: _Group, folder: str, name: str | None) -> ServiceSpec:
    """Runs by a timer, as often as av1d looked through its roots, in mode replace. Raises
    UsageError for a folder that no unit can name."""
    require_text(folder)
    temp_dir = group.values.temp_dir
    configured = [root for config in group.configs for root in config.library_roots]
    roots = tuple(dict.fromkeys(map(os.path.expanduser, configured)))
    temp = () if temp_dir is None else (os.path.expanduser(temp_dir),)
    return ServiceSpec(
        request=ServiceRequest(
            name=name or DEFAULT_NAME,
            manager=ManagerKind.TIMER,
            scope=ServiceScope.SYSTEM,
            rules_file=f"{folder}/{RULES_NAME}",
            program=request.program,
            path=_PATH,
            every_s=max(LEAST_INTERVAL_S, *(one.scan_interval_secs for one in group.configs)),
        ),
        roots=roots,
        written=tuple(dict.fromkeys((*roots, *temp, folder))),
        kept=group.limits.kept,
        origin="Written by `av1rules migrate av1d`; MIGRATION.md says how to enable it.",
    )


def _has_root(config: Av1dConfig, path: str) -> bool:
    tops = (os.path.realpath(os.path.expanduser(root)) for root in config.library_roots)
    return any(is_at_or_below(path, top) for top in tops)


def _commands(configs: Sequence[Av1dConfig]) -> list[str]:
    found: list[str] = []
    for folder in dict.fromkeys(os.path.expanduser(config.commands) for config in configs):
        try:
            found += sorted(f"{folder}/{name}" for name in os.listdir(folder))
        except OSError:
            continue
    return found


def _overlaps(policies: Sequence[PolicyPlan]) -> list[str]:
    """Roots of one policy that another one has too: each film needs one ledger."""
    tops = [
        (policy.folder, os.path.realpath(os.path.expanduser(path)))
        for policy in policies
        for _, path in policy.draft.roots
    ]
    return [
        printable(path)
        for folder, path in tops
        if any(other != folder and is_at_or_below(path, top) for other, top in tops)
    ]

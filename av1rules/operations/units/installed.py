"""The services that are installed here, found by the marks in their files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, LedgerError
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.runs import RunRecord
from av1rules.operations.units.cron import stems_of
from av1rules.operations.units.files import CRONTAB, UnitFolders, unit_files
from av1rules.operations.units.install import (
    UnitInPlace,
    crontab_text,
    is_active,
    see_files,
    text_at,
)
from av1rules.operations.units.model import (
    DEFAULT_NAME,
    ManagerKind,
    ServiceRequest,
    ServiceScope,
    ServiceSpec,
    UnitFile,
)
from av1rules.operations.units.spec import spec_of
from av1rules.operations.units.stamp import UnitState, read_stamp
from av1rules.policy.load import load_rules


class InstalledService(msgspec.Struct, frozen=True, kw_only=True):
    """One instance: its files compared with what would be written now, whether the service manager
    has it running (None: it can't say), the last run of its ledger, and what is wrong with its
    rules."""

    request: ServiceRequest
    files: tuple[UnitInPlace, ...]
    is_active: bool | None
    last_run: RunRecord | None = None
    problem: str | None = None


def find_services(folders: UnitFolders) -> Iterator[InstalledService]:
    """All instances of this user and of the machine, by name."""
    found = {
        (request.manager, request.scope, request.name): request
        for request in _requests(folders)
    }  # fmt: skip
    for key in sorted(found):
        yield _looked_at(found[key], folders)


def _requests(folders: UnitFolders) -> Iterator[ServiceRequest]:
    for path, stem in _candidates(folders):
        try:
            text = text_at(path, stem)
        except Av1rulesError:
            continue  # nothing that `install` wrote
        read = None if text is None else read_stamp(text)
        if read is not None:
            yield read[0].request


def _candidates(folders: UnitFolders) -> Iterator[tuple[str, str]]:
    every = {
        folder
        for manager in ManagerKind
        for scope in ServiceScope
        if (folder := folders.folder(manager, scope)) is not None
    }
    for folder in sorted(every):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder)):
                if DEFAULT_NAME in name:
                    yield str(folder / name), ""
    with contextlib.suppress(Av1rulesError):
        yield from ((CRONTAB, stem) for stem in stems_of(crontab_text()))


def _looked_at(request: ServiceRequest, folders: UnitFolders) -> InstalledService:
    state_dir: Path | None = None
    problem: str | None = None
    try:
        ruleset = load_rules(Path(request.rules_file))
        state_dir = ruleset.run.state_dir
        files = see_files(unit_files(spec_of(request, ruleset), folders), request)
    except Av1rulesError as broken:
        problem = str(broken)
        files = places_of(request, folders)
    return InstalledService(
        request=request,
        files=files,
        is_active=is_active(request),
        last_run=None if state_dir is None else _last_run(state_dir),
        problem=problem,
    )


def places_of(request: ServiceRequest, folders: UnitFolders) -> tuple[UnitInPlace, ...]:
    """What stands in the places of a service, without a look at its rules: as written, edited, or
    not there."""
    files = unit_files(ServiceSpec(request=request), folders)
    return tuple(
        replace(
            one,
            file=UnitFile(path=one.file.path, text=one.there or ""),
            state=UnitState.UNKNOWN if one.state in _UNEDITED else one.state,
        )
        for one in see_files(files, request)
    )


_UNEDITED = (UnitState.OUTDATED, UnitState.CURRENT)


def _last_run(state_dir: Path) -> RunRecord | None:
    try:
        with contextlib.closing(Ledger.read(state_dir)) as ledger:
            return next(iter(ledger.runs.latest(1)), None)
    except LedgerError:
        return None

"""Services as text and as JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from av1rules.base.text import printable, printable_lines
from av1rules.base.units import local_time_text
from av1rules.ledger.runs import RunRecord
from av1rules.operations.units.files import CRONTAB
from av1rules.operations.units.health import CheckedWatcher, WatcherHealth
from av1rules.operations.units.install import UnitInPlace
from av1rules.operations.units.installed import InstalledService
from av1rules.operations.units.model import ManagerKind, ServiceRequest, ServiceScope
from av1rules.operations.units.stamp import UnitState
from av1rules.report.documents.service import (
    ServiceDocument,
    ServiceFileRecord,
    ServiceFileState,
    ServiceRun,
    ServicesDocument,
    ServiceStatus,
    WatcherCheckDocument,
)
from av1rules.report.json import json_document

_WELL = (UnitState.CURRENT, UnitState.OUTDATED)

_WORDS = {
    UnitState.ABSENT: "is not there",
    UnitState.CURRENT: "is in place",
    UnitState.OUTDATED: "is in place, but `install` would write it otherwise now",
    UnitState.EDITED: "was edited",
    UnitState.FOREIGN: "is not ours",
    UnitState.UNKNOWN: "is in place",
}


def service_json(request: ServiceRequest, files: Sequence[UnitInPlace], *, is_done: bool) -> str:
    return json_document(
        ServiceDocument(
            name=request.name,
            manager=request.manager,
            scope=request.scope,
            rules_file=request.rules_file,
            command=request.command,
            done=is_done,
            files=tuple(
                ServiceFileRecord(path=one.file.path, state=one.state, text=one.file.text)
                for one in files
            ),
        )
    )


def files_lines(files: Sequence[UnitInPlace]) -> Iterator[str]:
    """The files in full, each below its path. A property list stands alone: nothing may come before
    its declaration."""
    for number, one in enumerate(files):
        if number:
            yield ""
        if not one.file.text.startswith("<?xml"):
            yield f"# {_place(one)}"
        yield "\t".join(map(printable_lines, one.file.text.rstrip("\n").split("\t")))


def changes_lines(files: Sequence[UnitInPlace]) -> Iterator[str]:
    """What an installation would change: new files in full, others as a difference."""
    for one in files:
        if one.state is UnitState.CURRENT:
            yield f"{_place(one)} {_WORDS[one.state]}"
        elif one.there is None:
            yield from files_lines((one,))
        else:
            yield f"{_place(one)} {_WORDS[one.state]}:"
            yield from difference_lines(one)


def difference_lines(one: UnitInPlace) -> Iterator[str]:
    """What stands there against what would be written."""
    pair = ((one.there or "").splitlines(), one.file.text.splitlines())
    names = ("as it is", "as it would be written")
    return map(printable, difflib.unified_diff(*pair, *names, lineterm="", n=1))


def _place(one: UnitInPlace) -> str:
    return "your crontab" if one.file.path == CRONTAB else printable(one.file.path)


def next_lines(request: ServiceRequest) -> Iterator[str]:
    """What to do after an installation."""
    name = request.stem
    if request.manager in (ManagerKind.SYSTEMD, ManagerKind.TIMER):
        user = " --user" if request.scope is ServiceScope.USER else ""
        yield f"watch it: systemctl{user} status {name}; journalctl{user} -fu {name}"
        if user:
            yield "to let it run while nobody is logged in: loginctl enable-linger"
    else:
        yield "watch it: av1rules service status; av1rules runs"


def is_well(service: InstalledService) -> bool:
    return (
        service.is_active is not False
        and service.problem is None
        and all(one.state in _WELL for one in service.files)
    )


def services_json(services: Sequence[InstalledService]) -> str:
    return json_document(
        ServicesDocument(
            ok=all(map(is_well, services)),
            services=tuple(
                ServiceStatus(
                    name=one.request.name,
                    manager=one.request.manager,
                    scope=one.request.scope,
                    rules_file=one.request.rules_file,
                    command=one.request.command,
                    active=one.is_active,
                    files=tuple(
                        ServiceFileState(path=file.file.path, state=file.state)
                        for file in one.files
                    ),
                    last_run=None if one.last_run is None else _run_record(one.last_run),
                    problem=one.problem,
                )
                for one in services
            ),
        )
    )


def _run_record(run: RunRecord) -> ServiceRun:
    return ServiceRun(number=run.id, started=run.started, ended=run.ended, exit_code=run.exit_code)


def services_lines(services: Sequence[InstalledService]) -> Iterator[str]:
    """A block of lines for each instance."""
    if not services:
        yield "no service is installed here: `av1rules service install`"
    for number, one in enumerate(services):
        if number:
            yield ""
        request = one.request
        kind = "watcher" if request.is_watch else "runs"
        active = {True: "active", False: "not active", None: "started by cron"}[one.is_active]
        yield f"{request.name}: {active} ({request.manager}, {request.scope}, {kind})"
        yield f"  rules     {printable(request.rules_file)}"
        for file in one.files:
            yield f"  file      {_place(file)} {_WORDS[file.state]}"
        if one.last_run is not None:
            yield f"  last run  {_run_text(one.last_run)}"
        if one.problem is not None:
            yield from (f"  problem   {printable(line)}" for line in one.problem.splitlines())


def _run_text(run: RunRecord) -> str:
    started = f"r{run.id}, {local_time_text(run.started)}"
    return started if run.exit_code is None else f"{started}, exit code {run.exit_code}"


def check_json(checked: CheckedWatcher) -> str:
    watcher = checked.watcher
    return json_document(
        WatcherCheckDocument(
            ok=checked.health is WatcherHealth.ALIVE,
            health=checked.health,
            state=None if watcher is None else watcher.state,
            reason=None if watcher is None else watcher.reason,
            until=None if watcher is None else watcher.until,
        )
    )


def check_text(checked: CheckedWatcher) -> str:
    """In one line."""
    watcher = checked.watcher
    if watcher is None:
        return "no watcher is at work"
    reason = "" if watcher.reason is None else f", {printable(watcher.reason)}"
    said = f"process {watcher.pid}: {printable(watcher.state)}{reason}"
    if checked.health is WatcherHealth.SILENT:
        return f"the watcher says nothing any more; it said last: {said}"
    return f"the watcher is alive; {said}"

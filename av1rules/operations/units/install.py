"""Puts the files of a service in place and takes them out again, over nobody else's; has the
service manager start or stop it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.files import fsync_folder, make_folders, open_regular, write_text
from av1rules.base.process import Completed, Limits, run
from av1rules.base.system.users import user_id
from av1rules.base.text import printable
from av1rules.operations.units.cron import block_of, with_block
from av1rules.operations.units.files import CRONTAB
from av1rules.operations.units.launchd import label
from av1rules.operations.units.model import (
    ManagerKind,
    ServiceRequest,
    ServiceScope,
    ServiceSpec,
    UnitFile,
)
from av1rules.operations.units.stamp import UnitState, state_of

_LIMITS = Limits(timeout_s=180, output_bytes=1024**2)
"""Longer than TimeoutStopSec: a watcher that ends first stops its encodes."""

_MOST_BYTES = 1024**2

_FILE_MODE = 0o644


class UnitInPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a service as it is to be, and what stands there."""

    file: UnitFile
    there: str | None
    state: UnitState


def see_files(files: Sequence[UnitFile], request: ServiceRequest) -> tuple[UnitInPlace, ...]:
    """What stands in the places of files. Raises UsageError for what can't be read."""
    found = []
    for file in files:
        there = text_at(file.path, request.stem)
        is_link = file.path != CRONTAB and os.path.islink(file.path)
        state = UnitState.FOREIGN if is_link else state_of(there, file.text)
        found.append(UnitInPlace(file=file, there=there, state=state))
    return tuple(found)


def text_at(path: str, stem: str) -> str | None:
    """The text of a file, or of our lines in the user's crontab; None: nothing is there."""
    if path == CRONTAB:
        return block_of(crontab_text(), stem)
    if not os.path.lexists(path):
        return None
    try:
        with open_regular(path) as file:
            return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise UsageError(
            f"what is there can't be read: {problem.strerror}",
            where=printable(path),
            hint="`systemctl unmask` takes away a link to /dev/null",
        ) from problem


def require_ours(seen: Sequence[UnitInPlace], *, force: bool) -> None:
    """Raise UsageError if something is there that is not ours to exchange or remove. `force` is for
    what somebody edited, never for the files of others."""
    for one in seen:
        where = printable(one.file.path)
        if one.state is UnitState.FOREIGN:
            raise UsageError(
                "a file is here that `av1rules service` did not write",
                where=where,
                hint="give another --name, or move that file away",
            )
        if one.state is UnitState.EDITED and not force:
            raise UsageError(
                "this file was edited after it was written",
                where=where,
                hint="`systemctl edit` keeps changes in a file of its own; --force takes no notice",
            )


def install(spec: ServiceSpec, seen: Sequence[UnitInPlace]) -> None:
    """Write what is not there yet, and have it started. Raises UsageError, Av1rulesError, OSError
    (no right to write there)."""
    request = spec.request
    _require_manager(request)
    _make_state_folders(spec)
    is_new = False
    for one in seen:
        if one.state is not UnitState.CURRENT:
            is_new = is_new or one.there is not None
            _write(one.file, request)
    if request.manager in (ManagerKind.SYSTEMD, ManagerKind.TIMER):
        started = _started_unit(request)
        _call(_systemctl(request, "daemon-reload"))
        _call(_systemctl(request, "enable", "--now", started))
        if is_new:  # a former one goes on with its old limits otherwise
            _call(_systemctl(request, "try-restart", started))
    elif request.manager is ManagerKind.LAUNCHD:
        path = seen[0].file.path
        if is_new:
            _try(("launchctl", "bootout", f"{_domain(request)}/{label(request.stem)}"))
        if is_new or not is_active(request):
            _call(("launchctl", "bootstrap", _domain(request), path))


def uninstall(request: ServiceRequest, seen: Sequence[UnitInPlace]) -> None:
    """Have it stopped and remove what is there. Raises UsageError, Av1rulesError, OSError."""
    _require_manager(request)
    if request.manager in (ManagerKind.SYSTEMD, ManagerKind.TIMER):
        _call(_systemctl(request, "disable", "--now", _started_unit(request)))
    elif request.manager is ManagerKind.LAUNCHD and is_active(request):
        _call(("launchctl", "bootout", f"{_domain(request)}/{label(request.stem)}"))
    for one in seen:
        if one.file.path == CRONTAB:
            _write_crontab(with_block(crontab_text(), request.stem, None))
        elif one.there is not None:
            os.unlink(one.file.path)
            fsync_folder(os.path.dirname(one.file.path))
    if request.manager in (ManagerKind.SYSTEMD, ManagerKind.TIMER):
        _call(_systemctl(request, "daemon-reload"))


def is_active(request: ServiceRequest) -> bool | None:
    """Whether the service manager has it running, or waiting for its time; None: it can't say."""
    if request.manager is ManagerKind.CRON:
        return None
    if request.manager is ManagerKind.LAUNCHD:
        done = _try(("launchctl", "print", f"{_domain(request)}/{label(request.stem)}"))
    else:
        done = _try(_systemctl(request, "is-active", "--quiet", _started_unit(request)))
    return None if done is None else done.ok


def _started_unit(request: ServiceRequest) -> str:
    kind = "timer" if request.manager is ManagerKind.TIMER else "service"
    return f"{request.stem}.{kind}"


def _systemctl(request: ServiceRequest, *words: str) -> tuple[str, ...]:
    return ("systemctl", *(["--user"] if request.scope is ServiceScope.USER else []), *words)


def _domain(request: ServiceRequest) -> str:
    return "system" if request.scope is ServiceScope.SYSTEM else f"gui/{user_id()}"


_PROGRAMS = {
    ManagerKind.SYSTEMD: "systemctl",
    ManagerKind.TIMER: "systemctl",
    ManagerKind.LAUNCHD: "launchctl",
    ManagerKind.CRON: "crontab",
}


def _require_manager(request: ServiceRequest) -> None:
    """Before anything is written. The files of /etc/cron.d need no program."""
    program = _PROGRAMS[request.manager]
    if program == "crontab" and request.scope is ServiceScope.SYSTEM:
        return
    if shutil.which(program) is None:
        raise UsageError(
            f"this machine has no {program}",
            hint="`av1rules service print` shows what would be written; --cron, --systemd and "
            "--launchd choose another service manager",
        )


def _make_state_folders(spec: ServiceSpec) -> None:
    for path in spec.made:
        if os.path.isdir(path):
            continue
        make_folders(path)
        if spec.request.account is not None:
            user, _, group = spec.request.account.partition(":")
            try:
                shutil.chown(path, user, group or None)
            except LookupError as problem:
                raise UsageError(str(problem), where="--run-as") from problem


def _write(file: UnitFile, request: ServiceRequest) -> None:
    if file.path == CRONTAB:
        _write_crontab(with_block(crontab_text(), request.stem, file.text))
        return
    make_folders(os.path.dirname(file.path))
    write_text(Path(file.path), file.text)
    os.chmod(file.path, _FILE_MODE)


def crontab_text() -> str:
    """The user's crontab. Whatever is not known to mean "none" is an error: it would be written
    over."""
    done = _ran(("crontab", "-l"))
    if done.ok:
        return done.stdout.decode("utf-8", "surrogateescape")
    if any("no crontab for" in line for line in done.stderr):
        return ""
    raise _failure(done)


def _write_crontab(text: str) -> None:
    descriptor, path = tempfile.mkstemp(prefix="av1rules-crontab-")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        _call(("crontab", path))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _call(argv: Sequence[str]) -> Completed:
    done = _ran(argv)
    if not done.ok:
        raise _failure(done)
    return done


def _try(argv: Sequence[str]) -> Completed | None:
    try:
        return run(argv, limits=_LIMITS)
    except OSError:
        return None


def _ran(argv: Sequence[str]) -> Completed:
    try:
        return run(argv, limits=_LIMITS, env={"LC_ALL": "C"})
    except OSError as problem:
        raise UsageError(f"{argv[0]} can't be started: {problem.strerror}") from problem


def _failure(done: Completed) -> Av1rulesError:
    said = "; ".join(printable(line, limit=200) for line in done.stderr[-3:]) or "it said nothing"
    return Av1rulesError(
        f"`{' '.join(done.argv)}` failed ({done.describe_exit()}): {said}",
        hint="no user session? `export XDG_RUNTIME_DIR=/run/user/$(id -u)`, or log in as that user"
        if "--user" in done.argv
        else None,
    )

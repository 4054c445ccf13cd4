"""Finds temporary names of ours that the ledger does not know: after a loss of power on a disk that
lost more than it had promised, or of a ledger that is gone. Told, and removed once they are old.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from itertools import islice

from av1rules.base.files import fsync_folder
from av1rules.base.system.users import user_id
from av1rules.base.text import counted, printable
from av1rules.ledger.ledger import Ledger
from av1rules.policy.model import OutputMode, RuleSet

OLD_S = 7 * 24 * 3600.0
"""A private folder in which nothing changed for so long is no run's any more: an encode writes all
the time, one that is paused over a weekend does not."""

MOST_TOLD = 20

_NAME = re.compile(r"\.av1rules-[0-9a-f]{16}(?:\.[^/]*)?")


def sweep_leftovers(ledger: Ledger, ruleset: RuleSet) -> Iterator[str]:
    """After a run that did not end, look through the folders that runs write to; yields a line for
    each temporary name that no journal lists.

    A private folder that is old goes, and so for good: it has only what can be made again. A
    younger one may belong to a run with another ledger, and a file may be the only name of a target
    that such a run was moving: these are told.
    """
    if not _died(ledger):
        return
    known = _known(ledger)
    found = (path for path in _temporary_names(ruleset) if path not in known)
    yield from islice((_swept(ledger, path) for path in found), MOST_TOLD)
    if more := sum(1 for _ in found):
        yield f"{counted(more, 'more temporary name')} of that kind"


def _died(ledger: Ledger) -> bool:
    return any(run.ended is None for run in ledger.runs.latest(1))


def _known(ledger: Ledger) -> set[str]:
    known = {work.folder for work in ledger.jobs_in_progress()}
    known |= {film.folder for film in ledger.segmented.all()}
    for move in ledger.moves.in_flight():
        known |= {move.stage, f"{move.stage}.part"}
    return known


def _temporary_names(ruleset: RuleSet) -> Iterator[str]:
    output, state = ruleset.output, os.path.realpath(ruleset.run.state_dir)
    if output.temp_dir is not None:
        yield from _ours_in(str(output.temp_dir))
    tops = [output.root] if output.mode is OutputMode.MIRROR else []
    if output.mode is not OutputMode.MIRROR:
        tops += [root.path for root in ruleset.library.roots]
    for top in tops:
        for folder, names, _ in os.walk(str(top)):
            names[:] = [
                name
                for name in names
                if not _NAME.fullmatch(name) and os.path.join(folder, name) != state
            ]
            yield from _ours_in(folder)


def _ours_in(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_uid == _user():
                yield entry.path


def _user() -> int:
    return user_id() or 0  # Windows shows 0 for every file


def _swept(ledger: Ledger, path: str) -> str:
    shown = printable(path)
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        if is_folder and time.time() - _last_change(path) > OLD_S:
            ledger.begin(path, "")  # half removed it would look young: the next start goes on
            shutil.rmtree(path)
            fsync_folder(os.path.dirname(path))
            ledger.release(path, even_if_prepared=True)
            return f"removed {shown}: no run has written there for a week"
    except OSError as problem:
        return f"can't remove {shown}, which a run has left: {problem.strerror}"
    if is_folder:
        return (
            f"{shown} is of a run that this ledger does not know: remove it if no other run is at "
            "work; the next repair does once it is a week old"
        )
    return (
        f"{shown} is of a run that this ledger does not know: if no other run is at work, look "
        "what it is, then rename or remove it"
    )


def _last_change(folder: str) -> float:
    """Seconds since the epoch. Raises OSError."""
    newest = os.lstat(folder).st_mtime
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            changed = (
                _last_change(entry.path)
                if is_folder
                else entry.stat(follow_symlinks=False).st_mtime
            )
            newest = max(newest, changed)
    return newest

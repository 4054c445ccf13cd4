"""Reads and writes approvals.yaml without losing comments or concurrent decisions.

Writers take an advisory lock on the folder, which leaves no lock file in a checkout. Where the
file system does not support that, the file is compared again right before it is replaced.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from av1rules.approvals.model import FILE_NAME, ClipDecision, Decisions, decide, merge
from av1rules.approvals.read import parse_approvals, text_of
from av1rules.approvals.write import compose, render_all
from av1rules.base.errors import Av1rulesError
from av1rules.base.files import open_regular, publish, temp_name
from av1rules.base.system.folder_lock import try_folder_lock
from av1rules.base.text import printable
from av1rules.policy.problems import RulesError

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Enough for some 40,000 decisions. The limit keeps a wrong file from costing minutes."""

LOCK_WAIT_S = 10.0
"""A writer holds the lock for some milliseconds; a longer wait means that something is wrong."""

_LOCK_POLL_S = 0.02
_MAX_TRIES = 20


def approvals_path(rules_file: Path) -> Path:
    return rules_file.parent / FILE_NAME


def load_approvals(path: Path) -> Decisions:
    """The decisions of a file; none if there is no file.

    Raises RulesError with every problem, and Av1rulesError when the file can't be read.
    """
    return _parsed(_read(path), path)


def save_approvals(path: Path, book: Decisions) -> Decisions:
    """Add the decisions of `book` that the file lacks; the file keeps its own.

    Raises what `load_approvals` raises, before anything is written.
    """
    return _rewrite(path, lambda on_disk: merge(on_disk, book.decisions))


def record(path: Path, decision: ClipDecision) -> Decisions:
    """Add one decision that was made just now, and return all decisions with their lines.

    If this clock is behind the one that stamped an earlier decision on the same content, the new
    decision gets the second after that one, because the newest decision counts.
    """

    def added(on_disk: Decisions) -> Decisions:
        earlier = [one.at for one in on_disk.of_content(decision.content) if one != decision]
        at = max([decision.at, *(time_ + timedelta(seconds=1) for time_ in earlier)])
        return decide(on_disk, dataclasses.replace(decision, at=at))

    return _rewrite(path, added)


def _rewrite(path: Path, change: Callable[[Decisions], Decisions]) -> Decisions:
    target = Path(os.path.realpath(path))  # replace the file, not a symlink to it
    try:
        with _folder_lock(target.parent):
            for _ in range(_MAX_TRIES):
                raw = _read(path)
                on_disk = _parsed(raw, path)
                wanted = change(on_disk)
                new = _composed(raw, on_disk, wanted, path)
                if new == raw:
                    return on_disk
                if _replaced(target, new, raw):
                    return _parsed(new, path)
    except OSError as problem:
        raise Av1rulesError(
            f"can't write the approvals: {problem.strerror or problem}",
            where=printable(str(path)),
            hint="they are kept beside the rules file: its folder must be writable",
        ) from problem
    raise Av1rulesError(
        "can't write the approvals: another program keeps changing them",
        where=printable(str(path)),
        hint="nothing was written: try again",
    )


def _composed(raw: bytes, on_disk: Decisions, wanted: Decisions, path: Path) -> bytes:
    """The new content, checked by reading it back. Raises Av1rulesError if that differs."""
    if wanted.decisions == on_disk.decisions:
        return raw
    old = sorted(on_disk.decisions, key=lambda one: one.place.line if one.place else 0)
    text = compose(text_of(raw), old, wanted.decisions)
    for new in (text, render_all(wanted.decisions)):
        if new is not None:
            book, problems = parse_approvals(new.encode(), file=str(path))
            if not problems and book == wanted:
                return new.encode()
    raise Av1rulesError(
        "can't write the approvals: reading them back would give other decisions",
        where=printable(str(path)),
        hint="nothing was written; this is a bug in av1rules",
    )


def _replaced(target: Path, new: bytes, raw: bytes) -> bool:
    """Replace the file; False if its content is no longer `raw`."""

    def check() -> None:
        if _read(target) != raw:
            raise _ChangedMeanwhileError

    temp = temp_name(target)
    try:
        with open(temp, "xb") as file:
            file.write(new)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temp, os.stat(target).st_mode & 0o777)
        publish(temp, target, check=check)
    except _ChangedMeanwhileError:
        return False
    finally:
        temp.unlink(missing_ok=True)
    return True


class _ChangedMeanwhileError(Exception):
    """A program that does not take our lock wrote the file."""


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Hold this folder's lock; the operating system frees it when its holder ends in any way."""
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        with try_folder_lock(folder) as is_locked:
            if is_locked:
                yield
                return
        if time.monotonic() > end:
            raise Av1rulesError(
                "can't write the approvals: another av1rules is writing them",
                where=printable(str(folder / FILE_NAME)),
                hint="try again; nothing was written",
            )
        time.sleep(_LOCK_POLL_S)


def _parsed(raw: bytes, path: Path) -> Decisions:
    book, problems = parse_approvals(raw, file=str(path))
    if problems:
        raise RulesError(problems, what="the approvals")
    return book


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            raw = _read_all(file.read)
    except FileNotFoundError:
        return b""
    except OSError as problem:
        raise Av1rulesError(
            f"can't read the approvals: {problem.strerror}", where=printable(str(path))
        ) from problem
    if len(raw) > MAX_FILE_BYTES:
        raise Av1rulesError(
            f"can't read the approvals: larger than {MAX_FILE_BYTES // 1024**2} MiB",
            where=printable(str(path)),
            hint="is it another file?",
        )
    return raw


def _read_all(read: Callable[[int], bytes]) -> bytes:
    """Everything, up to one byte above the limit: an unbuffered read may be short."""
    parts, size = [], 0
    while size <= MAX_FILE_BYTES and (part := read(MAX_FILE_BYTES + 1 - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)

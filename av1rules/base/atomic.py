"""Files that appear whole or not at all: temp name beside the goal, fsync, rename, fsync folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from av1rules.base.digest import text_digest

TEMP_PREFIX = ".av1rules-"
"""Every temporary file of ours starts so; discovery never takes such a file for a source."""


def temp_name(goal: Path, *, folder: Path | None = None, suffix: str | None = None) -> Path:
    """A fresh private name in `folder` (default: beside `goal`) that ends in `suffix`.

    The goal's own name is not part of it: names of films may already be as long as the file
    system allows, and two sources of one name must not share a temp file.
    """
    return (
        folder or goal.parent
    ) / f"{TEMP_PREFIX}{secrets.token_hex(8)}{goal.suffix if suffix is None else suffix}"


def steady_temp_name(goal: Path) -> Path:
    """A private name beside `goal`, always the same one: for what no journal knows of. Who does it
    again after a crash, or takes it back, removes what was left there."""
    return goal.parent / f"{TEMP_PREFIX}{text_digest(str(goal))[:16]}{goal.suffix}"


def is_temp_name(name: str) -> bool:
    return name.startswith(TEMP_PREFIX)


def fsync_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except PermissionError:  # a film that nobody may write to: Linux syncs it all the same
        descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable. Systems that can't open folders are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def publish(
    temp: Path, goal: Path, *, replace: bool = True, check: Callable[[], None] | None = None
) -> None:
    """Put the finished `temp` in the place of `goal`: one file system, synced, atomic.

    `check` is called at the last moment, right before the rename, and may raise.

    Without `replace` nothing that exists is overwritten: raises FileExistsError. File systems
    without hard links (FAT, some shares) leave an instant between looking and renaming.
    """
    fsync_file(temp)
    if check is not None:
        check()
    if replace:
        os.replace(temp, goal)
    else:
        rename_new(temp, goal)
    fsync_folder(goal.parent)


def rename_new(temp: Path, goal: Path) -> None:
    """Rename without overwriting: raises FileExistsError if `goal` exists. See `publish`."""
    try:
        os.link(temp, goal, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as problem:
        if os.path.lexists(goal):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(goal)) from problem
        os.rename(temp, goal)
    else:
        os.unlink(temp)


def write_text(goal: Path, text: str, *, temp: Path | None = None) -> None:
    """Write a small text file atomically; surrogate escapes of odd file names survive."""
    temp = temp or temp_name(goal)
    temp.unlink(missing_ok=True)
    try:
        with open(temp, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        publish(temp, goal)
    finally:
        temp.unlink(missing_ok=True)

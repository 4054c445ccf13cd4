"""Checks who else can change a rules file, which names the programs that a run starts.

It checks the file system only, not the content of the file.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from av1rules.base.system.users import group_id, group_name, is_mine_or_roots, user_id, user_name
from av1rules.base.text import printable


def writable_by_others(file: Path) -> str | None:
    """How another user could change `file`, and how to prevent that; None if nobody can.

    Checks the file and its folder, and the target of a link. The user of this run, root and the
    primary group of this run may write. A world-writable folder is safe with the sticky bit, which
    keeps users from renaming files of others, as in /tmp. Folders further up are not checked.
    Access control lists show in the group's bits. None also if the file is missing or can't be
    checked: reading it reports that.
    """
    linked, real = os.path.abspath(file), os.path.realpath(file)
    folders = dict.fromkeys(os.path.dirname(path) for path in (linked, real))
    places = [(real, "the rules file"), *((path, "the rules file's folder") for path in folders)]
    try:
        found = (_who_else(path, what) for path, what in places)
        return next((message for message in found if message is not None), None)
    except OSError:
        return None


def _who_else(path: str, what: str) -> str | None:
    if user_id() is None:  # Windows: its mode bits say nothing
        return None
    state = os.stat(path)
    mode, quoted = state.st_mode, printable(shlex.quote(path))
    if not is_mine_or_roots(state):
        fix = f"chown {user_id()} {quoted}"
        return _message(
            f"user {_shown(user_name(state.st_uid), state.st_uid)}, its owner,", what, fix
        )
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return None
    if mode & stat.S_IWOTH:
        return _message("every user", what, f"chmod o-w {quoted}")
    if mode & stat.S_IWGRP and state.st_gid != group_id():
        return _message(
            f"group {_shown(group_name(state.st_gid), state.st_gid)}", what, f"chmod g-w {quoted}"
        )
    return None


def _message(who: str, what: str, fix: str) -> str:
    harm = "and so choose the programs that a run starts"
    return f"{who} can change {what} {harm}; to close it: {fix}"


def _shown(name: str | None, number: int) -> str:
    return str(number) if name is None else printable(name)

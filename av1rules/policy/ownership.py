"""Checks who else can change a rules file, which names the programs that a run starts.

It checks the file system only, not the content of the file.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from av1rules.base.text import printable

_ROOT = 0


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
    state = os.stat(path)
    mode, quoted = state.st_mode, printable(shlex.quote(path))
    if state.st_uid not in (os.geteuid(), _ROOT):
        fix = f"chown {os.geteuid()} {quoted}"
        return _message(f"user {_user_name(state.st_uid)}, its owner,", what, fix)
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return None
    if mode & stat.S_IWOTH:
        return _message("every user", what, f"chmod o-w {quoted}")
    if mode & stat.S_IWGRP and state.st_gid != os.getegid():
        return _message(f"group {_group_name(state.st_gid)}", what, f"chmod g-w {quoted}")
    return None


def _message(who: str, what: str, fix: str) -> str:
    harm = "and so choose the programs that a run starts"
    return f"{who} can change {what} {harm}; to close it: {fix}"


def _user_name(number: int) -> str:
    try:
        return printable(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return printable(grp.getgrgid(number).gr_name)
    except KeyError:
        return str(number)

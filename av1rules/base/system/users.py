"""Users and groups. Windows has neither numbers of owners nor mode bits: there, no file belongs to
somebody else, and access control lists are not looked at."""

from __future__ import annotations

import os
import stat
import sys

if sys.platform != "win32":
    import grp
    import pwd

_ROOT = 0


def user_id() -> int | None:
    """The effective user's number; None on Windows."""
    if sys.platform == "win32":
        return None
    else:
        return os.geteuid()


def group_id() -> int | None:
    """The effective group's number; None on Windows."""
    if sys.platform == "win32":
        return None
    else:
        return os.getegid()


def is_root() -> bool:
    return user_id() == _ROOT


def is_mine(found: os.stat_result) -> bool:
    """Whether this user owns the file."""
    return user_id() in (None, found.st_uid)


def is_mine_or_roots(found: os.stat_result) -> bool:
    """Whether nobody but this user and root could have written the file as its owner."""
    return is_mine(found) or found.st_uid == _ROOT


def open_to_others(found: os.stat_result) -> bool:
    """Whether its mode lets others in. Never on Windows, whose modes say nothing."""
    return sys.platform != "win32" and bool(stat.S_IMODE(found.st_mode) & 0o077)


def user_name(number: int) -> str | None:
    """The user's name; None without one, as in containers."""
    if sys.platform != "win32":
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            pass
    return None


def group_name(number: int) -> str | None:
    """The group's name; None without one."""
    if sys.platform != "win32":
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:
            pass
    return None


def give(path: str, *, user: int, group: int) -> None:
    """Set owner and group, -1 for no change; nothing on Windows. Raises OSError."""
    if sys.platform != "win32":
        os.chown(path, user, group)

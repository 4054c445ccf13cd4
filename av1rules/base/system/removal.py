"""Deletes a file below a folder without following any link on the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from av1rules.base.system.opening import CLOEXEC, DIRECTORY, NOFOLLOW

_OPENS_FOLDERS = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd
_FOLDER_FLAGS = os.O_RDONLY | DIRECTORY | NOFOLLOW | CLOEXEC


def remove_below(top: str, folders: Sequence[str], name: str) -> os.stat_result:
    """Delete `top/folders.../name`, and return what it was. Neither `top` nor a folder below it
    may be a link. Raises OSError."""
    if not _OPENS_FOLDERS:
        return remove_after_look(top, folders, name)
    descriptor = os.open(top, _FOLDER_FLAGS)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    return found


def remove_after_look(top: str, folders: Sequence[str], name: str) -> os.stat_result:
    """The same by names, as Windows needs it: a folder that is replaced by a link between the look
    and the deletion is not noticed there."""
    path = top
    for part in ("", *folders):
        path = os.path.join(path, part) if part else path
        is_link = os.path.realpath(path) != os.path.join(
            os.path.realpath(os.path.dirname(path)), os.path.basename(path)
        )
        if is_link or not stat.S_ISDIR(os.lstat(path).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    path = os.path.join(path, name)
    found = os.lstat(path)
    os.unlink(path)
    return found

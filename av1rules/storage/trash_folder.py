"""The trash folders: at the top of a root or output, on the file system of the trashed file."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from av1rules.base.files import TRASH_FOLDER, fsync_folder, make_folders
from av1rules.base.own_files import make_marker, require_own_folder
from av1rules.base.text import text_digest
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.policy.model import RuleSet


def trash_path(ruleset: RuleSet, run: int, path: str) -> str:
    """A free name for `path` below the trash folder, made of the run and the relative path, so that
    users find files without the ledger. No other ledger uses the same name. Raises OSError."""
    top, trash = _top(ruleset, path), trash_folder(ruleset, path)
    ledger = text_digest(f"{socket.gethostname()}:{os.path.realpath(ruleset.run.state_dir)}")[:4]
    below, number = os.path.relpath(path, top), 1
    name = f"{trash}/{run}-{ledger}/{below}"
    while os.path.lexists(name):  # the file's own name may be as long as names can be
        number += 1
        name = f"{trash}/{run}-{ledger}~{number}/{below}"
    return name


def trash_folder(ruleset: RuleSet, path: str) -> str:
    """The trash folder for `path`, created if missing. Raises OSError."""
    trash = f"{_top(ruleset, path)}/{TRASH_FOLDER}"
    mark_trash(trash)
    return trash


def _top(ruleset: RuleSet, path: str) -> str:
    """The highest folder above `path` that is on its file system and inside its root or output;
    otherwise the folder of the file itself."""
    tops = [os.path.realpath(root.path) for root in ruleset.library.roots]
    if ruleset.output.root is not None:
        tops.append(os.path.realpath(ruleset.output.root))
    folder = os.path.dirname(path)
    device = os.stat(folder).st_dev
    inside = [top for top in tops if folder == top or folder.startswith(f"{top.rstrip('/')}/")]
    if not inside:
        return folder
    top = max(inside, key=len)
    while folder != top and os.stat(os.path.dirname(folder)).st_dev == device:
        folder = os.path.dirname(folder)
    return folder


def is_disk_there(ruleset: RuleSet, path: str, disk: Disk = LOCAL_DISK) -> bool:
    """Whether the file system of `path` is mounted: its root or output exists and is not empty, or,
    for a path elsewhere (`temp_dir`), its folder exists. A folder that is missing inside an
    existing root was removed by the user."""
    tops = [str(root.path) for root in ruleset.library.roots]
    tops += [disk.real_path(top) for top in tops]
    if ruleset.output.root is not None:
        tops.append(str(ruleset.output.root))
    inside = [top for top in tops if path.startswith(f"{top.rstrip('/')}/")]
    if disk.is_folder(os.path.dirname(path)):
        return True
    return bool(inside) and disk.has_entries(max(inside, key=len))


def remove_empty_folders(path: str) -> None:
    """Remove the empty folders from the file's folder up to the trash folder. What went, the file
    too, does not come back after a loss of power. Raises OSError if the disk fails."""
    folder = os.path.dirname(path)
    with contextlib.suppress(OSError):  # not empty, or no permission: it stays
        while os.path.basename(folder) != TRASH_FOLDER:
            with contextlib.suppress(FileNotFoundError):  # it went before a kill
                os.rmdir(folder)
            folder = os.path.dirname(folder)
        marks = [os.path.join(folder, name) for name in os.listdir(folder)]
        if all(
            os.path.basename(mark) in MEDIA_SERVER_MARKERS and _is_empty(mark) for mark in marks
        ):
            for mark in marks:
                os.unlink(mark)
            os.rmdir(folder)
            folder = os.path.dirname(folder)
    fsync_folder(folder)


def _is_empty(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


MEDIA_SERVER_MARKERS = (".ignore", ".nomedia")
"""Files that keep media servers from listing the folder they are in."""


def mark_trash(folder: str) -> None:
    """Create `folder` and keep media servers from listing it. Raises PlantedFileError where a link
    has its name: originals would leave the library through it."""
    require_own_folder(folder)
    make_folders(folder)
    for name in MEDIA_SERVER_MARKERS:
        with contextlib.suppress(OSError):
            make_marker(os.path.join(folder, name))

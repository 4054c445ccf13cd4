"""Where a file is put aside: at the top of its root or output, on its own file system."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from av1rules.base.files import fsync_folder
from av1rules.base.text import text_digest
from av1rules.policy.model import RuleSet

TRASH_FOLDER = ".av1rules-kept"
"""At the top of a root or output: nothing of it is ever looked at as part of a library."""


def trash_path(ruleset: RuleSet, run: int, path: str) -> str:
    """A free name for `path` below the trash folder, by run and by its place: what lies there can
    be found by hand, with no ledger. No other ledger takes the same name. Raises OSError."""
    top, trash = _top(ruleset, path), trash_folder(ruleset, path)
    ledger = text_digest(f"{socket.gethostname()}:{os.path.realpath(ruleset.run.state_dir)}")[:4]
    below, number = os.path.relpath(path, top), 1
    name = f"{trash}/{run}-{ledger}/{below}"
    while os.path.lexists(name):  # the file's own name may be as long as names can be
        number += 1
        name = f"{trash}/{run}-{ledger}~{number}/{below}"
    return name


def trash_folder(ruleset: RuleSet, path: str) -> str:
    """The trash folder for `path`, made if there is none. Raises OSError."""
    trash = f"{_top(ruleset, path)}/{TRASH_FOLDER}"
    mark_trash(trash)
    return trash


def _top(ruleset: RuleSet, path: str) -> str:
    """The highest folder above `path` that is on its file system and still inside the root or the
    output it belongs to; else the folder of the file itself."""
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


def is_disk_there(ruleset: RuleSet, path: str) -> bool:
    """Whether the file system that `path` belongs to can be looked at: its root or output is there
    and not empty, or, for a path elsewhere (`temp_dir`), the folder it is in. A folder missing
    inside a root that is there was removed by somebody."""
    tops = [str(root.path) for root in ruleset.library.roots]
    tops += [os.path.realpath(top) for top in tops]
    if ruleset.output.root is not None:
        tops.append(str(ruleset.output.root))
    inside = [top for top in tops if path.startswith(f"{top.rstrip('/')}/")]
    if os.path.isdir(os.path.dirname(path)):
        return True
    try:
        return bool(inside) and bool(os.listdir(max(inside, key=len)))
    except OSError:
        return False


def remove_empty_folders(path: str) -> None:
    """From the file's folder up to the trash folder, as far as nothing is left in them."""
    folder = os.path.dirname(path)
    with contextlib.suppress(OSError):  # not empty, or not ours to remove: it stays
        while os.path.basename(folder) != TRASH_FOLDER:
            os.rmdir(folder)
            folder = os.path.dirname(folder)
        marks = [os.path.join(folder, name) for name in os.listdir(folder)]
        if all(
            os.path.basename(mark) in MEDIA_SERVER_MARKERS and _is_empty(mark) for mark in marks
        ):
            for mark in marks:
                os.unlink(mark)
            os.rmdir(folder)
            fsync_folder(Path(folder).parent)


def _is_empty(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


MEDIA_SERVER_MARKERS = (".ignore", ".nomedia")
"""Put into a trash folder: media servers don't list what lies in a folder with such a file."""


def mark_trash(folder: str) -> None:
    """Keep media servers from listing what lies below `folder`."""
    os.makedirs(folder, exist_ok=True)
    for name in MEDIA_SERVER_MARKERS:
        with contextlib.suppress(OSError):
            Path(folder, name).touch(exist_ok=True)

"""Moves one file to the trash and another into its place; no content is ever without a name.

Knows nothing of ledgers: the caller first writes the `Replacement` to a journal, and after a crash
passes it to `repair_replacement`. Only the file that was moved to the trash is ever overwritten.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.files import (
    Failpoint,
    fsync_file,
    fsync_folder,
    make_folders,
    no_failpoint,
    rename_new,
    steady_temp_name,
)
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.text import printable

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EOPNOTSUPP})


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """`incoming` moves to `place_in`; the file at `place_out` moves to `aside` in the trash. Either
    half may be missing. `place_in` and `place_out` are equal where the name stays. Keys are content
    keys; `side_files` are renamed too, as (from, to).
    """

    incoming: str | None = None
    place_in: str | None = None
    key_in: str | None = None
    place_out: str | None = None
    aside: str | None = None
    key_out: str | None = None
    side_files: tuple[tuple[str, str], ...] = ()


class Repair(Enum):
    """How recovery ended an interrupted replacement."""

    FINISHED = "finished"
    ROLLED_BACK = "taken back"
    STUCK = "stuck"  # another file is where this one belongs: the user must decide


def apply_replacement(
    exchange: Replacement,
    *,
    check: Callable[[], None] | None = None,
    failpoint: Failpoint = no_failpoint,
) -> None:
    """Apply the replacement; each step is durable before the next. `incoming` must be on the file
    system of `place_in`.

    `check` is called before anything is changed and may raise. Raises FileExistsError where a path
    is taken, PlanOutdatedError if the file to trash changed meanwhile, OSError.
    """
    if exchange.incoming is not None:
        fsync_file(Path(exchange.incoming))
    if exchange.aside is not None:
        make_folders(os.path.dirname(exchange.aside))
    failpoint("trash made")
    if check is not None:
        check()
    if exchange.place_out is not None and exchange.aside is not None:
        _put_aside(exchange.place_out, exchange.aside)
        failpoint("kept aside")
        _require_unchanged(exchange)
    _place(exchange)
    failpoint("in place")
    try:
        _remove_old(exchange)
    except (OSError, PlanOutdatedError):
        _revert(exchange)
        raise
    failpoint("old name gone")
    _rename_side_files(exchange.side_files)
    failpoint("side files renamed")


def repair_replacement(exchange: Replacement) -> Repair:
    """Finish an interrupted replacement, or roll it back. Raises OSError.

    What is there may not be durable, as the killed run did not come to its sync: it is made so
    before any other name of it goes.
    """
    for path in (exchange.aside, exchange.place_in, exchange.place_out):
        if path is not None:
            fsync_folder(os.path.dirname(path))
    if exchange.aside is not None:  # an interrupted copy
        steady_temp_name(Path(exchange.aside)).unlink(missing_ok=True)
    if exchange.place_in is not None:
        steady_temp_name(Path(exchange.place_in)).unlink(missing_ok=True)
    if not _was_placed(exchange):
        return _roll_back(exchange)
    if exchange.place_out is not None and exchange.aside is not None:
        if not os.path.lexists(exchange.aside) and exchange.place_out != exchange.place_in:
            _put_aside(exchange.place_out, exchange.aside)
        _remove_old(exchange)
    if exchange.incoming is not None and has_content(exchange.incoming, exchange.key_in):
        os.unlink(exchange.incoming)
    _rename_side_files(exchange.side_files)
    return Repair.FINISHED


def _was_placed(exchange: Replacement) -> bool:
    incoming, place = exchange.incoming, exchange.place_in
    if place is None:  # only moved to the trash: done once the file is there
        return exchange.aside is not None and has_content(exchange.aside, exchange.key_out)
    if not has_content(place, exchange.key_in):
        return False
    # The same bytes from elsewhere (a run with another ledger) are not this replacement's.
    return incoming is None or not os.path.lexists(incoming) or os.path.samefile(incoming, place)


def _roll_back(exchange: Replacement) -> Repair:
    place, aside = exchange.place_out, exchange.aside
    if place is None or aside is None or not os.path.lexists(aside):
        return Repair.ROLLED_BACK  # nothing had happened yet
    if not os.path.lexists(place):
        rename_new(Path(aside), Path(place))
        return Repair.ROLLED_BACK
    if not same_content(place, aside):
        return Repair.STUCK
    os.unlink(aside)  # the caller forgets it, and syncs its folder before
    return Repair.ROLLED_BACK


def _require_unchanged(exchange: Replacement) -> None:
    """Raise if the file in the trash is not the expected one, because another process wrote to it
    or took its name since the check: newer content must never be replaced by older content."""
    aside = exchange.aside
    if aside is not None and not has_content(aside, exchange.key_out):
        raise PlanOutdatedError(
            f"it changed on its way to the trash: {printable(exchange.place_out or aside)}"
        )


def _put_aside(place: str, aside: str) -> None:
    """Hard-link the file into the trash; on another file system, make a compared copy; without hard
    links, move the file."""
    try:
        os.link(place, aside, follow_symlinks=False)
    except FileExistsError:
        if not same_content(place, aside):
            raise
    except OSError as problem:
        if problem.errno == errno.EXDEV:
            copy_compared(place, aside)
        elif problem.errno in _NO_LINKS:
            rename_new(Path(place), Path(aside))
        else:
            raise
    fsync_folder(Path(aside).parent)


def copy_compared(
    origin: str, goal: str, *, digest: str | None = None, part: Path | None = None
) -> None:
    """Copy with times, modes and attributes, under a temporary name (`part`, by default the steady
    one of `goal`) until the copy is compared. Raises Av1rulesError if it differs, FileExistsError,
    OSError."""
    part = part or steady_temp_name(Path(goal))
    part.unlink(missing_ok=True)
    try:
        shutil.copy2(origin, part, follow_symlinks=False)
        fsync_file(part)
        if file_digest(part) != (digest or file_digest(origin)):
            raise Av1rulesError(
                "a copy to another file system differs from what was read",
                where=printable(goal),
                hint="check that disk and its cables; nothing was changed",
            )
        rename_new(part, Path(goal))
    finally:
        part.unlink(missing_ok=True)


def _place(exchange: Replacement) -> None:
    incoming, place = exchange.incoming, exchange.place_in
    if incoming is None or place is None:
        return
    make_folders(os.path.dirname(place))
    if place == exchange.place_out and os.path.lexists(place):
        assert exchange.aside is not None
        if not same_content(place, exchange.aside):
            raise PlanOutdatedError(f"it changed on its way to the trash: {printable(place)}")
        _replace_from_elsewhere(incoming, place)
    else:
        rename_new(Path(incoming), Path(place))


def _replace_from_elsewhere(incoming: str, place: str) -> None:
    """Rename over `place`, which is in another folder. The new name is durable before the old one
    goes: it may be the only one of an original that comes back from the trash."""
    near = steady_temp_name(Path(place))
    near.unlink(missing_ok=True)
    try:
        os.link(incoming, near, follow_symlinks=False)
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        os.replace(incoming, place)
        near = Path(incoming)
    else:
        os.replace(near, place)
    fsync_folder(Path(place).parent)
    if near != Path(incoming):
        os.unlink(incoming)


def _remove_old(exchange: Replacement) -> None:
    """Remove the old name, once its content is known to be in the trash."""
    place, aside = exchange.place_out, exchange.aside
    if place is None or aside is None or place == exchange.place_in:
        return
    if os.path.lexists(place):
        if not same_content(place, aside):
            raise PlanOutdatedError(f"it changed on its way to the trash: {printable(place)}")
        os.unlink(place)
    fsync_folder(Path(place).parent)


def _revert(exchange: Replacement) -> None:
    """Remove the new name again where the old one can't be removed (a sticky folder, another
    user's file)."""
    incoming, place = exchange.incoming, exchange.place_in
    if incoming is not None and place is not None and place != exchange.place_out:
        rename_new(Path(place), Path(incoming))


def _rename_side_files(pairs: tuple[tuple[str, str], ...]) -> None:
    """Rename what can be renamed: a side file that can't have its new name keeps the old one."""
    for old, new in pairs:
        try:
            rename_new(Path(old), Path(new))
        except FileExistsError:
            _end_rename(old, new)
        except OSError:  # gone, too long a name, not allowed: the video is what counts
            pass


def _end_rename(old: str, new: str) -> None:
    """Complete a rename that was interrupted between link and unlink: two names of one file."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samefile(old, new):
            os.unlink(old)
            fsync_folder(Path(old).parent)


def same_content(one: str, other: str) -> bool:
    """The same file under two names, or the same bytes."""
    try:
        if os.path.samefile(one, other):
            return True
        same_size = os.path.getsize(one) == os.path.getsize(other)
        return same_size and file_digest(one) == file_digest(other)
    except FileNotFoundError:
        return False


def has_content(path: str, key: str | None) -> bool:
    """Whether a file of this content key has that name: a folder or a pipe has none. Raises OSError
    if it can't be read."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and content_key(path) == key
    except (FileNotFoundError, NotADirectoryError):
        return False

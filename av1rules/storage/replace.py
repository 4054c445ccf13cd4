"""Puts one file aside and another in its place, so that at every instant all content has a name.

Knows nothing of ledgers: who calls writes the `Exchange` to a journal first, and after a crash
hands it to `repair`. Nothing that exists is overwritten but the very file that was put aside.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.files import (
    Failpoint,
    fsync_file,
    fsync_folder,
    no_failpoint,
    rename_new,
    steady_temp_name,
)
from av1rules.base.hashing import content_key, file_digest
from av1rules.base.text import printable

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EOPNOTSUPP})


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """`incoming` goes to `place_in`; what stands at `place_out` goes to `aside`. Either half may be
    missing. For a replacement under the same name both places are one. Keys are content keys;
    `side_files` are renamed along, as (from, to).
    """

    incoming: str | None = None
    place_in: str | None = None
    key_in: str | None = None
    place_out: str | None = None
    aside: str | None = None
    key_out: str | None = None
    side_files: tuple[tuple[str, str], ...] = ()


class Repair(Enum):
    """What recovery made of an exchange that was cut off."""

    FINISHED = "finished"
    ROLLED_BACK = "taken back"
    STUCK = "stuck"  # something else stands where the file belongs: a person must look


def apply_replacement(
    exchange: Replacement,
    *,
    check: Callable[[], None] | None = None,
    failpoint: Failpoint = no_failpoint,
) -> None:
    """Do it, each step durable before the next. `incoming` must be on `place_in`'s file system.

    `check` is the last look before anything is touched and may raise. Raises FileExistsError where
    a place is taken, PlanOutdatedError if what is put aside changed meanwhile, OSError.
    """
    if exchange.incoming is not None:
        fsync_file(Path(exchange.incoming))
    if exchange.aside is not None:
        _make_trash(os.path.dirname(exchange.aside))
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
    """Finish an exchange that was cut off, or take it back. Raises OSError."""
    if exchange.aside is not None:  # a copy that was cut off
        steady_temp_name(Path(exchange.aside)).unlink(missing_ok=True)
    if not _was_placed(exchange):
        return _roll_back(exchange)
    if exchange.place_out is not None and exchange.aside is not None:
        if not os.path.lexists(exchange.aside) and exchange.place_out != exchange.place_in:
            _put_aside(exchange.place_out, exchange.aside)
        _remove_old(exchange)
    if exchange.incoming is not None and _is(exchange.incoming, exchange.key_in):
        os.unlink(exchange.incoming)
    _rename_side_files(exchange.side_files)
    return Repair.FINISHED


def _was_placed(exchange: Replacement) -> bool:
    incoming, place = exchange.incoming, exchange.place_in
    if place is None:  # only put aside: done once the file lies there
        return exchange.aside is not None and _is(exchange.aside, exchange.key_out)
    if not _is(place, exchange.key_in):
        return False
    # The same bytes from elsewhere (another ledger at work here) are not ours.
    return incoming is None or not os.path.lexists(incoming) or os.path.samefile(incoming, place)


def _roll_back(exchange: Replacement) -> Repair:
    place, aside = exchange.place_out, exchange.aside
    if place is None or aside is None or not os.path.lexists(aside):
        return Repair.ROLLED_BACK  # nothing had happened yet
    if not os.path.lexists(place):
        rename_new(Path(aside), Path(place))
        fsync_folder(Path(place).parent)
        return Repair.ROLLED_BACK
    if not same_content(place, aside):
        return Repair.STUCK
    os.unlink(aside)
    return Repair.ROLLED_BACK


def _require_unchanged(exchange: Replacement) -> None:
    """What lies aside is what was to be put there, and nothing that was written to it, or took its
    name, since the last look: the newest content of a place is never covered by an older one."""
    aside = exchange.aside
    if aside is not None and not _is(aside, exchange.key_out):
        raise PlanOutdatedError(
            f"it changed on its way to the trash: {printable(exchange.place_out or aside)}"
        )


def _put_aside(place: str, aside: str) -> None:
    """A second name in the trash, on another file system a copy that was compared; where there are
    no second names the file moves."""
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
    """Copy with times, modes and attributes, under a temporary name (`part`, else the steady one of
    the goal) until it is known to be whole. Raises Av1rulesError if it differs, FileExistsError,
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
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if place == exchange.place_out and os.path.lexists(place):
        assert exchange.aside is not None
        if not same_content(place, exchange.aside):
            raise PlanOutdatedError(f"it changed on its way to the trash: {printable(place)}")
        os.replace(incoming, place)
    else:
        rename_new(Path(incoming), Path(place))
    fsync_folder(Path(place).parent)


def _remove_old(exchange: Replacement) -> None:
    """The old name goes, once its content is known to lie aside."""
    place, aside = exchange.place_out, exchange.aside
    if place is None or aside is None or place == exchange.place_in:
        return
    if os.path.lexists(place):
        if not same_content(place, aside):
            raise PlanOutdatedError(f"it changed on its way to the trash: {printable(place)}")
        os.unlink(place)
    fsync_folder(Path(place).parent)


def _revert(exchange: Replacement) -> None:
    """The old name can't go (a sticky folder, a file of somebody else): the new one goes again."""
    incoming, place = exchange.incoming, exchange.place_in
    if incoming is not None and place is not None and place != exchange.place_out:
        rename_new(Path(place), Path(incoming))
        fsync_folder(Path(place).parent)


def _rename_side_files(pairs: tuple[tuple[str, str], ...]) -> None:
    """As far as it goes: a side file that can't have its new name keeps the old one."""
    for old, new in pairs:
        try:
            rename_new(Path(old), Path(new))
        except FileExistsError:
            _end_rename(old, new)
        except OSError:  # gone, too long a name, not allowed: the film is what counts
            pass


def _end_rename(old: str, new: str) -> None:
    """A rename that was cut off between both of its halves left two names of one file."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samefile(old, new):
            os.unlink(old)


def same_content(one: str, other: str) -> bool:
    """The same file under two names, or the same bytes."""
    try:
        if os.path.samefile(one, other):
            return True
        same_size = os.path.getsize(one) == os.path.getsize(other)
        return same_size and file_digest(one) == file_digest(other)
    except FileNotFoundError:
        return False


def _is(path: str, key: str | None) -> bool:
    try:
        return content_key(path) == key
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def _make_trash(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    fsync_folder(Path(folder))

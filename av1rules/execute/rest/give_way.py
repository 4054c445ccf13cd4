"""A target takes the place of the stand-in of its film, so that a media server always finds the
film and never finds it twice.

A stand-in with another extension is first renamed to the target's name, and then replaced by it:
both are single steps of the file system.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from msgspec.structs import replace

from av1rules.base.files import fsync_folder
from av1rules.execute.rest.touches import own_touches
from av1rules.execute.session import Session
from av1rules.ledger.stand_ins import StandIn, is_as_placed
from av1rules.media.source import LibraryFile


def place_in_mirror(session: Session, file: LibraryFile) -> str | None:
    """Where the stand-in of a source is; None without a mirror."""
    root = session.workspace.ruleset.output.root
    return None if root is None else f"{root}/{file.library_path}"


class WayForTarget:
    """What stands in the way of a target: the stand-in of its film (`own`), perhaps under another
    name, and a stand-in that has the target's name."""

    def __init__(self, session: Session, file: LibraryFile, target: str) -> None:
        own_place = place_in_mirror(session, file)
        self._session = session
        self._target = target
        standing = session.workspace.ledger.stand_ins.standing
        self._own = None if own_place is None else standing(own_place)
        self._other = standing(target)
        self._renamed: StandIn | None = None

    @property
    def replaces(self) -> bool:
        """Whether the target is renamed over a stand-in."""
        return self._own is not None or self._other is not None

    @property
    def sources(self) -> list[str]:
        return [row.source_path for row in (self._own, self._other) if row is not None]

    def clear(self) -> None:
        """Right before the target comes: give the stand-in its name. Raises OSError,
        LedgerError."""
        own, target = self._own, self._target
        if own is None or own.path == target or not is_as_placed(own):
            return
        if self._other is None and os.path.lexists(target):
            return  # it is replaced by policy, and the stand-in goes with the next run
        folder, name = os.path.split(target)
        self._renamed = replace(own, folder=folder, name=name)
        self._session.workspace.ledger.stand_ins.settle([self._renamed], begun=())
        self._session.failpoint("stand-in gives way")
        os.rename(own.path, target)
        fsync_folder(folder)
        self._session.failpoint("stand-in renamed")

    def restore(self) -> None:
        """The target did not come: the stand-in gets its name back."""
        renamed, own = self._renamed, self._own
        if renamed is None or own is None or not is_as_placed(renamed):
            return
        if os.path.lexists(own.path):
            return  # the next plan sees it
        os.rename(renamed.path, own.path)
        fsync_folder(own.folder)
        self._session.workspace.ledger.stand_ins.drop([renamed.path])


@contextlib.contextmanager
def giving_way(session: Session, file: LibraryFile, target: str) -> Iterator[WayForTarget]:
    """Inside, the target of a film is put in place: the caller clears the way right before that,
    and calls `forget_stand_ins` once the target is recorded. Raises OSError, LedgerError."""
    way = WayForTarget(session, file, target)
    with own_touches(session, way.sources):
        try:
            yield way
        except BaseException:
            way.restore()
            raise


def remove_stand_in(session: Session, path: str) -> None:
    """A target comes back to this place: a stand-in there goes. Raises OSError, LedgerError."""
    row = session.workspace.ledger.stand_ins.standing(path)
    if row is None:
        return
    with own_touches(session, [row.source_path]):
        os.unlink(path)
    fsync_folder(row.folder)
    session.workspace.ledger.stand_ins.drop([path])


def forget_stand_ins(session: Session, file: LibraryFile, target: str) -> None:
    """The target of a film is in place and recorded: its stand-in is no more. Raises
    LedgerError."""
    stand_ins = session.workspace.ledger.stand_ins
    places = {place_in_mirror(session, file), target} - {None}
    gone = [
        path
        for path in places
        if path is not None and (row := stand_ins.find(path)) is not None and not is_as_placed(row)
    ]
    if gone:
        stand_ins.drop(gone)

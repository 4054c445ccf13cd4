"""Notices that a folder of a job was exchanged while it was at work: for a link to elsewhere, or,
where everybody may write, for a folder of another user.

Links that were there when the job began are the user's own and are followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Self

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable

_HINT = "nothing was put in place; find out who changes folders there, then run again"


class FilmFolders(msgspec.Struct, frozen=True, kw_only=True):
    """The folders of one job as they were when it began: where the paths of its source and target
    really lead, and the owner of its private folder."""

    leads_to: tuple[tuple[str, str], ...]
    private: str
    owner: int

    @classmethod
    def of(cls, private: str, *paths: str) -> Self:
        """`private` is the folder of the job's own, `paths` are files in other folders. Raises
        OSError."""
        folders = dict.fromkeys([*map(os.path.dirname, paths), os.path.dirname(private)])
        return cls(
            leads_to=tuple((folder, os.path.realpath(folder)) for folder in folders),
            private=private,
            owner=os.lstat(private).st_uid,
        )

    def require_same(self) -> None:
        """Raises Av1rulesError if one of them is another one now, OSError if the private one is
        gone."""
        for folder, real in self.leads_to:
            if os.path.realpath(folder) != real:
                raise _exchanged(folder, "was exchanged for another one")
        found = os.lstat(self.private)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.owner:
            raise _exchanged(self.private, "with the finished file was exchanged by another user")


def _exchanged(folder: str, what: str) -> Av1rulesError:
    shown = printable(str(Path(folder)))
    return Av1rulesError(f"the folder {what} during the encode", where=shown, hint=_HINT)

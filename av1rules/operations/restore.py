"""Takes files out of the trash into a folder of the user's choice, whatever is in their former
places: the way out for an original whose film has been replaced by another since.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.files import TRASH_FOLDER, make_folders, rename_new
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import TrashEntry
from av1rules.storage.replace import copy_compared, same_content
from av1rules.storage.trash_folder import remove_empty_folders


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one file: its path outside of the trash, or why it stays."""

    kept: TrashEntry
    path: str
    refusal: str | None = None
    is_dry: bool = False

    @property
    def text(self) -> str:
        shown = printable(self.kept.path)
        if self.refusal is not None:
            return f"{shown}: stays in the trash: {self.refusal}"
        return f"{shown}: {'would be' if self.is_dry else 'is'} {printable(self.path)} now"


def restore(
    ledger: Ledger, entries: Iterable[TrashEntry], folder: str, *, is_dry: bool = False
) -> Iterator[Restored]:
    """Move these files into `folder` under their former names, under the run lock. The ledger no
    longer has them then, so `undo` is over. Nothing is overwritten. A crash leaves a file in the
    trash, in the folder or, the same file, in both: the next call goes on. Raises LedgerError."""
    for kept in entries:
        goal = os.path.join(folder, os.path.basename(kept.place))
        try:
            _require_restorable(kept, goal)
            if not is_dry:
                _move_out(kept.path, goal)
                ledger.kept.mark_gone(kept.id, now_text())
        except Av1rulesError as problem:
            yield Restored(kept=kept, path=goal, refusal=problem.message)
        except OSError as problem:
            why = f"{problem.strerror or problem}: {printable(str(problem.filename or goal))}"
            yield Restored(kept=kept, path=goal, refusal=why)
        else:
            yield Restored(kept=kept, path=goal, is_dry=is_dry)


def _require_restorable(kept: TrashEntry, goal: str) -> None:
    parts = Path(kept.path).parts
    if TRASH_FOLDER not in parts[:-1] or ".." in parts:
        raise Av1rulesError(f"it is not below a folder {TRASH_FOLDER}")
    if not os.path.isfile(kept.path) or os.path.islink(kept.path):
        raise Av1rulesError("it is no longer there")
    if os.path.lexists(goal) and not same_content(kept.path, goal):
        raise Av1rulesError(f"another file has its name there: {printable(goal)}")


def _move_out(path: str, goal: str) -> None:
    """The new name is durable before the old one goes."""
    make_folders(os.path.dirname(goal))
    if os.path.lexists(goal):  # a killed restore, or the user's own copy
        os.unlink(path)
    else:
        try:
            rename_new(Path(path), Path(goal))
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
            copy_compared(path, goal)
            os.unlink(path)
    with contextlib.suppress(OSError):  # the file is out: that is what counts
        remove_empty_folders(path)

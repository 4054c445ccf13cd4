"""Removes the segments of one film, files first."""

from __future__ import annotations

import contextlib
import os
import shutil

from av1rules.base.files import fsync_folder
from av1rules.ledger.ledger import Ledger


def remove_segments(ledger: Ledger, folder: str) -> None:
    """Remove the segments in `folder`, then forget them. Raises LedgerError, and OSError if some
    can't be removed."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    fsync_folder(os.path.dirname(folder))
    ledger.segmented.forget(folder)

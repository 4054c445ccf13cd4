"""Extended attributes, which Python reads and writes on Linux only."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable


def copy_attributes_named(origin: str, path: str, is_wanted: Callable[[str], bool]) -> None:
    """Copy the extended attributes whose names are wanted, as far as both file systems can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            for name in os.listxattr(origin):
                if is_wanted(name):
                    with contextlib.suppress(OSError):  # no space for it, or not supported there
                        os.setxattr(path, name, os.getxattr(origin, name))

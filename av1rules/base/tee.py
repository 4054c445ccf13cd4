"""An output whose lines go to a log as well."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, TextIO

_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
"""Colours and movements of the cursor."""


class Tee:
    """`stream`, which also gives each whole line, without colours, to `log`.

    Of a line that was written over with a carriage return, the log gets the last state."""

    def __init__(self, stream: TextIO, log: Callable[[str], None]) -> None:
        self.beneath = stream
        self._log = log
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        written = self.beneath.write(text)
        with self._lock:
            *lines, self._rest = f"{self._rest}{text}".split("\n")
            for line in lines:
                self._log(_CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]))
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


def beneath(stream: TextIO) -> TextIO:
    """The stream itself, for what is drawn or is logged in another way."""
    return stream.beneath if isinstance(stream, Tee) else stream

"""What -v shows: records of the standard library's logging, on standard error and in the log."""

from __future__ import annotations

import logging
import sys

from av1rules.base.tee import beneath
from av1rules.base.text import printable
from av1rules.cli.conventions.session_log import SessionLog

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""By the number of -v."""

_OURS = "av1rules"


def log_what_is_done(verbosity: int, log: SessionLog | None) -> None:
    """Show what av1rules logs, by `verbosity`, on standard error and in `log`."""
    logger = logging.getLogger(_OURS)
    shown = _LEVELS[min(verbosity, len(_LEVELS) - 1)]
    handlers: list[logging.Handler] = [_ToStandardError(shown)]
    if log is not None:
        handlers.append(_ToLog(shown, log))
    logger.handlers = handlers
    logger.setLevel(shown)
    logger.propagate = False


class _ToStandardError(logging.Handler):
    """Standard error of the moment: above the bars of a run."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stream = beneath(sys.stderr)
            stream.write(f"{printable(record.getMessage())}\n")
            stream.flush()
        except (OSError, ValueError):  # nobody reads it
            return


class _ToLog(logging.Handler):
    def __init__(self, level: int, log: SessionLog) -> None:
        super().__init__(level)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.line(record.getMessage())

"""How long a step takes, for --verbose."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Log the seconds that a step took, also if it failed."""
    started = time.monotonic()
    try:
        yield
    finally:
        _log.info("%s: %.2f s", step, time.monotonic() - started)

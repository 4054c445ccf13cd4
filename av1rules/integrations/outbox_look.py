"""One look at the outbox from a thread beside the work: both senders, that of a run and that of a
watcher, are loops around it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from av1rules.base.children import Children
from av1rules.base.errors import Av1rulesError
from av1rules.ledger.ledger import Ledger
from av1rules.policy.neighbours.spec import Neighbour

if TYPE_CHECKING:
    from av1rules.integrations.send import SendResult

_log = logging.getLogger(__name__)

EVERY_S = 15.0
"""Seconds between two looks: a media server shows a film soon after it was replaced, and the films
of some seconds are told at once."""


def send_waiting(
    state_dir: Path,
    neighbours: tuple[Neighbour, ...],
    *,
    children: Children,
    is_stopping: Callable[[], bool],
) -> tuple[SendResult, ...]:
    """Tell neighbours what waits for them, through a connection of its own. Never raises: what
    fails here is told by a later look, and the thread that looks goes on, whatever happens."""
    try:
        with closing(Ledger.read(state_dir)) as read:
            if not read.outbox.waiting():
                return ()
        # HTTP takes its time to import.
        from av1rules.integrations.send import Post, send_pending  # noqa: PLC0415

        with closing(Ledger.open(state_dir)) as ledger:
            return send_pending(
                Post(
                    ledger=ledger,
                    state_dir=state_dir,
                    neighbours=neighbours,
                    children=children,
                    is_stopping=is_stopping,
                )
            )
    except Av1rulesError:
        return ()
    except Exception:  # noqa: BLE001 - nothing that neighbours do may end the thread
        _log.exception("neighbours could not be told")
        return ()

"""Mail, chats and all else that the package apprise knows: one message about all that is new."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from av1rules.base.errors import UsageError
from av1rules.integrations.client import NeighbourClient
from av1rules.integrations.http import NeighbourError
from av1rules.integrations.neighbours.message import text
from av1rules.ledger.outbox.table import OutboxEntry


def tell_apprise(client: NeighbourClient, entries: Sequence[OutboxEntry]) -> None:
    """Raises NeighbourError, and UsageError if the package is missing."""
    try:
        # Slow to import, and an extra.
        import apprise  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "the package apprise is missing", hint="pip install 'av1rules[notify]'"
        ) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines hold addresses
    service = apprise.Apprise()
    if not service.add(client.url):
        raise NeighbourError("its address is none that apprise knows")
    title, body = text(entries)
    if not service.notify(title=title, body=body):
        raise NeighbourError("the service did not take the message", hint="is its key still valid?")

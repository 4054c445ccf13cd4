"""Pings as healthchecks.io and its kin take them: a run began, a run ended with this exit code."""

from __future__ import annotations

import uuid

from av1rules.integrations.client import NeighbourClient
from av1rules.integrations.http import HttpRequest
from av1rules.integrations.neighbours.message import sentence
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.policy.neighbours.spec import AnnouncedEvent

_RUNS = uuid.UUID("6a0f7f2e-7d2c-5d0b-9c39-2c8d7b8f0a15")
_MOST_BODY = 10_000  # healthchecks.io keeps up to 100 kB


def ping_request(client: NeighbourClient, entry: OutboxEntry) -> HttpRequest | None:
    """The ping of an event; None for one that says nothing of a run. Start and end of a run share
    an `rid`, from which the service takes its length. Pure."""
    if entry.event is AnnouncedEvent.RUN_STARTED:
        end = "/start"
    elif entry.event is AnnouncedEvent.RUN_FINISHED:
        end = f"/{min(max(entry.exit_code or 0, 0), 255)}"
    elif entry.event is AnnouncedEvent.FAILED:
        end = "/log"
    else:
        return None
    is_of_run = entry.run is not None and entry.event is not AnnouncedEvent.FAILED
    rid = f"?rid={uuid.uuid5(_RUNS, f'{client.url} {entry.run}')}" if is_of_run else ""
    body = sentence(entry).encode()[:_MOST_BODY]
    headers = (("Content-Type", "text/plain; charset=utf-8"),)
    return HttpRequest(method="POST", url=f"{client.url}{end}{rid}", headers=headers, body=body)


def tell_healthchecks(client: NeighbourClient, entry: OutboxEntry) -> None:
    """Raises NeighbourError."""
    request = ping_request(client, entry)
    if request is not None:
        client.send(request)

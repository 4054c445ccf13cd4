"""A webhook gets each event as JSON by POST, signed if the rules name a secret."""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec

from av1rules.integrations.client import NeighbourClient
from av1rules.integrations.http import HttpRequest
from av1rules.integrations.neighbours.message import document
from av1rules.ledger.outbox.table import OutboxEntry


def webhook_request(client: NeighbourClient, entry: OutboxEntry, *, now_s: int) -> HttpRequest:
    """The request: the same `Idempotency-Key` however often it is sent. The signature is over time
    and body, so that nobody can send an old one again. Pure."""
    body = msgspec.json.encode(document(client.neighbour, entry))
    headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", entry.key),
        ("X-Av1rules-Event", entry.event.value),
        ("X-Av1rules-Timestamp", str(now_s)),
    ]
    if client.secret is not None:
        headers.append(("X-Av1rules-Signature", f"sha256={signature(client.secret, now_s, body)}"))
    return HttpRequest(method="POST", url=client.url, headers=tuple(headers), body=body)


def signature(secret: str, now_s: int, body: bytes) -> str:
    """HMAC-SHA256 of the time in seconds, a dot, and the body; in hex."""
    return hmac.new(secret.encode(), f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()


def tell_webhook(client: NeighbourClient, entry: OutboxEntry) -> None:
    """Raises NeighbourError."""
    client.send(webhook_request(client, entry, now_s=int(time.time())))

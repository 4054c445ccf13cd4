"""The document of `serve`."""

from __future__ import annotations

from av1rules.report.json import JsonDocument


class ServeDocument(JsonDocument, frozen=True, kw_only=True):
    """Where the page is, once it listens. `sign_in` is the address that brings the token: keep it
    to yourself; null without a token."""

    address: str
    sign_in: str | None

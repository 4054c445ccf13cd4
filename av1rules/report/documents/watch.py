"""The document of `notify`."""

from __future__ import annotations

from av1rules.report.json import JsonDocument


class NotifyDocument(JsonDocument, frozen=True, kw_only=True):
    """What the watcher was told. `word` is the file in the spool; null where there was nothing to
    tell, as for a test."""

    sender: str
    event: str
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    word: str | None

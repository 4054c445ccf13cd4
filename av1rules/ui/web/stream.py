"""What browsers hear while a page is open: parts of it as HTML, each when it has changed
(server-sent events)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import msgspec

READ_EVERY_S = 1.0
"""Seconds between two looks, as often as runs tell of progress; none while nobody listens."""

HEARTBEAT_S = 15.0
"""Seconds of silence after which a line goes out: proxies close what is silent for a minute."""

RECONNECT_MS = 3000

MOST_LISTENERS = 32

Parts = Mapping[str, str]
"""HTML by the name of the part of the page."""


class LiveStream:
    """One for all listeners: a slow one misses states in between, and costs no memory."""

    def __init__(self, read: Callable[[], Awaitable[Parts]]) -> None:
        self._read = read
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._parts: dict[str, tuple[int, str]] = {}
        self._changed = asyncio.Event()
        self._is_closed = False
        self._listeners = 0
        self._reader: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        return self._listeners >= MOST_LISTENERS

    def close(self) -> None:
        """All listeners end."""
        self._is_closed = True
        self._changed.set()
        if self._reader is not None:
            self._reader.cancel()

    async def events(self, last_id: str = "") -> AsyncIterator[bytes]:
        """What one listener gets, after the event of this id if it is of this server."""
        seen = self._version_of(last_id)
        self._listeners += 1
        try:
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            if self._reader is None:
                self._reader = asyncio.create_task(self._keep_reading())
            while not self._is_closed:
                changed = self._changed
                news = {name: html for name, (at, html) in self._parts.items() if at > seen}
                if news:
                    seen = self._version
                    yield self._event(news)
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._listeners -= 1
            if not self._listeners and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    def _version_of(self, event_id: str) -> int:
        epoch, _, version = event_id.partition("-")
        is_known = epoch == self._epoch and version.isdecimal() and len(version) < 19
        return int(version) if is_known else 0

    def _event(self, news: dict[str, str]) -> bytes:
        """JSON is one line, whatever is in it."""
        data = msgspec.json.encode(news)
        head = f"id: {self._epoch}-{self._version}\nevent: parts\ndata: "
        return head.encode() + data + b"\n\n"

    async def _keep_reading(self) -> None:
        while True:
            parts = await self._read()
            news = {
                name: html
                for name, html in parts.items()
                if self._parts.get(name, (0, None))[1] != html
            }
            if news:
                self._version += 1
                self._parts.update({name: (self._version, html) for name, html in news.items()})
                former, self._changed = self._changed, asyncio.Event()
                former.set()
            await asyncio.sleep(READ_EVERY_S)

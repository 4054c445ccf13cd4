"""An ASGI application called as a server calls it, without one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message


class Answered(msgspec.Struct, frozen=True):
    """`headers` by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def call(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    root: str = "",
) -> Answered:
    """One request to `localhost`; `path` may have a query, and is not tidied."""
    sent: list[Message] = []
    plain, _, query = path.partition("?")
    given = {"host": "localhost:8089", **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": f"{root}{plain}", "raw_path": plain.encode(),
        "query_string": query.encode(), "root_path": root, "client": ("192.0.2.9", 4000),
        "server": ("127.0.0.1", 8089),
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
    }  # fmt: skip

    bodies = [body]

    async def receive() -> Message:
        if not bodies:
            await asyncio.Event().wait()  # the client stays
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_called(app, scope, receive, send))
    start = sent[0]
    data = b"".join(one.get("body", b"") for one in sent[1:])
    named = {key.decode().lower(): value.decode() for key, value in start["headers"]}
    return Answered(start["status"], named, data)


async def _called(app: ASGIApp, scope: dict[str, Any], receive: Any, send: Any) -> None:
    await app(scope, receive, send)

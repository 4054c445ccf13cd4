"""The stream of a page: what changed and no more, for everybody who listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from av1rules.ui.web import stream
from av1rules.ui.web.stream import LiveStream


class Source:
    def __init__(self) -> None:
        self.parts = {"work": "a\nb", "next": "<i>"}
        self.reads = 0

    async def read(self) -> dict[str, str]:
        self.reads += 1
        return dict(self.parts)


def parts_of(chunk: bytes) -> tuple[str, dict[str, str]]:
    fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
    assert fields["event"] == "parts"
    return fields["id"], json.loads(fields["data"])


async def following(events: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(events), 30)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "READ_EVERY_S", 0.01)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)


def test_all_first_then_only_what_changed() -> None:
    async def told() -> None:
        source = Source()
        live = LiveStream(source.read)
        events = live.events()
        assert (await following(events)).startswith(b"retry: ")
        first_id, parts = parts_of(await following(events))
        assert parts == source.parts
        assert await following(events) == b": still here\n\n"
        source.parts["work"] = "c"
        heard = await following(events)
        while heard.startswith(b":"):
            heard = await following(events)
        second_id, parts = parts_of(heard)
        assert parts == {"work": "c"}
        # One who comes back gets what was missed, one from elsewhere all.
        for last_id, expected in (
            (first_id, {"work": "c"}),
            ("other-1", source.parts),
            (f"{first_id.partition('-')[0]}-x", source.parts),
            ("", source.parts),
        ):
            again = live.events(last_id)
            await following(again)
            assert parts_of(await following(again))[1] == expected
            await again.aclose()  # type: ignore[attr-defined]
        back = live.events(second_id)
        await following(back)
        assert await following(back) == b": still here\n\n"
        live.close()
        assert [one async for one in events] == []

    asyncio.run(told())


def test_nothing_is_read_while_nobody_listens() -> None:
    async def told() -> None:
        source = Source()
        live = LiveStream(source.read)
        events = live.events()
        await following(events)
        await following(events)
        await events.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        reads = source.reads
        await asyncio.sleep(0.1)
        assert source.reads == reads
        live.close()

    asyncio.run(told())


def test_listeners_are_bounded() -> None:
    async def told() -> None:
        live = LiveStream(Source().read)
        streams = [live.events() for _ in range(stream.MOST_LISTENERS)]
        for one in streams:
            await following(one)
        full = [live.is_full]
        await streams[0].aclose()  # type: ignore[attr-defined]
        full.append(live.is_full)
        assert full == [True, False]
        live.close()

    asyncio.run(told())

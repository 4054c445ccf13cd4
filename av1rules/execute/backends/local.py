"""Makes the segments of one film on this machine: each in a thread with FFmpeg as its child."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from av1rules.base.process import Children
from av1rules.encode.segments.make import SegmentMaker
from av1rules.encode.segments.orders import (
    OnReport,
    SegmentOrder,
    SegmentReport,
)
from av1rules.ffmpeg.tools import Tools

GiveBack = Callable[[], None]
TakeSpare = Callable[[], GiveBack | None]
"""Takes a slot that no film needs, with its memory; None if there is none now."""


def no_spare() -> GiveBack | None:
    """For a film that has its own slot alone."""
    return None


class LocalHandle(msgspec.Struct, frozen=True, kw_only=True):
    """An order in a thread of this process."""

    children: Children

    def cancel(self) -> None:
        self.children.stop()


class LocalSegments:
    """The backend of one film, whose job holds a slot already: one segment at a time is made in
    this, others in slots that are spare. A pause or stop of the job is one of all of them."""

    def __init__(
        self, *, tools: Tools, children: Children, take_spare: TakeSpare = no_spare
    ) -> None:
        self._tools = tools
        self._children = children
        self._take_spare = take_spare
        self._own = threading.Lock()

    def submit(self, order: SegmentOrder, report: OnReport) -> LocalHandle | None:
        give_back = self._take_own() or self._take_spare()
        if give_back is None:
            return None
        handle = LocalHandle(children=Children(parent=self._children))
        threading.Thread(
            target=self._make,
            args=(order, handle.children, give_back, report),
            daemon=True,
            name=f"segment-{order.number}",
        ).start()
        return handle

    def _take_own(self) -> GiveBack | None:
        return self._own.release if self._own.acquire(blocking=False) else None

    def _make(
        self, order: SegmentOrder, children: Children, give_back: GiveBack, report: OnReport
    ) -> None:
        number, attempt = order.number, order.attempt
        maker = SegmentMaker(tools=self._tools, children=children)
        try:
            made = maker.make(
                order,
                lambda sample: report(SegmentReport(number=number, attempt=attempt, sample=sample)),
            )
        except BaseException as problem:  # noqa: BLE001 - raised again by who waits for the report
            end = SegmentReport(number=number, attempt=attempt, problem=problem)
        else:
            end = SegmentReport(number=number, attempt=attempt, made=made)
        give_back()
        report(end)

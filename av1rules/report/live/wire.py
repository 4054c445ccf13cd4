"""Events as JSON lines, written and read back. Pure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Union

import msgspec

from av1rules.base.events import WIRE_COUNTS, Event, Outcome, RunFinished
from av1rules.report.json import json_line


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a log: when it was (ISO 8601), the number of its run (None: not numbered yet)
    and the process that told it."""

    time: str
    event: Event
    run: int | None = None
    pid: int | None = None


class _Head(msgspec.Struct, frozen=True):
    """What every line has."""

    type: str
    time: str
    run: int | None = None
    pid: int | None = None


def event_line(event: Event, **more: object) -> str:
    """NDJSON of `run --json`: one object with `type`, `time` (ISO 8601) and the event's own fields;
    `more` are those of the log it goes to."""
    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    head = {"type": event.__struct_config__.tag, "time": time, **more, "source": event.source}
    return json_line({**head, **event.wire_fields()})


def read_event_line(line: bytes) -> LoggedEvent | None:
    """The inverse. None for a line that is cut off, or of a type that this version does not
    know."""
    try:
        head = _HEAD.decode(line)
        if head.type == RunFinished.__struct_config__.tag:
            event: Event = _finished(line)
        else:
            event = _any_event().decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return LoggedEvent(time=head.time, event=event, run=head.run, pid=head.pid)


def _finished(line: bytes) -> RunFinished:
    """Its counts stand in the line by their own keys."""
    fields: dict[str, Any] = msgspec.json.decode(line)
    counts = dict.fromkeys(Outcome, 0)
    for name, outcome in WIRE_COUNTS.items():
        if isinstance(found := fields.get(name), int):
            counts[outcome] = found
    named = {outcome.name: count for outcome, count in counts.items()}
    by_value = {outcome.value: named[outcome.name] for outcome in counts}
    return msgspec.convert({**fields, "counts": by_value}, RunFinished)


_HEAD = msgspec.json.Decoder(_Head)


@functools.cache
def _any_event() -> msgspec.json.Decoder[Any]:
    """Of every type of event but the one that is read by hand."""
    kinds = tuple(kind for kind in _kinds(Event) if kind is not RunFinished)
    return msgspec.json.Decoder(Union[kinds])  # noqa: UP007


def _kinds(root: type[Event]) -> Iterator[type[Event]]:
    below = root.__subclasses__()
    return itertools.chain(below, *map(_kinds, below))

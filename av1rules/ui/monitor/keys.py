"""The keys of the monitor as data: bindings, the help and the documentation are made of it. Those
of av1top keep their sense."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec


class KeyPlace(Enum):
    """Where a key counts. The value is its heading."""

    LIST = "In the list of films"
    CLIPS = "In the list of clips"
    DETAILS = "In the details of a film"
    ALWAYS = "Everywhere"


class MonitorKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key: `key` as Textual calls it, `shown` as users know it, `label` for the footer (empty:
    not there), `about` for the help. `action` is the name of a method `action_...`."""

    key: str
    shown: str
    action: str
    about: str
    place: KeyPlace = KeyPlace.LIST
    label: str = ""


def _list(key: str, action: str, about: str, label: str = "", shown: str = "") -> MonitorKey:
    return MonitorKey(key=key, shown=shown or key, action=action, about=about, label=label)


def _clip(key: str, action: str, about: str, label: str = "") -> MonitorKey:
    return MonitorKey(
        key=key, shown=key, action=action, about=about, label=label, place=KeyPlace.CLIPS
    )


KEYS = (
    MonitorKey(
        key="q", shown="q", action="leave", about="leave; a run goes on", label="quit",
        place=KeyPlace.ALWAYS,
    ),
    MonitorKey(
        key="question_mark", shown="?", action="help", about="the keys", label="keys",
        place=KeyPlace.ALWAYS,
    ),
    MonitorKey(
        key="escape", shown="Esc", action="clear", about="back; end the search",
        place=KeyPlace.ALWAYS,
    ),
    _list("enter", "details", "details: why, receipt, log, pictures", "details", "Enter"),
    _list("x", "explain", "why this film is treated so: facts, rules, settings"),
    _list("slash", "search", "search in names; Enter keeps it, Esc ends it", "search", "/"),
    _list("1", "filter('all')", "all films"),
    _list("2", "filter('pending')", "films that wait"),
    _list("3", "filter('running')", "films at work"),
    _list("4", "filter('success')", "finished films"),
    _list("5", "filter('failed')", "films that failed"),
    _list("6", "filter('no target')", "films that came out too large or too poor, or were undone"),
    _list("s", "sort", "order: date, size, status, savings, name", "sort"),
    _list("r", "refresh", "read everything anew now"),
    _list("R", "requeue", "give the encode of this film up, and queue it again"),
    _list("p", "pause_all", "pause all, or go on", "pause"),
    _list("P", "pause_film", "pause this film, or go on"),
    _list("S", "stop", "stop the run; nothing begins before p is pressed again"),
    _list("n", "skip", "not this film: skip it, or take that back", "skip"),
    _list("plus", "first", "this film first", "", "+"),
    _list("minus", "last", "this film last", "", "-"),
    _list("t", "retry", "try a failed film again"),
    _list("u", "undo", "put the original back (asks)"),
    _list("c", "clips", "test clips to review", "clips"),
    _list("l", "notes", "what runs said, newest first"),
    _list("v", "stills", "pictures of source and encode, in the details: on or off"),
    _clip("o", "open_page", "open the page that compares clip and source in a browser", "compare"),
    _clip("a", "approve", "approve: the next run encodes the film", "approve"),
    _clip("d", "adjust", "adjust: better (CRF 2 less), or settings that you type", "adjust"),
    _clip("n", "reject", "no: reject, with a reason", "reject"),
    _clip("x", "explain", "why this film is treated so"),
    MonitorKey(
        key="tab", shown="Tab", action="next_tab", about="the next page: why, receipt, pictures",
        label="next page", place=KeyPlace.DETAILS,
    ),
)  # fmt: skip

MOVES = (
    ("Up, Down, k, j", "one film up or down"),
    ("PageUp, PageDown, Home, End", "a screen up or down, to the first, to the last"),
    ("mouse", "click a film to select it, again for its details; the wheel scrolls"),
)


def keys_of(place: KeyPlace) -> tuple[MonitorKey, ...]:
    return tuple(one for one in KEYS if one.place is place and one.about)


def footer_keys(place: KeyPlace = KeyPlace.LIST) -> tuple[MonitorKey, ...]:
    """Those of this place that the last line names, then those that count everywhere."""
    own = (one for one in KEYS if one.place is place and one.label)
    always = (one for one in KEYS if one.place is KeyPlace.ALWAYS and one.label)
    return (*own, *always)


def help_rows() -> Iterable[tuple[str, tuple[tuple[str, str], ...]]]:
    """Heading and rows (key, what for) of the help, in the order of places."""
    for place in KeyPlace:
        rows = tuple((one.shown, one.about) for one in keys_of(place))
        yield place.value, (*MOVES, *rows) if place is KeyPlace.LIST else rows


def keys_markdown() -> str:
    """The same for the documentation."""
    lines: list[str] = []
    for title, rows in help_rows():
        lines += [f"**{title}**", "", "| key | what for |", "|---|---|"]
        lines += [f"| `{shown}` | {about} |" for shown, about in rows]
        lines.append("")
    return "\n".join(lines).rstrip()

"""What a user can do to films from the monitor: which command each act equals. Pure."""

from __future__ import annotations

import shlex
from enum import Enum

import msgspec

from av1rules.base.text import printable


class Act(Enum):
    """What is done. The value says it in the question that is asked before."""

    RETRY = "Try this film again?"
    UNDO = "Put the original of this film back?"
    APPROVE = "Approve this clip, so that the next run encodes the film?"
    ADJUST = "Make the film better by these settings, and a new clip of it?"
    REJECT = "Reject this clip, so that the film stays as it is?"
    OPEN_PAGE = "Open the page that compares clip and source?"
    EXPLAIN = "Explain this film?"
    RECEIPT = "Show the receipt?"
    STOP = "Stop the run? Its encodes are thrown away, and nothing begins before p is pressed."
    REQUEUE = "Give this encode up, and begin it anew in the next run?"


class FilmCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command of av1rules on a film. `words` come after its name."""

    act: Act
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a user types it."""
        return shlex.join(["av1rules", *map(printable, self.words)])


def command_of(act: Act, film: str, *, more: tuple[str, ...] = ()) -> FilmCommand:
    """The command of an act. `more` are its options. A name that begins with a hyphen is no
    option."""
    name = ("--", film) if film.startswith("-") else (film,)
    words = {
        Act.RETRY: ("retry",),
        Act.UNDO: ("undo", "--yes"),
        Act.APPROVE: ("clips", "approve"),
        Act.ADJUST: ("clips", "adjust"),
        Act.REJECT: ("clips", "reject"),
        Act.OPEN_PAGE: ("clips", "compare", "--open"),
        Act.EXPLAIN: ("explain",),
        Act.RECEIPT: ("receipt",),
        Act.STOP: ("stop",),
        Act.REQUEUE: ("stop",),
    }[act]
    return FilmCommand(act=act, words=(*words, *more, *(() if act is Act.STOP else name)))


def adjustments(typed: str) -> tuple[str, ...]:
    """The options for settings as a user types them: "crf=24 preset=3"; none means the usual."""
    return tuple(part for word in typed.replace(",", " ").split() for part in ("--set", word))

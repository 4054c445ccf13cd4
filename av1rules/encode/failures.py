"""How FFmpeg ended, in words: what it was, whether the surroundings are to blame, what to do. Pure.

Only what would come again with the same source and settings may count against them; a full disk or
a killed process says nothing of either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from av1rules.base.process import Completed

NOT_STARTED_EXITS = (126, 127)
"""By the tether, which starts the program itself."""

KILLED_EXITS = (-9, 137)
_STOPPED_EXITS = (-15, 143, -2, 130, -1, 129, 255)  # 255: FFmpeg's own after SIGTERM or SIGINT
_CRASH_EXITS = (-11, 139, -6, 134, -4, 132, -8, 136)
_EINVAL_EXIT, _INVALID_DATA_EXIT = 234, 183
"""FFmpeg's exit code is the negative errno modulo 256; 183 is its own "invalid data"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a program failed. `is_surroundings`: disk, memory, permissions or a signal, not the
    source and not the settings."""

    reason: str
    hint: str | None = None
    is_surroundings: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """One way the surroundings fail: by exit code (None: not told apart), or by FFmpeg's words."""

    exit: int | None
    words: str
    reason: str
    hint: str


_TROUBLES = (
    _Trouble(
        exit=228,
        words="No space left on device",
        reason="the disk is full",
        hint="free some space in {place}",
    ),
    _Trouble(
        exit=None,  # as SIGABRT's
        words="Disk quota exceeded",
        reason="the disk quota is used up",
        hint="free some space in {place}, or have the quota raised",
    ),
    _Trouble(
        exit=243,
        words="Permission denied",
        reason="permission denied",
        hint="check who may read the source and write in {place}",
    ),
    _Trouble(
        exit=226,
        words="Read-only file system",
        reason="the file system is read-only",
        hint="check how {place} is mounted, and whether its disk is well",
    ),
    _Trouble(
        exit=244,
        words="Cannot allocate memory",
        reason="out of memory",
        hint="run fewer jobs at a time",
    ),
    _Trouble(
        exit=254,
        words="No such file or directory",
        reason="a file is gone",
        hint="was the source moved, or its disk unmounted? then run again",
    ),
    _Trouble(
        exit=None,
        words="Stale file handle",
        reason="the file server lost the file",
        hint="mount the share anew, then run again",
    ),
)


def explain(
    completed: Completed,
    said: Iterable[str] = (),
    *,
    place: str = "there",
    codec: str | None = None,
    stall_s: float | None = None,
) -> Failure:
    """The failure of `completed`, from how it ended and what it `said` (addresses stripped).

    `place` is where it wrote, ready to print; `codec` names the encoder, to quote its own words.
    """
    lines = tuple(said)
    exit_text, code = completed.describe_exit(), completed.returncode
    if completed.stopped == "stall":
        return Failure(
            reason=f"FFmpeg gave no sign of life for {stall_s or 0:g} s and was stopped",
            hint="a slow disk or a very slow preset? then set a longer run.stall_timeout",
        )
    if code in KILLED_EXITS:
        hint = "often the system was out of memory: fewer jobs"
        reason = f"FFmpeg was killed ({exit_text})"
        return Failure(reason=reason, hint=hint, is_surroundings=True)
    if code in _STOPPED_EXITS:
        reason = f"FFmpeg was stopped from outside ({exit_text})"
        return Failure(reason=reason, hint="run again", is_surroundings=True)
    for trouble in _TROUBLES:
        if code == trouble.exit or any(trouble.words in line for line in lines):
            return Failure(
                reason=f"{trouble.reason} ({exit_text})",
                hint=trouble.hint.format(place=place),
                is_surroundings=True,
            )
    return _of_work(code, exit_text, lines, codec)


def _of_work(code: int, exit_text: str, lines: tuple[str, ...], codec: str | None) -> Failure:
    """What came of the source or the settings, and would come again."""
    if code in _CRASH_EXITS:
        hint = "a fault of the encoder: leave out `params`, try another preset or another FFmpeg"
        return Failure(reason=f"the encoder crashed ({exit_text})", hint=hint)
    if code == _INVALID_DATA_EXIT:
        hint = "the file is damaged or encrypted"
        return Failure(reason=f"the source can't be read ({exit_text})", hint=hint)
    words = encoder_words(lines, codec) if codec else None
    if words is not None:
        hint = "correct `params`, `tune` or `keyint` in the rule, or use another encoder"
        return Failure(reason=f"{codec} refused: {words}", hint=hint)
    if code == _EINVAL_EXIT:
        reason = f"FFmpeg refused a parameter or stream ({exit_text})"
        return Failure(reason=reason, hint="see its last lines")
    return Failure(reason=exit_text)


_GENERAL_WORDS = ("Error setting encoder parameters", "Error configuring encoder parameters")
"""What FFmpeg adds below the encoder's own complaint."""

_QUOTED_LINES = 2


def encoder_words(lines: Iterable[str], codec: str) -> str | None:
    """What the encoder itself had to say against its parameters; None if nothing.

    librav1e only warns of a parameter that it does not know, and goes on without it.
    """
    context = re.escape(f"[{codec}]")
    spoken = re.compile(
        rf"(?:Svt\[error\]:\s*|{context} \[(?:error|fatal)\]\s*|"
        rf"{context} \[warning\] (?=Invalid value for ))(.+)"
    )
    found = dict.fromkeys(match[1].rstrip(".") for line in lines if (match := spoken.match(line)))
    special = [words for words in found if not words.startswith(_GENERAL_WORDS)]
    return "; ".join((special or list(found))[:_QUOTED_LINES]) or None

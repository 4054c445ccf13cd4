"""Explains why FFmpeg failed: the reason, whether the system is to blame, what to do. Pure.

Only a failure that would recur may count against the source and settings; a full disk or a killed
process says nothing about either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from av1rules.base.process import Completed
from av1rules.base.units import format_size
from av1rules.ffmpeg.log import EncoderMessages
from av1rules.ffmpeg.watchdog import StallReport

NOT_STARTED_EXITS = (126, 127)
"""Exit codes of the tether, which starts the program itself."""

KILLED_EXITS = (-9, 137)
_STOPPED_EXITS = (-15, 143, -2, 130, -1, 129, 255)  # 255: FFmpeg's after SIGTERM or SIGINT
_CRASH_EXITS = (-11, 139, -6, 134, -4, 132, -8, 136)
_EINVAL_EXIT, _INVALID_DATA_EXIT, _ERROR_RATE_EXIT = 234, 183, 69
"""FFmpeg's exit code is the negative errno modulo 256; 183 is its own "invalid data", 69 its own
end where more than two thirds of the pictures or of the sound did not decode."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a program failed. `is_surroundings`: the disk, memory, permissions or a signal caused
    it, not the source or the settings. `is_disk_full`: nothing else can be written there.
    `is_of_source`: FFmpeg could not read the source. `is_final`: the encoder can't code it."""

    reason: str
    hint: str | None = None
    is_system_failure: bool = False
    is_disk_full: bool = False
    is_of_source: bool = False
    is_final: bool = False


class _KnownFailure(msgspec.Struct, frozen=True, kw_only=True):
    """One failure of the system, known by its exit code (None: not unique) or FFmpeg's message."""

    exit: int | None
    words: tuple[str, ...]
    reason: str
    hint: str
    is_disk_full: bool = False


_OUT_OF_MEMORY = "out of memory"
_MEMORY_HINT = "run fewer jobs at a time, or set run.memory"

_KNOWN_FAILURES = (
    _KnownFailure(
        exit=228,
        words=("No space left on device",),
        reason="the disk is full",
        hint="free some space in {place}",
        is_disk_full=True,
    ),
    _KnownFailure(
        exit=None,  # as SIGABRT's
        words=("Disk quota exceeded",),
        reason="the disk quota is used up",
        hint="free some space in {place}, or have the quota raised",
        is_disk_full=True,
    ),
    _KnownFailure(
        exit=243,
        words=("Permission denied",),
        reason="permission denied",
        hint="check who may read the source and write in {place}",
    ),
    _KnownFailure(
        exit=226,
        words=("Read-only file system",),
        reason="the file system is read-only",
        hint="check how {place} is mounted, and whether its disk works",
    ),
    _KnownFailure(
        exit=244,
        words=(
            "Cannot allocate memory",
            "Error initializing encoder: insufficient resources",
            "Memory allocation error",  # libaom, also as decoder, with a damaged source's exit code
            "pthread_create() failed: Resource temporarily unavailable",
        ),
        reason=_OUT_OF_MEMORY,
        hint=_MEMORY_HINT,
    ),
    _KnownFailure(
        exit=254,
        words=("No such file or directory",),
        reason="a file is gone",
        hint="was the source moved, or its disk unmounted? then run again",
    ),
    _KnownFailure(
        exit=None,
        words=("Stale file handle",),
        reason="the file server lost the file",
        hint="mount the share anew, then run again",
    ),
)


_NOTHING_ENCODED = "Output file is empty, nothing was encoded"


def explain(
    completed: Completed,
    log_lines: Iterable[str] = (),
    *,
    place: str = "there",
    encoder: EncoderMessages | None = None,
    verdict: StallReport | None = None,
    memory_bytes: int | None = None,
) -> Failure:
    """The failure of `completed`, from how it ended and its `log_lines` (addresses stripped).

    `place` is the folder it wrote to, ready to print. `encoder` describes the messages of the
    encoder in use, to quote them. `verdict` is why the watchdog stopped it. `memory_bytes` is the
    cap it ran under.
    """
    lines = tuple(log_lines)
    exit_text, code = completed.describe_exit(), completed.returncode
    if verdict is not None:
        return Failure(reason=verdict.reason, hint=verdict.hint)
    if completed.stopped is not None:
        reason = f"FFmpeg came to no end and was {exit_text}"
        return Failure(reason=reason, hint="a slow disk, or a file that FFmpeg can't cope with?")
    if memory_bytes is not None and _is_out_of_memory(code, lines, encoder):
        return Failure(
            reason=f"{_OUT_OF_MEMORY}: more than {format_size(memory_bytes)} ({exit_text})",
            hint="raise run.memory_per_job: it counts addresses, 2 to 4 times the memory in use",
            is_system_failure=True,
        )
    if code in KILLED_EXITS:
        hint = "often the system was out of memory: fewer jobs"
        reason = f"FFmpeg was killed ({exit_text})"
        return Failure(reason=reason, hint=hint, is_system_failure=True)
    if code in _STOPPED_EXITS:
        reason = f"FFmpeg was stopped from outside ({exit_text})"
        return Failure(reason=reason, hint="run again", is_system_failure=True)
    for known in encoder.known if encoder else ():
        if _contains((known.words,), lines):
            return Failure(reason=known.reason, hint=known.hint, is_final=True)
    for system_failure in _KNOWN_FAILURES:
        if code == system_failure.exit or _contains(_words(system_failure, encoder), lines):
            return Failure(
                reason=f"{system_failure.reason} ({exit_text})",
                hint=system_failure.hint.format(place=place),
                is_system_failure=True,
                is_disk_full=system_failure.is_disk_full,
            )
    if _contains((_NOTHING_ENCODED,), lines) and not _contains(("Input/output error",), lines):
        return Failure(
            reason=f"none of its pictures could be decoded ({exit_text})",
            hint="get the file again, or leave it out by a rule with `skip`",
            is_final=True,
        )
    return _recurring(code, exit_text, lines, encoder)


def _words(failure: _KnownFailure, encoder: EncoderMessages | None) -> tuple[str, ...]:
    if encoder is None or failure.reason != _OUT_OF_MEMORY:
        return failure.words
    return (*failure.words, *encoder.out_of_memory)


def _contains(words: tuple[str, ...], lines: tuple[str, ...]) -> bool:
    return any(word in line for line in lines for word in words)


def _is_out_of_memory(code: int, lines: tuple[str, ...], encoder: EncoderMessages | None) -> bool:
    """Whether a program reached its memory cap. A very low cap ends it before it prints a line."""
    known = next(known for known in _KNOWN_FAILURES if known.reason == _OUT_OF_MEMORY)
    is_silent_crash = code in _CRASH_EXITS and not lines
    return is_silent_crash or code == known.exit or _contains(_words(known, encoder), lines)


def _recurring(
    code: int, exit_text: str, lines: tuple[str, ...], encoder: EncoderMessages | None
) -> Failure:
    """A failure that the source or the settings caused, and that would recur."""
    if code in _CRASH_EXITS:
        hint = "a bug of the encoder: leave out `params`, try another preset or another FFmpeg"
        return Failure(reason=f"the encoder crashed ({exit_text})", hint=hint)
    if code == _INVALID_DATA_EXIT:
        hint = (
            "the file is damaged or encrypted: get it again, or leave it out by a rule with `skip`"
        )
        reason = f"the source can't be read ({exit_text})"
        return Failure(reason=reason, hint=hint, is_of_source=True)
    if code == _ERROR_RATE_EXIT:
        hint = "encrypted (DRM), or damaged throughout: get the file again, without copy protection"
        return Failure(reason=f"most of the source does not decode ({exit_text})", hint=hint)
    if encoder is not None and (words := encoder_message(lines, encoder)) is not None:
        hint = "correct `params`, `tune` or `keyint` in the rule, or use another encoder"
        return Failure(reason=f"{encoder.codec} refused: {words}", hint=hint)
    if code == _EINVAL_EXIT:
        reason = f"FFmpeg refused a parameter or stream ({exit_text})"
        return Failure(reason=reason, hint="see its last lines")
    return Failure(reason=exit_text)


_GENERAL_MESSAGES = ("Error setting encoder parameters", "Error configuring encoder parameters")
"""Lines that FFmpeg adds after the encoder's own message."""

_QUOTED_LINES = 2


def encoder_message(lines: Iterable[str], encoder: EncoderMessages) -> str | None:
    """The encoder's own messages about its parameters; None if there are none."""
    logged = rf"{re.escape(f'[{encoder.codec}]')} \[(?:error|fatal)\]\s*"
    message = re.compile(f"(?:{'|'.join((logged, *encoder.refusals))})(.+)")
    found = dict.fromkeys(match[1].rstrip(".") for line in lines if (match := message.match(line)))
    special = [words for words in found if not words.startswith(_GENERAL_MESSAGES)]
    return "; ".join((special or list(found))[:_QUOTED_LINES]) or None

"""The formats of the schema with their parsers.

A parser converts a YAML value to a typed value and raises UnitError or FormatError for an invalid
one. The schema checks with these parsers and `decode` converts with them. Pure except for the home
folder.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

from av1rules.base.text import printable
from av1rules.base.units import (
    UnitError,
    format_duration,
    format_size,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)
from av1rules.policy.globs import glob_problem
from av1rules.policy.model import (
    LONGEST_CLIP_S,
    MAX_CANARIES,
    SHORTEST_CLIP_S,
    ActionKind,
    Originals,
    OriginalsKind,
    ReviewKind,
)
from av1rules.policy.neighbours.spec import NEIGHBOUR_FORMATS, plain_secret
from av1rules.policy.problems import is_in_typographic_quotes
from av1rules.policy.redo.choice import parse_redo
from av1rules.policy.schedule.limits import SCHEDULE_FORMATS
from av1rules.policy.tracks.rules import TRACK_FORMATS
from av1rules.policy.vocabulary import vocabulary_problem

LEAST_MEMORY = 256 * 1024**2
"""Bytes, less than any encode needs: a lower limit has a missing unit."""

HIGHEST_CPU = 1023
"""The usual size of Linux's affinity mask, minus one; the schema has the same number."""

OLDEST_FFMPEG = (8, 0)

_SHOWN = 60  # characters of a value in a message

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class FormatError(ValueError):
    """A value that doesn't fit its format; `hint` says what to write instead."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def size(value: object) -> int:
    """Bytes."""
    return parse_size(str(value))


def rate(value: object) -> int:
    """Bits per second."""
    return parse_rate(str(value))


def duration(value: object) -> float:
    """Seconds."""
    return parse_duration(str(value))


def share(value: object) -> float:
    """A part of a whole, 0 to 1."""
    return parse_share(str(value))


def positive_duration(value: object) -> float:
    """Seconds, more than 0."""
    duration_s = duration(value)
    if duration_s <= 0:
        raise FormatError("expected more than 0 seconds")
    return duration_s


def clip_length(value: object) -> float:
    """Seconds of a test clip."""
    clip_s = duration(value)
    if not SHORTEST_CLIP_S <= clip_s <= LONGEST_CLIP_S:
        bounds = f"{SHORTEST_CLIP_S:g}s to {LONGEST_CLIP_S:g}s"
        raise FormatError(
            f"a clip of {format_duration(clip_s)} is not within {bounds}",
            hint="shorter clips show too little, longer ones only cost more",
        )
    return clip_s


def memory(value: object) -> int:
    """A memory limit in bytes that an encode can run with."""
    size_bytes = size(value)
    if size_bytes < LEAST_MEMORY:
        message = f"{format_size(size_bytes)} is less than any encode needs"
        raise FormatError(message, hint="with a unit: 4GiB")
    return size_bytes


def glob(text: str) -> str:
    """A path glob."""
    if (problem := glob_problem(text)) is not None:
        raise FormatError(problem[0], hint=problem[1])
    return text


_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\})")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|//[^/]")


def folder(text: str) -> Path:
    """A path, possibly relative; `~` is the home folder."""
    if "\0" in text or not text.strip():
        raise FormatError("expected a path")
    if found := _VARIABLE.search(text):
        message = f"environment variables are not supported: {printable(found[0], limit=40)}"
        raise FormatError(message, hint="write the path itself; ~ is the home folder")
    if text.startswith("~") and os.path.expanduser(text) == text:
        owner = printable(text.partition("/")[0], limit=40)
        raise FormatError(f"there is no home folder {owner}", hint="write the path itself")
    if is_in_typographic_quotes(text):
        message = "typographic quotes are taken as part of the name"
        raise FormatError(message, hint='write " or no quotes at all')
    if _ADDRESS.match(text):
        message = f"expected a folder, found a network address: {printable(text, limit=_SHOWN)}"
        raise FormatError(message, hint="mount it, and write the folder, such as /mnt/films")
    if _WINDOWS.match(text):
        raise FormatError("expected a path such as /media/movies", hint="separate folders by /")
    return Path(os.path.expanduser(text))


def program(text: str) -> Path | str:
    """A bare name is looked up in PATH; anything with a / is a path."""
    return folder(text) if "/" in text or text.startswith(("~", "$")) else text


def root_name(text: str) -> str:
    """The name of a root, which starts the paths of its files."""
    if "/" in text or text in ("", ".", ".."):
        raise FormatError(
            "expected a name without / for this root", hint="write {path: ..., name: movies}"
        )
    return text


def suffix(text: str) -> str:
    """A part of a file name."""
    if not text or "/" in text or "\0" in text:
        raise FormatError("expected a part of a file name such as .av1")
    return text


def extension(text: str) -> str:
    """An extension without a dot, in lower case."""
    plain = text.lower()
    if plain.isalnum():
        return plain
    bare = plain.rpartition(".")[2].strip()
    hint = f"write {bare}" if bare.isalnum() else None
    if "," in plain or " " in plain.strip():
        hint = "write a list: [mkv, mp4]"
    message = f"expected an extension such as mkv, found {printable(text, limit=_SHOWN)}"
    raise FormatError(message, hint=hint)


_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})?")


def version(value: object) -> tuple[int, int]:
    """A version of FFmpeg as major and minor."""
    found = _VERSION.fullmatch(str(value).strip())
    if found is None:
        raise FormatError('expected a version such as "8.0"')
    parts = (int(found[1]), int(found[2] or 0))
    if parts < OLDEST_FFMPEG:
        raise FormatError(f"{value} is below the oldest FFmpeg that works, 8.0")
    return parts


_CPUS = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


def cpus(value: object) -> frozenset[int]:
    """CPU numbers."""
    return frozenset(number for part in str(value).split(",") for number in _cpu_range(part))


def _cpu_range(part: str) -> range:
    numbers = _CPUS.fullmatch(part)
    if numbers is None:
        shown = printable(part.strip(), limit=40) or "nothing"
        raise FormatError(f"expected CPU numbers such as 0-3,6, found {shown}")
    low, high = int(numbers[1]), int(numbers[2] or numbers[1])
    if high < low:
        raise FormatError(f"{low}-{high} counts down", hint=f"write {high}-{low}")
    if high > HIGHEST_CPU:
        raise FormatError(f"{high} is above the maximum {HIGHEST_CPU}")
    return range(low, high + 1)


_SECONDS = re.compile(r"\d+(?:\.\d+)?s")

SHORTEST_KEYINT_S = 0.1
"""Two pictures of film. An encoder cuts a part of a picture to 0, which some take for no key frames
at all."""


def keyint(value: object) -> str:
    """Frames as `"240"`, or seconds as `"10s"`."""
    text = str(value).strip()
    if text.isascii() and text.isdigit() and int(text) > 0:
        return str(int(text))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if _SECONDS.fullmatch(text) and (seconds := parse_duration(text)) > 0:
        if seconds < SHORTEST_KEYINT_S:
            raise FormatError(
                f"{printable(text, limit=_SHOWN)} may be shorter than a picture is shown; the "
                f"least is {SHORTEST_KEYINT_S:g}s",
                hint='write frames: "1" makes every picture a key frame',
            )
        return text
    shown = printable(text, limit=_SHOWN)
    raise FormatError(f"expected frames such as 240, or seconds such as 10s, found {shown}")


_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
"""Words that older YAML reads as true and false; here they would become the reason."""


def reason(kind: ActionKind, text: str) -> str:
    """Why a rule skips or holds."""
    plain = text.strip().lower()
    if not plain:
        hint = f"write {kind.value}: true"
        raise FormatError("expected a reason, found empty text", hint=hint)
    if plain in _SWITCHES:
        hint = f"write {kind.value}: true" if _SWITCHES[plain] else f"remove {kind.value}"
        raise FormatError(f"expected a reason or true, found {text.strip()}", hint=hint)
    return printable(" ".join(text.split()))


_CANARY = re.compile(r"canary\s*\(\s*(\d{1,9})\s*\)")
_CANARY_MEANT = re.compile(r"canary\D*(\d{1,9})\D*")


def approve(text: str) -> tuple[ReviewKind, int | None]:
    """Which clips need approval, and for canaries how many."""
    for kind in (ReviewKind.EACH, ReviewKind.NEVER):
        if text.strip() == kind.value:
            return kind, None
    found = _CANARY.fullmatch(text.strip())
    if found is None:
        shown = printable(text, limit=_SHOWN)
        message = f"expected each, canary(3) or never, found {shown}"
        raise FormatError(message, hint=_approve_meant(text))
    count = int(found[1])
    if count < 1:
        raise FormatError("canary(0) would release the rule without a review", hint="write never")
    if count > MAX_CANARIES:
        raise FormatError(
            f"{count} is above the maximum {MAX_CANARIES}", hint="for all clips: each"
        )
    return ReviewKind.CANARY, count


def _approve_meant(text: str) -> str | None:
    plain = text.strip().lower()
    if (meant := _CANARY_MEANT.fullmatch(plain)) is not None:
        return f"write canary({int(meant[1])})"
    if plain.startswith("canar"):
        return "say how many must be approved: canary(3)"
    meanings = {"all": "each", "always": "each", "every": "each", "none": "never", "no": "never"}
    word = plain if plain in ("each", "never") else meanings.get(plain)
    return None if word is None else f"write {word}"


_KEEP_FOR = re.compile(rf"{OriginalsKind.KEEP_FOR.value}\b\s*(?P<time>.*)", re.DOTALL)
_IN_WORDS = re.compile(r"(\d{1,4})\s*(day|week|month|year)s?")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_TO_DELETE = f"to delete them for good: {OriginalsKind.DELETE.value}"
_TO_KEEP = "to keep them forever: keep"
_DELETE_MEANT = ("delete", "remove", "none", "discard", "trash", "false", "no")


def originals(text: str) -> Originals:
    """What to do with replaced sources."""
    for kind in (OriginalsKind.KEEP, OriginalsKind.DELETE):
        if text == kind.value:
            return Originals(kind=kind)
    found = _KEEP_FOR.fullmatch(text)
    if found is None:
        shown = printable(text, limit=_SHOWN)
        message = f"expected keep, keep for 30d or delete after verify, found {shown}"
        raise FormatError(message, hint=_originals_meant(text))
    return Originals(kind=OriginalsKind.KEEP_FOR, keep_s=_keep_time(found["time"].strip()))


def _originals_meant(text: str) -> str | None:
    plain = text.strip().lower()
    if plain.startswith(_DELETE_MEANT):
        return _TO_DELETE
    if (time := _time_meant(plain.removeprefix("keep").strip().removeprefix("for"))) is not None:
        return f"write keep for {time}"
    return "write keep" if plain.startswith("keep") else None


def _keep_time(text: str) -> float:
    """Seconds. A bare number is refused: 30 is meant as days but would be seconds."""
    if _NUMBER.fullmatch(text):
        raise FormatError("keep for needs a unit", hint=f"for days: keep for {text}d")
    try:
        keep_s = parse_duration(text)
    except UnitError as error:
        meant = _time_meant(text)
        hint = f"write keep for {meant}" if meant is not None else error.hint or _TO_KEEP
        shown = printable(text, limit=_SHOWN) or "nothing"
        message = f"expected a time such as 30d or 2w after keep for, found {shown}"
        raise FormatError(message, hint=hint) from error
    if keep_s <= 0:
        raise FormatError("keep for needs more than 0 seconds", hint=_TO_DELETE)
    return keep_s


def _time_meant(text: str) -> str | None:
    """`30d` for `30 days`; a duration as it is."""
    plain = text.strip().lower()
    if found := _IN_WORDS.fullmatch(plain):
        return f"{int(found[1]) * _DAYS[found[2]]}d"
    try:
        parse_duration(plain)
    except UnitError:
        return None
    return None if _NUMBER.fullmatch(plain) else plain


def fact_word(fact: str, value: object) -> str:
    """A word that a condition compares with `fact`; impossible ones are refused."""
    text = str(value)
    problem = vocabulary_problem(fact, printable(text, limit=_SHOWN))
    if problem is not None and problem.is_certain:
        raise FormatError(problem.message, hint=problem.hint)
    return text


NUMBER_FORMATS: dict[str, Callable[[object], object]] = {
    "size": size,
    "rate": rate,
    "duration": duration,
    "share": share,
    "positive-duration": positive_duration,
    "clip-length": clip_length,
    "memory": memory,
    "version": version,
    "cpus": cpus,
    "keyint": keyint,
    "plain-secret": plain_secret,
    "chroma": functools.partial(fact_word, "chroma"),
}
"""The formats of the schema for numbers and text, by name."""

TEXT_FORMATS: dict[str, Callable[[str], object]] = {
    "glob": glob,
    "folder": folder,
    "program": program,
    "root-name": root_name,
    "suffix": suffix,
    "extension": extension,
    "skip-reason": functools.partial(reason, ActionKind.SKIP),
    "hold-reason": functools.partial(reason, ActionKind.HOLD),
    "approve": approve,
    "originals": originals,
    "redo": parse_redo,
    **SCHEDULE_FORMATS,
    "container": functools.partial(fact_word, "container"),
    "language": functools.partial(fact_word, "audio_language"),
    **TRACK_FORMATS,
    **NEIGHBOUR_FORMATS,
}
"""The formats of the schema for text only."""

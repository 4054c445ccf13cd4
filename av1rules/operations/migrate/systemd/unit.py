"""Reads units of systemd and their drop-ins: sections, values that come several times, resets."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.operations.migrate.input import read_text

_MOST_DROP_INS = 100


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """One assignment. `value` is what stands before a comment on the same line, which systemd does
    not know: it refuses such a value (`has_comment`). `place` is file:line."""

    section: str
    name: str
    value: str
    has_comment: bool
    place: str


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit with its drop-ins, in the order in which systemd reads them."""

    name: str
    files: tuple[str, ...]
    directives: tuple[Directive, ...]

    def values(self, name: str, *, section: str = "Service") -> tuple[Directive, ...]:
        """The assignments that count: an empty one takes back those before it."""
        found: list[Directive] = []
        for one in self.directives:
            if (one.section, one.name) == (section, name):
                found = [*found, one] if one.value else []
        return tuple(found)

    def last(self, name: str) -> Directive | None:
        """The assignment that counts of a name that takes one value."""
        return next(reversed(self.values(name)), None)

    @property
    def program(self) -> tuple[str, ...]:
        """The words of the command that it starts, without systemd's prefixes."""
        started = self.last("ExecStart")
        if started is None:
            return ()
        try:
            return tuple(shlex.split(started.value.lstrip("-@:+!|")))
        except ValueError:  # a quote that does not end
            return ()

    @property
    def config(self) -> str | None:
        """The configuration that the command names, None: none."""
        for word, following in pairwise((*self.program, "")):
            if word in ("--config", "-c") and following:
                return following
            if word.startswith("--config="):
                return word.partition("=")[2]
        return None


def read_units(paths: Sequence[str]) -> tuple[Unit, ...]:
    """The units among `paths`, each with the drop-ins beside it and those given for it (of its
    `.d` folder, or where there is only one unit). Raises UsageError."""
    units = [path for path in paths if not path.endswith(".conf")]
    if not units:
        raise UsageError(
            "expected a unit, found drop-ins only" if paths else "expected a unit",
            hint="give the .service file too",
        )
    given = [path for path in paths if path.endswith(".conf")]
    return tuple(_unit(path, given, is_only=len(units) == 1) for path in units)


def _unit(path: str, given: Iterable[str], *, is_only: bool) -> Unit:
    name = os.path.basename(path)
    own = [
        one for one in given
        if is_only or os.path.basename(os.path.dirname(os.path.abspath(one))) == f"{name}.d"
    ]  # fmt: skip
    files = list({os.path.realpath(one): one for one in (path, *_beside(path), *own)}.values())
    return Unit(
        name=name,
        files=tuple(files),
        directives=tuple(one for file in files for one in _directives(file)),
    )


def _beside(path: str) -> list[str]:
    """The drop-ins in the folder of the unit, as `systemctl edit` writes them."""
    folder = f"{path}.d"
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf"))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names[:_MOST_DROP_INS]]


def _directives(path: str) -> Iterator[Directive]:
    section = ""
    for number, line in _lines(read_text(path)):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, sign, value = line.partition("=")
        where = f"{printable(path)}:{number}"
        if not sign or not name.strip() or not section:
            raise UsageError(
                f"not a unit: expected [Section] or Name=value, found {printable(line, limit=60)}",
                where=where,
            )
        plain, has_comment = _without_comment(value.strip())
        yield Directive(
            section=section,
            name=name.strip(),
            value=plain,
            has_comment=has_comment,
            place=where,
        )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; comments left out, continued lines joined."""
    started, whole = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        plain = line.strip()
        if plain.startswith(("#", ";")) or (not plain and not whole):
            continue
        started = started or number
        if plain.endswith("\\"):
            whole += f"{plain[:-1].rstrip()} "
            continue
        if joined := f"{whole}{plain}".strip():
            yield started, joined
        started, whole = 0, ""
    if whole.strip():
        yield started, whole.strip()


def _without_comment(value: str) -> tuple[str, bool]:
    """systemd takes comments on lines of their own only. A value such as `800%   # 8 cores`, which
    guides show, was never in force."""
    before, sign, _ = value.partition(" #")
    return (before.rstrip(), True) if sign else (value, False)

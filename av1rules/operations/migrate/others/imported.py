"""What an export becomes, and the rules file that is written of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.text import printable
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome, shown_value
from av1rules.policy.yaml.layout import laid_out
from av1rules.policy.yaml.scalars import literal_glob, quoted

MOST_ENTRIES = 500
"""Presets or libraries of one file."""


class ImportedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A rules file, and what became of every key of the export."""

    text: str
    keys: tuple[KeyOutcome, ...]
    profiles: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()


class KeyFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one key, and the lines of settings that it gives: (name, YAML)."""

    fate: KeyFate
    why: str
    ours: str | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def outcome(self, key: str, value: object) -> KeyOutcome:
        return KeyOutcome(
            key=key, value=shown_value(value), fate=self.fate, ours=self.ours, why=self.why
        )


def carried(ours: str, why: str, **settings: str) -> KeyFinding:
    return KeyFinding(fate=KeyFate.CARRIED, ours=ours, why=why, settings=tuple(settings.items()))


def replaced(why: str, ours: str | None = None, **settings: str) -> KeyFinding:
    return KeyFinding(fate=KeyFate.REPLACED, ours=ours, why=why, settings=tuple(settings.items()))


def refused(why: str) -> KeyFinding:
    return KeyFinding(fate=KeyFate.REFUSED, why=why)


UNKNOWN = KeyFinding(fate=KeyFate.UNKNOWN, why="no key of ours is known for it")


def finished(lines: Iterable[str]) -> str:
    """The rules file in the layout of `av1rules fmt`."""
    done = laid_out("".join(f"{line}\n" for line in lines))
    if done is None:
        raise Av1rulesError("the rules made of the export are no YAML: a bug in av1rules")
    return done


def text_of(value: Any) -> str:
    """A value of a foreign file that should be text, without spaces around it; "" if it is none."""
    return value.strip() if isinstance(value, str) and "\0" not in value else ""


def require_object(value: Any, what: str, path: str) -> Mapping[str, Any]:
    """Raises UsageError for anything else."""
    if not isinstance(value, dict):
        raise UsageError(
            f"expected {what}, found {printable(shown_value(value))}",
            where=printable(path),
            hint="is this an export of that program?",
        )
    return value


class ImportedLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """A library of another program. `ignored` are parts of paths that it leaves out, `skips`
    conditions of films that it leaves alone: (key of a condition, values)."""

    name: str
    folder: str
    ignored: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    skips: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_off: bool = False
    temp_dir: str | None = None


def libraries_text(program: str, path: str, libraries: Iterable[ImportedLibrary]) -> str:
    """A rules file of these libraries: roots, what is left out, what is skipped."""
    named = list(_named(libraries))
    return finished(_library_lines(program, path, named))


def _library_lines(
    program: str, path: str, named: list[tuple[str, ImportedLibrary]]
) -> Iterator[str]:
    command = program.lower()
    yield f"# Written by `av1rules migrate {command}` from {printable(path)}."
    yield f"# What {program} does with a film is not known here: the rules below go by source tier."
    yield "version: 1"
    yield ""
    yield "library:"
    yield "  roots:"
    for name, one in named:
        yield f"    - {{path: {quoted(one.folder)}, name: {quoted(name)}}}"
    extensions = dict.fromkeys(word for _, one in named for word in one.extensions)
    if extensions:
        yield f"  extensions: [{', '.join(map(quoted, extensions))}]"
    globs = [
        f"{literal_glob(name)}/**/*{literal_glob(text)}*{tail}"
        for name, one in named
        for text in one.ignored
        for tail in ("", "/**")
    ]
    if globs:
        yield "  exclude:  # parts of paths, by library"
        yield from (f"    - {quoted(glob)}" for glob in globs)
    yield ""
    yield "output:"
    yield "  mode: beside  # `mirror` with a root, or `replace`, once you like the results"
    temp = {one.temp_dir for _, one in named} - {None}
    if len(temp) == 1:
        yield f"  temp_dir: {quoted(str(temp.pop()))}"
    yield ""
    yield "rules:"
    yield from _skip_rules(program, named)
    yield "  - name: already AV1"
    yield "    when: {video_codec: av1}"
    yield "    skip: already AV1"
    yield "  - name: everything else by its source tier"
    yield "    encode: {}"


def _skip_rules(program: str, named: list[tuple[str, ImportedLibrary]]) -> Iterator[str]:
    for name, one in named:
        path = quoted(f"{literal_glob(name)}/**")
        if one.is_off:
            yield f"  - name: {quoted(f'{name} is off')}"
            yield f"    when: {{path: {path}}}"
            yield f"    skip: switched off in {program}"
        for key, values in one.skips:
            yield f"  - name: {quoted(f'{name}, {key} skipped')}"
            yield f"    when: {{path: {path}, {key}: [{', '.join(map(quoted, values))}]}}"
            yield f"    skip: skipped by {program}"


def _named(libraries: Iterable[ImportedLibrary]) -> Iterator[tuple[str, ImportedLibrary]]:
    taken: set[str] = set()
    for one in libraries:
        base = "".join(char for char in one.name if char.isprintable() and char != "/").strip()
        base = base or "films"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        yield name, one


def extensions_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Extensions out of a list with commas: those of films, and the others."""
    words = [word.strip().lstrip(".").lower() for word in text.split(",")]
    known = dict.fromkeys(word for word in words if word in VIDEO_EXTENSIONS)
    others = dict.fromkeys(word for word in words if word and word not in VIDEO_EXTENSIONS)
    return tuple(known), tuple(others)
